// What happens, as entries of the log. Pure.

import type { StreamState } from "../station/telemetry";
import type { ViewerState } from "../video/viewer";
import type { Telemetry } from "../wire";

export function ofViewer(state: ViewerState): string {
  switch (state.is) {
    case "camera-off":
      return "The robot's camera is off";
    case "connecting":
      return state.step;
    case "connected":
      return "Connected to the robot";
    case "waiting":
      return `No connection to the robot: ${state.why}`;
  }
}

export function ofStream(state: StreamState): string {
  switch (state.is) {
    case "connecting":
      return "Connecting to the ground station";
    case "live":
      return "Connected to the ground station";
    case "waiting":
      return `Lost the ground station: ${state.why}`;
    case "unauthorized":
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
    more > 0 ? `The robot found actions too old (${more}): the way to it is slow` : null,
  ].filter((text) => text !== null);
}
