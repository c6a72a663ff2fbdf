// How far this computer's clock is from the server's. Pure.
//
// The robot drops actions that were sent too long ago, so `sent_at` has to be right even
// where the browser's clock is not.

/** Answers that are remembered; old ones go, as clocks drift. */
const KEPT = 8;

interface Sample {
  offset: number;
  roundTrip: number;
}

export class ServerClock {
  #samples: Sample[] = [];

  /** An answer said `serverMs`; asked and received by this computer's clock. All Unix ms. */
  heard(serverMs: number, askedMs: number, receivedMs: number): void {
    const sample = {
      offset: serverMs - (askedMs + receivedMs) / 2,
      roundTrip: receivedMs - askedMs,
    };
    this.#samples = [...this.#samples, sample].slice(-KEPT);
  }

  /** Milliseconds the server is ahead; the quickest answer knows best. */
  get offset(): number {
    const best = this.#samples.reduce<Sample | null>(
      (a, b) => (a === null || b.roundTrip < a.roundTrip ? b : a),
      null,
    );
    return best?.offset ?? 0;
  }

  /** This computer's Unix milliseconds as the server would count them. */
  corrected(unixMs: number): number {
    return unixMs + this.offset;
  }
}
