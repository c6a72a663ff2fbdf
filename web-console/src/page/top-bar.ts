// The bar at the top of every page but the first.

import { el } from "./dom";
import { planet } from "./icons";
import { texts } from "../language";

export interface TopBar {
  user: string;
  /** Whether there is a list of robots to go back to from here. */
  back: boolean;
  leaveText: string;
  leave: () => void;
}

export function topBar({ user, back, leaveText, leave }: TopBar): HTMLElement {
  return el(
    "header",
    { class: "top-bar" },
    el("a", { class: "brand", href: "#/", "aria-label": "Outpost" }, planet(), el("span", {}, "Outpost")),
    back ? el("a", { class: "back", href: "#/" }, texts.allRobots) : null,
    el("span", { class: "spacer" }),
    el("span", { class: "muted user" }, user),
    el("button", { type: "button", class: "plain", onclick: leave }, leaveText),
  );
}
