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
  const element = el("main", { class: "list-page" }, el("h1", {}, "Robots"), list, beside);
  let shown = "";
  return {
    element,
    show(reports, nowMs) {
      const rows = reports.map((report) => ({ report, summary: summary(report, nowMs) }));
      const text = JSON.stringify(rows.map(({ report, summary }) => [report.robot, report.online, summary]));
      if (text === shown) return;
      shown = text;
      const focused = document.activeElement?.getAttribute("href");
      list.replaceChildren(...(rows.length === 0 ? [empty()] : rows.map(row)));
      if (focused != null) list.querySelector<HTMLElement>(`a[href="${CSS.escape(focused)}"]`)?.focus();
    },
  };
}

function row({ report, summary }: { report: Report; summary: string }): HTMLElement {
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
        el("span", { class: "muted" }, summary),
      ),
      el("span", { class: "dot", "data-tone": report.online ? "good" : "off", "aria-hidden": "true" }),
    ),
  );
}

function empty(): HTMLElement {
  return el(
    "li",
    { class: "card muted" },
    "No robot yet. On the ground station, `ground-station new-robot NAME --out DIR` makes one.",
  );
}

function summary(report: Report, nowMs: number): string {
  if (!report.online) return `Offline, ${ago(report.received_ms, nowMs)}`;
  const { telemetry } = report;
  const values = [
    telemetry?.battery_v === undefined ? null : volts(telemetry.battery_v),
    telemetry?.system?.cpu_temp_c === undefined ? null : degrees(telemetry.system.cpu_temp_c),
  ].filter((value) => value !== null);
  return ["Online", ...values].join(" · ");
}
