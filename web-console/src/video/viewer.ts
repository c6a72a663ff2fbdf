// Keeps a connection to one robot for as long as the page is open: finds the channel, meets
// the robot, notices when it is gone, and tries again. Says at every step what it does.

import type { SignalingClient } from "amazon-kinesis-video-streams-webrtc";
import { find, type Pass } from "../kvs/channel";
import { opened, signalingClient } from "../kvs/signaling";
import { backoff } from "../station/backoff";
import type { Action } from "../wire";
import { Connection, type Hears, type Said } from "./peer-connection";
import { Pings } from "./heartbeat";

/** From the offer to a connection. Relayed over half the world it takes two seconds. */
const MEET_MS = 8_000;

/** The robot says something ten times a second; after this long it is not there. */
const SILENCE_MS = 4_000;

/** How often the robot is asked for a sign of life, and the connection looked at. */
const LOOK_MS = 500;

export type WatchState =
  | { is: "off" }
  | { is: "asking"; what: string }
  | { is: "connected" }
  | { is: "waiting"; untilMs: number; why: string };

export interface WatchSettings {
  clientId: string;
  /** Asked anew for every attempt, so that nothing in it has expired. */
  pass: () => Promise<Pass>;
  clockOffsetMs: () => number;
  picture: (stream: MediaStream | null) => void;
  said: (said: Said) => void;
  state: (state: WatchState) => void;
  inWords: (error: unknown) => string;
}

export class Watch {
  readonly #settings: WatchSettings;
  readonly #left = new AbortController();
  readonly #pings = new Pings();
  #connection: Connection | null = null;
  #failures = 0;
  #hurry: (() => void) | null = null;
  #end: ((why: string) => void) | null = null;
  #wanted = true;

  constructor(settings: WatchSettings) {
    this.#settings = settings;
  }

  start(): void {
    void this.#run();
  }

  /** For statistics; null while there is none. */
  get pc(): RTCPeerConnection | null {
    return this.#connection?.pc ?? null;
  }

  /** Milliseconds there and back by data channel; undefined while unknown. */
  get roundTripMs(): number | undefined {
    return this.#pings.roundTripMs;
  }

  get drives(): boolean {
    return this.#connection?.drives ?? false;
  }

  send(action: Action): boolean {
    return this.#connection?.send(action) ?? false;
  }

  /** Lets others drive. */
  releaseWheel(): void {
    this.#connection?.say({ release: true });
  }

  /** Something changed for the better: do not wait for the next attempt. */
  hurry(): void {
    this.#hurry?.();
  }

  /** Whether there is anything to call: a robot whose camera is off listens to no channel. */
  set wanted(wanted: boolean) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) this.#hurry?.();
  }

  /** Says goodbye at once: whoever leaves the page is not to be waited for. Should it be
   * shown again, it calls again. */
  hangUp(): void {
    this.#drop();
    this.#end?.("the page was left");
  }

  close(): void {
    this.#left.abort();
    this.#hurry?.();
    this.#drop();
  }

  async #run(): Promise<void> {
    while (!this.#left.signal.aborted) {
      const why = await this.#attempt().catch((error: unknown) => this.#settings.inWords(error));
      this.#drop();
      if (this.#left.signal.aborted) return;
      if (!this.#wanted) {
        this.#settings.state({ is: "off" });
        await this.#wait(null);
        continue;
      }
      this.#failures += 1;
      const waitMs = backoff(this.#failures, Math.random());
      this.#settings.state({ is: "waiting", untilMs: Date.now() + waitMs, why });
      await this.#wait(waitMs);
    }
  }

  /** One connection from its beginning to its end; gives why it ended. */
  async #attempt(): Promise<string> {
    const settings = this.#settings;
    settings.state({ is: "asking", what: "Asking for the robot's channel" });
    const pass = await settings.pass();
    const offset = settings.clockOffsetMs();
    const meeting = await find(pass, settings.clientId, () => new Date(Date.now() + offset));
    if (this.#left.signal.aborted) return "closed";
    settings.state({ is: "asking", what: "Calling the robot" });
    const signaling = signalingClient(pass, meeting, settings.clientId, offset);
    const [iceServers] = await Promise.all([meeting.iceServers(), opened(signaling)]).catch((error: unknown) => {
      signaling.close();
      throw error;
    });
    return new Promise<string>((end, fail) => {
      this.#end = end;
      const connection = new Connection(signaling, iceServers, this.#hears(end));
      this.#connection = connection;
      if (this.#left.signal.aborted) return end("closed");
      this.#listen(signaling, connection, end);
      this.#lookAfter(connection, end);
      connection.offer().catch(fail);
    });
  }

  #listen(signaling: SignalingClient, connection: Connection, end: (why: string) => void): void {
    const connected = () => connection.pc.connectionState === "connected";
    signaling.on("statusResponse", (status: { description?: string; errorType?: string }) => {
      if (connected()) return;
      end(`signaling refused the call: ${status.description ?? status.errorType ?? "no reason given"}`);
    });
    // Once the two have met they need no signaling: a lost socket takes nothing from them.
    for (const event of ["error", "close"]) {
      signaling.on(event, () => connected() || end("the signaling socket was closed"));
    }
  }

  #hears(end: (why: string) => void): Hears {
    return {
      picture: (stream) => this.#settings.picture(stream),
      said: (said) => {
        this.#pings.heard(performance.now(), said.pong);
        this.#settings.said(said);
      },
      changed: () => {
        const connection = this.#connection;
        if (connection === null) return;
        const { connectionState } = connection.pc;
        if (connection.refused !== null) end(connection.refused);
        else if (connectionState === "failed") end("the path to the robot broke");
        else if (connectionState === "closed") end("the connection was closed");
        else if (connection.drives) {
          this.#failures = 0;
          this.#settings.state({ is: "connected" });
        }
      },
    };
  }

  /** Pings, and ends what gives no sign of life. */
  #lookAfter(connection: Connection, end: (why: string) => void): void {
    const began = performance.now();
    let met = false;
    const timer = setInterval(() => {
      if (this.#connection !== connection) return clearInterval(timer);
      const now = performance.now();
      if (connection.drives && !met) {
        met = true;
        this.#pings.start(now);
      }
      if (connection.drives) connection.say({ ping: this.#pings.next(now) });
      if (met && this.#pings.silentMs(now) > SILENCE_MS) end("the robot fell silent");
      if (!met && now - began > MEET_MS) end("the robot does not answer");
    }, LOOK_MS);
  }

  #drop(): void {
    if (this.#connection === null) return;
    this.#connection.close();
    this.#connection = null;
    this.#settings.picture(null);
  }

  /** Until the time is over, if it ends at all, or somebody is in a hurry. */
  #wait(ms: number | null): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        removeEventListener("online", done);
        this.#hurry = null;
        resolve();
      };
      const timer = ms === null ? undefined : setTimeout(done, ms);
      addEventListener("online", done);
      this.#hurry = done;
    });
  }
}
