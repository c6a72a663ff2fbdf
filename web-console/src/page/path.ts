// Where a robot has been, from the poses of its reports. Pure; metres, as in ROS: x forward of the
// start, y left of it.

import type { Pose } from "../wire";

export interface Point {
  x: number;
  y: number;
}

/** A part of the ground: its middle, and how far it reaches to each side. */
export interface Extent extends Point {
  reach: number;
}

/** Nearer points make no line longer that anybody sees. */
const STEP_M = 0.1;

/** A robot does not get so far from one report to the next: it was put elsewhere, or started anew. */
const JUMP_M = 3;

/** Lines of more points are thinned. */
const MAX_POINTS = 2_000;

/** A map of less would make a robot on the spot look busy. */
const MIN_REACH_M = 2;

export class Path {
  #points: Point[] = [];

  get points(): readonly Point[] {
    return this.#points;
  }

  add({ x, y }: Pose): void {
    const last = this.#points.at(-1);
    const step = last === undefined ? Infinity : Math.hypot(x - last.x, y - last.y);
    if (step < STEP_M) return;
    if (step > JUMP_M) this.#points = [];
    this.#points.push({ x, y });
    if (this.#points.length > MAX_POINTS) this.#points = this.#points.filter((_, index) => index % 2 === 0);
  }

  /** What a map must show: all of it, with a margin. */
  extent(pose: Pose): Extent {
    const all = [...this.#points, pose];
    const [left, right] = [Math.min(...all.map((point) => point.y)), Math.max(...all.map((point) => point.y))];
    const [back, front] = [Math.min(...all.map((point) => point.x)), Math.max(...all.map((point) => point.x))];
    const reach = Math.max(MIN_REACH_M, (Math.max(right - left, front - back) / 2) * 1.15);
    return { x: (back + front) / 2, y: (left + right) / 2, reach };
  }
}

/** The largest of 1, 2, 5, 10, 20, 50 … metres that is no longer than `most`. */
export function scaleBar(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((step) => step * power).find((step) => step <= most) ?? power;
}
