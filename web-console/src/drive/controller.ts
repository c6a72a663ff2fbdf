// The hands' way to the road: owns what is held and the clock that asks the pilot.
// Knows neither which input presses nor which road carries; it is given `send`.
// Leaving the page by any way lets everything go.

import type { Action } from "../wire";
import { Held, type Direction } from "./input";
import { Pilot, type Now } from "./scheduler";

/** What a sample-sized robot does at home without frightening the cat. */
const FIRST_SPEED = 0.5;

/** `pressed`: somebody pressed stop, as against letting go. */
export type Send = (action: Action, pressed: boolean) => void;

export class Helm {
  readonly #held = new Held();
  readonly #pilot: Pilot;
  readonly #now: () => Now;
  readonly #send: Send;
  readonly #listeners = new Set<() => void>();
  readonly #left = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #speed = FIRST_SPEED;

  constructor(sender: string, now: () => Now, send: Send) {
    this.#pilot = new Pilot(sender);
    this.#now = now;
    this.#send = send;
    const letGo = () => this.releaseAll();
    const { signal } = this.#left;
    addEventListener("blur", letGo, { signal });
    addEventListener("pagehide", letGo, { signal });
    document.addEventListener("freeze", letGo, { signal });
    document.addEventListener("visibilitychange", () => document.hidden && letGo(), { signal });
  }

  /** Directions that are held now. */
  get directions(): ReadonlySet<Direction> {
    return this.#held.directions;
  }

  /** Fraction of full throttle, in (0, 1]. */
  get speed(): number {
    return this.#speed;
  }

  set speed(speed: number) {
    this.#speed = speed;
  }

  press(by: string, direction: Direction): void {
    this.#held.press(by, direction);
    this.#changed();
  }

  /** x to the right, y up, both in [-1, 1]. */
  tilt(by: string, x: number, y: number): void {
    const before = JSON.stringify(this.#held.twist);
    this.#held.tilt(by, x, y);
    // A gamepad is read at every frame; most frames bring nothing new.
    if (JSON.stringify(this.#held.twist) !== before) this.#changed();
  }

  release(by: string): void {
    this.#held.release(by);
    this.#changed();
  }

  releaseAll(): void {
    this.#held.releaseAll();
    this.#changed();
  }

  /** Stops now, whatever is held. */
  halt(): void {
    this.#send(this.#pilot.halt(this.#now()), true);
    this.#changed();
  }

  /** Called whenever something is pressed or let go. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Lets go and listens no more. */
  leave(): void {
    this.releaseAll();
    this.#left.abort();
    this.#listeners.clear();
  }

  #changed(): void {
    this.#beat();
    for (const listener of this.#listeners) listener();
  }

  #beat(): void {
    clearTimeout(this.#timer);
    const now = this.#now();
    const held = this.#held.twist;
    const action = this.#pilot.next(held, this.#speed, now);
    if (action !== null) this.#send(action, false);
    const due = this.#pilot.due(held);
    if (due !== null) this.#timer = setTimeout(() => this.#beat(), Math.max(0, due - now.steady));
  }
}
