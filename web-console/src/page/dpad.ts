// Four arrow buttons. A finger, the mouse, or Enter on the focused button holds one; letting
// go in any way (lifting, sliding off the glass, a call coming in, focus lost) lets it go. A click
// that nothing pressed, as of voice control, a switch or a screen reader, is one pulse.

import { ButtonPress } from "../drive/button-press";
import type { Direction } from "../drive/input";
import type { DriveController } from "../drive/controller";
import { el } from "./dom";
import { arrow } from "./icons";
import { texts } from "../language";
import type { Texts } from "../language/en";

const LABELS = { forward: "forward", left: "turnLeft", right: "turnRight", backwards: "backward" } as const satisfies Record<Direction, keyof Texts>;

export function dpad(controller: DriveController): HTMLElement {
  const presses = new ButtonPress(controller, () => performance.now());
  const buttons = (Object.keys(LABELS) as Direction[]).map((direction) => button(presses, direction));
  controller.onChange(() => {
    for (const [direction, element] of buttons) {
      element.setAttribute("aria-pressed", String(controller.directions.has(direction)));
    }
  });
  return el("div", { class: "dpad", role: "group", "aria-label": texts.arrows }, ...buttons.map(([, element]) => element));
}

function button(presses: ButtonPress, direction: Direction): [Direction, HTMLElement] {
  const key = `enter ${direction}`;
  const pointer = (event: PointerEvent) => `pointer ${event.pointerId}`;
  // A press that a click may still follow.
  let pressed = false;
  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
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
  const click = () => {
    if (!pressed) presses.click(`click ${direction}`, direction);
    pressed = false;
  };
  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) presses.down(key, direction);
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
