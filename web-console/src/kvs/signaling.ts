// The signaling socket, by the official client of Kinesis Video Streams.

import type { SignalingClient } from "amazon-kinesis-video-streams-webrtc";
import type { ChannelEndpoints } from "./channel";
import { signedUrl, type Credentials } from "./sigv4";
import { texts } from "../language";

/** A client that is not open yet. Its code is loaded by then: the first page that is shown does not wait for it. */
export async function signalingClient(
  credentials: Credentials,
  endpoints: ChannelEndpoints,
  clientId: string,
  clockOffsetMs: number,
): Promise<SignalingClient> {
  const { Role, SignalingClient } = await import("amazon-kinesis-video-streams-webrtc");
  return new SignalingClient({
    channelARN: endpoints.arn,
    channelEndpoint: endpoints.socket,
    region: credentials.region,
    role: Role.VIEWER,
    clientId,
    // The official signer knows no `ws:`, as ground-station is reached by on this machine.
    requestSigner: {
      getSignedURL: (endpoint, query, date = new Date()) => signedUrl(credentials, endpoint, query, date),
    },
    systemClockOffset: clockOffsetMs,
  });
}

/** Opens it; fails if that does not work. */
export function open(client: SignalingClient): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error(texts.socketFailed));
    client.once("open", resolve);
    client.once("error", fail);
    client.once("close", fail);
    client.open();
  });
}
