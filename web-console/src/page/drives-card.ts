// Who drove the robot lately, the newest first; nothing where nobody has.

import type { DriveEntry, Sender } from "../wire";
import { el } from "./dom";
import { senderName } from "./sender-name";
import { locale, texts } from "../language";

/** A driver changes every few minutes; who looks closer reads the station's log. */
const INTERVAL_MS = 15_000;

/** The video comes first. */
const FIRST_MS = 1_000;

/** As many as stand on a card. */
const MAX_SHOWN = 8;

export function drivesCard(entries: () => Promise<DriveEntry[]>, until: AbortSignal): HTMLElement {
  const rows = el("tbody");
  const card = el("section", { class: "card drives", hidden: true }, el("h2", {}, texts.whoDrove), el("table", {}, rows));
  const load = async () => {
    const newest = (await entries().catch(() => null))?.slice(0, MAX_SHOWN);
    if (newest === undefined) return;
    card.hidden = newest.length === 0;
    rows.replaceChildren(...newest.map(row));
  };
  const timers = [setTimeout(() => void load(), FIRST_MS), setInterval(() => void load(), INTERVAL_MS)];
  until.addEventListener("abort", () => timers.forEach(clearTimeout));
  return card;
}

function row(entry: DriveEntry): HTMLElement {
  const at = new Date(entry.at_ms);
  const when = el("time", { datetime: at.toISOString(), title: at.toLocaleString(locale) }, at.toLocaleTimeString(locale));
  return el("tr", {}, el("td", { class: "muted" }, when), el("td", {}, sentence(entry)));
}

/** What became of the driver, in words. Of a newer station's events, at least whose they are. */
export function sentence({ event, driver, from, by }: DriveEntry): string {
  const who = name(driver);
  switch (event) {
    case "began":
      return texts.began(who, road(driver));
    case "took-over":
      return texts.tookOver(who, name(from), road(driver));
    case "stopped":
      return texts.wasStopped(who, name(by));
    case "ended":
      return texts.ended(who);
    case "lost":
      return texts.robotLost(who);
    default:
      return `${who}: ${String(event)}`;
  }
}

function name(sender: Sender | undefined): string {
  return sender === undefined ? texts.somebody : senderName(sender);
}

function road(sender: Sender): string {
  return sender.via === "mqtt" ? texts.byStation : texts.byDataChannel;
}
