// Four arrow buttons. A finger, the mouse, or Enter on the focused button holds one; letting
// go in any way (lifting, sliding off the glass, a call coming in, focus lost) lets it go. A click
// that nothing pressed, as of voice control, a switch or a screen reader, is one pulse.
//
// Where directions are latched a tap or a click goes, and another one on the same button stops.

import { ButtonPress } from "../drive/button-press";
import type { Direction } from "../drive/input";
import type { DriveController } from "../drive/controller";
import { el } from "./dom";
import { latchButtons } from "./latch-buttons";
import { arrow } from "./icons";
import { texts } from "../language";
import type { Texts } from "../language/en";

const LABELS = { forward: "forward", left: "turnLeft", right: "turnRight", backwards: "backward" } as const satisfies Record<Direction, keyof Texts>;

export function dpad(controller: DriveController): HTMLElement {
  const presses = new ButtonPress(controller, () => performance.now());
  const buttons = (Object.keys(LABELS) as Direction[]).map((direction) => button(presses, direction, controller));
  const latch = latchButtons(controller);
  controller.onChange(() => {
    for (const [direction, element] of buttons) {
      element.setAttribute("aria-pressed", String(controller.directions.has(direction)));
    }
  });
  return el("div", { class: "dpad", role: "group", "aria-label": texts.arrows }, ...latch, ...buttons.map(([, element]) => element));
}

function button(presses: ButtonPress, direction: Direction, controller: DriveController): [Direction, HTMLElement] {
  const key = `enter ${direction}`;
  const pointer = (event: PointerEvent) => `pointer ${event.pointerId}`;
  // A press that a click may still follow.
  let pressed = false;
  let stopped = false;
  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    if (controller.latchMs !== null) {
      // It stops under the finger, not after it; the click that follows is that of the same tap.
      stopped = controller.latched === direction;
      return stopped ? controller.unlatch() : undefined;
    }
    pressed = true;
    element.setPointerCapture(event.pointerId);
    presses.down(pointer(event), direction);
  };
  const lift = (event: PointerEvent) => presses.up(pointer(event));
  // Its end was heard by nobody here, a menu perhaps.
  const move = (event: PointerEvent) => event.buttons === 0 && lift(event);
  const slideAway = (event: PointerEvent) => {
    pressed = false;
    presses.cancel(pointer(event));
  };
  const click = (event: MouseEvent) => {
    if (controller.latchMs !== null) {
      // That of voice control or a switch follows no tap.
      if (!stopped || event.detail === 0) controller.tap(direction);
      stopped = false;
      return;
    }
    if (!pressed) presses.click(`click ${direction}`, direction);
    pressed = false;
  };
  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (event.repeat) return;
    if (controller.latchMs === null) presses.down(key, direction);
    else controller.tap(direction);
  };
  const element = el(
    "button",
    {
      type: "button",
      class: `dpad-${direction}`,
      "aria-label": texts[LABELS[direction]],
      "aria-pressed": "false",
      onpointerdown: press,
      onpointermove: move,
      onpointerup: lift,
      onpointercancel: slideAway,
      onlostpointercapture: lift,
      onclick: click,
      oncontextmenu: (event: Event) => event.preventDefault(),
      onkeydown: enter,
      onkeyup: () => presses.up(key),
      onblur: () => presses.cancel(key),
    },
    arrow(),
  );
  return [direction, element];
}
