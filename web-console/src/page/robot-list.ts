// The robots a user may drive, each with how it is. Rows stay where they are while only what they
// say changes: whoever is about to press one presses that one.

import type { Report } from "../wire";
import { ago, degrees, volts } from "../format";
import { el, setText } from "./dom";
import { rover } from "./icons";
import { languageChoice } from "./language-choice";
import { texts } from "../language";

/** Fewer are found by looking. */
const SEARCHED_FROM = 8;

export interface RobotList {
  element: HTMLElement;
  show(reports: readonly Report[], nowMs: number): void;
}

interface Row {
  element: HTMLElement;
  show(report: Report, nowMs: number): void;
}

/** `beside` stands below the list. */
export function robotList(beside: HTMLElement): RobotList {
  const rows = new Map<string, Row>();
  const list = el("ul", { class: "robots" });
  const none = el("li", { class: "card muted" });
  const search = el("input", { type: "search", class: "robot-search", placeholder: texts.findRobot, "aria-label": texts.findRobot, hidden: true });
  const element = el("main", { class: "list-page" }, el("h1", {}, texts.robots), search, list, beside, languageChoice());
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    for (const [name, { element }] of rows) element.hidden = !name.toLowerCase().includes(wanted);
    const found = [...rows.values()].some(({ element }) => !element.hidden);
    none.hidden = found;
    setText(none, rows.size === 0 ? texts.noRobot : texts.noRobotNamed(search.value.trim()));
  };
  search.addEventListener("input", filter);
  filter();
  list.append(none);
  return {
    element,
    show(reports, nowMs) {
      const before = [...rows.keys()];
      const names = new Set(reports.map(({ robot }) => robot));
      for (const name of before.filter((name) => !names.has(name))) {
        rows.get(name)!.element.remove();
        rows.delete(name);
      }
      for (const report of reports) {
        const row = rows.get(report.robot) ?? robotRow(report.robot);
        rows.set(report.robot, row);
        row.show(report, nowMs);
      }
      place(list, reports.map(({ robot }) => rows.get(robot)!.element), none);
      search.hidden = rows.size < SEARCHED_FROM && search.value === "";
      filter();
    },
  };
}

/** Online first, then by name, as people count: rover-2 before rover-10. */
export function byPresence(a: Report, b: Report): number {
  return Number(b.online) - Number(a.online) || a.robot.localeCompare(b.robot, undefined, { numeric: true });
}

/** Moves only what is not where it belongs; what has the focus keeps it. */
function place(list: HTMLElement, elements: readonly HTMLElement[], last: HTMLElement): void {
  let next: Element | null = last;
  for (const element of [...elements].reverse()) {
    const focused = element.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
    if (element.nextElementSibling !== next || element.parentElement !== list) {
      list.insertBefore(element, next);
      focused?.focus({ preventScroll: true });
    }
    next = element;
  }
}

function robotRow(name: string): Row {
  const text = el("span", { class: "muted" });
  const dot = el("span", { class: "dot", "aria-hidden": "true" });
  const link = el(
    "a",
    { class: "card robot", href: `#/${encodeURIComponent(name)}` },
    rover(),
    el("span", { class: "robot-text" }, el("strong", {}, name), text),
    dot,
  );
  return {
    element: el("li", {}, link),
    show(report, nowMs) {
      setText(text, summary(report, nowMs));
      dot.dataset["tone"] = report.online ? "good" : "off";
    },
  };
}

function summary(report: Report, nowMs: number): string {
  if (!report.online) return texts.offlineSeen(ago(report.received_ms, nowMs));
  const { telemetry } = report;
  // As the AWS sample's program does: the station knows only that it is connected.
  if (telemetry === null) return texts.onlineNoTelemetry;
  const values = [
    telemetry.battery_v === undefined ? null : volts(telemetry.battery_v),
    telemetry.system?.cpu_temp_c === undefined ? null : degrees(telemetry.system.cpu_temp_c),
  ].filter((value) => value !== null);
  return [texts.online, ...values].join(" · ");
}
