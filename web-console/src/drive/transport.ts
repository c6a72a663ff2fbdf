// Which road an order takes: the data channel while there is one, else HTTP. Never both for
// a motion, as the robot lets only one viewer drive and HTTP would go around that; a stop
// may take both.

import type { Action } from "../wire";

export interface Roads {
  /** The data channel; says whether it took the action. */
  direct: { readonly drives: boolean; send(action: Action): boolean };
  /** Absent where there is no server beside the robot's own channel. */
  post: { post(action: Action): void; clear(): void } | null;
}

export type Road = "direct" | "http" | "none";

export function send({ direct, post }: Roads, action: Action): Road {
  if (direct.drives) {
    post?.clear();
    const sent = direct.send(action);
    if (!sent && action.action === "stop") post?.post(action);
    return "direct";
  }
  if (post === null) return "none";
  post.post(action);
  return "http";
}

/** The stop that somebody pressed: by every road there is. */
export function sendEverywhere({ direct, post }: Roads, action: Action): void {
  if (direct.drives) direct.send(action);
  post?.post(action);
}
