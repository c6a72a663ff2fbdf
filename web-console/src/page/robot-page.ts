// The page a robot is driven from: brings input, transports, video and telemetry together.
// Knows no element but the dashboard's; what is sent and when is decided in `drive`.

import { newClientId } from "../drive/client-id";
import { DriveController } from "../drive/controller";
import { GamepadReader } from "../drive/gamepad";
import { listenToKeys } from "../drive/keyboard";
import { Outbox, type Outcome } from "../drive/outbox";
import type { RobotClock } from "../drive/robot-clock";
import type { Now } from "../drive/scheduler";
import { broadcast, send, type Transports } from "../drive/transport";
import { listenToInterruptions } from "../drive/interruptions";
import type { ViewerCredentials } from "../kvs/channel";
import { Log } from "../log";
import { openMicrophone } from "../sound/microphone";
import { Talk } from "../sound/talk";
import { listenToTalkKey } from "../sound/talk-key";
import * as api from "../station/api";
import type { StreamState } from "../station/telemetry";
import { readCounters, videoStats, type VideoCounters, type VideoStats } from "../video/stats";
import { Viewer, type ViewerState } from "../video/viewer";
import type { Action, Message, Report, Telemetry } from "../wire";
import { dashboard } from "./dashboard";
import { driverLine, type DriverLine } from "./driver-line";
import { keepAwake } from "./keep-awake";
import * as logMessages from "./log-messages";
import { motionLock, veiled, type Lock } from "./motion-lock";
import { RobotReports } from "./robot-reports";
import { senderName } from "./sender-name";
import { soundState } from "./sound-state";
import { status, videoNote } from "./status";
import { texts } from "../language";

/** Statistics are per second, and read by people. */
const STATS_INTERVAL_MS = 1_000;

/** Short beside the half second after which a picture is veiled. */
const LOOK_INTERVAL_MS = 100;

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
  /** Cards to stand beside the metrics. */
  cards?: HTMLElement[];
}

/** What is known of the video of one connection. */
interface VideoState {
  counters: VideoCounters;
  stats: VideoStats;
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
  readonly #clientId: string;
  readonly #talk: Talk;
  readonly #reports = new RobotReports();
  readonly #timers: ReturnType<typeof setInterval>[];
  #streamState: StreamState | null;
  #viewerState: ViewerState = { is: "camera-off" };
  #telemetry: Telemetry | null = null;
  #driver: DriverLine | null = null;
  /** Whose stop ended what is held here. */
  #heldBackBy: string | null = null;
  #heldSinceMs: number | null = null;
  /** Whether the operator has said so, since there was last a picture. */
  #withoutPicture = false;
  #publishError: string | null = null;
  #answerMs: number | undefined;
  #video: VideoState | null = null;

  constructor(options: RobotPageOptions) {
    const { robot, user, credentials, publish, clockOffsetMs } = options;
    const clientId = newClientId(user, crypto.getRandomValues(new Uint32Array(1))[0]!);
    this.#options = options;
    this.#clientId = clientId;
    this.#streamState = publish === null ? null : { is: "connecting" };
    this.#viewer = new Viewer({
      clientId,
      credentials,
      clockOffsetMs,
      errorMessage: api.errorMessage,
      onStream: (stream) => this.#onVideo(stream),
      onSound: (stream) => this.#dashboard.sound.setStream(stream),
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
    const gamepads = new GamepadReader(this.#controller, this.#closed.signal, (status) => this.#dashboard.showGamepad(status));
    this.#dashboard = dashboard(robot, this.#controller, this.#log, options.cards ?? [], {
      driveWithoutPicture: () => this.#driveWithoutPicture(),
      useGamepad: (id) => gamepads.use(id),
      listen: (on) => this.#viewer.request({ listen: on }),
      talk: (on) => (on ? this.#talk.press() : this.#talk.release()),
    });
    this.#talk = new Talk({
      microphone: openMicrophone,
      send: async (track) => void (await this.#viewer.sound?.sender.replaceTrack(track)),
      say: () => this.#viewer.request({ talk: true }),
      onChange: () => this.#look(),
    });
    this.element = this.#dashboard.element;
    this.#listen();
    this.#timers = [
      setInterval(() => void this.#readStats(), STATS_INTERVAL_MS),
      setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS),
      setInterval(() => this.#look(), LOOK_INTERVAL_MS),
    ];
    this.#controller.onChange(() => this.#onHold());
    this.#look();
    this.#viewer.start();
  }

  /** The robot's report by way of the ground station. */
  onReport(report: Report): void {
    if (report.online && this.#reports.station?.online === false) this.#viewer.retryNow();
    this.#reports.fromStation(report, performance.now());
    this.#look();
    // A robot whose camera is off is on no channel.
    if (report.telemetry !== null) this.#viewer.cameraOn = report.telemetry.video !== undefined || !report.online;
  }

  onStreamState(state: StreamState): void {
    if (state.is !== this.#streamState?.is) this.#log.write(logMessages.ofStream(state));
    if (state.is === "live" && this.#streamState?.is !== "live") this.#viewer.retryNow();
    this.#streamState = state;
    this.#look();
  }

  close(): void {
    this.#controller.close();
    this.#talk.close();
    this.#closed.abort();
    this.#timers.forEach(clearInterval);
    this.#viewer.close();
  }

  #listen(): void {
    const { signal } = this.#closed;
    listenToKeys(this.#controller, () => this.#dashboard.inSight(), signal);
    keepAwake(() => this.#controller.holds || this.#dashboard.video.paintedMs !== null, signal);
    listenToTalkKey(this.#talk, signal);
    listenToInterruptions(() => this.#talk.release(), signal);
    // Who looks away does not drive: somebody else may.
    const onVisibility = () => {
      this.#dashboard.video.setHidden(document.hidden);
      if (document.hidden) this.#viewer.release();
    };
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
    if (stream !== null) return;
    this.#video = null;
    this.#reports.channelClosed();
  }

  #onMessage(message: Message): void {
    const now = performance.now();
    this.#options.robotClock.report(message.telemetry?.clock_ms, now);
    this.#reports.fromChannel(message, now);
    if (message.pong === undefined) this.#look();
  }

  /** Looks at what the freshest report brings. */
  #readTelemetry(now: number): void {
    const before = this.#telemetry;
    this.#telemetry = this.#reports.telemetry(now);
    for (const text of logMessages.ofReports(before, this.#telemetry)) this.#log.write(text);
    const stop = this.#telemetry?.stopped_by;
    if (stop === undefined || stop.id === this.#clientId || stop.id === before?.stopped_by?.id) return;
    if (!this.#controller.holds) return;
    // The robot obeys what is held here no more, until it has been let go.
    this.#heldBackBy = senderName(stop);
    this.#controller.hold();
  }

  #onHold(): void {
    const { holds } = this.#controller;
    this.#heldSinceMs = holds ? (this.#heldSinceMs ?? performance.now()) : null;
    if (!holds) this.#heldBackBy = null;
  }

  #driveWithoutPicture(): void {
    this.#withoutPicture = true;
    this.#log.write(texts.drivingWithoutPicture);
    this.#look();
  }

  #onViewerState(state: ViewerState): void {
    this.#log.write(logMessages.ofViewer(state));
    if (state.is === "connected") {
      this.#reports.channelOpened(performance.now());
      this.#viewer.request({ listen: this.#dashboard.sound.listening });
    } else this.#talk.release();
    this.#viewerState = state;
    this.#look();
  }

  #onOutcome({ error, tookMs }: Outcome): void {
    this.#publishError = error === undefined ? null : api.errorMessage(error);
    this.#answerMs = error === undefined ? tookMs : undefined;
    if (this.#publishError !== null) this.#log.write(texts.notObeyed(this.#publishError));
    this.#look();
  }

  async #readStats(): Promise<void> {
    const pc = this.#viewer.pc;
    const report = pc?.connectionState === "connected" ? await pc.getStats() : null;
    const counters = report && readCounters(report.values(), performance.now());
    // In the meantime the connection may have become another one.
    if (counters !== null && this.#viewer.pc === pc) {
      this.#video = { counters, stats: videoStats(this.#video?.counters ?? null, counters) };
    }
  }

  #sample(): void {
    const wheels = this.#telemetry?.wheels;
    this.#dashboard.addSample({
      atMs: Date.now(),
      left: wheels?.left,
      right: wheels?.right,
      roundTripMs: this.#viewer.roundTripMs,
      pictureAgeMs: this.#pictureAgeMs(performance.now()),
      kbps: this.#video?.stats.kbps,
    });
  }

  /** Looks at it all; time alone lets a robot fall silent and a picture stand still. */
  #look(): void {
    const now = performance.now();
    this.#readTelemetry(now);
    const { paintedMs } = this.#dashboard.video;
    const stillMs = paintedMs === null ? null : now - paintedMs;
    const moves = stillMs !== null && !veiled(stillMs);
    // Whoever sees where the robot goes has not said for the next time that they do not.
    if (moves) this.#withoutPicture = false;
    const reached = this.#reports.heard(now, this.#streamState?.is === "live");
    const lock = motionLock({ reached, stillMs, withoutPicture: this.#withoutPicture });
    this.#controller.locked = lock !== null;
    this.#redraw(now, stillMs, lock);
  }

  /** How old the newest frame was when it was painted; one that has stood still since grows older. */
  #pictureAgeMs(now: number): number | undefined {
    const { paintedMs, ageMs } = this.#dashboard.video;
    if (paintedMs === null || ageMs === undefined) return undefined;
    const stillMs = now - paintedMs;
    return veiled(stillMs) ? ageMs + stillMs : ageMs;
  }

  #driverLine(now: number): DriverLine | null {
    const line = driverLine({
      me: this.#clientId,
      user: this.#options.publish === null ? null : this.#options.user,
      // Of a robot that is not heard nothing is known of who drives it.
      telemetry: this.#reports.heard(now, this.#streamState?.is === "live") ? this.#telemetry : null,
      told: this.#reports.told(now),
      heldBackBy: this.#heldBackBy,
      heldMs: this.#heldSinceMs === null ? 0 : now - this.#heldSinceMs,
    });
    if (line !== null && line.text !== this.#driver?.text) this.#log.write(line.text);
    // Who goes on without a hand would go on being refused without one.
    if (line?.another || line?.tone === "held-back") this.#controller.unlatch();
    return (this.#driver = line);
  }

  #redraw(now: number, stillMs: number | null, lock: Lock | null): void {
    const { station } = this.#reports;
    const facts = { viewer: this.#viewerState, nowMs: Date.now() };
    const { canSend, roundTripMs } = this.#viewer;
    this.#dashboard.show({
      status: status({
        ...facts,
        stream: this.#streamState,
        robot: station && { online: station.online, seenMs: station.received_ms },
        boardFault: this.#telemetry?.board_fault,
        locked: lock !== null,
        heard: this.#telemetry !== null,
        silentMs: { channel: this.#reports.channelSilentMs(now), station: this.#reports.stationSilentMs(now) },
        publishError: this.#publishError,
        serverMs: this.#serverMs(),
      }),
      note: videoNote({ ...facts, cameraFault: this.#telemetry?.video?.camera_fault, painted: stillMs !== null }),
      driver: this.#driverLine(now),
      veiled: veiled(stillMs),
      lock,
      telemetry: this.#telemetry,
      stats: this.#video?.stats ?? null,
      byDataChannel: canSend,
      roundTripMs: canSend ? roundTripMs : this.#answerMs,
      pictureAgeMs: this.#pictureAgeMs(now),
      sound: soundState({
        audio: this.#telemetry?.audio,
        direction: this.#viewer.sound?.currentDirection ?? null,
        connected: canSend,
        me: this.#clientId,
        driver: this.#telemetry?.driver,
        talk: this.#talk.state,
        problem: this.#talk.problem,
      }),
    });
  }
}
