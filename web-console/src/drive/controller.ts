// From input to transport: owns what is held and the clock that asks the scheduler.
// Knows neither which device presses nor how actions travel; it is given `send`.

import type { Action } from "../wire";
import { Input, type Direction } from "./input";
import { listenToInterruptions } from "./interruptions";
import { Scheduler, type Now } from "./scheduler";

/** A page that stood still for longer cannot know what was let go meanwhile: a dialog was open, the
 * computer slept. */
const STOOD_STILL_MS = 1_000;

/** What holds a direction that was latched. */
const LATCH = "latch";

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
  #locked = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #latchEndsAt = -Infinity;
  /** Milliseconds after which a latched direction ends unless it is confirmed; null where hands hold. */
  latchMs: number | null = null;
  /** Fraction of full throttle, in (0, 1]. */
  speed = FIRST_SPEED;

  constructor(sender: string, now: () => Now, send: Send) {
    this.#scheduler = new Scheduler(sender);
    this.#now = now;
    this.#send = send;
    listenToInterruptions(() => this.releaseAll(), this.#closed.signal);
  }

  /** Directions that are held now. */
  get directions(): ReadonlySet<Direction> {
    return this.#input.directions;
  }

  /** Whether anything is held. */
  get holds(): boolean {
    return this.#input.twist !== null;
  }

  /** Locked, it moves nothing; a stop goes out all the same. */
  get locked(): boolean {
    return this.#locked;
  }

  set locked(locked: boolean) {
    if (locked === this.#locked) return;
    this.#locked = this.#input.locked = locked;
    this.#changed();
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

  /** Latches a direction, in place of another; one that is latched already ends. */
  tap(direction: Direction): void {
    if (this.latchMs === null || this.latched === direction) return this.release(LATCH);
    this.#latchEndsAt = this.#now().steady + this.latchMs;
    this.press(LATCH, direction);
  }

  /** Somebody is still there: what is latched goes on. Starts nothing. */
  confirm(): void {
    if (this.latchMs === null || this.latched === null) return;
    this.#latchEndsAt = this.#now().steady + this.latchMs;
    this.#changed();
  }

  /** Null while no direction is. */
  get latched(): Direction | null {
    return this.#input.heldBy(LATCH);
  }

  /** How long until what is latched ends; 0 where nothing is. */
  get latchLeftMs(): number {
    return this.latched === null ? 0 : Math.max(0, this.#latchEndsAt - this.#now().steady);
  }

  unlatch(): void {
    if (this.latched !== null) this.release(LATCH);
  }

  release(source: string): void {
    this.#input.release(source);
    this.#changed();
  }

  /** Ends what a stick holds until it has been at rest. */
  bar(source: string): void {
    const held = this.holds;
    this.#input.bar(source);
    if (held) this.#changed();
  }

  isBarred(source: string): boolean {
    return this.#input.isBarred(source);
  }

  releaseAll(): void {
    this.#input.releaseAll();
    this.#changed();
  }

  /** Stops now, whatever is held. */
  halt(): void {
    this.#send(this.#scheduler.halt(this.#now()), true);
    // No hand will let go of it.
    this.#input.release(LATCH);
    this.#changed();
  }

  /** Somebody else stopped the robot: nothing drives before all has been let go. */
  hold(): void {
    this.#scheduler.hold();
    this.#input.release(LATCH);
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
    // Whatever woke this: nothing goes out for a latch whose time is over.
    if (now.steady >= this.#latchEndsAt) this.#input.release(LATCH);
    const { twist } = this.#input;
    const action = this.#scheduler.next(twist, this.speed, now);
    if (action !== null) this.#send(action, false);
    const due = this.#scheduler.due(twist);
    if (due !== null) this.#timer = setTimeout(() => this.#wake(due), Math.max(0, due - now.steady));
  }

  #wake(due: number): void {
    if (this.#now().steady - due > STOOD_STILL_MS) return this.releaseAll();
    const { latched } = this;
    this.#tick();
    // Its time was over: whoever shows it is told.
    if (this.latched !== latched) this.#changed();
  }
}
