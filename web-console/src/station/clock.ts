// How far this computer's clock is from the server's. Pure.
//
// The robot drops actions that were sent too long ago, so `sent_at` has to be right even
// where the browser's clock is not.

/** Answers that are remembered; old ones go, as clocks drift. */
const MAX_SAMPLES = 8;

interface Sample {
  offsetMs: number;
  roundTripMs: number;
}

export class ServerClock {
  #samples: Sample[] = [];

  /** An answer said `serverMs`; asked and received by this computer's clock. All Unix ms. */
  addSample(serverMs: number, askedMs: number, receivedMs: number): void {
    const sample = {
      offsetMs: serverMs - (askedMs + receivedMs) / 2,
      roundTripMs: receivedMs - askedMs,
    };
    this.#samples = [...this.#samples, sample].slice(-MAX_SAMPLES);
  }

  /** Milliseconds the server is ahead; the quickest answer knows best. */
  get offsetMs(): number {
    const best = this.#samples.reduce<Sample | null>(
      (a, b) => (a === null || b.roundTripMs < a.roundTripMs ? b : a),
      null,
    );
    return best?.offsetMs ?? 0;
  }

  /** This computer's Unix milliseconds as the server would count them. */
  corrected(unixMs: number): number {
    return unixMs + this.offsetMs;
  }
}
