// One peer connection to the robot: its picture, and the two data channels.
// Lives once; whoever wants another try makes another one (`watch`).

import type { SignalingClient } from "amazon-kinesis-video-streams-webrtc";
import type { Action, Telemetry } from "../wire";

/** Who holds the wheel, as the robot tells this viewer. */
export interface Driver {
  you: boolean;
  name: string | null;
}

export interface Said {
  telemetry?: Telemetry;
  driver?: Driver;
  pong?: number;
}

/** What a robot answers with; masters other than ours give no reason. */
export interface Answer extends RTCSessionDescriptionInit {
  reason?: unknown;
}

export interface Hears {
  picture(stream: MediaStream): void;
  said(said: Said): void;
  changed(): void;
}

/** A motion that would wait behind this much is better not sent: the next is newer. */
const MAX_UNSENT_BYTES = 2048;

export class Connection {
  readonly pc: RTCPeerConnection;
  readonly #drive: RTCDataChannel;
  readonly #telemetry: RTCDataChannel;
  readonly #signaling: SignalingClient;
  /** Why the robot does not want us; null while it may. */
  refused: string | null = null;

  constructor(signaling: SignalingClient, iceServers: RTCIceServer[], hears: Hears) {
    this.#signaling = signaling;
    this.pc = new RTCPeerConnection({ iceServers });
    const video = this.pc.addTransceiver("video", { direction: "recvonly" });
    onlyH264(video);
    wantNow(video.receiver);
    // A lost order is replaced by the next one, and a report too; a late one is worth nothing.
    this.#drive = this.pc.createDataChannel("drive", { ordered: false, maxRetransmits: 0 });
    this.#telemetry = this.pc.createDataChannel("telemetry", { ordered: true, maxRetransmits: 0 });

    this.pc.ontrack = ({ track, streams }) => hears.picture(streams[0] ?? new MediaStream([track]));
    this.pc.onconnectionstatechange = () => hears.changed();
    this.#drive.onopen = this.#drive.onclose = () => hears.changed();
    this.#telemetry.onmessage = ({ data }) => {
      const said = parsed(data);
      if (said !== null) hears.said(said);
    };
    this.pc.onicecandidate = ({ candidate }) => {
      if (candidate !== null) this.#tell(() => signaling.sendIceCandidate(candidate));
    };
    signaling.on("sdpAnswer", (answer: Answer) => void this.#answered(answer, hears));
    signaling.on("iceCandidate", (candidate: RTCIceCandidateInit) => {
      // One that this browser cannot use takes nothing away from the others.
      this.pc.addIceCandidate(candidate).catch(() => {});
    });
  }

  /** Sends the offer; candidates follow by themselves. The signaling socket must be open. */
  async offer(): Promise<void> {
    await this.pc.setLocalDescription();
    this.#signaling.sendSdpOffer(this.pc.localDescription!, undefined, "offer");
  }

  /** Whether orders can go this way now. */
  get drives(): boolean {
    return this.pc.connectionState === "connected" && this.#drive.readyState === "open";
  }

  /** False if it was not sent. */
  send(action: Action): boolean {
    if (!this.drives) return false;
    const waits = this.#drive.bufferedAmount > MAX_UNSENT_BYTES;
    if (waits && action.action !== "stop") return false;
    this.#drive.send(JSON.stringify(action));
    return !waits;
  }

  /** To the robot beside the orders: a ping, or that the wheel is let go. */
  say(aside: { ping: number } | { release: true }): void {
    if (this.#telemetry.readyState === "open") this.#telemetry.send(JSON.stringify(aside));
  }

  close(): void {
    this.#signaling.removeAllListeners();
    // A client may still report an error while it closes; unheard, it would be thrown.
    this.#signaling.on("error", () => {});
    this.#signaling.close();
    this.pc.onconnectionstatechange = null;
    this.#drive.onclose = null;
    this.pc.close();
  }

  async #answered(answer: Answer, hears: Hears): Promise<void> {
    if (this.pc.signalingState !== "have-local-offer") return;
    this.refused = refusal(answer);
    if (this.refused === null) {
      await this.pc.setRemoteDescription(answer).catch((error: unknown) => {
        this.refused = `the robot's answer cannot be used: ${String(error)}`;
      });
    }
    hears.changed();
  }

  /** Candidates that come after the socket was closed are not needed any more. */
  #tell(say: () => void): void {
    try {
      say();
    } catch {
      // Closed between two events; the watch sees it by the connection's state.
    }
  }
}

/** An answer that takes no section of the offer is a no; the robot says why beside it. */
export function refusal({ sdp, reason }: Answer): string | null {
  const ports = [...(sdp ?? "").matchAll(/^m=\S+ (\d+)/gm)].map(([, port]) => port);
  if (ports.some((port) => port !== "0")) return null;
  return typeof reason === "string" && reason !== "" ? reason : "the robot has no place, or no picture for this browser";
}

/** The robot sends nothing else, and the offer stays well below the service's 10 kB. */
function onlyH264(video: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs ?? [];
  const h264 = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === "video/h264");
  if (codecs.length > 0 && h264.length === 0) throw new Error("this browser cannot show H.264 video");
  if (h264.length > 0) video.setCodecPreferences?.(h264);
}

/** Frames are painted when they come: a driver wants now, not smooth. */
function wantNow(receiver: RTCRtpReceiver): void {
  const adjustable: { jitterBufferTarget?: number | null; playoutDelayHint?: number | null } = receiver;
  if ("jitterBufferTarget" in adjustable) adjustable.jitterBufferTarget = 0;
  else if ("playoutDelayHint" in adjustable) adjustable.playoutDelayHint = 0;
}

/** What the robot says is read with care: it may be of another version. */
function parsed(data: unknown): Said | null {
  if (typeof data !== "string") return null;
  try {
    const said: unknown = JSON.parse(data);
    return typeof said === "object" && said !== null ? said : null;
  } catch {
    return null;
  }
}
