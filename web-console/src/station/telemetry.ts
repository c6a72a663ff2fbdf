// The live telemetry of all robots the user may see, over one stream of server-sent events
// that comes back by itself. Never gives up unless the token is refused. A page that nobody sees
// holds no stream: over plain HTTP a browser shares six connections among all tabs of a host, and
// with six streams open the stop of a seventh would wait for ever.

import { createParser } from "eventsource-parser";
import { ReconnectLoop, type Waiting } from "../reconnect";
import { readReport } from "../telemetry-shape";
import type { Report } from "../wire";
import * as api from "./api";
import { texts } from "../language";

/** ground-station sends something every 15 s; twice that without a byte is a dead stream. */
const SILENCE_MS = 32_000;

/** Longest event that is buffered: telemetry takes about 1 kB. */
const MAX_EVENT_CHARS = 65_536;

export type StreamState = { is: "connecting" } | { is: "live" } | Waiting | { is: "unauthorized" };

export interface TelemetryOptions {
  token: string;
  onReport: (report: Report) => void;
  onState: (state: StreamState) => void;
}

export class TelemetryStream {
  readonly #options: TelemetryOptions;
  readonly #loop: ReconnectLoop;

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.#loop = new ReconnectLoop({
      attempt: () => this.#read(),
      ended: (why) => this.#ended(why),
      waiting: options.onState,
    });
  }

  start(): void {
    const { signal } = this.#loop;
    document.addEventListener("visibilitychange", () => document.hidden || this.#loop.retryNow(), { signal });
    void this.#loop.run();
  }

  close(): void {
    this.#loop.close();
  }

  #ended(why: unknown): string | null {
    if (document.hidden) return null;
    if (!(why instanceof api.ApiError) || !why.unauthorized) return api.errorMessage(why);
    this.#loop.close();
    this.#options.onState({ is: "unauthorized" });
    return null;
  }

  /** Reads one stream to its end; whatever it returns or throws is why it ended. */
  async #read(): Promise<Error> {
    const { token, onReport, onState } = this.#options;
    if (document.hidden) return new Error("nobody sees the page");
    onState({ is: "connecting" });
    const attempt = new AbortController();
    const abort = () => attempt.abort(new DOMException("no sign of life", "TimeoutError"));
    this.#loop.signal.addEventListener("abort", abort);
    document.addEventListener("visibilitychange", abort);
    let silence = setTimeout(abort, SILENCE_MS);
    try {
      const body = await api.telemetry(token, attempt.signal);
      onState({ is: "live" });
      const parse = reportParser(onReport);
      const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        clearTimeout(silence);
        silence = setTimeout(abort, SILENCE_MS);
        this.#loop.succeeded();
        parse(part.value);
      }
      return new Error(texts.serverClosed);
    } finally {
      clearTimeout(silence);
      this.#loop.signal.removeEventListener("abort", abort);
      document.removeEventListener("visibilitychange", abort);
    }
  }
}

/** Takes the stream's text as it arrives, cut anywhere. Throws at an event that does not end. */
export function reportParser(onReport: (report: Report) => void): (text: string) => void {
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: ({ event, data }) => {
      const report = event === "telemetry" ? readReport(JSON.parse(data)) : null;
      if (report !== null) onReport(report);
    },
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") throw error;
    },
  });
  return parser.feed;
}
