// What happens, as lines of the log. Pure.

import { nameOf } from "../drive/scheduler";
import type { FeedState } from "../station/telemetry";
import type { Driver } from "../video/peer-connection";
import type { WatchState } from "../video/viewer";
import type { Telemetry } from "../wire";

export function ofDriver(driver: Driver): string {
  if (driver.you) return "You drive";
  return driver.name === null ? "Nobody drives" : `${nameOf(driver.name)} drives; you can stop`;
}

export function ofWatch(state: WatchState): string {
  switch (state.is) {
    case "off":
      return "The robot's camera is off";
    case "asking":
      return state.what;
    case "connected":
      return "Connected to the robot";
    case "waiting":
      return `No connection to the robot: ${state.why}`;
  }
}

export function ofFeed(state: FeedState): string {
  switch (state.is) {
    case "connecting":
      return "Connecting to the ground station";
    case "live":
      return "Connected to the ground station";
    case "waiting":
      return `Lost the ground station: ${state.why}`;
    case "refused":
      return "The ground station wants a new sign-in";
  }
}

/** What changed for the worse between two reports. */
export function ofReports(before: Telemetry | null, now: Telemetry | null): string[] {
  const board = now?.board_fault;
  const camera = now?.video?.camera_fault;
  const stale = now?.counters?.stale ?? 0;
  const more = stale - (before?.counters?.stale ?? stale);
  return [
    board !== undefined && board !== before?.board_fault ? `Motor board: ${board}` : null,
    camera !== undefined && camera !== before?.video?.camera_fault ? `Camera: ${camera}` : null,
    more > 0 ? `The robot found actions too old (${more}): a slow road, or its clock is wrong` : null,
  ].filter((line) => line !== null);
}
