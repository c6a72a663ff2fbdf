// What the wheels do now: two bars that grow from the middle, up is forward.

import type { Wheels } from "../wire";
import { el, setText } from "./dom";
import { throttle } from "../format";
import { texts } from "../language";

export interface WheelBars {
  element: HTMLElement;
  show(wheels: Wheels | undefined): void;
}

export function wheelBars(): WheelBars {
  const left = bar(texts.left, texts.leftWheel);
  const right = bar(texts.right, texts.rightWheel);
  return {
    element: el("div", { class: "wheels" }, left.element, right.element),
    show(wheels) {
      left.show(wheels?.left);
      right.show(wheels?.right);
    },
  };
}

function bar(label: string, name: string) {
  const fill = el("div", { class: "wheel-fill" });
  const meter = el(
    "div",
    { class: "wheel-bar", role: "meter", "aria-label": name, "aria-valuemin": "-1", "aria-valuemax": "1", "aria-valuenow": "0" },
    fill,
  );
  const text = el("output", { class: "value" }, "–");
  const element = el("div", { class: "wheel" }, meter, el("div", {}, el("span", { class: "muted" }, label), text));
  return {
    element,
    show(value: number | undefined) {
      setText(text, value === undefined ? "–" : throttle(value));
      meter.setAttribute("aria-valuenow", String(value ?? 0));
      fill.style.transform = `scaleY(${-(value ?? 0)})`;
    },
  };
}
