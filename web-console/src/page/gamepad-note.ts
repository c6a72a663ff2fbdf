// What a gamepad waits for before it drives; nothing where there is none, or it waits for nothing.

import type { GamepadStatus } from "../drive/gamepad";
import { el, setText } from "./dom";
import { texts } from "../language";

export function gamepadNote(use: (id: string) => void) {
  const text = el("span");
  let id = "";
  const button = el("button", { type: "button", onclick: () => use(id) }, texts.useGamepad);
  const element = el("p", { class: "muted gamepad-note", role: "status", hidden: true }, text, button);
  return {
    element,
    show(status: GamepadStatus) {
      element.hidden = status.is === "none" || status.is === "ready";
      button.hidden = status.is !== "unknown";
      if (status.is === "unknown") id = status.id;
      setText(text, textOf(status));
    },
  };
}

function textOf(status: GamepadStatus): string {
  switch (status.is) {
    case "unknown":
      return texts.gamepadUnknown(status.id);
    case "to-center":
      return texts.gamepadToCenter;
    default:
      return "";
  }
}
