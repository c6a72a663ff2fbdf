// What is held now: keys, arrow buttons, a stick, a gamepad. Pure.
// Knows no event and no element; whoever reads those says here which source holds what.
// A stick says where it is again and again, so one whose hold was ended from here is barred until
// it has been let go. Keys and buttons say only once that they are pressed.

export type Direction = "forward" | "backwards" | "left" | "right";

/** A velocity as ROS' Twist: forward and counter-clockwise positive, both in [-1, 1]. */
export interface Twist {
  linear: number;
  angular: number;
}

/**
 * Two arrows at once make a curve. The robot keeps the turn exactly and lets the straight
 * part give way, so 0.4 leaves 0.6: the inner wheel at 0.2, the outer at 1.
 */
const CURVE: Twist = { linear: 0.6, angular: 0.4 };

/** Below this a stick is at rest: worn gamepad sticks seldom come back to exactly 0. */
const DEAD_ZONE = 0.12;

export class Input {
  readonly #directions = new Map<string, Direction>();
  readonly #axes = new Map<string, Twist>();
  readonly #barred = new Set<string>();
  #locked = false;

  /** `source` tells presses of the same direction apart: two keys may mean forward. */
  press(source: string, direction: Direction): void {
    if (!this.#locked) this.#directions.set(source, direction);
  }

  /** A proportional source: x to the right, y up, both in [-1, 1]. At rest it holds nothing. */
  setAxes(source: string, x: number, y: number): void {
    const twist = fromAxes(x, y);
    if (twist !== null && this.#locked) this.#barred.add(source);
    if (twist === null && Number.isFinite(x + y)) this.#barred.delete(source);
    if (twist === null || this.#barred.has(source)) this.#axes.delete(source);
    else this.#axes.set(source, twist);
  }

  release(source: string): void {
    this.#directions.delete(source);
    this.#axes.delete(source);
    this.#barred.delete(source);
  }

  /** Ends what a stick holds until it has been at rest. */
  bar(source: string): void {
    this.#axes.delete(source);
    this.#barred.add(source);
  }

  /** The direction that a source holds; null if none. */
  heldBy(source: string): Direction | null {
    return this.#directions.get(source) ?? null;
  }

  isBarred(source: string): boolean {
    return this.#barred.has(source);
  }

  /** Everything at once: the page lost focus, was hidden, or is going away. */
  releaseAll(): void {
    this.#directions.clear();
    for (const source of this.#axes.keys()) this.bar(source);
  }

  /** While it is locked nothing is held; what was has to be let go before it counts again. */
  set locked(locked: boolean) {
    this.#locked = locked;
    if (locked) this.releaseAll();
  }

  /** Directions that are held now, for the page to show. */
  get directions(): ReadonlySet<Direction> {
    return new Set(this.#directions.values());
  }

  /** Where all of it together goes; null is rest. The newest stick wins over arrows. */
  get twist(): Twist | null {
    return [...this.#axes.values()].at(-1) ?? fromDirections(this.directions);
  }
}

/** Opposite directions cancel each other. */
function fromDirections(held: ReadonlySet<Direction>): Twist | null {
  const linear = Number(held.has("forward")) - Number(held.has("backwards"));
  const angular = Number(held.has("left")) - Number(held.has("right"));
  if (linear !== 0 && angular !== 0) {
    return { linear: linear * CURVE.linear, angular: angular * CURVE.angular };
  }
  return linear === 0 && angular === 0 ? null : { linear, angular };
}

/** Null at rest. */
function fromAxes(x: number, y: number): Twist | null {
  const length = Math.hypot(x, y);
  if (!(length > DEAD_ZONE)) return null;
  // Starts from 0 at the edge of the dead zone, so the first movement is a gentle one.
  const scale = (Math.min(length, 1) - DEAD_ZONE) / (1 - DEAD_ZONE) / length;
  return { linear: rounded(y * scale), angular: rounded(-x * scale) };
}

/** Three digits are finer than any motor; `+ 0` turns -0 into 0. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000 + 0;
}
