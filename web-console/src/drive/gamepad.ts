// The first gamepad: left stick and cross drive, the east button (B, circle) stops.
// Gamepads tell nothing by themselves, so they are read at every frame while there is one.

import type { Helm } from "./controller";

const HOLDER = "gamepad";

/** Places in the standard mapping of the W3C Gamepad specification. */
const EAST = 1;
const CROSS = { up: 12, down: 13, left: 14, right: 15 } as const;

/** What of a Gamepad is read. */
export interface Pad {
  axes: readonly number[];
  buttons: readonly { pressed: boolean }[];
}

/** x to the right, y up. The cross counts as a stick at its edge. */
export function read(pad: Pad): { x: number; y: number; stop: boolean } {
  const pressed = (button: number) => Number(pad.buttons[button]?.pressed ?? false);
  const crossX = pressed(CROSS.right) - pressed(CROSS.left);
  const crossY = pressed(CROSS.up) - pressed(CROSS.down);
  const onCross = crossX !== 0 || crossY !== 0;
  return {
    x: onCross ? crossX : (pad.axes[0] ?? 0),
    // The specification counts down as positive; 0 - y, as -0 is nobody's friend.
    y: onCross ? crossY : 0 - (pad.axes[1] ?? 0),
    stop: pressed(EAST) === 1,
  };
}

/** Reads until `until` is aborted. A page without focus gets no gamepad, and lets go. */
export function listenToGamepad(helm: Helm, until: AbortSignal): void {
  let stopped = false;
  let reading = false;
  const frame = () => {
    const pad = navigator.getGamepads().find((one) => one?.connected) ?? null;
    if (pad === null || until.aborted) {
      reading = false;
      return helm.release(HOLDER);
    }
    const { x, y, stop } = read(pad);
    if (stop && !stopped) helm.halt();
    stopped = stop;
    if (document.hasFocus()) helm.tilt(HOLDER, x, y);
    else helm.release(HOLDER);
    requestAnimationFrame(frame);
  };
  const start = () => {
    if (reading) return;
    reading = true;
    requestAnimationFrame(frame);
  };
  addEventListener("gamepadconnected", start, { signal: until });
  if (navigator.getGamepads().some((one) => one !== null)) start();
}
