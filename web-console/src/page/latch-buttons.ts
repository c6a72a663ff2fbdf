// Beside the arrows where directions are latched: that somebody is still there, and how often that has to be said.

import type { DriveController } from "../drive/controller";
import { texts } from "../language";
import { readChoice, storeChoice } from "../stored";
import { el, setText } from "./dom";

/** Seconds within which it has to be said again. At half a metre a second the longest is five metres. */
const LIMITS_S = [3, 5, 10] as const;
const FIRST_S = 5;

const KEY = "outpost.latch_s";

/** How often the time that is left is drawn. */
const DRAW_MS = 100;

/** From this part of the time on it is said that it runs out. */
const SOON = 0.4;

/** Milliseconds, as it was chosen. */
export function latchLimitMs(): number {
  const chosen = Number(readChoice(KEY));
  return (LIMITS_S.find((limit) => limit === chosen) ?? FIRST_S) * 1_000;
}

/** Shown only while `controller.latchMs` is not null. */
export function latchButtons(controller: DriveController) {
  const note = el("span", { class: "unseen", role: "status" });
  const goOn = el("button", { type: "button", class: "go-on", title: texts.goOnHelp, onclick: () => controller.confirm() }, texts.goOn);
  const seconds = el("span", { class: "value" });
  const limit = el("button", { type: "button", class: "latch-limit", onclick: () => next() }, seconds);
  const showLimit = () => {
    const s = latchLimitMs() / 1_000;
    setText(seconds, `${s} s`);
    limit.setAttribute("aria-label", texts.goOnEvery(String(s)));
    limit.title = texts.goOnEvery(String(s));
  };
  const next = () => {
    const index = LIMITS_S.findIndex((limit) => limit * 1_000 === latchLimitMs());
    storeChoice(KEY, String(LIMITS_S[(index + 1) % LIMITS_S.length]));
    // A latch keeps the time it began with until it is confirmed.
    if (controller.latchMs !== null) controller.latchMs = latchLimitMs();
    showLimit();
  };
  let timer: ReturnType<typeof setInterval> | undefined;
  let ran = false;
  const draw = () => {
    const { latched, latchLeftMs, latchMs } = controller;
    const left = latchMs === null ? 0 : latchLeftMs / latchMs;
    goOn.style.setProperty("--left", String(Math.min(1, left)));
    const soon = latched !== null && left <= SOON;
    goOn.dataset["soon"] = String(soon);
    setText(note, soon ? texts.goOnNow : latched === null && ran ? texts.latchEnded : "");
  };
  controller.onChange(() => {
    limit.hidden = goOn.hidden = controller.latchMs === null;
    goOn.disabled = controller.latched === null;
    clearInterval(timer);
    if (controller.latched !== null) {
      ran = true;
      timer = setInterval(draw, DRAW_MS);
    }
    draw();
  });
  limit.hidden = goOn.hidden = true;
  showLimit();
  return [limit, goOn, note];
}
