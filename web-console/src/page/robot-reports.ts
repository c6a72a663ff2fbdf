// What a robot says of itself, by data channel and by way of the ground station, and for how long
// it has said nothing. Pure; times are milliseconds of a clock of ours that only goes forward.

import type { Driver, Message, Report, Telemetry } from "../wire";

/** By data channel come ten reports a second. */
const CHANNEL_LIMIT_MS = 1_500;

/** How often robots report to the station unless their owner chose otherwise. */
const USUAL_PAUSE_MS = 1_000;

/** What a report may be late, on a path by which a robot can be driven. */
const LATE_MS = 800;

/** Pauses that are remembered: a lost report makes a longer one, but hardly so many in a row. */
const MAX_PAUSES = 5;

export class RobotReports {
  #station: Report | null = null;
  #stationAt = 0;
  #pauses: readonly number[] = [];
  #channel: { telemetry: Telemetry | null; driver: Driver | null; at: number } | null = null;

  /** The newest by way of the station; null before the first. */
  get station(): Report | null {
    return this.#station;
  }

  fromStation(report: Report, now: number): void {
    const before = this.#station;
    this.#station = report;
    // The station tells what it knows again to whoever comes back.
    if (before !== null && before.received_ms === report.received_ms) return;
    this.#stationAt = now;
    const pause = (report.received_ms ?? 0) - (before?.received_ms ?? Infinity);
    if (pause > 0 && before?.online && news(before) === news(report)) this.#pauses = [...this.#pauses, pause].slice(-MAX_PAUSES);
  }

  channelOpened(now: number): void {
    this.#channel ??= { telemetry: null, driver: null, at: now };
  }

  fromChannel({ telemetry, driver }: Message, now: number): void {
    const before = this.#channel;
    this.#channel = { telemetry: telemetry ?? before?.telemetry ?? null, driver: driver ?? before?.driver ?? null, at: now };
  }

  channelClosed(): void {
    this.#channel = null;
  }

  /** How long nothing came by data channel; null while that is not unusual, or there is none. */
  channelSilentMs(now: number): number | null {
    return this.#channel === null ? null : unusual(now - this.#channel.at, CHANNEL_LIMIT_MS);
  }

  /** The same of the station. How long a pause to expect is the shortest between two reports without news. */
  stationSilentMs(now: number): number | null {
    const usual = Math.max(USUAL_PAUSE_MS, this.#pauses.length === 0 ? 0 : Math.min(...this.#pauses));
    // A robot that never reports is not silent.
    return this.#station?.online && this.#station.telemetry !== null ? unusual(now - this.#stationAt, usual + LATE_MS) : null;
  }

  /** Whether the robot is heard now, by whichever road. `live`: the station's stream is. */
  heard(now: number, live: boolean): boolean {
    const byChannel = this.#channel !== null && this.channelSilentMs(now) === null;
    return byChannel || (live && this.#station?.online === true && this.stationSilentMs(now) === null);
  }

  /** The freshest report of a robot that is not away. */
  telemetry(now: number): Telemetry | null {
    if (this.#channel?.telemetry && this.channelSilentMs(now) === null) return this.#channel.telemetry;
    return this.#station?.online ? this.#station.telemetry : null;
  }

  /** Who drives, as the robot tells this page itself; null where it does not. */
  told(now: number): Driver | null {
    return this.channelSilentMs(now) === null ? (this.#channel?.driver ?? null) : null;
  }
}

function unusual(ms: number, limit: number): number | null {
  return ms > limit ? ms : null;
}

/** What a robot does not wait with until its next report is due. */
function news({ telemetry }: Report): string {
  const { wheels, counters, driver, stopped_by } = telemetry ?? {};
  return JSON.stringify([wheels, counters, driver?.id, stopped_by]);
}
