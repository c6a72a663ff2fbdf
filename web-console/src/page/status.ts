// How things stand between page, server and robot, in one line; and what is the matter with
// the picture, in another. Pure.

import type { FeedState } from "../station/telemetry";
import type { WatchState } from "../video/viewer";
import { ago, span } from "./format";

export interface Standing {
  tone: "good" | "wait" | "bad";
  text: string;
}

export interface Facts {
  /** Null where no ground station is between: the robot is reached by its channel only. */
  feed: FeedState | null;
  watch: WatchState;
  /** The robot's last report; null before the first. */
  robot: { online: boolean; seenMs: number | null; boardFault?: string | undefined } | null;
  /** Why the last action did not get through; null when it did, or none was sent. */
  publishError: string | null;
  /** By this computer's clock. */
  nowMs: number;
  /** By the server's, which `seenMs` is counted by. */
  serverMs: number;
}

/** The worst first: what is nearest to the page hides what lies behind it. */
export function standing(facts: Facts): Standing {
  const { feed, robot, watch } = facts;
  if (feed?.is === "refused") return { tone: "bad", text: "Signed out: please sign in again" };
  if (robot?.boardFault !== undefined && reached(facts)) {
    return { tone: "bad", text: `Motor board: ${robot.boardFault}` };
  }
  if (watch.is === "connected") return connected(facts);
  if (feed === null) return { tone: watch.is === "waiting" ? "bad" : "wait", text: words(watch, facts.nowMs) };
  return overHttp(feed, facts);
}

/** What stands where the picture should be; empty when it is there and moves. */
export function pictureNote(facts: {
  watch: WatchState;
  cameraFault: string | undefined;
  /** Seconds since the last frame; null before the first. */
  stillS: number | null;
  nowMs: number;
}): string {
  const { watch, cameraFault, stillS, nowMs } = facts;
  if (watch.is !== "connected") return words(watch, nowMs);
  if (cameraFault !== undefined) return `Camera: ${cameraFault}`;
  if (stillS === null) return "Waiting for the first frame";
  return stillS >= 2 ? `The picture has stood still for ${span(stillS)}` : "";
}

function reached({ feed, watch, robot }: Facts): boolean {
  return watch.is === "connected" || (feed?.is === "live" && robot?.online === true);
}

function connected({ feed, nowMs }: Facts): Standing {
  if (feed?.is === "waiting") {
    return { tone: "wait", text: `Connected to the robot. The ground station is away: ${retry(feed.untilMs, nowMs)}` };
  }
  return { tone: "good", text: "Connected to the robot" };
}

function overHttp(feed: FeedState, { robot, publishError, nowMs, serverMs }: Facts): Standing {
  if (feed.is === "waiting") {
    return { tone: "bad", text: `Reconnecting, ${retry(feed.untilMs, nowMs)}: ${feed.why}` };
  }
  if (feed.is === "connecting") return { tone: "wait", text: "Connecting to the ground station" };
  if (robot === null) return { tone: "wait", text: "Waiting for the robot's first report" };
  if (!robot.online) return { tone: "bad", text: `The robot is offline, ${ago(robot.seenMs, serverMs)}` };
  if (publishError !== null) return { tone: "bad", text: `Not obeyed: ${publishError}` };
  return { tone: "good", text: "Online, by way of the ground station" };
}

function words(watch: WatchState, nowMs: number): string {
  switch (watch.is) {
    case "off":
      return "This robot's camera is off";
    case "asking":
      return watch.what;
    case "connected":
      return "Connected to the robot";
    case "waiting":
      return `No picture: ${watch.why}; ${retry(watch.untilMs, nowMs)}`;
  }
}

function retry(untilMs: number, nowMs: number): string {
  return `next try in ${span(Math.ceil((untilMs - nowMs) / 1000))}`;
}
