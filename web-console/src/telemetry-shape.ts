// What of a robot's telemetry is what it should be. Whoever has a robot's certificate writes it, and
// what it shows is seen by all who may watch: what does not fit is left out, and breaks nothing.

import type { Report, Robot, Telemetry } from "./wire";

/** A part with `?` behind its name may be absent. */
type Shape = "boolean" | "number" | "string" | readonly ["string"] | { readonly [part: string]: Shape };

/** Longer words are none that a robot says. */
const MAX_CHARS = 300;
const MAX_ITEMS = 20;

const sender = { id: "string", "user?": "string", via: "string" } as const;

const TELEMETRY = {
  online: "boolean",
  "version?": "string",
  "uptime_s?": "number",
  "clock_ms?": "number",
  "wheels?": { left: "number", right: "number" },
  "board_fault?": "string",
  "driver?": { ...sender, age_ms: "number" },
  "stopped_by?": sender,
  "speed_limit?": { fraction: "number", turn_only: "boolean", age_ms: "number" },
  "last_action?": { "id?": "string", action: "string", source: "string", age_ms: "number" },
  "counters?": {
    accepted: "number",
    rejected: "number",
    stale: "number",
    out_of_order: "number",
    "not_driver?": "number",
    bus_errors: "number",
    reconnects: "number",
  },
  "video?": {
    viewers: "number",
    "driver?": "string",
    fps: "number",
    bitrate_kbps: "number",
    key_frames: "number",
    "encoders?": ["string"],
    "camera_fault?": "string",
  },
  "audio?": {
    microphone: "boolean",
    muted: "boolean",
    "microphone_fault?": "string",
    speaker: "boolean",
    "speaker_fault?": "string",
    listeners: "number",
    "talker?": "string",
  },
  "system?": { "cpu_temp_c?": "number", "load1?": "number", "rss_kib?": "number", "wifi_dbm?": "number" },
  "battery_v?": "number",
  "pose?": { x: "number", y: "number", theta: "number" },
} as const satisfies Shape;

/** Null where it says not even whether the robot is online. */
export function readTelemetry(value: unknown): Telemetry | null {
  return (fitted(TELEMETRY, value) as Telemetry | undefined) ?? null;
}

/** One event of the station's stream; null where it is none. */
export function readReport(value: unknown): Report | null {
  const read = fitted({ robot: "string", online: "boolean", "received_ms?": "number" }, value) as Report | undefined;
  if (read === undefined) return null;
  const { robot, online, received_ms } = read;
  return { robot, online, received_ms: received_ms ?? null, telemetry: readTelemetry((value as Report).telemetry) };
}

/** A robot of the station's list. */
export function readRobot(robot: Robot): Robot {
  return { ...robot, telemetry: readTelemetry(robot.telemetry) };
}

/** The value as far as it has the shape; nothing where it has not. */
function fitted(shape: Shape, value: unknown): unknown {
  if (typeof shape === "string") return isOf(shape, value) ? cut(value) : undefined;
  if (shape instanceof Array) {
    if (!Array.isArray(value)) return undefined;
    return value.slice(0, MAX_ITEMS).filter((item) => isOf("string", item)).map(cut);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const read: Record<string, unknown> = {};
  for (const [part, of] of Object.entries(shape)) {
    const name = part.replace("?", "");
    const found = Object.hasOwn(value, name) ? fitted(of, (value as Record<string, unknown>)[name]) : undefined;
    if (found !== undefined) read[name] = found;
    else if (name === part) return undefined;
  }
  return read;
}

function isOf(type: "boolean" | "number" | "string", value: unknown): boolean {
  return typeof value === type && (type !== "number" || Number.isFinite(value));
}

function cut(value: unknown): unknown {
  return typeof value === "string" ? value.slice(0, MAX_CHARS) : value;
}
