// Arrows and WASD drive, the space bar stops, wherever the focus is but in a text field. By
// place on the keyboard, not by letter, so WASD is under the same fingers on every layout.
//
// Where directions are latched, a key is a tap, and G says that somebody is still there.
//
// Who goes through the page by the keyboard presses its buttons by the space bar, which stops all
// the same, and reads on by the arrows once what they drive is out of sight.

import type { Direction } from "./input";
import type { DriveController } from "./controller";

const DIRECTIONS: Readonly<Record<string, Direction>> = {
  ArrowUp: "forward",
  ArrowDown: "backwards",
  ArrowLeft: "left",
  ArrowRight: "right",
  KeyW: "forward",
  KeyS: "backwards",
  KeyA: "left",
  KeyD: "right",
};

/** What is latched goes on. */
const CONFIRM_KEY = "KeyG";

/** Listens until `until` is aborted. `inSight`: whether the picture or the controls are. */
export function listenToKeys(controller: DriveController, inSight: () => boolean, until: AbortSignal): void {
  // How the focus came to where it is: a button that was clicked keeps it, and is not meant by the space bar.
  let byKeyboard = false;
  const signal = { signal: until };
  const pressesButton = ({ target }: Event) => byKeyboard && target instanceof HTMLButtonElement && target.closest(".dpad") === null;
  addEventListener("pointerdown", () => (byKeyboard = false), { ...signal, capture: true });
  addEventListener("keydown", (event) => {
    byKeyboard ||= event.code === "Tab";
    if (event.code === "Space" && pressesButton(event)) halt(controller, event);
    else down(controller, inSight, event);
  }, signal);
  addEventListener("keyup", (event) => {
    // A focused button is pressed by the space bar's release; Enter presses it too.
    if (event.code === "Space" && !isText(event.target) && !pressesButton(event)) event.preventDefault();
    if (event.code in DIRECTIONS) controller.release(event.code);
  }, signal);
}

function halt(controller: DriveController, event: KeyboardEvent): void {
  if (!event.repeat) controller.halt();
}

function down(controller: DriveController, inSight: () => boolean, event: KeyboardEvent): void {
  // With Cmd held, macOS never tells that the other key was let go.
  if (event.ctrlKey || event.metaKey || event.altKey) return controller.releaseAll();
  if (isText(event.target)) return;
  if (event.code === "Space") {
    event.preventDefault();
    return halt(controller, event);
  }
  if (event.code === CONFIRM_KEY && !event.repeat) return controller.confirm();
  const direction = DIRECTIONS[event.code];
  if (direction === undefined || ownsArrows(event) || (event.code.startsWith("Arrow") && !inSight())) return;
  event.preventDefault();
  if (event.repeat) return;
  if (controller.latchMs === null) controller.press(event.code, direction);
  else controller.tap(direction);
}

function isText(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.type !== "range" && target.type !== "radio";
}

/** A focused slider, choice or list moves by arrows; WASD drives all the same. */
function ownsArrows(event: KeyboardEvent): boolean {
  const { target } = event;
  return event.code.startsWith("Arrow") && (target instanceof HTMLInputElement || target instanceof HTMLOListElement);
}
