// Arrows that are held, arrows that latch, or a joystick: one of them is under the thumb, and the choice is remembered.

import type { DriveController } from "../drive/controller";
import { texts } from "../language";
import { readChoice, storeChoice } from "../stored";
import { el } from "./dom";
import { dpad } from "./dpad";
import { joystick } from "./joystick";
import { latchLimitMs } from "./latch-buttons";

const KEY = "outpost.hands";

type Kind = "arrows" | "latch" | "stick";

export function driveInput(controller: DriveController): HTMLElement {
  const arrows = dpad(controller);
  const stick = joystick(controller);
  const choose = (kind: Kind) => {
    arrows.hidden = kind === "stick";
    stick.hidden = kind !== "stick";
    arrows.dataset["latch"] = String(kind === "latch");
    controller.latchMs = kind === "latch" ? latchLimitMs() : null;
    controller.releaseAll();
    storeChoice(KEY, kind);
  };
  const stored = readChoice(KEY);
  const first: Kind = stored === "stick" || stored === "latch" ? stored : "arrows";
  const option = (kind: Kind, text: string) => {
    const input = el("input", { type: "radio", name: "drive-input", value: kind, checked: kind === first, onchange: () => choose(kind) });
    // After the mouse or a thumb the arrow keys drive again; after the keyboard they stay here.
    input.addEventListener("click", (event) => event.detail > 0 && input.blur());
    return el("label", { title: kind === "latch" ? texts.latchHelp : false }, input, el("span", {}, text));
  };
  choose(first);
  return el(
    "div",
    { class: "drive-input" },
    el(
      "div",
      { class: "choice", role: "radiogroup", "aria-label": texts.driveWith },
      option("arrows", texts.arrows),
      option("latch", texts.latch),
      option("stick", texts.stick),
    ),
    arrows,
    stick,
  );
}
