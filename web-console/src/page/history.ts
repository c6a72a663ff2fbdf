// The last minutes of a few metrics, one sample at a time. Pure.

export interface Sample {
  atMs: number;
  left: number | undefined;
  right: number | undefined;
  roundTripMs: number | undefined;
  pictureAgeMs: number | undefined;
  kbps: number | undefined;
}

/** How far back is shown. */
export const SPAN_MS = 180_000;

export class History {
  #samples: Sample[] = [];

  add(sample: Sample): void {
    this.#samples.push(sample);
    const oldest = sample.atMs - SPAN_MS;
    while (this.#samples[0] !== undefined && this.#samples[0].atMs < oldest) this.#samples.shift();
  }

  get samples(): readonly Sample[] {
    return this.#samples;
  }
}

/** The smallest of 1, 2, 5, 10, 20, 50 … that all values stay below, and never below `least`. */
export function ceiling(values: readonly (number | undefined)[], least: number): number {
  const most = Math.max(least, ...values.map((value) => value ?? 0));
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= most) ?? most;
}
