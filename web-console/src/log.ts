// What happened, for whoever has to find out why. The newest lines are kept.

export interface Line {
  atMs: number;
  text: string;
}

/** A day of reconnecting fits; older lines answer no question. */
const KEPT = 300;

export class Log {
  #lines: Line[] = [];
  #listener: (line: Line) => void = () => {};

  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** One listener: the pane that shows it. */
  onLine(listener: (line: Line) => void): void {
    this.#listener = listener;
  }

  /** The same line twice in a row is one line. */
  write(text: string, atMs = Date.now()): void {
    if (this.#lines.at(-1)?.text === text) return;
    const line = { atMs, text };
    this.#lines = [...this.#lines, line].slice(-KEPT);
    this.#listener(line);
  }
}
