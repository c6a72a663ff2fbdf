// The status of page, server and robot in one line; and what is the matter with the video, in
// another. Pure.

import type { StreamState } from "../station/telemetry";
import type { ViewerState } from "../video/viewer";
import { ago, span } from "./format";

export interface Status {
  tone: "good" | "wait" | "bad";
  text: string;
}

export interface Facts {
  /** Null where no ground station is between: the robot is reached by its channel only. */
  stream: StreamState | null;
  viewer: ViewerState;
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
export function status(facts: Facts): Status {
  const { stream, robot, viewer } = facts;
  if (stream?.is === "unauthorized") return { tone: "bad", text: "Signed out: please sign in again" };
  if (robot?.boardFault !== undefined && reached(facts)) {
    return { tone: "bad", text: `Motor board: ${robot.boardFault}` };
  }
  if (viewer.is === "connected") return connected(facts);
  if (stream === null) return { tone: viewer.is === "waiting" ? "bad" : "wait", text: viewerText(viewer, facts.nowMs) };
  return overHttp(stream, facts);
}

/** What stands where the video should be; empty when it is there and moves. */
export function videoNote(facts: {
  viewer: ViewerState;
  cameraFault: string | undefined;
  /** Seconds since the last frame; null before the first. */
  stillS: number | null;
  nowMs: number;
}): string {
  const { viewer, cameraFault, stillS, nowMs } = facts;
  if (viewer.is !== "connected") return viewerText(viewer, nowMs);
  if (cameraFault !== undefined) return `Camera: ${cameraFault}`;
  if (stillS === null) return "Waiting for the first frame";
  return stillS >= 2 ? `The picture has stood still for ${span(stillS)}` : "";
}

function reached({ stream, viewer, robot }: Facts): boolean {
  return viewer.is === "connected" || (stream?.is === "live" && robot?.online === true);
}

function connected({ stream, nowMs }: Facts): Status {
  if (stream?.is === "waiting") {
    return { tone: "wait", text: `Connected to the robot. The ground station is away: ${retry(stream.untilMs, nowMs)}` };
  }
  return { tone: "good", text: "Connected to the robot" };
}

function overHttp(stream: StreamState, { robot, publishError, nowMs, serverMs }: Facts): Status {
  if (stream.is === "waiting") {
    return { tone: "bad", text: `Reconnecting, ${retry(stream.untilMs, nowMs)}: ${stream.why}` };
  }
  if (stream.is === "connecting") return { tone: "wait", text: "Connecting to the ground station" };
  if (robot === null) return { tone: "wait", text: "Waiting for the robot's first report" };
  if (!robot.online) return { tone: "bad", text: `The robot is offline, ${ago(robot.seenMs, serverMs)}` };
  if (publishError !== null) return { tone: "bad", text: `Not obeyed: ${publishError}` };
  return { tone: "good", text: "Online, by way of the ground station" };
}

function viewerText(viewer: ViewerState, nowMs: number): string {
  switch (viewer.is) {
    case "camera-off":
      return "This robot's camera is off";
    case "connecting":
      return viewer.step;
    case "connected":
      return "Connected to the robot";
    case "waiting":
      return `No picture: ${viewer.why}; ${retry(viewer.untilMs, nowMs)}`;
  }
}

function retry(untilMs: number, nowMs: number): string {
  return `next try in ${span(Math.ceil((untilMs - nowMs) / 1000))}`;
}
