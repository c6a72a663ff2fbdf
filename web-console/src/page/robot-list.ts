// The robots a user may drive, each with how it is.

import type { Report } from "../wire";
import { el } from "./dom";
import { rover } from "./icons";
import { ago, degrees, volts } from "./format";

export interface RobotList {
  element: HTMLElement;
  show(reports: readonly Report[], nowMs: number): void;
}

/** `beside` stands below the list. */
export function robotList(beside: HTMLElement): RobotList {
  const list = el("ul", { class: "robots" });
  const element = el("main", { class: "page" }, el("h1", {}, "Robots"), list, beside);
  let shown = "";
  return {
    element,
    show(reports, nowMs) {
      const rows = reports.map((report) => ({ report, words: describe(report, nowMs) }));
      const text = JSON.stringify(rows.map(({ report, words }) => [report.robot, report.online, words]));
      if (text === shown) return;
      shown = text;
      const focused = document.activeElement?.getAttribute("href");
      list.replaceChildren(...(rows.length === 0 ? [empty()] : rows.map(row)));
      if (focused != null) list.querySelector<HTMLElement>(`a[href="${CSS.escape(focused)}"]`)?.focus();
    },
  };
}

function row({ report, words }: { report: Report; words: string }): HTMLElement {
  return el(
    "li",
    {},
    el(
      "a",
      { class: "card robot", href: `#/${encodeURIComponent(report.robot)}` },
      rover(),
      el(
        "span",
        { class: "robot-text" },
        el("strong", {}, report.robot),
        el("span", { class: "quiet" }, words),
      ),
      el("span", { class: "dot", "data-tone": report.online ? "good" : "off", "aria-hidden": "true" }),
    ),
  );
}

function empty(): HTMLElement {
  return el(
    "li",
    { class: "card quiet" },
    "No robot yet. On the ground station, `ground-station new-robot NAME --out DIR` makes one.",
  );
}

function describe(report: Report, nowMs: number): string {
  if (!report.online) return `Offline, ${ago(report.received_ms, nowMs)}`;
  const { telemetry } = report;
  const readings = [
    telemetry?.battery_v === undefined ? null : volts(telemetry.battery_v),
    telemetry?.system?.cpu_temp_c === undefined ? null : degrees(telemetry.system.cpu_temp_c),
  ].filter((reading) => reading !== null);
  return ["Online", ...readings].join(" · ");
}
