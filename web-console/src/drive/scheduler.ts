// Decides when which action is sent. Pure: the time is an argument.
//
// While something is held an action goes out every 100 ms, so that silence can mean stop.
// When nothing is held any more, a stop goes out at once and is repeated, as the network may
// lose it.

import type { Action } from "../wire";
import type { Twist } from "./input";

/** Half of the robot's pulse of 200 ms: one lost action does not make it stutter. */
export const SEND_INTERVAL_MS = 100;

/** A stick moves all the time; faster than this nobody steers. */
export const MIN_CHANGE_MS = 50;

/** How often a stop is repeated. Each can be lost; three in a row hardly are. */
export const STOP_REPEATS = 2;

/** Two times that belong together: one that never jumps, one that others understand. */
export interface Now {
  /** Milliseconds of a clock that only goes forward. */
  steady: number;
  /** Unix milliseconds by the server's clock. */
  unix: number;
}

export class Scheduler {
  readonly #sender: string;
  #seq = 0;
  #sent: { twist: Twist | null; at: number } | null = null;
  #stopsLeft = 0;
  #halted = false;

  constructor(sender: string) {
    this.#sender = sender;
  }

  /** The action that is due now, if one is. `speed` is a fraction of full throttle in (0, 1]. */
  next(input: Twist | null, speed: number, now: Now): Action | null {
    const twist = this.#unlessHalted(input);
    if (twist === null) return this.#rest(now);
    if (now.steady < this.#notBefore(twist)) return null;
    this.#sent = { twist, at: now.steady };
    this.#stopsLeft = STOP_REPEATS;
    return { ...motion(twist), speed, ...this.#stamp(now) };
  }

  /** A stop at once, whatever is held; nothing drives again before all has been let go. */
  halt(now: Now): Action {
    this.#halted = true;
    this.#stopsLeft = STOP_REPEATS;
    return this.#stop(now);
  }

  /** Steady time at which `next` should be asked again; null when only a change matters. */
  due(input: Twist | null): number | null {
    const driving = input !== null && !this.#halted;
    if (this.#sent === null) return null;
    return driving || this.#stopsLeft > 0 ? this.#sent.at + SEND_INTERVAL_MS : null;
  }

  #unlessHalted(input: Twist | null): Twist | null {
    if (input === null) this.#halted = false;
    return this.#halted ? null : input;
  }

  #rest(now: Now): Action | null {
    if (this.#sent === null) return null;
    if (this.#sent.twist !== null) return this.#stop(now);
    if (this.#stopsLeft === 0 || now.steady < this.#sent.at + SEND_INTERVAL_MS) return null;
    this.#stopsLeft -= 1;
    return this.#stop(now);
  }

  #stop(now: Now): Action {
    this.#sent = { twist: null, at: now.steady };
    return { action: "stop", ...this.#stamp(now) };
  }

  #notBefore(twist: Twist): number {
    if (this.#sent === null || this.#sent.twist === null) return -Infinity;
    const last = this.#sent.twist;
    const same = last.linear === twist.linear && last.angular === twist.angular;
    if (same) return this.#sent.at + SEND_INTERVAL_MS;
    const turned = motion(last).action !== motion(twist).action;
    return turned ? -Infinity : this.#sent.at + MIN_CHANGE_MS;
  }

  #stamp(now: Now): Pick<Action, "sender" | "seq" | "sent_at"> {
    this.#seq += 1;
    return { sender: this.#sender, seq: this.#seq, sent_at: Math.round(now.unix) };
  }
}

/** The sample's word where there is one, so that a robot that knows only those moves too. */
export function motion(twist: Twist): Pick<Action, "action" | "linear" | "angular"> {
  const { linear, angular } = twist;
  if (angular === 0 && linear === 1) return { action: "forward" };
  if (angular === 0 && linear === -1) return { action: "backwards" };
  if (linear === 0 && angular === 1) return { action: "left" };
  if (linear === 0 && angular === -1) return { action: "right" };
  return { action: "drive", linear, angular };
}
