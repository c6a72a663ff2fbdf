// The status of page, server and robot in one line; and what is the matter with the video, in
// another. Pure.

import type { StreamState } from "../station/telemetry";
import type { ViewerState } from "../video/viewer";
import { ago, span } from "../format";
import { texts } from "../language";

export interface Status {
  tone: "good" | "wait" | "bad";
  text: string;
}

export interface Facts {
  /** Null where no ground station is between: the robot is reached by its channel only. */
  stream: StreamState | null;
  viewer: ViewerState;
  /** The robot's last report; null before the first. */
  robot: { online: boolean; seenMs: number | null } | null;
  boardFault: string | undefined;
  /** Whether the robot has said anything, by whichever road. */
  heard: boolean;
  /** Whether the page lets nobody drive now, as over a picture that stands still. */
  locked: boolean;
  /** How long the robot has been silent on either road; null while it is not. */
  silentMs: { channel: number | null; station: number | null };
  /** Why the last action did not get through; null when it did, or none was sent. */
  publishError: string | null;
  /** By this computer's clock. */
  nowMs: number;
  /** By the server's, which `seenMs` is counted by. */
  serverMs: number;
}

/** The worst first: what is nearest to the page hides what lies behind it. */
export function status(facts: Facts): Status {
  const { stream, viewer, boardFault } = facts;
  if (stream?.is === "unauthorized") return { tone: "bad", text: texts.signedOut };
  if (boardFault !== undefined && reached(facts)) return { tone: "bad", text: texts.motorBoard(boardFault) };
  if (viewer.is === "connected") return connected(facts);
  if (stream === null) return { tone: viewer.is === "waiting" ? "bad" : "wait", text: viewerText(viewer, facts.nowMs) };
  return overHttp(stream, facts);
}

/** What is the matter with the video; empty where nothing is, or only that it stands still. */
export function videoNote(facts: {
  viewer: ViewerState;
  cameraFault: string | undefined;
  /** Whether a frame was ever painted. */
  painted: boolean;
  nowMs: number;
}): string {
  const { viewer, cameraFault, painted, nowMs } = facts;
  if (viewer.is !== "connected") return viewerText(viewer, nowMs);
  if (cameraFault !== undefined) return texts.camera(cameraFault);
  return painted ? "" : texts.waitingForFrame;
}

function reached({ stream, viewer, robot, silentMs }: Facts): boolean {
  return (viewer.is === "connected" && silentMs.channel === null) || (stream?.is === "live" && robot?.online === true);
}

function connected(facts: Facts): Status {
  const { stream, silentMs, locked, nowMs } = facts;
  if (silentMs.channel !== null) return unheard(silentMs.channel, facts);
  if (stream?.is === "waiting") {
    return { tone: "wait", text: texts.connectedStationAway(retry(stream.untilMs, nowMs)) };
  }
  return { tone: locked || !facts.heard ? "wait" : "good", text: texts.connected };
}

/** Connected, but nothing comes by data channel. */
function unheard(silentMs: number, { stream, robot, serverMs, ...facts }: Facts): Status {
  if (stream?.is === "live" && robot?.online === false) return offline(robot.seenMs, serverMs);
  if (stream?.is !== "live" || robot === null || facts.silentMs.station !== null) return silent(silentMs);
  return { tone: "bad", text: texts.pathBroke };
}

function overHttp(stream: StreamState, { robot, silentMs, publishError, locked, heard, nowMs, serverMs }: Facts): Status {
  if (stream.is === "waiting") {
    return { tone: "bad", text: texts.reconnecting(retry(stream.untilMs, nowMs), stream.why) };
  }
  if (stream.is === "connecting") return { tone: "wait", text: texts.connectingToStation };
  if (robot === null) return { tone: "wait", text: texts.waitingForReport };
  if (!robot.online) return offline(robot.seenMs, serverMs);
  if (silentMs.station !== null) return silent(silentMs.station);
  if (publishError !== null) return { tone: "bad", text: texts.notObeyed(publishError) };
  return heard ? { tone: locked ? "wait" : "good", text: texts.onlineByStation } : { tone: "wait", text: texts.onlineNoTelemetry };
}

function offline(seenMs: number | null, serverMs: number): Status {
  return { tone: "bad", text: texts.robotOffline(ago(seenMs, serverMs)) };
}

function silent(ms: number): Status {
  return { tone: "bad", text: texts.robotSilent(span(ms / 1000)) };
}

function viewerText(viewer: ViewerState, nowMs: number): string {
  switch (viewer.is) {
    case "camera-off":
      return texts.cameraOff;
    case "connecting":
      return viewer.step;
    case "connected":
      return texts.connected;
    case "waiting":
      return texts.noPicture(viewer.why, retry(viewer.untilMs, nowMs));
  }
}

function retry(untilMs: number, nowMs: number): string {
  return texts.nextTryIn(span(Math.ceil((untilMs - nowMs) / 1000)));
}
