// The first gamepad: left stick and cross drive, the east button (B, circle) stops.
// Gamepads raise no events of their own, so they are read at every frame while there is one.
// One that has not been at rest yet holds nothing: a throttle lever rests at its end, and so does a
// stick until the first report.

import type { DriveController } from "./controller";

const SOURCE = "gamepad";

/** Places in the standard mapping of the W3C Gamepad specification. */
const EAST = 1;
const CROSS = { up: 12, down: 13, left: 14, right: 15 } as const;

/** What of a Gamepad is read. */
export interface GamepadState {
  axes: readonly number[];
  buttons: readonly { pressed: boolean }[];
}

/** x to the right, y up. The cross counts as a stick at its edge. */
export function readGamepad(state: GamepadState): { x: number; y: number; stop: boolean } {
  const pressed = (button: number) => Number(state.buttons[button]?.pressed ?? false);
  const crossX = pressed(CROSS.right) - pressed(CROSS.left);
  const crossY = pressed(CROSS.up) - pressed(CROSS.down);
  const onCross = crossX !== 0 || crossY !== 0;
  return {
    x: onCross ? crossX : (state.axes[0] ?? 0),
    // The specification counts down as positive; 0 - y, as -0 is nobody's friend.
    y: onCross ? crossY : 0 - (state.axes[1] ?? 0),
    stop: pressed(EAST) === 1,
  };
}

/** Below this a stick that nobody touches stays. */
const AT_REST = 0.25;

/** What the browser knows of; nothing where the API is missing, as in Firefox without HTTPS. */
function gamepads(): (Gamepad | null)[] {
  try {
    return navigator.getGamepads();
  } catch {
    return [];
  }
}

/** Reads until `until` is aborted. A page without focus gets no gamepad, and releases it. */
export function listenToGamepad(controller: DriveController, until: AbortSignal): void {
  let stopped = false;
  let reading = false;
  let rested = false;
  const frame = () => {
    const gamepad = gamepads().find((one) => one?.connected) ?? null;
    if (gamepad === null || until.aborted) {
      reading = rested = false;
      return controller.release(SOURCE);
    }
    const { x, y, stop } = readGamepad(gamepad);
    if (stop && !stopped) controller.halt();
    stopped = stop;
    rested ||= Math.hypot(x, y) < AT_REST;
    if (rested && document.hasFocus()) controller.setAxes(SOURCE, x, y);
    else controller.release(SOURCE);
    requestAnimationFrame(frame);
  };
  const start = () => {
    if (reading) return;
    reading = true;
    requestAnimationFrame(frame);
  };
  addEventListener("gamepadconnected", start, { signal: until });
  if (gamepads().some((one) => one !== null)) start();
}
