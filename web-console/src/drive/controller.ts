// From input to transport: owns what is held and the clock that asks the scheduler.
// Knows neither which device presses nor how actions travel; it is given `send`.
// Leaving the page in any way releases everything, and so does all that can swallow the event by
// which a key is let go.

import type { Action } from "../wire";
import { Input, type Direction } from "./input";
import { Scheduler, type Now } from "./scheduler";

/** What a sample-sized robot does at home without frightening the cat. */
const FIRST_SPEED = 0.5;

/** `pressed`: somebody pressed stop, as against letting go. */
export type Send = (action: Action, pressed: boolean) => void;

export class DriveController {
  readonly #input = new Input();
  readonly #scheduler: Scheduler;
  readonly #now: () => Now;
  readonly #send: Send;
  readonly #listeners = new Set<() => void>();
  readonly #closed = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Fraction of full throttle, in (0, 1]. */
  speed = FIRST_SPEED;

  constructor(sender: string, now: () => Now, send: Send) {
    this.#scheduler = new Scheduler(sender);
    this.#now = now;
    this.#send = send;
    const releaseAll = () => this.releaseAll();
    const { signal } = this.#closed;
    addEventListener("blur", releaseAll, { signal });
    addEventListener("pagehide", releaseAll, { signal });
    addEventListener("beforeprint", releaseAll, { signal });
    addEventListener("dragstart", releaseAll, { signal });
    document.addEventListener("fullscreenchange", releaseAll, { signal });
    // Under a menu the page hears no key. Where it is prevented, none opens.
    addEventListener("contextmenu", (event) => event.defaultPrevented || releaseAll(), { signal });
    document.addEventListener("freeze", releaseAll, { signal });
    document.addEventListener("visibilitychange", () => document.hidden && releaseAll(), { signal });
  }

  /** Directions that are held now. */
  get directions(): ReadonlySet<Direction> {
    return this.#input.directions;
  }

  press(source: string, direction: Direction): void {
    this.#input.press(source, direction);
    this.#changed();
  }

  /** x to the right, y up, both in [-1, 1]. */
  setAxes(source: string, x: number, y: number): void {
    const before = JSON.stringify(this.#input.twist);
    this.#input.setAxes(source, x, y);
    // A gamepad is read at every frame; most frames bring nothing new.
    if (JSON.stringify(this.#input.twist) !== before) this.#changed();
  }

  release(source: string): void {
    this.#input.release(source);
    this.#changed();
  }

  releaseAll(): void {
    this.#input.releaseAll();
    this.#changed();
  }

  /** Stops now, whatever is held. */
  halt(): void {
    this.#send(this.#scheduler.halt(this.#now()), true);
    this.#changed();
  }

  /** Called whenever something is pressed or released. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Releases everything and listens no more. */
  close(): void {
    this.releaseAll();
    this.#closed.abort();
    this.#listeners.clear();
  }

  #changed(): void {
    this.#tick();
    for (const listener of this.#listeners) listener();
  }

  #tick(): void {
    clearTimeout(this.#timer);
    const now = this.#now();
    const { twist } = this.#input;
    const action = this.#scheduler.next(twist, this.speed, now);
    if (action !== null) this.#send(action, false);
    const due = this.#scheduler.due(twist);
    if (due !== null) this.#timer = setTimeout(() => this.#tick(), Math.max(0, due - now.steady));
  }
}
