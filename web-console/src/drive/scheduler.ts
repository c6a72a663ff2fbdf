// Decides when which action is sent. Pure: the time is an argument.
//
// While something is held an action goes out every 100 ms, so that silence can mean stop.
// When nothing is held any more, rest goes out at once and is repeated, as the network may lose
// it. Rest is `drive` without any motion: letting go ends our own motion, and only `stop`, which
// somebody has to press, stops whoever drives.

import type { Action } from "../wire";
import type { Twist } from "./input";

/** Half of the robot's pulse of 200 ms: one lost action does not make it stutter. */
export const SEND_INTERVAL_MS = 100;

/** A stick moves all the time; faster than this nobody steers. */
export const MIN_CHANGE_MS = 50;

/** How often rest is repeated. Each can be lost; three in a row hardly are. */
export const REST_REPEATS = 2;

/** Times that belong together: one that never jumps, and those that others understand. */
export interface Now {
  /** Milliseconds of a clock that only goes forward. */
  steady: number;
  /** Milliseconds of the robot's clock; null while it is not known. */
  robot: number | null;
  /** Unix milliseconds by the server's clock. */
  unix: number;
}

type Rest = { action: "stop" } | { action: "drive"; linear: 0; angular: 0 };

const STOP: Rest = { action: "stop" };
const LET_GO: Rest = { action: "drive", linear: 0, angular: 0 };

export class Scheduler {
  readonly #sender: string;
  #seq = 0;
  /** `rest` is what was last sent where that was no motion. */
  #sent: { motion: Twist } | { rest: Rest } | null = null;
  #sentAt = -Infinity;
  #repeatsLeft = 0;
  #held = false;

  constructor(sender: string) {
    this.#sender = sender;
  }

  /** The action that is due now, if one is. `speed` is a fraction of full throttle in (0, 1]. */
  next(input: Twist | null, speed: number, now: Now): Action | null {
    const twist = this.#unlessHeld(input);
    if (twist === null) return this.#restIfDue(now);
    if (now.steady < this.#notBefore(twist)) return null;
    this.#sent = { motion: twist };
    this.#sentAt = now.steady;
    return { ...motion(twist), speed, ...this.#stamp(now) };
  }

  /** A stop at once, whatever is held; nothing drives again before all has been let go. */
  halt(now: Now): Action {
    this.#held = true;
    return this.#firstRest(STOP, now);
  }

  /** Nothing drives before all has been let go: somebody else stopped the robot. */
  hold(): void {
    this.#held = true;
  }

  /** Steady time at which `next` should be asked again; null when only a change matters. */
  due(input: Twist | null): number | null {
    const driving = input !== null && !this.#held;
    if (this.#sent === null) return null;
    return driving || this.#repeatsLeft > 0 ? this.#sentAt + SEND_INTERVAL_MS : null;
  }

  #unlessHeld(input: Twist | null): Twist | null {
    if (input === null) this.#held = false;
    return this.#held ? null : input;
  }

  #restIfDue(now: Now): Action | null {
    if (this.#sent === null) return null;
    if ("motion" in this.#sent) return this.#firstRest(LET_GO, now);
    if (this.#repeatsLeft === 0 || now.steady < this.#sentAt + SEND_INTERVAL_MS) return null;
    this.#repeatsLeft -= 1;
    return this.#rest(this.#sent.rest, now);
  }

  #firstRest(rest: Rest, now: Now): Action {
    this.#repeatsLeft = REST_REPEATS;
    return this.#rest(rest, now);
  }

  #rest(rest: Rest, now: Now): Action {
    this.#sent = { rest };
    this.#sentAt = now.steady;
    return { ...rest, ...this.#stamp(now) };
  }

  #notBefore(twist: Twist): number {
    if (this.#sent === null || !("motion" in this.#sent)) return -Infinity;
    const last = this.#sent.motion;
    const same = last.linear === twist.linear && last.angular === twist.angular;
    if (same) return this.#sentAt + SEND_INTERVAL_MS;
    const turned = motion(last).action !== motion(twist).action;
    return turned ? -Infinity : this.#sentAt + MIN_CHANGE_MS;
  }

  /** The robot's own clock where it is known: no other clock needs to be right then. */
  #stamp(now: Now): Pick<Action, "sender" | "seq" | "sent_at" | "clock_ms"> {
    this.#seq += 1;
    const given = now.robot === null ? { sent_at: Math.round(now.unix) } : { clock_ms: now.robot };
    return { sender: this.#sender, seq: this.#seq, ...given };
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
