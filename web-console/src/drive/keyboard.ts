// Arrows and WASD drive, the space bar stops, wherever the focus is but in a text field. By
// place on the keyboard, not by letter, so WASD is under the same fingers on every layout.

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

/** Listens until `until` is aborted. */
export function listenToKeys(controller: DriveController, until: AbortSignal): void {
  addEventListener("keydown", (event) => down(controller, event), { signal: until });
  addEventListener("keyup", (event) => up(controller, event), { signal: until });
}

function down(controller: DriveController, event: KeyboardEvent): void {
  // With Cmd held, macOS never tells that the other key was let go.
  if (event.ctrlKey || event.metaKey || event.altKey) return controller.releaseAll();
  if (isText(event.target)) return;
  if (event.code === "Space") {
    event.preventDefault();
    if (!event.repeat) controller.halt();
    return;
  }
  const direction = DIRECTIONS[event.code];
  if (direction === undefined || ownsArrows(event)) return;
  event.preventDefault();
  if (!event.repeat) controller.press(event.code, direction);
}

function up(controller: DriveController, event: KeyboardEvent): void {
  // A focused button is pressed by the space bar's release; Enter presses it too.
  if (event.code === "Space" && !isText(event.target)) event.preventDefault();
  if (event.code in DIRECTIONS) controller.release(event.code);
}

function isText(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.type !== "range" && target.type !== "radio";
}

/** A focused slider, choice or list moves by arrows; WASD drives all the same. */
function ownsArrows(event: KeyboardEvent): boolean {
  const { target } = event;
  return event.code.startsWith("Arrow") && (target instanceof HTMLInputElement || target instanceof HTMLOListElement);
}
