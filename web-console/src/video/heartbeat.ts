// Round trip and signs of life on the data channel. Pure; times are milliseconds of a clock
// that only goes forward.

/** Unanswered pings that are remembered: they are lost, not late. */
const MAX_PENDING = 8;

export class Heartbeat {
  #lastPing = 0;
  #pending = new Map<number, number>();
  #receivedAt = 0;
  #roundTripMs: number | undefined;

  /** Milliseconds there and back, as the last answered ping had it. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** A new connection: nothing of the last one counts. */
  reset(now: number): void {
    this.#pending.clear();
    this.#receivedAt = now;
    this.#roundTripMs = undefined;
  }

  /** The number to send now. */
  nextPing(now: number): number {
    this.#lastPing += 1;
    this.#pending.set(this.#lastPing, now);
    for (const old of this.#pending.keys()) {
      if (this.#pending.size <= MAX_PENDING) break;
      this.#pending.delete(old);
    }
    return this.#lastPing;
  }

  /** A message came; with `pong`, it answers that ping. */
  received(now: number, pong?: number): void {
    this.#receivedAt = now;
    if (pong === undefined) return;
    const sent = this.#pending.get(pong);
    if (sent === undefined) return;
    this.#pending.delete(pong);
    this.#roundTripMs = now - sent;
  }

  silentMs(now: number): number {
    return now - this.#receivedAt;
  }
}
