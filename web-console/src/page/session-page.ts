// Somebody who is signed in to a ground station: the feed and the clock that live as long
// as the visit, and whichever of its pages is shown.

import * as api from "../station/api";
import { ServerClock } from "../station/clock";
import { Feed, type FeedState } from "../station/telemetry";
import type { Session } from "../station/session";
import type { Report } from "../wire";
import { bar } from "./top-bar";
import { Cockpit } from "./robot-page";
import { displayCard } from "./display-card";
import { robotList, type RobotList } from "./robot-list";

/** Clocks drift by milliseconds a minute at worst; one look a minute keeps up. */
const LOOK_MS = 60_000;

export class Visit {
  readonly #root: HTMLElement;
  readonly #session: Session;
  readonly #over: (note: string | null) => void;
  readonly #left = new AbortController();
  readonly #clock = new ServerClock();
  readonly #reports = new Map<string, Report>();
  readonly #feed: Feed;
  #feedState: FeedState = { is: "connecting" };
  #cockpit: Cockpit | null = null;
  #list: RobotList | null = null;
  #shown = new AbortController();

  constructor(root: HTMLElement, session: Session, over: (note: string | null) => void) {
    this.#root = root;
    this.#session = session;
    this.#over = over;
    const { signal } = this.#left;
    const timer = setInterval(() => void this.#look(), LOOK_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    addEventListener("hashchange", () => this.#show(), { signal });
    this.#show();
    this.#feed = new Feed(
      session.token,
      (report) => this.#take(report),
      (state) => this.#fed(state),
    );
    this.#feed.start();
  }

  #leave(note: string | null): void {
    this.#left.abort();
    this.#shown.abort();
    this.#feed.close();
    this.#cockpit?.leave();
    this.#over(note);
  }

  get #robot(): string {
    try {
      return decodeURIComponent(location.hash.replace(/^#\/?/, ""));
    } catch {
      return "";
    }
  }

  #show(): void {
    this.#cockpit?.leave();
    this.#shown.abort();
    this.#shown = new AbortController();
    const robot = this.#robot;
    this.#cockpit = robot === "" ? null : this.#newCockpit(robot);
    this.#list = robot === "" ? robotList(this.#display()) : null;
    document.title = robot === "" ? "Outpost" : `${robot} · Outpost`;
    const top = bar({
      user: this.#session.user,
      back: robot !== "",
      leaveText: "Sign out",
      leave: () => this.#leave(null),
    });
    this.#root.replaceChildren(top, (this.#cockpit ?? this.#list)!.element);
    this.#cockpit?.feed(this.#feedState);
    const report = this.#reports.get(robot);
    if (report !== undefined) this.#cockpit?.report(report);
    this.#tell();
  }

  #newCockpit(robot: string): Cockpit {
    const { token, user } = this.#session;
    return new Cockpit({
      robot,
      user,
      pass: () => api.viewerPass(token, robot),
      publish: (action) => api.publish(token, robot, action),
      clockOffsetMs: () => this.#clock.offset,
      display: this.#display(),
    });
  }

  #display(): HTMLElement {
    return displayCard(() => api.displayPicture(this.#session.token), this.#shown.signal);
  }

  #tell(): void {
    const reports = [...this.#reports.values()].sort((a, b) => a.robot.localeCompare(b.robot));
    this.#list?.show(reports, this.#clock.corrected(Date.now()));
  }

  #take(report: Report): void {
    this.#reports.set(report.robot, report);
    if (report.robot === this.#robot) this.#cockpit?.report(report);
    this.#tell();
  }

  #fed(state: FeedState): void {
    this.#feedState = state;
    if (state.is === "refused") return this.#leave("Your session is over. Please sign in again.");
    // What happened while the stream was down is asked for, not guessed.
    if (state.is === "live") void this.#look();
    this.#cockpit?.feed(state);
  }

  async #look(): Promise<void> {
    const asked = Date.now();
    const answer = await api.robots(this.#session.token).catch(() => null);
    if (answer === null || this.#left.signal.aborted) return;
    this.#clock.heard(answer.now_ms, asked, Date.now());
    for (const { name, online, seen_ms, telemetry } of answer.robots) {
      // The stream may have been quicker than this answer.
      if ((this.#reports.get(name)?.received_ms ?? 0) > (seen_ms ?? 0)) continue;
      this.#take({ robot: name, online, received_ms: seen_ms, telemetry });
    }
  }
}
