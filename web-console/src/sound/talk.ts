// Push-to-talk: while it is pressed, the microphone's track is sent and the robot is told; nobody's
// microphone is opened without a press. Knows no element and no peer connection.

/** Nobody is heard but who drives, and to talk is to drive: said again before the robot lets others. */
const SAY_INTERVAL_MS = 500;

/** The microphone stays open so long after a word: opening it cuts off the beginning of the next. */
const KEEP_OPEN_MS = 30_000;

export type TalkState = "off" | "opening" | "on";

export interface TalkOptions {
  /** Opens the microphone; an error says in words why it cannot. */
  microphone: () => Promise<MediaStreamTrack>;
  /** Sends a track to the robot; null sends nothing. */
  send: (track: MediaStreamTrack | null) => Promise<void>;
  /** Tells the robot that somebody talks. */
  say: () => void;
  onChange: () => void;
}

export class Talk {
  readonly #options: TalkOptions;
  #pressed = false;
  #state: TalkState = "off";
  #track: MediaStreamTrack | null = null;
  #says: ReturnType<typeof setInterval> | undefined;
  #closes: ReturnType<typeof setTimeout> | undefined;
  /** Why nobody can talk, in words; null if they can. */
  problem: string | null = null;

  constructor(options: TalkOptions) {
    this.#options = options;
  }

  get state(): TalkState {
    return this.#state;
  }

  press(): void {
    if (this.#pressed) return;
    this.#pressed = true;
    void this.#open();
  }

  release(): void {
    if (!this.#pressed) return;
    this.#pressed = false;
    clearInterval(this.#says);
    void this.#options.send(null).catch(() => {});
    clearTimeout(this.#closes);
    this.#closes = setTimeout(() => this.#closeMicrophone(), KEEP_OPEN_MS);
    this.#change("off");
  }

  close(): void {
    this.release();
    this.#closeMicrophone();
  }

  async #open(): Promise<void> {
    this.problem = null;
    clearTimeout(this.#closes);
    this.#options.say();
    this.#says = setInterval(() => this.#options.say(), SAY_INTERVAL_MS);
    this.#change("opening");
    try {
      // One that was unplugged is looked for again.
      if (this.#track?.readyState !== "live") this.#track = await this.#options.microphone();
      // Let go while the browser asked for permission.
      if (!this.#pressed) return;
      await this.#options.send(this.#track);
      if (this.#pressed) this.#change("on");
      else await this.#options.send(null);
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.release();
    }
  }

  #closeMicrophone(): void {
    clearTimeout(this.#closes);
    if (this.#pressed) return;
    this.#track?.stop();
    this.#track = null;
  }

  #change(state: TalkState): void {
    this.#state = state;
    this.#options.onChange();
  }
}
