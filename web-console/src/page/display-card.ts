// What the Mars display on the desk shows at this moment; nothing where there is none.

import { el } from "./dom";
import { texts } from "../language";

/** The display itself changes a few times a day. */
const INTERVAL_MS = 60_000;

/** The video comes first. */
const FIRST_MS = 1_500;

export function displayCard(image: () => Promise<Blob | null>, until: AbortSignal): HTMLElement {
  const img = el("img", { width: "320", height: "240", alt: texts.displayHelp });
  const card = el("section", { class: "card display", hidden: true }, el("h2", {}, texts.onTheDesk), img);
  const load = async () => {
    const blob = await image().catch(() => null);
    URL.revokeObjectURL(img.src);
    card.hidden = blob === null;
    if (blob !== null) img.src = URL.createObjectURL(blob);
  };
  const timers = [setTimeout(() => void load(), FIRST_MS), setInterval(() => void load(), INTERVAL_MS)];
  until.addEventListener("abort", () => timers.forEach(clearTimeout));
  return card;
}
