// What the wheels of a robot with simulated motors did: one line for each write to the board.

import { existsSync, readFileSync } from "node:fs";
import { eventually } from "./eventually.mjs";

export class Wheels {
  constructor(transcript) {
    this.transcript = transcript;
  }

  /** All writes so far: `{t_ns, left, right, stop?}`. */
  writes() {
    if (!existsSync(this.transcript)) return [];
    const text = readFileSync(this.transcript, "utf8");
    // The last line may be half written.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return whole.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  get now() {
    return this.writes().at(-1) ?? { left: 0, right: 0 };
  }

  /** Waits for wheels as `is` wants them. */
  turn(what, is) {
    return eventually(`wheels ${what}`, () => {
      const now = this.now;
      return is(now) ? now : null;
    });
  }

  forward() {
    return this.turn("turn forward", ({ left, right }) => left > 0 && right > 0);
  }

  rest() {
    return this.turn("are at rest", ({ left, right }) => left === 0 && right === 0);
  }
}

/** Milliseconds of Unix time at which a write happened. */
export function atMs({ t_ns }) {
  return Number(t_ns) / 1e6;
}
