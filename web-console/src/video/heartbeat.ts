// Round trip and signs of life on the data channel. Pure.

/** Unanswered pings that are remembered: they are lost, not late. */
const KEPT = 8;

export class Pings {
  #next = 0;
  #sent = new Map<number, number>();
  #heardAt = 0;
  #roundTripMs: number | undefined;

  /** Milliseconds there and back, as the last answered ping had it. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** A new connection: nothing of the last one counts. */
  start(now: number): void {
    this.#sent.clear();
    this.#heardAt = now;
    this.#roundTripMs = undefined;
  }

  /** The number to send now. */
  next(now: number): number {
    this.#next += 1;
    this.#sent.set(this.#next, now);
    for (const old of this.#sent.keys()) {
      if (this.#sent.size <= KEPT) break;
      this.#sent.delete(old);
    }
    return this.#next;
  }

  /** The robot said something; with `pong`, it answered that ping. */
  heard(now: number, pong?: number): void {
    this.#heardAt = now;
    if (pong === undefined) return;
    const sent = this.#sent.get(pong);
    if (sent === undefined) return;
    this.#sent.delete(pong);
    this.#roundTripMs = now - sent;
  }

  silentMs(now: number): number {
    return now - this.#heardAt;
  }
}
