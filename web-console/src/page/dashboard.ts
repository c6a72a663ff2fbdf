// What of the robot page is seen: video, controls, cards. Shows what it is given.

import type { DriveController } from "../drive/controller";
import type { GamepadStatus } from "../drive/gamepad";
import type { Log } from "../log";
import type { VideoStats } from "../video/stats";
import { readPose, type Telemetry } from "../wire";
import { el, setText } from "./dom";
import { driveInput } from "./drive-input";
import type { DriverLine } from "./driver-line";
import * as format from "./format";
import { gamepadNote } from "./gamepad-note";
import type { Sample } from "./history";
import { insecureNotice } from "./insecure-notice";
import { logPane } from "./log-pane";
import { mapCard } from "./map-card";
import { metrics } from "./metrics";
import type { Lock } from "./motion-lock";
import { plot } from "./plot";
import { soundPane } from "./sound-pane";
import type { SoundState } from "./sound-state";
import { speedLimit } from "./speed-limit";
import type { Status } from "./status";
import { videoPane } from "./video-pane";
import { wheelBars } from "./wheels";

export interface Shown {
  status: Status;
  /** What is the matter with the video; empty if nothing. */
  note: string;
  driver: DriverLine | null;
  /** Whether the picture is a thing of the past. */
  veiled: boolean;
  /** Why the robot may not be driven; null while it may be. */
  lock: Lock | null;
  telemetry: Telemetry | null;
  stats: VideoStats | null;
  /** Whether actions go by data channel. */
  byDataChannel: boolean;
  roundTripMs: number | undefined;
  pictureAgeMs: number | undefined;
  sound: SoundState | null;
}

/** A short knock. */
const STOP_FELT_MS = 40;

/** What the operator asks for that is no driving. */
export interface DashboardCallbacks {
  driveWithoutPicture(): void;
  useGamepad(id: string): void;
  listen(on: boolean): void;
  talk(on: boolean): void;
}

export function dashboard(robot: string, controller: DriveController, log: Log, cards: HTMLElement[], callbacks: DashboardCallbacks) {
  const status = el("p", { class: "status", role: "status" });
  const driver = el("p", { class: "driver", role: "status" });
  const wheels = wheelBars();
  const graph = plot();
  const map = mapCard();
  const link = metrics("Link", ["Actions go", "Round trip", "Picture", "Frames", "Bitrate", "Jitter", "Dropped", "Size", "Viewers"]);
  const machine = metrics("Robot", ["Battery", "Temperature", "Load", "Wi-Fi", "Memory", "Reconnects", "Up", "Version"]);
  const actions = metrics("Actions", ["Last", "From", "Obeyed", "Refused", "Too old", "Out of order", "Not the driver", "Board faults"]);
  const video = videoPane(robot, () => driveView, callbacks.driveWithoutPicture);
  const sound = soundPane(robot, callbacks.listen, callbacks.talk);
  const gamepad = gamepadNote(callbacks.useGamepad);
  const halt = () => {
    controller.halt();
    // Felt by who looks at the robot. Not everywhere.
    navigator.vibrate?.(STOP_FELT_MS);
  };
  const stop = (kind: string) =>
    // At once under a finger; by the keyboard a button clicks.
    el("button", { type: "button", class: kind, onpointerdown: halt, onclick: halt }, "Stop");
  const stopAside = stop("stop stop-aside");
  stopAside.hidden = true;
  const controls = el(
    "section",
    { class: "controls card", "aria-label": "Drive" },
    el("header", {}, el("h1", {}, robot), status, driver),
    driveInput(controller),
    el(
      "div",
      { class: "stop-and-speed" },
      stop("stop"),
      speedLimit(controller),
    ),
    sound.element,
    el("p", { class: "muted hint" }, "Arrow keys, W A S D or a gamepad drive while held. Space stops."),
    gamepad.element,
  );
  const driveView = el("div", { class: "drive-view" }, video.element, controls);
  const element = el(
    "main",
    { class: "robot-page" },
    insecureNotice(),
    driveView,
    stopAside,
    el(
      "div",
      { class: "cards" },
      el("section", { class: "card" }, el("h2", {}, "Wheels"), wheels.element),
      link.element,
      machine.element,
      actions.element,
      map.element,
      graph.element,
      ...cards,
      logPane(log),
    ),
  );
  new IntersectionObserver(([seen]) => (stopAside.hidden = seen?.isIntersecting ?? true)).observe(controls);
  return {
    element,
    video,
    /** Whether anything of the picture or the controls is. */
    inSight: () => driveView.getBoundingClientRect().bottom > 0,
    sound,
    showGamepad: (status: GamepadStatus) => gamepad.show(status),
    addSample: (sample: Sample) => graph.add(sample),
    show(shown: Shown) {
      status.dataset["tone"] = shown.status.tone;
      setText(status, shown.status.text);
      driver.hidden = shown.driver === null;
      driver.dataset["tone"] = shown.driver?.tone ?? "others";
      setText(driver, shown.driver?.text ?? "");
      controls.dataset["locked"] = String(shown.lock !== null);
      video.setNote(shown.note);
      video.setVeil(shown.veiled, shown.lock);
      sound.show(shown.sound);
      wheels.show(shown.telemetry?.wheels);
      map.show(readPose(shown.telemetry?.pose));
      link.show(linkMetrics(shown));
      machine.show(machineMetrics(shown.telemetry));
      actions.show(actionMetrics(shown.telemetry));
    },
  };
}

function linkMetrics({ stats, byDataChannel, roundTripMs, pictureAgeMs, telemetry }: Shown) {
  const path = stats?.relayed === undefined ? "by data channel" : stats.relayed ? "by relay" : "directly";
  return {
    "Actions go": byDataChannel ? path : "over HTTP",
    "Round trip": format.milliseconds(roundTripMs),
    Picture: format.age(pictureAgeMs),
    Frames: format.perSecond(stats?.fps),
    Bitrate: format.bitrate(stats?.kbps),
    Jitter: format.milliseconds(stats?.jitterMs),
    Dropped: format.count(stats?.dropped),
    Size: stats === null || stats.width === 0 ? "–" : `${stats.width} × ${stats.height}`,
    Viewers: format.count(telemetry?.video?.viewers),
  };
}

function machineMetrics(telemetry: Telemetry | null) {
  const system = telemetry?.system;
  return {
    Battery: format.volts(telemetry?.battery_v),
    Temperature: format.degrees(system?.cpu_temp_c),
    Load: system?.load1?.toFixed(2) ?? "–",
    "Wi-Fi": format.dbm(system?.wifi_dbm),
    Memory: format.mebibytes(system?.rss_kib),
    Reconnects: format.count(telemetry?.counters?.reconnects),
    Up: format.span(telemetry?.uptime_s),
    Version: telemetry?.version ?? "–",
  };
}

function actionMetrics(telemetry: Telemetry | null) {
  const counters = telemetry?.counters;
  return {
    Last: telemetry?.last_action?.action ?? "–",
    From: telemetry?.last_action?.source ?? "–",
    Obeyed: format.count(counters?.accepted),
    Refused: format.count(counters?.rejected),
    "Too old": format.count(counters?.stale),
    "Out of order": format.count(counters?.out_of_order),
    "Not the driver": format.count(counters?.not_driver),
    "Board faults": format.count(counters?.bus_errors),
  };
}
