// Four arrow buttons. A finger, the mouse, or Enter on the focused button holds one; letting
// go in any way (lifting, sliding off the glass, a call coming in, focus lost) lets it go.

import type { Direction } from "../drive/input";
import type { DriveController } from "../drive/controller";
import { el } from "./dom";
import { arrow } from "./icons";

const LABELS: Readonly<Record<Direction, string>> = {
  forward: "Forward",
  left: "Turn left",
  right: "Turn right",
  backwards: "Backward",
};

export function dpad(controller: DriveController): HTMLElement {
  const buttons = (Object.keys(LABELS) as Direction[]).map((direction) => button(controller, direction));
  controller.onChange(() => {
    for (const [direction, element] of buttons) {
      element.setAttribute("aria-pressed", String(controller.directions.has(direction)));
    }
  });
  return el("div", { class: "dpad", role: "group", "aria-label": "Arrows" }, ...buttons.map(([, element]) => element));
}

function button(controller: DriveController, direction: Direction): [Direction, HTMLElement] {
  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    controller.press(`pointer ${event.pointerId}`, direction);
  };
  const lift = (event: PointerEvent) => controller.release(`pointer ${event.pointerId}`);
  // Its end was heard by nobody here, a menu perhaps.
  const move = (event: PointerEvent) => event.buttons === 0 && lift(event);
  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) controller.press(`enter ${direction}`, direction);
  };
  const leave = () => controller.release(`enter ${direction}`);
  const element = el(
    "button",
    {
      type: "button",
      class: `dpad-${direction}`,
      "aria-label": LABELS[direction],
      "aria-pressed": "false",
      onpointerdown: press,
      onpointermove: move,
      onpointerup: lift,
      onpointercancel: lift,
      onlostpointercapture: lift,
      oncontextmenu: (event: Event) => event.preventDefault(),
      onkeydown: enter,
      onkeyup: leave,
      onblur: leave,
    },
    arrow(),
  );
  return [direction, element];
}
