// The pages of a ground station for who is signed in: the telemetry and the clock that live as
// long as the session, and whichever page is shown.

import { RobotClock } from "../drive/robot-clock";
import * as api from "../station/api";
import { ServerClock } from "../station/clock";
import type { Session } from "../station/session";
import { TelemetryStream, type StreamState } from "../station/telemetry";
import type { Report } from "../wire";
import { displayCard } from "./display-card";
import { drivesCard } from "./drives-card";
import { byPresence, robotList, type RobotList } from "./robot-list";
import { RobotPage } from "./robot-page";
import { topBar } from "./top-bar";
import { texts } from "../language";

/** Clocks drift by milliseconds a minute at worst; one look a minute keeps up. */
const POLL_INTERVAL_MS = 60_000;

export class SessionPage {
  readonly #root: HTMLElement;
  readonly #session: Session;
  readonly #onEnd: (note: string | null) => void;
  readonly #closed = new AbortController();
  readonly #clock = new ServerClock();
  readonly #reports = new Map<string, Report>();
  readonly #robotClocks = new Map<string, RobotClock>();
  readonly #stream: TelemetryStream;
  #streamState: StreamState = { is: "connecting" };
  #robotPage: RobotPage | null = null;
  #list: RobotList | null = null;
  #shown = new AbortController();

  /** `onEnd` is told why the session ended; null when the user left. */
  constructor(root: HTMLElement, session: Session, onEnd: (note: string | null) => void) {
    this.#root = root;
    this.#session = session;
    this.#onEnd = onEnd;
    const { signal } = this.#closed;
    const timer = setInterval(() => void this.#poll(), POLL_INTERVAL_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    addEventListener("hashchange", () => this.#show(), { signal });
    this.#show();
    this.#stream = new TelemetryStream({
      token: session.token,
      onReport: (report) => this.#onReport(report),
      onState: (state) => this.#onStreamState(state),
    });
    this.#stream.start();
  }

  #close(note: string | null): void {
    this.#closed.abort();
    this.#shown.abort();
    this.#stream.close();
    this.#robotPage?.close();
    this.#onEnd(note);
  }

  get #robot(): string {
    try {
      return decodeURIComponent(location.hash.replace(/^#\/?/, ""));
    } catch {
      return "";
    }
  }

  #show(): void {
    this.#robotPage?.close();
    this.#shown.abort();
    this.#shown = new AbortController();
    const robot = this.#robot;
    this.#robotPage = robot === "" ? null : this.#newRobotPage(robot);
    this.#list = robot === "" ? robotList(this.#display()) : null;
    document.title = robot === "" ? "Outpost" : `${robot} · Outpost`;
    const bar = topBar({
      user: this.#session.user,
      back: robot !== "",
      leaveText: texts.signOut,
      leave: () => this.#close(null),
    });
    const { element } = (this.#robotPage ?? this.#list)!;
    this.#root.replaceChildren(bar, element);
    focusOn(element);
    this.#robotPage?.onStreamState(this.#streamState);
    const report = this.#reports.get(robot);
    if (report !== undefined) this.#robotPage?.onReport(report);
    this.#showList();
  }

  #newRobotPage(robot: string): RobotPage {
    const { token, user } = this.#session;
    return new RobotPage({
      robot,
      user,
      credentials: () => api.viewerCredentials(token, robot),
      publish: (action) => api.publish(token, robot, action),
      clockOffsetMs: () => this.#clock.offsetMs,
      robotClock: this.#robotClock(robot),
      cards: [drivesCard(() => api.driveLog(token, robot), this.#shown.signal), this.#display()],
    });
  }

  #display(): HTMLElement {
    return displayCard(() => api.displayImage(this.#session.token), this.#shown.signal);
  }

  #showList(): void {
    const reports = [...this.#reports.values()].sort(byPresence);
    this.#list?.show(reports, this.#clock.corrected(Date.now()));
  }

  /** Of one robot there is one, for as long as the session lives. */
  #robotClock(robot: string): RobotClock {
    const clock = this.#robotClocks.get(robot) ?? new RobotClock();
    this.#robotClocks.set(robot, clock);
    return clock;
  }

  #onReport(report: Report): void {
    this.#robotClock(report.robot).report(report.telemetry?.clock_ms, performance.now());
    this.#setReport(report);
  }

  #setReport(report: Report): void {
    this.#reports.set(report.robot, report);
    if (report.robot === this.#robot) this.#robotPage?.onReport(report);
    this.#showList();
  }

  #onStreamState(state: StreamState): void {
    this.#streamState = state;
    if (state.is === "unauthorized") return this.#close(texts.sessionOver);
    // What happened while the stream was down is asked for, not guessed.
    if (state.is === "live") void this.#poll();
    this.#robotPage?.onStreamState(state);
  }

  async #poll(): Promise<void> {
    const asked = Date.now();
    const answer = await api.robots(this.#session.token).catch(() => null);
    if (answer === null || this.#closed.signal.aborted) return;
    this.#clock.addSample(answer.now_ms, asked, Date.now());
    for (const { name, online, seen_ms, telemetry } of answer.robots) {
      // The stream may have been quicker than this answer.
      if ((this.#reports.get(name)?.received_ms ?? 0) > (seen_ms ?? 0)) continue;
      this.#setReport({ robot: name, online, received_ms: seen_ms, telemetry });
    }
  }
}

/** A new page begins at its top, for the eye and for a screen reader. */
function focusOn(page: HTMLElement): void {
  scrollTo(0, 0);
  const heading = page.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}
