// What of the robot page is seen: video, controls, cards. Shows what it is given.

import type { DriveController } from "../drive/controller";
import type { GamepadStatus } from "../drive/gamepad";
import type { Log } from "../log";
import type { VideoStats } from "../video/stats";
import { readPose, type Telemetry } from "../wire";
import { el, setText } from "./dom";
import { driveInput } from "./drive-input";
import type { DriverLine } from "./driver-line";
import * as format from "../format";
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
import { texts } from "../language";

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
  const link = metrics("link", ["actionsGo", "roundTrip", "picture", "frames", "bitrate", "jitter", "dropped", "size", "viewers"]);
  const machine = metrics("robot", ["battery", "temperature", "load", "wifi", "memory", "reconnects", "up", "version"]);
  const actions = metrics("actions", ["last", "from", "obeyed", "refused", "tooOld", "outOfOrder", "notTheDriver", "boardFaults"]);
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
    el("button", { type: "button", class: kind, onpointerdown: halt, onclick: halt }, texts.stop);
  const stopAside = stop("stop stop-aside");
  stopAside.hidden = true;
  const hint = el("p", { class: "muted hint" }, texts.driveHint);
  const sayHint = () => setText(hint, controller.latchMs === null ? texts.driveHint : texts.latchHint);
  controller.onChange(sayHint);
  const controls = el(
    "section",
    { class: "controls card", "aria-label": texts.drive },
    el("header", {}, el("h1", {}, robot), status, driver),
    driveInput(controller),
    el(
      "div",
      { class: "stop-and-speed" },
      stop("stop"),
      speedLimit(controller),
    ),
    sound.element,
    hint,
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
      el("section", { class: "card" }, el("h2", {}, texts.wheels), wheels.element),
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
      controls.dataset["driver"] = shown.driver?.another ? "another" : "";
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
  const path = stats?.relayed === undefined ? texts.byDataChannel : stats.relayed ? texts.byRelay : texts.directly;
  return {
    actionsGo: byDataChannel ? path : texts.overHttp,
    roundTrip: format.milliseconds(roundTripMs),
    picture: format.age(pictureAgeMs),
    frames: format.perSecond(stats?.fps),
    bitrate: format.bitrate(stats?.kbps),
    jitter: format.milliseconds(stats?.jitterMs),
    dropped: format.count(stats?.dropped),
    size: stats === null || stats.width === 0 ? "–" : `${stats.width} × ${stats.height}`,
    viewers: format.count(telemetry?.video?.viewers),
  };
}

function machineMetrics(telemetry: Telemetry | null) {
  const system = telemetry?.system;
  return {
    battery: format.volts(telemetry?.battery_v),
    temperature: format.degrees(system?.cpu_temp_c),
    load: system?.load1 === undefined ? "–" : format.decimal(system.load1, 2),
    wifi: format.dbm(system?.wifi_dbm),
    memory: format.mebibytes(system?.rss_kib),
    reconnects: format.count(telemetry?.counters?.reconnects),
    up: format.span(telemetry?.uptime_s),
    version: telemetry?.version ?? "–",
  };
}

function actionMetrics(telemetry: Telemetry | null) {
  const counters = telemetry?.counters;
  return {
    last: telemetry?.last_action?.action ?? "–",
    from: telemetry?.last_action?.source ?? "–",
    obeyed: format.count(counters?.accepted),
    refused: format.count(counters?.rejected),
    tooOld: format.count(counters?.stale),
    outOfOrder: format.count(counters?.out_of_order),
    notTheDriver: format.count(counters?.not_driver),
    boardFaults: format.count(counters?.bus_errors),
  };
}
