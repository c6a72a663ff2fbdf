// What travels between page, ground-station and robot, as the crate `wire` defines it.
// `test/wire.test.ts` holds this page against the examples that crate is tested with.

import { readTelemetry } from "./telemetry-shape";

/** A motion that needs no numbers. */
export type Word = "forward" | "backwards" | "left" | "right" | "stop";

/** What the wheels shall do now. */
export interface Action {
  action: Word | "drive";
  /** Forward positive, in [-1, 1]; only with `drive`. */
  linear?: number;
  /** Counter-clockwise positive, in [-1, 1]; only with `drive`. */
  angular?: number;
  /** Fraction of full throttle, in (0, 1]. */
  speed?: number;
  /** Place in this sender's order. */
  seq?: number;
  /** Unix milliseconds by the server's clock; where `clock_ms` is not known. */
  sent_at?: number;
  /** The robot's own clock when it was given, as its telemetry lets us estimate it. */
  clock_ms?: number;
  /** Whose order `seq` counts. */
  sender?: string;
}

/** Whether it moves nothing: a stop, or a driver's letting go. */
export function isRest({ action, linear, angular }: Action): boolean {
  return action === "stop" || (action === "drive" && linear === 0 && angular === 0);
}

export interface Wheels {
  left: number;
  right: number;
}

/** Where a robot stands, in metres and radians as in ROS: it started at 0, 0, looking along x. */
export interface Pose {
  x: number;
  y: number;
  /** Counter-clockwise. */
  theta: number;
}

/** The road that an action takes to the robot. */
export type Via = "mqtt" | "data-channel";

/** What a robot says about itself. What it cannot tell is absent. */
export interface Telemetry {
  online: boolean;
  version?: string;
  uptime_s?: number;
  /** The robot's own clock when this was written, in milliseconds. */
  clock_ms?: number;
  wheels?: Wheels;
  board_fault?: string;
  /** Absent while nobody drives. */
  driver?: { id: string; user?: string; via: Via; age_ms: number };
  /** Who stopped the last driver, while that is news. */
  stopped_by?: { id: string; user?: string; via: Via };
  /** What a slow network leaves of the speed; absent while it takes nothing away. */
  speed_limit?: { fraction: number; turn_only: boolean; age_ms: number };
  last_action?: { id?: string; action: string; source: string; age_ms: number };
  counters?: {
    accepted: number;
    rejected: number;
    stale: number;
    out_of_order: number;
    not_driver?: number;
    bus_errors: number;
    reconnects: number;
  };
  video?: {
    viewers: number;
    driver?: string;
    fps: number;
    bitrate_kbps: number;
    key_frames: number;
    encoders?: string[];
    camera_fault?: string;
  };
  /** Absent where sound is off. */
  audio?: Audio;
  system?: { cpu_temp_c?: number; load1?: number; rss_kib?: number; wifi_dbm?: number };
  battery_v?: number;
  pose?: Pose;
}

/** What the robot hears and says. */
export interface Audio {
  microphone: boolean;
  /** By the robot's owner; nobody else can undo it. */
  muted: boolean;
  microphone_fault?: string;
  speaker: boolean;
  speaker_fault?: string;
  /** How many listen. */
  listeners: number;
  /** Who speaks by the robot: a client id. */
  talker?: string;
}

/** A robot as `GET /robots` lists it. */
export interface Robot {
  name: string;
  online: boolean;
  seen_ms: number | null;
  telemetry: Telemetry | null;
}

/** The data of one `telemetry` event of `GET /telemetry`. */
export interface Report {
  robot: string;
  online: boolean;
  received_ms: number | null;
  telemetry: Telemetry | null;
}

/** Who sends actions, as a robot names them. */
export interface Sender {
  id: string;
  user?: string;
  via: Via;
}

/** What became of who drives, as `GET /robots/{name}/log` tells it. */
export interface DriveEntry {
  at_ms: number;
  event: "began" | "took-over" | "stopped" | "ended" | "lost";
  driver: Sender;
  /** Who drove before, with `took-over`. */
  from?: Sender;
  /** Who stopped them, with `stopped`. */
  by?: Sender;
}

/** Labels of the two data channels; the page opens both. */
export const DRIVE_CHANNEL = "drive";
export const TELEMETRY_CHANNEL = "telemetry";

/** To the robot on `telemetry`: asks for a pong, lets others drive, listens or not, talks. */
export type Request = { ping: number } | { release: true } | { listen: boolean } | { talk: true };

/** Who drives, as the robot tells this viewer; `name` is a client id, null while nobody does. */
export interface Driver {
  you: boolean;
  name: string | null;
}

/** From the robot on `telemetry`: a pong, or both of the others. */
export interface Message {
  pong?: number;
  telemetry?: Telemetry;
  driver?: Driver;
}

/**
 * Reads a message with care, as the robot may be of another version: what does not fit is left
 * out. Null if it is no message at all.
 */
export function readMessage(data: unknown): Message | null {
  if (typeof data !== "string") return null;
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch {
    return null;
  }
  if (!isObject(message)) return null;
  const { pong, driver } = message;
  const telemetry = readTelemetry(message["telemetry"]);
  return {
    ...(typeof pong === "number" ? { pong } : {}),
    ...(telemetry === null ? {} : { telemetry }),
    ...(isDriver(driver) ? { driver } : {}),
  };
}

/** Nothing where it is no place, as a map of it would be none either. */
export function readPose(value: unknown): Pose | undefined {
  if (!isObject(value)) return undefined;
  const { x, y, theta } = value;
  const places = [x, y, theta].every((part) => Number.isFinite(part));
  return places ? ({ x, y, theta } as Pose) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDriver(value: unknown): value is Driver {
  if (!isObject(value)) return false;
  const { you, name } = value;
  return typeof you === "boolean" && (name === null || typeof name === "string");
}
