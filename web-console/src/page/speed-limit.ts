// The speed limit: what a fully held arrow means.

import type { DriveController } from "../drive/controller";
import { readChoice, storeChoice } from "../stored";
import { el, setText } from "./dom";
import { texts } from "../language";

/** Percent of full throttle; below the least most motors only hum. */
const LEAST = 10;
const MOST = 100;

const KEY = "outpost.speed";

export function speedLimit(controller: DriveController): HTMLElement {
  // Not an `output`: a label names the first thing in it that can be named.
  const value = el("span", { class: "value" });
  const show = () => {
    controller.speed = input.valueAsNumber / 100;
    setText(value, `${input.value} %`);
    input.setAttribute("aria-valuetext", texts.ofFullSpeed(input.value));
    input.style.setProperty("--filled", String((input.valueAsNumber - LEAST) / (MOST - LEAST)));
  };
  const chosen = Math.round(Number(readChoice(KEY)));
  if (chosen >= LEAST && chosen <= MOST) controller.speed = chosen / 100;
  const input = el("input", {
    type: "range",
    "aria-label": texts.speedLimit,
    min: String(LEAST),
    max: String(MOST),
    step: "5",
    value: String(Math.round(controller.speed * 100)),
    oninput: () => {
      show();
      storeChoice(KEY, input.value);
    },
    // After the mouse or a thumb the arrow keys drive again; after the keyboard they stay here.
    onpointerup: () => input.blur(),
  });
  show();
  return el("label", { class: "speed" }, el("span", {}, el("span", {}, texts.speedLimit), value), input);
}
