// Which page is shown, and what lives as long as the session: the clock and the feed.

import "./style/base.css";
import "./style/cockpit.css";
import { cockpit, type Cockpit } from "./page/cockpit";
import { el } from "./page/dom";
import { planet } from "./page/drawings";
import { robotList, type RobotList } from "./page/robots";
import { signIn } from "./page/sign-in";
import * as api from "./station/api";
import { ServerClock } from "./station/clock";
import { Feed, type FeedState } from "./station/feed";
import * as session from "./station/session";
import type { Report } from "./wire";

/** Clocks drift by milliseconds a minute at worst; one look a minute keeps up. */
const CLOCK_MS = 60_000;

const root = document.querySelector<HTMLElement>("#app")!;

start(session.kept(Date.now()), null);

function start(signedIn: session.Session | null, note: string | null): void {
  if (signedIn !== null) return signedInPages(signedIn);
  document.title = "Outpost";
  root.replaceChildren(
    signIn(note, (login) => {
      // One robot is the usual case: go there at once.
      const [only, ...others] = login.robots;
      if (only !== undefined && others.length === 0) location.hash = `#/${encodeURIComponent(only)}`;
      start(session.keep(login), null);
    }),
  );
  root.querySelector("input")?.focus();
}

function signedInPages(signedIn: session.Session): void {
  const clock = new ServerClock();
  const reports = new Map<string, Report>();
  const left = new AbortController();
  let feedState: FeedState = { is: "connecting" };
  let page: Cockpit | RobotList | null = null;

  const leave = (note: string | null) => {
    left.abort();
    feed.close();
    if (page !== null && "leave" in page) page.leave();
    session.forget();
    start(null, note);
  };
  const show = () => {
    if (page !== null && "leave" in page) page.leave();
    const robot = decodeURIComponent(location.hash.replace(/^#\//, ""));
    page = robot === "" ? robotList() : cockpit(robot, signedIn.token, clock);
    document.title = robot === "" ? "Outpost" : `${robot} · Outpost`;
    root.replaceChildren(bar(signedIn.user, robot !== "", () => leave(null)), page.element);
    tell();
  };
  const tell = () => {
    if (page === null) return;
    if ("show" in page) return page.show([...reports.values()].sort(byName), clock.corrected(Date.now()));
    page.feed(feedState);
    const report = reports.get(decodeURIComponent(location.hash.slice(2)));
    if (report !== undefined) page.report(report);
  };
  const feed = new Feed(
    signedIn.token,
    (report) => {
      reports.set(report.robot, report);
      tell();
    },
    (state) => {
      feedState = state;
      if (state.is === "refused") return leave("Your session is over. Please sign in again.");
      // What happened while the stream was down is asked for, not guessed.
      if (state.is === "live") void list();
      tell();
    },
  );
  const list = async () => {
    const asked = Date.now();
    const answer = await api.robots(signedIn.token).catch(() => null);
    if (answer === null) return;
    clock.heard(answer.now_ms, asked, Date.now());
    for (const { name, online, seen_ms, telemetry } of answer.robots) {
      // The stream may have been quicker than this answer.
      if ((reports.get(name)?.received_ms ?? 0) > (seen_ms ?? 0)) continue;
      reports.set(name, { robot: name, online, received_ms: seen_ms, telemetry });
    }
    tell();
  };
  const timer = setInterval(() => void list(), CLOCK_MS);
  left.signal.addEventListener("abort", () => clearInterval(timer));
  addEventListener("hashchange", show, { signal: left.signal });
  show();
}

function bar(user: string, onRobot: boolean, signOut: () => void): HTMLElement {
  return el(
    "header",
    { class: "bar" },
    el("a", { class: "brand", href: "#/", "aria-label": "Outpost, all robots" }, planet(), el("span", {}, "Outpost")),
    onRobot ? el("a", { class: "back", href: "#/" }, "All robots") : null,
    el("span", { class: "spacer" }),
    el("span", { class: "quiet user" }, user),
    el("button", { type: "button", class: "plain", onclick: signOut }, "Sign out"),
  );
}

function byName(a: Report, b: Report): number {
  return a.robot.localeCompare(b.robot);
}
