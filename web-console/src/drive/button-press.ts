// Presses of buttons that drive, however they come: a finger's tap may end before the robot has
// moved, and voice control, a switch or a screen reader click without any press at all.
// Whatever else ends a hold ends these too.

import type { Direction } from "./input";

/** A tap moves the robot for at least this long. */
export const TAP_MS = 200;

/** A click without a press moves it for this long. */
export const CLICK_MS = 300;

export interface Holds {
  press(source: string, direction: Direction): void;
  release(source: string): void;
}

export class ButtonPress {
  readonly #holds: Holds;
  readonly #now: () => number;
  readonly #pressedAt = new Map<string, number>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(holds: Holds, now: () => number) {
    this.#holds = holds;
    this.#now = now;
  }

  down(source: string, direction: Direction): void {
    clearTimeout(this.#timers.get(source));
    this.#timers.delete(source);
    this.#pressedAt.set(source, this.#now());
    this.#holds.press(source, direction);
  }

  /** Let go by hand. */
  up(source: string): void {
    const since = this.#pressedAt.get(source);
    if (since === undefined || this.#timers.has(source)) return;
    this.#releaseIn(source, since + TAP_MS - this.#now());
  }

  /** Ended by something else: at once. */
  cancel(source: string): void {
    clearTimeout(this.#timers.get(source));
    this.#timers.delete(source);
    this.#pressedAt.delete(source);
    this.#holds.release(source);
  }

  click(source: string, direction: Direction): void {
    this.down(source, direction);
    this.#releaseIn(source, CLICK_MS);
  }

  #releaseIn(source: string, ms: number): void {
    if (ms <= 0) this.cancel(source);
    else this.#timers.set(source, setTimeout(() => this.cancel(source), ms));
  }
}
