// What happens, as entries of the log. Pure.

import type { StreamState } from "../station/telemetry";
import type { ViewerState } from "../video/viewer";
import type { Telemetry } from "../wire";
import { decimal } from "../format";
import { texts } from "../language";

export function ofViewer(state: ViewerState): string {
  switch (state.is) {
    case "camera-off":
      return texts.logCameraOff;
    case "connecting":
      return state.step;
    case "connected":
      return texts.connected;
    case "waiting":
      return texts.logNoConnection(state.why);
  }
}

export function ofStream(state: StreamState): string {
  switch (state.is) {
    case "connecting":
      return texts.connectingToStation;
    case "live":
      return texts.logStation;
    case "waiting":
      return texts.logStationLost(state.why);
    case "unauthorized":
      return texts.logUnauthorized;
  }
}

/** What changed for the worse between two reports. */
export function ofReports(before: Telemetry | null, now: Telemetry | null): string[] {
  const board = now?.board_fault;
  const camera = now?.video?.camera_fault;
  const stale = now?.counters?.stale ?? 0;
  const more = stale - (before?.counters?.stale ?? stale);
  return [
    board !== undefined && board !== before?.board_fault ? texts.motorBoard(board) : null,
    camera !== undefined && camera !== before?.video?.camera_fault ? texts.camera(camera) : null,
    more > 0 ? texts.logStale(decimal(more)) : null,
  ].filter((text) => text !== null);
}
