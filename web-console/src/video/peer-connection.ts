// One peer connection to the robot: its video, sound both ways, and the two data channels.
// Lives once; whoever wants another try makes another one (`viewer`).

import type { SignalingClient } from "amazon-kinesis-video-streams-webrtc";
import { gathered, pathProblem } from "./path-problem";
import { DRIVE_CHANNEL, isRest, readMessage, TELEMETRY_CHANNEL, type Action, type Message, type Request } from "../wire";
import { texts } from "../language";

/** What a robot answers an offer with; masters other than ours give no reason. */
export interface Answer extends RTCSessionDescriptionInit {
  reason?: unknown;
}

export interface Listener {
  onStream(stream: MediaStream): void;
  /** What the robot's microphone hears. */
  onSound(stream: MediaStream): void;
  onMessage(message: Message): void;
  /** Connected, failed, refused, or the channel `drive` opened or closed. */
  onChange(): void;
}

/** A motion that would wait behind this much is better not sent: the next is newer. */
const MAX_UNSENT_BYTES = 2048;

export class PeerConnection {
  readonly pc: RTCPeerConnection;
  /** What the robot hears, and what is said by it: nothing is, before somebody talks. */
  readonly sound: RTCRtpTransceiver;
  readonly #drive: RTCDataChannel;
  readonly #telemetry: RTCDataChannel;
  readonly #signaling: SignalingClient;
  /** Why the robot refused the offer; null while it has not. */
  refused: string | null = null;

  constructor(signaling: SignalingClient, iceServers: RTCIceServer[], listener: Listener) {
    this.#signaling = signaling;
    this.pc = new RTCPeerConnection({ iceServers });
    const video = this.pc.addTransceiver("video", { direction: "recvonly" });
    preferCodec(video);
    wantCaptureTime(video);
    minimizeJitterBuffer(video.receiver);
    this.sound = this.pc.addTransceiver("audio", { direction: "sendrecv" });
    onlyOpus(this.sound);
    // A lost action is replaced by the next one, and a report too; a late one is worth nothing.
    this.#drive = this.pc.createDataChannel(DRIVE_CHANNEL, { ordered: false, maxRetransmits: 0 });
    this.#telemetry = this.pc.createDataChannel(TELEMETRY_CHANNEL, { ordered: true, maxRetransmits: 0 });

    this.pc.ontrack = ({ track }) => {
      const stream = new MediaStream([track]);
      if (track.kind === "audio") listener.onSound(stream);
      else listener.onStream(stream);
    };
    this.pc.onconnectionstatechange = () => listener.onChange();
    this.#drive.onopen = this.#drive.onclose = () => listener.onChange();
    this.#telemetry.onmessage = ({ data }) => {
      const message = readMessage(data);
      if (message !== null) listener.onMessage(message);
    };
    this.pc.onicecandidate = ({ candidate }) => {
      if (candidate !== null) this.#sendCandidate(candidate);
    };
    signaling.on("sdpAnswer", (answer: Answer) => void this.#accept(answer).then(() => listener.onChange()));
    signaling.on("iceCandidate", (candidate: RTCIceCandidateInit) => {
      // One that this browser cannot use takes nothing away from the others.
      this.pc.addIceCandidate(candidate).catch(() => {});
    });
  }

  /** Sends the offer; candidates follow by themselves. The signaling socket must be open. */
  async offer(): Promise<void> {
    const { sdp } = await this.pc.createOffer();
    // A browser that takes no such change still offers what it has.
    await this.pc.setLocalDescription({ type: "offer", sdp: wantRoundTrip(sdp ?? "") }).catch(() => this.pc.setLocalDescription());
    this.#signaling.sendSdpOffer(this.pc.localDescription!, undefined, "offer");
  }

  get answered(): boolean {
    return this.pc.remoteDescription !== null;
  }

  /** Why there is no connection yet, in words. */
  async whyUnconnected(): Promise<string> {
    if (!this.answered) return texts.robotNoAnswer;
    const servers = this.pc.getConfiguration().iceServers ?? [];
    const relays = servers.flatMap(({ urls }) => urls).filter((url) => /^turns?:/.test(url));
    const stats = await this.pc.getStats().catch(() => new Map<string, unknown>());
    return pathProblem(gathered(stats.values()), relays);
  }

  /** Why it failed: a path that broke, or one that never was. */
  async whyFailed(): Promise<string> {
    return this.#drive.readyState === "connecting" ? this.whyUnconnected() : texts.robotPathBroke;
  }

  /** Whether actions can be sent now. */
  get canSend(): boolean {
    return this.pc.connectionState === "connected" && this.#drive.readyState === "open";
  }

  /** False if it was not sent, or waits behind others. */
  send(action: Action): boolean {
    if (!this.canSend) return false;
    const waits = this.#drive.bufferedAmount > MAX_UNSENT_BYTES;
    if (waits && !isRest(action)) return false;
    this.#drive.send(JSON.stringify(action));
    return !waits;
  }

  request(request: Request): void {
    if (this.#telemetry.readyState === "open") this.#telemetry.send(JSON.stringify(request));
  }

  close(): void {
    this.#signaling.removeAllListeners();
    // A client may still report an error while it closes; without a listener, it would be thrown.
    this.#signaling.on("error", () => {});
    this.#signaling.close();
    this.pc.onconnectionstatechange = null;
    this.#drive.onclose = null;
    this.pc.close();
  }

  async #accept(answer: Answer): Promise<void> {
    if (this.pc.signalingState !== "have-local-offer") return;
    this.refused = refusal(answer);
    if (this.refused !== null) return;
    await this.pc.setRemoteDescription(onlySent(answer)).catch((error: unknown) => {
      this.refused = texts.answerUnusable(String(error));
    });
  }

  /** Candidates that come after the socket was closed are not needed any more. */
  #sendCandidate(candidate: RTCIceCandidate): void {
    try {
      this.#signaling.sendIceCandidate(candidate);
    } catch {
      // Closed between two events; the viewer sees it by the connection's state.
    }
  }
}

/** An answer that takes no section of the offer is a no; the robot says why beside it. */
export function refusal({ sdp, reason }: Answer): string | null {
  const ports = [...(sdp ?? "").matchAll(/^m=\S+ (\d+)/gm)].map(([, port]) => port);
  if (ports.some((port) => port !== "0")) return null;
  return typeof reason === "string" && reason !== ""
    ? reason
    : texts.robotRefused;
}

/** Why this browser cannot show what the robot sends; null if it can, or does not tell. */
export function cannotShow(): string | null {
  return shownCodecs()?.length === 0 ? texts.noCodec : null;
}

/**
 * The answer of a master that would also receive video, as Amazon's SDK in C says of every track: to an
 * offer that only receives, that is none, and browsers take it for an error ("incompatible send direction").
 */
export function onlySent({ type, sdp = "" }: RTCSessionDescriptionInit): RTCSessionDescriptionInit {
  const sections = sdp.split(/^(?=m=)/m);
  const sent = sections.map((section) => (section.startsWith("m=audio") ? section : section.replace(/^a=sendrecv(\r?)$/gm, "a=sendonly$1")));
  return { type, sdp: sent.join("") };
}

/** The robot knows nothing else. */
function onlyOpus(sound: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities?.("audio")?.codecs ?? [];
  const opus = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === "audio/opus");
  if (opus.length > 0) sound.setCodecPreferences?.(opus);
}

/** The robot sends nothing else, and the offer stays well below the service's 10 kB. */
function preferCodec(video: RTCRtpTransceiver): void {
  const codecs = shownCodecs() ?? [];
  if (codecs.length > 0) video.setCodecPreferences?.(codecs);
}

/** The robot makes VP8 only for those who have no H.264, and by another encoder. */
const SENT_CODECS = ["video/h264", "video/vp8"];

/** The first of the robot's codecs that this browser shows, if any; undefined where it does not tell. */
function shownCodecs() {
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs ?? [];
  if (codecs.length === 0) return undefined;
  const of = (sent: string) => codecs.filter(({ mimeType }) => mimeType.toLowerCase() === sent);
  return SENT_CODECS.map(of).find((found) => found.length > 0) ?? [];
}

/**
 * Lets the browser measure the round trip by RTCP, as it does only where `rrtr` is negotiated: it then asks for
 * lost packets after one round trip rather than 100 ms, and knows when a frame was captured by its own clock.
 */
export function wantRoundTrip(sdp: string): string {
  return sdp.replace(/^a=rtcp-fb:(\d+) nack pli\r\n/gm, "$&a=rtcp-fb:$1 rrtr\r\n");
}

const ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

interface HeaderExtension {
  uri: string;
  direction: RTCRtpTransceiverDirection;
}

/** Chromium knows the extension, but does not offer it by itself. */
function wantCaptureTime(video: RTCRtpTransceiver): void {
  const adjustable: RTCRtpTransceiver & {
    getHeaderExtensionsToNegotiate?: () => HeaderExtension[];
    setHeaderExtensionsToNegotiate?: (extensions: HeaderExtension[]) => void;
  } = video;
  const extensions = adjustable.getHeaderExtensionsToNegotiate?.() ?? [];
  const wanted = extensions.map(({ uri, direction }) => ({ uri, direction: uri === ABS_CAPTURE_TIME ? "sendrecv" : direction }));
  if (wanted.length > 0) adjustable.setHeaderExtensionsToNegotiate?.(wanted);
}

/** Frames are painted when they come: a driver wants now, not smooth. */
function minimizeJitterBuffer(receiver: RTCRtpReceiver): void {
  const adjustable: { jitterBufferTarget?: number | null; playoutDelayHint?: number | null } = receiver;
  if ("jitterBufferTarget" in adjustable) adjustable.jitterBufferTarget = 0;
  else if ("playoutDelayHint" in adjustable) adjustable.playoutDelayHint = 0;
}
