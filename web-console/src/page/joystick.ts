// A joystick for one thumb: the further from the middle, the faster. Letting go is rest.

import type { DriveController } from "../drive/controller";
import { el } from "./dom";
import { texts } from "../language";

const SOURCE = "joystick";

export function joystick(controller: DriveController): HTMLElement {
  const knob = el("div", { class: "joystick-knob" });
  const field = el("div", { class: "joystick", role: "img", "aria-label": texts.stickHelp }, knob);
  let pointer: number | null = null;

  const follow = (event: PointerEvent) => {
    if (event.pointerId !== pointer) return;
    // Its end was heard by nobody here, a menu perhaps.
    if (event.buttons === 0) return release(event);
    const box = field.getBoundingClientRect();
    const radius = box.width / 2;
    const x = (event.clientX - box.left - radius) / radius;
    const y = (event.clientY - box.top - radius) / radius;
    const length = Math.max(1, Math.hypot(x, y));
    place(x / length, y / length);
    controller.setAxes(SOURCE, x / length, -y / length);
  };
  const release = (event: PointerEvent) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    place(0, 0);
    controller.release(SOURCE);
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
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"] as const) field.addEventListener(end, release);
  field.addEventListener("contextmenu", (event) => event.preventDefault());
  return field;
}
