// The page a robot is driven from: brings hands, roads, picture and readings together.
// Knows no element but the dashboard's; what is sent and when is decided in `drive`.

import { listenToGamepad } from "../drive/gamepad";
import { Helm } from "../drive/controller";
import { listenToKeys } from "../drive/keyboard";
import { Outbox, type Outcome } from "../drive/outbox";
import { newSender } from "../drive/scheduler";
import { send, sendEverywhere, type Roads } from "../drive/transport";
import type { Pass } from "../kvs/channel";
import { Log } from "../log";
import * as api from "../station/api";
import type { FeedState } from "../station/telemetry";
import type { Driver, Said } from "../video/peer-connection";
import { counted, figures, type Counted, type Figures } from "../video/stats";
import { Watch, type WatchState } from "../video/viewer";
import type { Action, Report, Telemetry } from "../wire";
import * as chronicle from "./log-messages";
import { dashboard } from "./dashboard";
import { pictureNote, standing } from "./status";

/** Figures are per second, and read by people. */
const LOOK_MS = 1_000;

/** Wheels move in pulses of 200 ms; the plot should show them. */
const SAMPLE_MS = 250;

export interface CockpitSettings {
  robot: string;
  user: string;
  pass: () => Promise<Pass>;
  /** Over HTTP; null where no ground station is between. */
  publish: ((action: Action) => Promise<void>) | null;
  /** Milliseconds the server's clock is ahead. */
  clockOffsetMs: () => number;
  /** A card to stand beside the readings. */
  display?: HTMLElement;
}

/** What is known of the picture of one connection. */
interface Picture {
  counted: Counted;
  figures: Figures;
  /** When a frame was last counted; null before the first. */
  lastFrameMs: number | null;
}

export class Cockpit {
  readonly element: HTMLElement;
  readonly #settings: CockpitSettings;
  readonly #left = new AbortController();
  readonly #log = new Log();
  readonly #roads: Roads;
  readonly #watch: Watch;
  readonly #helm: Helm;
  readonly #view: ReturnType<typeof dashboard>;
  readonly #timers: ReturnType<typeof setInterval>[];
  #feed: FeedState | null;
  #watchState: WatchState = { is: "off" };
  #report: Report | null = null;
  #driver: Driver | null = null;
  #publishError: string | null = null;
  #answerMs: number | undefined;
  #picture: Picture | null = null;

  constructor(settings: CockpitSettings) {
    const { robot, user, pass, publish, clockOffsetMs } = settings;
    const us = newSender(user, crypto.getRandomValues(new Uint32Array(1))[0]!);
    this.#settings = settings;
    this.#feed = publish === null ? null : { is: "connecting" };
    this.#watch = new Watch({
      clientId: us,
      pass,
      clockOffsetMs,
      inWords: api.inWords,
      picture: (stream) => this.#see(stream),
      said: (said) => this.#hear(said),
      state: (state) => this.#watched(state),
    });
    this.#roads = {
      direct: this.#watch,
      post: publish && new Outbox(publish, (outcome) => this.#answered(outcome), () => performance.now()),
    };
    this.#helm = new Helm(
      us,
      () => ({ steady: performance.now(), unix: this.#unixMs() }),
      (action, pressed) => (pressed ? sendEverywhere : send)(this.#roads, action),
    );
    this.#view = dashboard(robot, this.#helm, this.#log, settings.display ?? null);
    this.element = this.#view.element;
    this.#listen();
    this.#timers = [setInterval(() => void this.#look(), LOOK_MS), setInterval(() => this.#sample(), SAMPLE_MS)];
    this.#watch.start();
  }

  /** The robot's report by way of the ground station. */
  report(report: Report): void {
    // Its own word by the data channel is fresher.
    if (!this.#watch.drives) this.#take(report);
  }

  feed(state: FeedState): void {
    if (state.is !== this.#feed?.is) this.#log.write(chronicle.ofFeed(state));
    if (state.is === "live" && this.#feed?.is !== "live") this.#watch.hurry();
    this.#feed = state;
    this.#redraw();
  }

  leave(): void {
    this.#helm.leave();
    this.#left.abort();
    this.#timers.forEach(clearInterval);
    this.#watch.close();
  }

  #listen(): void {
    const { signal } = this.#left;
    listenToKeys(this.#helm, signal);
    listenToGamepad(this.#helm, signal);
    // Who looks away does not drive: somebody else may.
    const hidden = () => document.hidden && this.#watch.releaseWheel();
    document.addEventListener("visibilitychange", hidden, { signal });
    addEventListener("pagehide", () => this.#watch.hangUp(), { signal });
  }

  #unixMs(): number {
    return Date.now() + this.#settings.clockOffsetMs();
  }

  #see(stream: MediaStream | null): void {
    this.#view.stage.show(stream);
    if (stream === null) {
      this.#picture = null;
      this.#driver = null;
    }
  }

  #hear({ telemetry, driver }: Said): void {
    if (driver !== undefined) {
      if (driver.name !== this.#driver?.name) this.#log.write(chronicle.ofDriver(driver));
      this.#driver = driver;
    }
    if (telemetry !== undefined) {
      this.#take({ robot: this.#settings.robot, online: true, received_ms: this.#unixMs(), telemetry });
    }
  }

  #take(report: Report): void {
    const before = this.#report;
    for (const line of chronicle.ofReports(before?.telemetry ?? null, report.telemetry)) this.#log.write(line);
    if (report.online && before?.online === false) this.#watch.hurry();
    if (report.telemetry !== null) this.#watch.wanted = report.telemetry.video !== undefined || !report.online;
    this.#report = report;
    this.#redraw();
  }

  #watched(state: WatchState): void {
    this.#log.write(chronicle.ofWatch(state));
    this.#watchState = state;
    this.#redraw();
  }

  #answered({ error, tookMs }: Outcome): void {
    this.#publishError = error === undefined ? null : api.inWords(error);
    this.#answerMs = error === undefined ? tookMs : undefined;
    if (this.#publishError !== null) this.#log.write(`Not obeyed: ${this.#publishError}`);
    this.#redraw();
  }

  async #look(): Promise<void> {
    const pc = this.#watch.pc;
    const report = pc?.connectionState === "connected" ? await pc.getStats() : null;
    const now = report && counted(report.values(), performance.now());
    // In the meantime the connection may have become another one.
    if (now !== null && this.#watch.pc === pc) {
      const before = this.#picture;
      const moved = now.framesDecoded > (before?.counted.framesDecoded ?? 0);
      this.#picture = {
        counted: now,
        figures: figures(before?.counted ?? null, now),
        lastFrameMs: moved ? now.atMs : (before?.lastFrameMs ?? null),
      };
    }
    this.#redraw();
  }

  #sample(): void {
    const wheels = this.#telemetry?.wheels;
    this.#view.sample({
      atMs: Date.now(),
      left: wheels?.left,
      right: wheels?.right,
      roundTripMs: this.#watch.roundTripMs,
      kbps: this.#picture?.figures.kbps,
    });
  }

  /** How the robot is; of one that is away nothing is known. */
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
    const frames = [this.#view.stage.paintedMs, this.#picture?.lastFrameMs ?? null].filter((ms) => ms !== null);
    const facts = { watch: this.#watchState, nowMs: Date.now() };
    this.#view.show({
      standing: standing({ ...facts, feed: this.#feed, robot, publishError: this.#publishError, serverMs: this.#unixMs() }),
      note: pictureNote({
        ...facts,
        cameraFault: telemetry?.video?.camera_fault,
        stillS: frames.length === 0 ? null : (performance.now() - Math.max(...frames)) / 1000,
      }),
      driver: this.#driver && { ...this.#driver, text: chronicle.ofDriver(this.#driver) },
      telemetry,
      picture: this.#picture?.figures ?? null,
      direct: this.#watch.drives,
      roundTripMs: this.#watch.drives ? this.#watch.roundTripMs : this.#answerMs,
    });
  }
}
