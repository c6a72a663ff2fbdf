// The road over HTTP: at most one request under way, and one action waiting.
// Knows no fetch: it is given `send`. A newer action replaces the waiting one, and a stop
// overtakes all: it goes out beside the request that is under way.

import type { Action } from "../wire";

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
  #underWay = false;
  #waiting: Action | null = null;

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
    if (action.action === "stop") {
      this.#waiting = null;
      void this.#carry(action);
    } else if (this.#underWay) {
      this.#waiting = action;
    } else {
      void this.#drain(action);
    }
  }

  /** Forgets what waits: it would be late. */
  clear(): void {
    this.#waiting = null;
  }

  async #drain(first: Action): Promise<void> {
    this.#underWay = true;
    for (let action: Action | null = first; action !== null; action = this.#take()) {
      await this.#carry(action);
    }
    this.#underWay = false;
  }

  #take(): Action | null {
    const action = this.#waiting;
    this.#waiting = null;
    return action;
  }

  async #carry(action: Action): Promise<void> {
    const started = this.#now();
    const outcome = await this.#send(action).then(
      () => ({}),
      (error: unknown) => ({ error }),
    );
    this.#report({ action, tookMs: this.#now() - started, ...outcome });
  }
}
