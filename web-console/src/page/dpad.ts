// Four arrow buttons. A finger, the mouse, or Enter on the focused button holds one; letting
// go in any way (lifting, sliding off the glass, a call coming in, focus lost) lets it go.

import type { Direction } from "../drive/input";
import type { Helm } from "../drive/controller";
import { el } from "./dom";
import { arrow } from "./icons";

const LABELS: Readonly<Record<Direction, string>> = {
  forward: "Forward",
  left: "Turn left",
  right: "Turn right",
  backwards: "Backward",
};

export function pad(helm: Helm): HTMLElement {
  const buttons = (Object.keys(LABELS) as Direction[]).map((direction) => button(helm, direction));
  helm.onChange(() => {
    for (const [direction, element] of buttons) {
      element.setAttribute("aria-pressed", String(helm.directions.has(direction)));
    }
  });
  return el("div", { class: "pad", role: "group", "aria-label": "Arrows" }, ...buttons.map(([, element]) => element));
}

function button(helm: Helm, direction: Direction): [Direction, HTMLElement] {
  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    helm.press(`pointer ${event.pointerId}`, direction);
  };
  const lift = (event: PointerEvent) => helm.release(`pointer ${event.pointerId}`);
  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) helm.press(`enter ${direction}`, direction);
  };
  const letGo = () => helm.release(`enter ${direction}`);
  const element = el(
    "button",
    {
      type: "button",
      class: `pad-${direction}`,
      "aria-label": LABELS[direction],
      "aria-pressed": "false",
      onpointerdown: press,
      onpointerup: lift,
      onpointercancel: lift,
      onlostpointercapture: lift,
      oncontextmenu: (event: Event) => event.preventDefault(),
      onkeydown: enter,
      onkeyup: letGo,
      onblur: letGo,
    },
    arrow(),
  );
  return [direction, element];
}
