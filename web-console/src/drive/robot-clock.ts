// What the robot's own clock says now, as its reports let us estimate it. Pure: the time is an
// argument, in milliseconds of a clock of ours that only goes forward.
//
// Each report gives how far the robot's clock is ahead of ours, less the time it was on its way.
// The one that was quickest knows best. What errs makes an action look too old, never too young.

/** Clocks drift apart by less than a millisecond in this time. */
const WINDOW_MS = 10_000;

/** No path becomes slower by so much and stays so evenly slow: the robot slept, or was restarted. */
const JUMP_MS = 250;

/** How long all reports have to say so; a burst after a stall is over sooner. */
const JUMP_SEEN_MS = 1_000;

interface Sample {
  at: number;
  /** How far the robot's clock is ahead of ours, too small by the time on the way. */
  offset: number;
}

export class RobotClock {
  #samples: readonly Sample[] = [];
  #last: number | null = null;

  /** A report with this `clock_ms` was received at `now`; robots of old versions say none. */
  report(clockMs: number | undefined, now: number): void {
    if (!isClock(clockMs) || clockMs === this.#last) return;
    const first = this.#last === null;
    this.#last = clockMs;
    // The first that a new listener gets was written some time before it listened.
    if (first) return;
    const sample = { at: now, offset: clockMs - now };
    const recent = [...this.#samples.filter(({ at }) => now - at <= WINDOW_MS), sample];
    this.#samples = jumped(recent) ? [sample] : recent;
  }

  /** The robot's clock at `now` in whole milliseconds; null while it is not known. */
  at(now: number): number | null {
    if (this.#samples.length === 0) return null;
    const clock = Math.floor(now + largest(this.#samples));
    return isClock(clock) ? clock : null;
  }
}

function isClock(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function largest(samples: readonly Sample[]): number {
  return Math.max(...samples.map(({ offset }) => offset));
}

/** Whether all of the newest, for longer than a second, are far below the largest. */
function jumped(samples: readonly Sample[]): boolean {
  const near = largest(samples) - JUMP_MS;
  const lastNear = samples.map(({ offset }) => offset >= near).lastIndexOf(true);
  const [first, ...others] = samples.slice(lastNear + 1);
  const newest = others.at(-1);
  return first !== undefined && newest !== undefined && newest.at - first.at > JUMP_SEEN_MS;
}
