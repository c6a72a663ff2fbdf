// Arrow buttons or joystick: one of the two is under the thumb, and the choice is remembered.

import type { DriveController } from "../drive/controller";
import { readChoice, storeChoice } from "../stored";
import { el } from "./dom";
import { dpad } from "./dpad";
import { joystick } from "./joystick";
import { texts } from "../language";

const KEY = "outpost.hands";

export function driveInput(controller: DriveController): HTMLElement {
  const kinds = { arrows: dpad(controller), stick: joystick(controller) };
  const choose = (kind: keyof typeof kinds) => {
    controller.releaseAll();
    for (const [name, element] of Object.entries(kinds)) element.hidden = name !== kind;
    storeChoice(KEY, kind);
  };
  const first = readChoice(KEY) === "stick" ? "stick" : "arrows";
  const option = (kind: keyof typeof kinds, text: string) => {
    const input = el("input", { type: "radio", name: "drive-input", value: kind, checked: kind === first, onchange: () => choose(kind) });
    // After the mouse or a thumb the arrow keys drive again; after the keyboard they stay here.
    input.addEventListener("click", (event) => event.detail > 0 && input.blur());
    return el("label", {}, input, el("span", {}, text));
  };
  choose(first);
  return el(
    "div",
    { class: "drive-input" },
    el("div", { class: "choice", role: "radiogroup", "aria-label": texts.driveWith }, option("arrows", texts.arrows), option("stick", texts.stick)),
    kinds.arrows,
    kinds.stick,
  );
}
