// What happened, for whoever has to find out why. The newest entries are kept.

export interface LogEntry {
  atMs: number;
  text: string;
}

/** A day of reconnecting fits; older entries answer no question. */
const MAX_ENTRIES = 300;

export class Log {
  #entries: LogEntry[] = [];
  #listener: (entry: LogEntry) => void = () => {};

  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  /** One listener: the pane that shows it. */
  onEntry(listener: (entry: LogEntry) => void): void {
    this.#listener = listener;
  }

  /** The same text twice in a row is one entry. */
  write(text: string, atMs = Date.now()): void {
    if (this.#entries.at(-1)?.text === text) return;
    const entry = { atMs, text };
    this.#entries = [...this.#entries, entry].slice(-MAX_ENTRIES);
    this.#listener(entry);
  }
}
