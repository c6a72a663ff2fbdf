// The live telemetry of all robots the user may see, over one stream that comes back by
// itself. Says what it is doing, and never gives up unless the token is refused.

import type { Report } from "../wire";
import * as api from "./api";
import { backoff } from "./backoff";
import { SseParser } from "./sse";

/** ground-station sends something every 15 s; twice that without a byte is a dead stream. */
const SILENCE_MS = 32_000;

export type FeedState =
  | { is: "connecting" }
  | { is: "live" }
  | { is: "waiting"; untilMs: number; why: string }
  | { is: "refused" };

export class Feed {
  readonly #token: string;
  readonly #report: (report: Report) => void;
  readonly #state: (state: FeedState) => void;
  readonly #closed = new AbortController();
  #failures = 0;

  constructor(token: string, report: (report: Report) => void, state: (state: FeedState) => void) {
    this.#token = token;
    this.#report = report;
    this.#state = state;
  }

  start(): void {
    void this.#run();
  }

  close(): void {
    this.#closed.abort();
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      this.#state({ is: "connecting" });
      const why = await this.#read().catch((error: unknown) => error);
      if (this.#closed.signal.aborted) return;
      if (why instanceof api.Refused && why.signedOut) return this.#state({ is: "refused" });
      this.#failures += 1;
      const waitMs = backoff(this.#failures, Math.random());
      this.#state({ is: "waiting", untilMs: Date.now() + waitMs, why: api.inWords(why) });
      await wait(waitMs, this.#closed.signal);
    }
  }

  /** Reads one stream to its end; whatever it returns or throws is why it ended. */
  async #read(): Promise<Error> {
    const attempt = new AbortController();
    const abort = () => attempt.abort(new DOMException("no sign of life", "TimeoutError"));
    this.#closed.signal.addEventListener("abort", abort);
    let silence = setTimeout(abort, SILENCE_MS);
    try {
      const body = await api.telemetry(this.#token, attempt.signal);
      this.#state({ is: "live" });
      const parser = new SseParser();
      const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        clearTimeout(silence);
        silence = setTimeout(abort, SILENCE_MS);
        this.#failures = 0;
        this.#deliver(parser, part.value);
      }
      return new Error("the server closed the stream");
    } finally {
      clearTimeout(silence);
      this.#closed.signal.removeEventListener("abort", abort);
    }
  }

  #deliver(parser: SseParser, text: string): void {
    for (const message of parser.push(text)) {
      if (message.event === "telemetry") this.#report(JSON.parse(message.data) as Report);
    }
  }
}

/** Until the time is over, the network is back, or it is no longer wanted. */
function wait(ms: number, unless: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      unless.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    unless.addEventListener("abort", done);
  });
}
