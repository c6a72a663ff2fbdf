// A viewer of one robot's channel for as long as the page is open: finds the channel, connects
// to the robot, notices when it is gone, and tries again. Reports every step.

import type { SignalingClient } from "amazon-kinesis-video-streams-webrtc";
import { channelEndpoints, type ViewerCredentials } from "../kvs/channel";
import { open, signalingClient } from "../kvs/signaling";
import { ReconnectLoop, type Waiting } from "../reconnect";
import type { Action, Message, Request } from "../wire";
import { Heartbeat } from "./heartbeat";
import { cannotShow, PeerConnection, type Listener } from "./peer-connection";
import { texts } from "../language";

/** From the offer to a connection. Relayed over half the world it takes two seconds; ten round trips
 * of a slow path, some of them lost, take more, and are given longer each time. */
const CONNECT_TIMEOUT_MS = 8_000;
const CONNECT_TIMEOUT_GROWS = 1.6;
const LONGEST_CONNECT_TIMEOUT_MS = 30_000;

/** The robot reports ten times a second; after this long without a message it is not there. */
const SILENCE_MS = 4_000;

/** How often the robot is pinged, and the connection looked at. */
const PING_INTERVAL_MS = 500;

export type ViewerState = { is: "camera-off" } | { is: "connecting"; step: string } | { is: "connected" } | Waiting;

export interface ViewerOptions {
  clientId: string;
  /** Asked for anew by every attempt, so that nothing in it has expired. */
  credentials: () => Promise<ViewerCredentials>;
  clockOffsetMs: () => number;
  onStream: (stream: MediaStream | null) => void;
  /** What the robot hears; null while there is none. */
  onSound: (stream: MediaStream | null) => void;
  onMessage: (message: Message) => void;
  onState: (state: ViewerState) => void;
  /** Why an attempt failed, for people. */
  errorMessage: (error: unknown) => string;
}

type End = (why: string) => void;

/** How long the next attempt may take once the robot has answered, after so many failures in a row. */
export function connectTimeoutMs(failures: number): number {
  return Math.min(LONGEST_CONNECT_TIMEOUT_MS, Math.round(CONNECT_TIMEOUT_MS * CONNECT_TIMEOUT_GROWS ** failures));
}

export class Viewer {
  readonly #options: ViewerOptions;
  readonly #heartbeat = new Heartbeat();
  readonly #loop: ReconnectLoop;
  #peer: PeerConnection | null = null;
  #end: End | null = null;
  #cameraOn = true;

  constructor(options: ViewerOptions) {
    this.#options = options;
    this.#loop = new ReconnectLoop({
      attempt: () => this.#attempt(),
      ended: (why) => this.#ended(why),
      waiting: options.onState,
    });
  }

  start(): void {
    void this.#loop.run();
  }

  /** For statistics; null while there is none. */
  get pc(): RTCPeerConnection | null {
    return this.#peer?.pc ?? null;
  }

  /** Milliseconds there and back by data channel; undefined while unknown. */
  get roundTripMs(): number | undefined {
    return this.#heartbeat.roundTripMs;
  }

  get canSend(): boolean {
    return this.#peer?.canSend ?? false;
  }

  send(action: Action): boolean {
    return this.#peer?.send(action) ?? false;
  }

  /** Lets others drive. */
  release(): void {
    this.request({ release: true });
  }

  request(request: Request): void {
    this.#peer?.request(request);
  }

  /** Both ways of sound; null while there is no connection. */
  get sound(): RTCRtpTransceiver | null {
    return this.#peer?.sound ?? null;
  }

  retryNow(): void {
    this.#loop.retryNow();
  }

  /** A robot whose camera is off is on no channel: there is nothing to call. */
  set cameraOn(on: boolean) {
    if (on === this.#cameraOn) return;
    this.#cameraOn = on;
    // What is under way leads nowhere; a connection that is there ends by itself.
    if (!on && !this.canSend) this.#end?.(texts.cameraOff);
    this.#loop.retryNow();
  }

  /** Ends the connection at once: whoever leaves the page is not to be waited for. Should the
   * page be shown again, it connects again. */
  disconnect(): void {
    this.#closePeer();
    this.#end?.(texts.pageLeft);
  }

  close(): void {
    this.#loop.close();
    this.#closePeer();
  }

  #ended(why: unknown): string | null {
    this.#closePeer();
    if (this.#cameraOn) return this.#options.errorMessage(why);
    this.#options.onState({ is: "camera-off" });
    return null;
  }

  /** One connection from its beginning to its end; gives why it ended. */
  async #attempt(): Promise<string> {
    const { clientId, onState, ...options } = this.#options;
    const { signal } = this.#loop;
    if (typeof RTCPeerConnection === "undefined") throw new Error(texts.noWebRtc);
    const problem = cannotShow();
    if (problem !== null) throw new Error(problem);
    if (!this.#cameraOn) return "there is nothing to call";
    onState({ is: "connecting", step: texts.askingForChannel });
    const credentials = await options.credentials();
    const offsetMs = options.clockOffsetMs();
    const endpoints = await channelEndpoints(credentials, clientId, () => new Date(Date.now() + offsetMs));
    if (signal.aborted) return "closed";
    const signaling = await signalingClient(credentials, endpoints, clientId, offsetMs);
    const [iceServers] = await Promise.all([endpoints.iceServers(), open(signaling)]).catch((error: unknown) => {
      signaling.close();
      throw error;
    });
    if (signal.aborted || !this.#cameraOn) {
      signaling.close();
      return "closed";
    }
    return new Promise<string>((end, fail) => {
      this.#end = end;
      const peer = new PeerConnection(signaling, iceServers, this.#listener(end));
      this.#peer = peer;
      this.#watchSignaling(signaling, peer, end);
      this.#monitor(peer, end);
      onState({ is: "connecting", step: texts.calling });
      peer.offer().catch(fail);
    });
  }

  #watchSignaling(signaling: SignalingClient, peer: PeerConnection, end: End): void {
    const connected = () => peer.pc.connectionState === "connected";
    signaling.on("statusResponse", (status: { description?: string; errorType?: string }) => {
      if (connected()) return;
      end(texts.callRefused(status.description ?? status.errorType ?? texts.noReason));
    });
    // Once the peers are connected they need no signaling: a lost socket takes nothing from them.
    for (const event of ["error", "close"]) {
      signaling.on(event, () => connected() || end(texts.socketClosed));
    }
  }

  #listener(end: End): Listener {
    const { onStream, onSound, onMessage, onState } = this.#options;
    return {
      onStream,
      onSound,
      onMessage: (message) => {
        this.#heartbeat.received(performance.now(), message.pong);
        onMessage(message);
      },
      onChange: () => {
        const peer = this.#peer;
        if (peer === null) return;
        const { connectionState } = peer.pc;
        if (peer.refused !== null) end(peer.refused);
        else if (connectionState === "failed") void peer.whyFailed().then(end);
        else if (connectionState === "closed") end(texts.connectionClosed);
        else if (peer.canSend) {
          this.#loop.succeeded();
          onState({ is: "connected" });
        }
      },
    };
  }

  /** Pings, and ends what gives no sign of life. */
  #monitor(peer: PeerConnection, end: End): void {
    const began = performance.now();
    const timeoutMs = connectTimeoutMs(this.#loop.failures);
    let connected = false;
    const timer = setInterval(() => {
      if (this.#peer !== peer) return clearInterval(timer);
      const now = performance.now();
      if (peer.canSend && !connected) {
        connected = true;
        this.#heartbeat.reset(now);
      }
      if (peer.canSend) peer.request({ ping: this.#heartbeat.nextPing(now) });
      if (connected && this.#heartbeat.silentMs(now) > SILENCE_MS) end(texts.fellSilent);
      // Who has not answered is asked again sooner than who is hard to reach.
      const limitMs = peer.answered ? timeoutMs : CONNECT_TIMEOUT_MS;
      if (!connected && now - began > limitMs) {
        clearInterval(timer);
        void peer.whyUnconnected().then(end);
      }
    }, PING_INTERVAL_MS);
  }

  #closePeer(): void {
    const peer = this.#peer;
    if (peer === null) return;
    this.#peer = null;
    // Before its track ends: the last frame is still to be had.
    this.#options.onStream(null);
    this.#options.onSound(null);
    peer.close();
  }
}
