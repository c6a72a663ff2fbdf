// What travels between page, ground-station and robot, as the crate `wire` defines it.
// `test/wire.test.ts` holds this page against the examples that crate is tested with.

/** A motion that needs no numbers. */
export type Word = "forward" | "backwards" | "left" | "right" | "stop";

/** One order to the wheels. */
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
  /** Unix milliseconds by the server's clock. */
  sent_at?: number;
  /** Whose order `seq` counts. */
  sender?: string;
}

export interface Wheels {
  left: number;
  right: number;
}

/** What a robot says about itself. What it cannot tell is absent. */
export interface Telemetry {
  online: boolean;
  version?: string;
  uptime_s?: number;
  wheels?: Wheels;
  board_fault?: string;
  last_action?: { id?: string; action: string; source: string; age_ms: number };
  counters?: {
    accepted: number;
    rejected: number;
    stale: number;
    out_of_order: number;
    bus_errors: number;
    reconnects: number;
  };
  video?: {
    viewers: number;
    driver?: string;
    fps: number;
    bitrate_kbps: number;
    key_frames: number;
    camera_fault?: string;
  };
  system?: { cpu_temp_c?: number; load1?: number; rss_kib?: number; wifi_dbm?: number };
  battery_v?: number;
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
