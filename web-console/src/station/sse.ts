// Server-sent events out of a stream of text. Pure; as the HTML standard parses them,
// without `retry`, which ground-station does not send.

export interface Message {
  event: string;
  data: string;
}

/** Longest event that is kept: telemetry takes about 1 kB. */
const MAX_CHARS = 65_536;

export class SseParser {
  #rest = "";
  #event = "";
  #data: string[] = [];

  /** Takes text as it arrives, cut anywhere; gives the events that it completes. */
  push(text: string): Message[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > MAX_CHARS) throw new Error(`an event line above ${MAX_CHARS} characters`);
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): Message[] {
    if (line === "") return this.#complete();
    const [, field, value] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line) ?? [];
    if (field === "event") this.#event = value ?? "";
    if (field === "data") this.#data.push(value ?? "");
    return [];
  }

  #complete(): Message[] {
    const message = { event: this.#event || "message", data: this.#data.join("\n") };
    const empty = this.#data.length === 0;
    this.#event = "";
    this.#data = [];
    return empty ? [] : [message];
  }
}
