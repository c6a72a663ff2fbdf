// The page a robot is driven from: brings input, transports, video and telemetry together.
// Knows no element but the dashboard's; what is sent and when is decided in `drive`.

import { newClientId } from "../drive/client-id";
import { DriveController } from "../drive/controller";
import { listenToGamepad } from "../drive/gamepad";
import { listenToKeys } from "../drive/keyboard";
import { Outbox, type Outcome } from "../drive/outbox";
import type { RobotClock } from "../drive/robot-clock";
import type { Now } from "../drive/scheduler";
import { broadcast, send, type Transports } from "../drive/transport";
import type { ViewerCredentials } from "../kvs/channel";
import { Log } from "../log";
import * as api from "../station/api";
import type { StreamState } from "../station/telemetry";
import { readCounters, videoStats, type VideoCounters, type VideoStats } from "../video/stats";
import { Viewer, type ViewerState } from "../video/viewer";
import type { Action, Driver, Message, Report, Telemetry } from "../wire";
import { dashboard } from "./dashboard";
import * as logMessages from "./log-messages";
import { status, videoNote } from "./status";

/** Statistics are per second, and read by people. */
const STATS_INTERVAL_MS = 1_000;

/** Wheels move in pulses of 200 ms; the plot should show them. */
const SAMPLE_INTERVAL_MS = 250;

export interface RobotPageOptions {
  robot: string;
  user: string;
  credentials: () => Promise<ViewerCredentials>;
  /** Over HTTP; null where no ground station is between. */
  publish: ((action: Action) => Promise<void>) | null;
  /** Milliseconds the server's clock is ahead. */
  clockOffsetMs: () => number;
  /** Fed by whoever hands over reports, and here by those of the data channel. */
  robotClock: RobotClock;
  /** A card to stand beside the metrics. */
  display?: HTMLElement;
}

/** What is known of the video of one connection. */
interface VideoState {
  counters: VideoCounters;
  stats: VideoStats;
  /** When a frame was last counted; null before the first. */
  lastFrameMs: number | null;
}

export class RobotPage {
  readonly element: HTMLElement;
  readonly #options: RobotPageOptions;
  readonly #closed = new AbortController();
  readonly #log = new Log();
  readonly #transports: Transports;
  readonly #viewer: Viewer;
  readonly #controller: DriveController;
  readonly #dashboard: ReturnType<typeof dashboard>;
  readonly #timers: ReturnType<typeof setInterval>[];
  #streamState: StreamState | null;
  #viewerState: ViewerState = { is: "camera-off" };
  #report: Report | null = null;
  #driver: Driver | null = null;
  #publishError: string | null = null;
  #answerMs: number | undefined;
  #video: VideoState | null = null;

  constructor(options: RobotPageOptions) {
    const { robot, user, credentials, publish, clockOffsetMs } = options;
    const clientId = newClientId(user, crypto.getRandomValues(new Uint32Array(1))[0]!);
    this.#options = options;
    this.#streamState = publish === null ? null : { is: "connecting" };
    this.#viewer = new Viewer({
      clientId,
      credentials,
      clockOffsetMs,
      errorMessage: api.errorMessage,
      onStream: (stream) => this.#onVideo(stream),
      onMessage: (message) => this.#onMessage(message),
      onState: (state) => this.#onViewerState(state),
    });
    this.#transports = {
      dataChannel: this.#viewer,
      http: publish && new Outbox(publish, (outcome) => this.#onOutcome(outcome), () => performance.now()),
    };
    this.#controller = new DriveController(
      clientId,
      () => this.#now(),
      (action, pressed) => (pressed ? broadcast : send)(this.#transports, action),
    );
    this.#dashboard = dashboard(robot, this.#controller, this.#log, options.display ?? null);
    this.element = this.#dashboard.element;
    this.#listen();
    this.#timers = [
      setInterval(() => void this.#readStats(), STATS_INTERVAL_MS),
      setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS),
    ];
    this.#viewer.start();
  }

  /** The robot's report by way of the ground station. */
  onReport(report: Report): void {
    // What it sends by data channel is fresher.
    if (!this.#viewer.canSend) this.#setReport(report);
  }

  onStreamState(state: StreamState): void {
    if (state.is !== this.#streamState?.is) this.#log.write(logMessages.ofStream(state));
    if (state.is === "live" && this.#streamState?.is !== "live") this.#viewer.retryNow();
    this.#streamState = state;
    this.#redraw();
  }

  close(): void {
    this.#controller.close();
    this.#closed.abort();
    this.#timers.forEach(clearInterval);
    this.#viewer.close();
  }

  #listen(): void {
    const { signal } = this.#closed;
    listenToKeys(this.#controller, signal);
    listenToGamepad(this.#controller, signal);
    // Who looks away does not drive: somebody else may.
    const onVisibility = () => document.hidden && this.#viewer.release();
    document.addEventListener("visibilitychange", onVisibility, { signal });
    addEventListener("pagehide", () => this.#viewer.disconnect(), { signal });
  }

  #now(): Now {
    const steady = performance.now();
    return { steady, robot: this.#options.robotClock.at(steady), unix: this.#serverMs() };
  }

  #serverMs(): number {
    return Date.now() + this.#options.clockOffsetMs();
  }

  #onVideo(stream: MediaStream | null): void {
    this.#dashboard.video.setStream(stream);
    if (stream === null) {
      this.#video = null;
      this.#driver = null;
    }
  }

  #onMessage({ telemetry, driver }: Message): void {
    if (driver !== undefined) {
      if (driver.name !== this.#driver?.name) this.#log.write(logMessages.ofDriver(driver));
      this.#driver = driver;
    }
    if (telemetry !== undefined) {
      this.#options.robotClock.report(telemetry.clock_ms, performance.now());
      this.#setReport({ robot: this.#options.robot, online: true, received_ms: this.#serverMs(), telemetry });
    }
  }

  #setReport(report: Report): void {
    const before = this.#report;
    for (const text of logMessages.ofReports(before?.telemetry ?? null, report.telemetry)) this.#log.write(text);
    if (report.online && before?.online === false) this.#viewer.retryNow();
    if (report.telemetry !== null) this.#viewer.cameraOn = report.telemetry.video !== undefined || !report.online;
    this.#report = report;
    this.#redraw();
  }

  #onViewerState(state: ViewerState): void {
    this.#log.write(logMessages.ofViewer(state));
    this.#viewerState = state;
    this.#redraw();
  }

  #onOutcome({ error, tookMs }: Outcome): void {
    this.#publishError = error === undefined ? null : api.errorMessage(error);
    this.#answerMs = error === undefined ? tookMs : undefined;
    if (this.#publishError !== null) this.#log.write(`Not obeyed: ${this.#publishError}`);
    this.#redraw();
  }

  async #readStats(): Promise<void> {
    const pc = this.#viewer.pc;
    const report = pc?.connectionState === "connected" ? await pc.getStats() : null;
    const counters = report && readCounters(report.values(), performance.now());
    // In the meantime the connection may have become another one.
    if (counters !== null && this.#viewer.pc === pc) {
      const before = this.#video;
      const moved = counters.framesDecoded > (before?.counters.framesDecoded ?? 0);
      this.#video = {
        counters,
        stats: videoStats(before?.counters ?? null, counters),
        lastFrameMs: moved ? counters.atMs : (before?.lastFrameMs ?? null),
      };
    }
    this.#redraw();
  }

  #sample(): void {
    const wheels = this.#telemetry?.wheels;
    this.#dashboard.addSample({
      atMs: Date.now(),
      left: wheels?.left,
      right: wheels?.right,
      roundTripMs: this.#viewer.roundTripMs,
      kbps: this.#video?.stats.kbps,
    });
  }

  /** Of a robot that is away nothing is known. */
  get #telemetry(): Telemetry | null {
    return this.#report?.online ? this.#report.telemetry : null;
  }

  #redraw(): void {
    const telemetry = this.#telemetry;
    const robot = this.#report && {
      online: this.#report.online,
      seenMs: this.#report.received_ms,
      boardFault: telemetry?.board_fault,
    };
    const frames = [this.#dashboard.video.paintedMs, this.#video?.lastFrameMs ?? null].filter((ms) => ms !== null);
    const facts = { viewer: this.#viewerState, nowMs: Date.now() };
    const { canSend, roundTripMs } = this.#viewer;
    this.#dashboard.show({
      status: status({
        ...facts,
        stream: this.#streamState,
        robot,
        publishError: this.#publishError,
        serverMs: this.#serverMs(),
      }),
      note: videoNote({
        ...facts,
        cameraFault: telemetry?.video?.camera_fault,
        stillS: frames.length === 0 ? null : (performance.now() - Math.max(...frames)) / 1000,
      }),
      driver: this.#driver && { you: this.#driver.you, text: logMessages.ofDriver(this.#driver) },
      telemetry,
      stats: this.#video?.stats ?? null,
      byDataChannel: canSend,
      roundTripMs: canSend ? roundTripMs : this.#answerMs,
    });
  }
}
