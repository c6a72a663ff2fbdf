// One line that says how things stand between page, server and robot. Pure.

import type { FeedState } from "../station/feed";
import { ago, span } from "./words";

export interface Standing {
  tone: "good" | "wait" | "bad";
  text: string;
}

export interface Facts {
  feed: FeedState;
  /** The robot's last report; null before the first. */
  robot: { online: boolean; seenMs: number | null; boardFault?: string | undefined } | null;
  /** Why the last action did not get through; null when it did, or none was sent. */
  publishError: string | null;
  nowMs: number;
}

/** The worst first: what is nearest to the page hides what lies behind it. */
export function standing(facts: Facts): Standing {
  const { feed, robot, publishError, nowMs } = facts;
  switch (feed.is) {
    case "refused":
      return { tone: "bad", text: "Signed out: please sign in again" };
    case "waiting":
      return {
        tone: "bad",
        text: `Reconnecting in ${span(Math.ceil((feed.untilMs - nowMs) / 1000))}: ${feed.why}`,
      };
    case "connecting":
      return { tone: "wait", text: "Connecting to the ground station" };
    case "live":
      break;
  }
  if (robot === null) return { tone: "wait", text: "Waiting for the robot's first report" };
  if (!robot.online) return { tone: "bad", text: `The robot is offline, ${ago(robot.seenMs, nowMs)}` };
  if (publishError !== null) return { tone: "bad", text: `Not obeyed: ${publishError}` };
  if (robot.boardFault !== undefined) return { tone: "bad", text: `Motor board: ${robot.boardFault}` };
  return { tone: "good", text: "Online" };
}
