// What of the cockpit is seen: picture, controls, cards. Shows what it is told.

import type { Helm } from "../drive/controller";
import type { Log } from "../log";
import type { Figures } from "../video/stats";
import type { Driver } from "../video/peer-connection";
import type { Telemetry } from "../wire";
import { el, say } from "./dom";
import { hands } from "./drive-input";
import type { Sample } from "./history";
import { logPane } from "./log-pane";
import { plot } from "./plot";
import { readings } from "./metrics";
import { speedLimit } from "./speed-limit";
import { stage } from "./video-pane";
import type { Standing } from "./status";
import { wheelBars } from "./wheels";
import * as words from "./format";

export interface Shown {
  standing: Standing;
  /** What is the matter with the picture; empty if nothing. */
  note: string;
  driver: (Driver & { text: string }) | null;
  telemetry: Telemetry | null;
  picture: Figures | null;
  /** Whether orders go by data channel. */
  direct: boolean;
  roundTripMs: number | undefined;
}

export function dashboard(robot: string, helm: Helm, log: Log, display: HTMLElement | null) {
  const line = el("p", { class: "standing", role: "status" });
  const driver = el("p", { class: "driver", role: "status" });
  const wheels = wheelBars();
  const graph = plot();
  const link = readings("Link", ["Orders go", "Round trip", "Frames", "Bitrate", "Jitter", "Dropped", "Size", "Viewers"]);
  const machine = readings("Robot", ["Battery", "Temperature", "Load", "Wi-Fi", "Memory", "Reconnects", "Up", "Version"]);
  const orders = readings("Actions", ["Last", "From", "Obeyed", "Refused", "Too old", "Out of order", "Board faults"]);
  const picture = stage(robot, () => front);
  const halt = () => helm.halt();
  const controls = el(
    "section",
    { class: "controls card", "aria-label": "Drive" },
    el("header", {}, el("h1", {}, robot), line, driver),
    hands(helm),
    el(
      "div",
      { class: "thumb" },
      // At once under a finger; by the keyboard a button clicks.
      el("button", { type: "button", class: "stop", onpointerdown: halt, onclick: halt }, "Stop"),
      speedLimit(helm),
    ),
    el("p", { class: "quiet hint" }, "Arrow keys, W A S D or a gamepad drive while held. Space stops."),
  );
  const front = el("div", { class: "front" }, picture.element, controls);
  const element = el(
    "main",
    { class: "cockpit" },
    front,
    el(
      "div",
      { class: "board" },
      el("section", { class: "card" }, el("h2", {}, "Wheels"), wheels.element),
      link.element,
      machine.element,
      orders.element,
      graph.element,
      display,
      logPane(log),
    ),
  );
  return {
    element,
    stage: picture,
    sample: (sample: Sample) => graph.add(sample),
    show(shown: Shown) {
      line.dataset["tone"] = shown.standing.tone;
      say(line, shown.standing.text);
      driver.hidden = shown.driver === null;
      driver.dataset["you"] = String(shown.driver?.you ?? false);
      say(driver, shown.driver?.text ?? "");
      picture.note(shown.note);
      wheels.show(shown.telemetry?.wheels);
      link.show(linkFigures(shown));
      machine.show(machineFigures(shown.telemetry));
      orders.show(orderFigures(shown.telemetry));
    },
  };
}

function linkFigures({ picture, direct, roundTripMs, telemetry }: Shown) {
  const way = picture?.relayed === undefined ? "by data channel" : picture.relayed ? "by relay" : "directly";
  return {
    "Orders go": direct ? way : "over HTTP",
    "Round trip": words.milliseconds(roundTripMs),
    Frames: words.perSecond(picture?.fps),
    Bitrate: words.bitrate(picture?.kbps),
    Jitter: words.milliseconds(picture?.jitterMs),
    Dropped: words.count(picture?.dropped),
    Size: picture === null || picture.width === 0 ? "–" : `${picture.width} × ${picture.height}`,
    Viewers: words.count(telemetry?.video?.viewers),
  };
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
    Version: telemetry?.version ?? "–",
  };
}

function orderFigures(telemetry: Telemetry | null) {
  const counters = telemetry?.counters;
  return {
    Last: telemetry?.last_action?.action ?? "–",
    From: telemetry?.last_action?.source ?? "–",
    Obeyed: words.count(counters?.accepted),
    Refused: words.count(counters?.rejected),
    "Too old": words.count(counters?.stale),
    "Out of order": words.count(counters?.out_of_order),
    "Board faults": words.count(counters?.bus_errors),
  };
}
