// The signaling socket, by the official client of Kinesis Video Streams.

import { Role, SigV4RequestSigner, SignalingClient } from "amazon-kinesis-video-streams-webrtc";
import type { Meeting, Pass } from "./channel";

/** On this machine ground-station is reached without TLS; the official signer knows only `wss:`. */
class Signer {
  readonly #plain: boolean;
  readonly #signer: SigV4RequestSigner;

  constructor(pass: Pass, plain: boolean) {
    this.#plain = plain;
    this.#signer = new SigV4RequestSigner(pass.region, pass.credentials);
  }

  /** The scheme is no part of what is signed, so it can be put back afterwards. */
  async getSignedURL(endpoint: string, query: Record<string, string>, date?: Date): Promise<string> {
    const url = await this.#signer.getSignedURL(endpoint.replace(/^ws:/, "wss:"), query, date);
    return this.#plain ? url.replace(/^wss:/, "ws:") : url;
  }
}

/** A client that is not open yet. */
export function signalingClient(pass: Pass, meeting: Meeting, clientId: string, clockOffsetMs: number): SignalingClient {
  return new SignalingClient({
    channelARN: meeting.arn,
    channelEndpoint: meeting.socket,
    region: pass.region,
    role: Role.VIEWER,
    clientId,
    requestSigner: new Signer(pass, meeting.socket.startsWith("ws:")),
    systemClockOffset: clockOffsetMs,
  });
}

/** Opens it; fails if that does not work. */
export function opened(client: SignalingClient): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error("the signaling socket could not be opened"));
    client.once("open", resolve);
    client.once("error", fail);
    client.once("close", fail);
    client.open();
  });
}
