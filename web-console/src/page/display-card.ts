// What the Mars display on the desk shows at this moment; nothing where there is none.

import { el } from "./dom";

/** The display itself changes a few times a day. */
const AGAIN_MS = 60_000;

/** The camera comes first. */
const FIRST_MS = 1_500;

export function displayCard(picture: () => Promise<Blob | null>, until: AbortSignal): HTMLElement {
  const image = el("img", { width: "320", height: "240", alt: "The Mars display: picture and weather" });
  const card = el("section", { class: "card display", hidden: true }, el("h2", {}, "On the desk"), image);
  const load = async () => {
    const blob = await picture().catch(() => null);
    URL.revokeObjectURL(image.src);
    card.hidden = blob === null;
    if (blob !== null) image.src = URL.createObjectURL(blob);
  };
  const timers = [setTimeout(() => void load(), FIRST_MS), setInterval(() => void load(), AGAIN_MS)];
  until.addEventListener("abort", () => timers.forEach(clearTimeout));
  return card;
}
