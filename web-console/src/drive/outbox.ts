// Actions over HTTP: at most one request in flight, and one action pending.
// Knows no fetch: it is given `send`. A newer action replaces the pending one, and rest, a stop
// or letting go, overtakes all: it goes out beside the request that is in flight.

import { isRest, type Action } from "../wire";

export interface Outcome {
  action: Action;
  /** Milliseconds until the answer. */
  tookMs: number;
  /** Absent when it was taken. */
  error?: unknown;
}

export class Outbox {
  readonly #send: (action: Action) => Promise<void>;
  readonly #report: (outcome: Outcome) => void;
  readonly #now: () => number;
  #inFlight = false;
  #pending: Action | null = null;

  constructor(
    send: (action: Action) => Promise<void>,
    report: (outcome: Outcome) => void,
    now: () => number,
  ) {
    this.#send = send;
    this.#report = report;
    this.#now = now;
  }

  post(action: Action): void {
    if (isRest(action)) {
      this.#pending = null;
      void this.#request(action);
    } else {
      this.#pending = action;
      if (!this.#inFlight) void this.#drain();
    }
  }

  /** Forgets what is pending: it would be late. */
  clear(): void {
    this.#pending = null;
  }

  async #drain(): Promise<void> {
    this.#inFlight = true;
    while (this.#pending !== null) {
      const action = this.#pending;
      this.#pending = null;
      await this.#request(action);
    }
    this.#inFlight = false;
  }

  async #request(action: Action): Promise<void> {
    const started = this.#now();
    const outcome = await this.#send(action).then(
      () => ({}),
      (error: unknown) => ({ error }),
    );
    this.#report({ action, tookMs: this.#now() - started, ...outcome });
  }
}
