// The page a robot is driven from: picture, controls, readings.
// Puts rooms together; what is sent and when is decided in `drive`.

import { Helm } from "../drive/helm";
import { listenToKeys } from "../drive/keyboard";
import { newSender } from "../drive/pilot";
import { Outbox } from "../drive/outbox";
import * as api from "../station/api";
import type { ServerClock } from "../station/clock";
import type { FeedState } from "../station/feed";
import type { Report, Telemetry } from "../wire";
import { el, say } from "./dom";
import { landscape } from "./drawings";
import { pad } from "./pad";
import { readings } from "./readings";
import { speedLimit } from "./speed";
import { standing } from "./standing";
import { wheelBars } from "./wheels";
import * as words from "./words";

/** The line that counts seconds is written anew this often. */
const REDRAW_MS = 500;

export interface Cockpit {
  element: HTMLElement;
  report(report: Report): void;
  feed(state: FeedState): void;
  leave(): void;
}

export function cockpit(robot: string, token: string, clock: ServerClock): Cockpit {
  const left = new AbortController();
  let report: Report | null = null;
  let feed: FeedState = { is: "connecting" };
  let publishError: string | null = null;
  let tookMs: number | undefined;

  const outbox = new Outbox(
    (action) => api.publish(token, robot, action),
    (outcome) => {
      publishError = outcome.error === undefined ? null : api.inWords(outcome.error);
      tookMs = outcome.error === undefined ? outcome.tookMs : undefined;
      redraw();
    },
    () => performance.now(),
  );
  const helm = new Helm(
    newSender(crypto.getRandomValues(new Uint32Array(2))),
    () => ({ steady: performance.now(), unix: clock.corrected(Date.now()) }),
    (action) => outbox.post(action),
  );
  listenToKeys(helm, left.signal);

  const view = dashboard(robot, helm);
  const redraw = () => {
    const line = standing({
      feed,
      robot: report && { online: report.online, seenMs: report.received_ms, boardFault: report.telemetry?.board_fault },
      publishError,
      nowMs: clock.corrected(Date.now()),
    });
    view.standing.dataset["tone"] = line.tone;
    say(view.standing, line.text);
    view.show(report?.telemetry ?? null, tookMs);
  };
  const timer = setInterval(redraw, REDRAW_MS);
  redraw();

  return {
    element: view.element,
    report(newest) {
      report = newest;
      redraw();
    },
    feed(state) {
      feed = state;
      redraw();
    },
    leave() {
      helm.leave();
      clearInterval(timer);
      left.abort();
    },
  };
}

function dashboard(robot: string, helm: Helm) {
  const line = el("p", { class: "standing", role: "status" });
  const wheels = wheelBars();
  const machine = readings("Robot", ["Battery", "Temperature", "Load", "Wi-Fi", "Memory", "Reconnects", "Up"]);
  const orders = readings("Actions", ["Last", "Answer", "Obeyed", "Refused", "Too old", "Out of order", "Board faults"]);
  const element = el(
    "main",
    { class: "cockpit" },
    el(
      "section",
      { class: "stage", "aria-label": "Camera" },
      landscape(),
      el("p", { class: "stage-note" }, "No picture yet"),
    ),
    el(
      "section",
      { class: "controls card", "aria-label": "Drive" },
      el("header", {}, el("h1", {}, robot), line),
      pad(helm),
      el(
        "div",
        { class: "thumb" },
        el("button", { type: "button", class: "stop", onpointerdown: () => helm.halt(), onclick: () => helm.halt() }, "Stop"),
        speedLimit(helm),
      ),
      el("p", { class: "quiet hint" }, "Arrow keys or W A S D drive while held. Space stops."),
    ),
    el(
      "div",
      { class: "board" },
      el("section", { class: "card" }, el("h2", {}, "Wheels"), wheels.element),
      machine.element,
      orders.element,
    ),
  );
  const show = (telemetry: Telemetry | null, tookMs: number | undefined) => {
    wheels.show(telemetry?.wheels);
    machine.show(machineFigures(telemetry));
    orders.show(orderFigures(telemetry, tookMs));
  };
  return { element, standing: line, show };
}

function machineFigures(telemetry: Telemetry | null) {
  const system = telemetry?.system;
  return {
    Battery: words.volts(telemetry?.battery_v),
    Temperature: words.degrees(system?.cpu_temp_c),
    Load: system?.load1?.toFixed(2) ?? "–",
    "Wi-Fi": words.dbm(system?.wifi_dbm),
    Memory: words.mebibytes(system?.rss_kib),
    Reconnects: words.count(telemetry?.counters?.reconnects),
    Up: words.span(telemetry?.uptime_s),
  };
}

function orderFigures(telemetry: Telemetry | null, tookMs: number | undefined) {
  const counters = telemetry?.counters;
  return {
    Last: telemetry?.last_action?.action ?? "–",
    Answer: words.milliseconds(tookMs),
    Obeyed: words.count(counters?.accepted),
    Refused: words.count(counters?.rejected),
    "Too old": words.count(counters?.stale),
    "Out of order": words.count(counters?.out_of_order),
    "Board faults": words.count(counters?.bus_errors),
  };
}
