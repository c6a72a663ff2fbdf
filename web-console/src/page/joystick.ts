// A stick for one thumb: the further from the middle, the faster. Letting go is rest.

import type { Helm } from "../drive/controller";
import { el } from "./dom";

const HOLDER = "stick";

export function stick(helm: Helm): HTMLElement {
  const knob = el("div", { class: "stick-knob" });
  const field = el("div", { class: "stick", role: "img", "aria-label": "Stick: drag to drive. The arrow keys do the same." }, knob);
  let pointer: number | null = null;

  const follow = (event: PointerEvent) => {
    if (event.pointerId !== pointer) return;
    const box = field.getBoundingClientRect();
    const radius = box.width / 2;
    const x = (event.clientX - box.left - radius) / radius;
    const y = (event.clientY - box.top - radius) / radius;
    const length = Math.max(1, Math.hypot(x, y));
    place(x / length, y / length);
    helm.tilt(HOLDER, x / length, -y / length);
  };
  const letGo = (event: PointerEvent) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    place(0, 0);
    helm.release(HOLDER);
  };
  const place = (x: number, y: number) => {
    knob.style.transform = `translate(${x * 60}%, ${y * 60}%)`;
  };
  field.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    pointer = event.pointerId;
    field.setPointerCapture(pointer);
    follow(event);
  });
  field.addEventListener("pointermove", follow);
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"] as const) field.addEventListener(end, letGo);
  field.addEventListener("contextmenu", (event) => event.preventDefault());
  return field;
}
