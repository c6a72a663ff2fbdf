// Keeps one connection up: attempt, end, wait, attempt again. The stream of telemetry and the
// viewer of the video both live in such a loop. Knows neither.

/** First wait: long enough not to hammer a server that is just starting. */
const FIRST_MS = 400;

/** Longest wait: who looks at the page should not have to reload it. */
const LONGEST_MS = 8_000;

/** `failures` in a row from 1; `random` in [0, 1) spreads pages that all lost one server. */
export function backoff(failures: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return Math.round(full * (0.5 + random / 2));
}

export interface Waiting {
  is: "waiting";
  /** By this computer's clock. */
  untilMs: number;
  /** Why the last attempt ended, in words for people. */
  why: string;
}

export interface Attempts {
  /** One connection from its beginning to its end; resolves or rejects with why it ended. */
  attempt: () => Promise<unknown>;
  /** After an end: why in words, to try again; `null` to wait for `retryNow`. May close the loop. */
  ended: (why: unknown) => string | null;
  waiting: (state: Waiting) => void;
}

export class ReconnectLoop {
  readonly #closed = new AbortController();
  readonly #attempts: Attempts;
  #failures = 0;
  #wake: () => void = () => {};

  constructor(attempts: Attempts) {
    this.#attempts = attempts;
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** How many attempts failed in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** The attempt under way is a success: the next wait is a short one. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Something changed for the better: does not wait for the next attempt. */
  retryNow(): void {
    this.#wake();
  }

  close(): void {
    this.#closed.abort();
    this.#wake();
  }

  async run(): Promise<void> {
    const { attempt, ended, waiting } = this.#attempts;
    while (!this.signal.aborted) {
      const end = await attempt().catch((error: unknown) => error);
      if (this.signal.aborted) return;
      const why = ended(end);
      if (this.signal.aborted) return;
      if (why === null) {
        await this.#sleep(null);
        continue;
      }
      this.#failures += 1;
      const waitMs = backoff(this.#failures, Math.random());
      waiting({ is: "waiting", untilMs: Date.now() + waitMs, why });
      await this.#sleep(waitMs);
    }
  }

  /** Until the time is over, if it ends at all, the network is back, or somebody wakes it. */
  #sleep(ms: number | null): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        removeEventListener("online", wake);
        this.#wake = () => {};
        resolve();
      };
      const timer = ms === null ? undefined : setTimeout(wake, ms);
      addEventListener("online", wake);
      this.#wake = wake;
    });
  }
}
