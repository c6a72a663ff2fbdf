// How an action travels: over the data channel while there is one, else over HTTP. Never both
// for a motion, which would only be late the second time; rest may take both.

import { isRest, type Action } from "../wire";

export interface Transports {
  /** `send` says whether the channel took the action. */
  dataChannel: { readonly canSend: boolean; send(action: Action): boolean };
  /** Absent where there is no server beside the robot's own channel. */
  http: { post(action: Action): void; clear(): void } | null;
}

export function send({ dataChannel, http }: Transports, action: Action): "data-channel" | "http" | "none" {
  if (dataChannel.canSend) {
    http?.clear();
    const sent = dataChannel.send(action);
    if (!sent && isRest(action)) http?.post(action);
    return "data-channel";
  }
  if (http === null) return "none";
  http.post(action);
  return "http";
}

/** The stop that somebody pressed: by every transport there is. */
export function broadcast({ dataChannel, http }: Transports, action: Action): void {
  if (dataChannel.canSend) dataChannel.send(action);
  http?.post(action);
}
