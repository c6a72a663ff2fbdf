// The calls that lead to a signaling channel: what it is called, where its socket is, and
// its ICE servers. The same against AWS and against ground-station.

import { signedHeaders, type Credentials } from "./sigv4";

/** Keys to view one channel, and where to ask about it. */
export interface ViewerCredentials extends Credentials {
  /** Where the control plane is, such as `https://kinesisvideo.us-east-1.amazonaws.com`. */
  endpoint: string;
  channel: { name: string } | { arn: string };
  /** AWS leaves its STUN server out of the ICE servers, as it has a fixed name. */
  stun?: string;
}

export interface ChannelEndpoints {
  arn: string;
  /** Of the signaling socket: `wss://…`, or `ws://…` on this machine. */
  socket: string;
  /** Asked for when they are needed: they help while the socket is being opened. */
  iceServers: () => Promise<RTCIceServer[]>;
}

interface Described {
  ChannelInfo: { ChannelARN: string; ChannelStatus: string };
}

interface Endpoints {
  ResourceEndpointList: { Protocol: string; ResourceEndpoint: string }[];
}

interface IceServers {
  IceServerList?: { Uris: string[]; Username: string; Password: string }[];
}

/** These calls take 100 ms on AWS; what takes longer than this will not come. */
const TIMEOUT_MS = 6_000;

/** A refusal by AWS or ground-station, with its reason. */
export class ChannelError extends Error {}

type Call = <T>(base: string, path: string, body: object) => Promise<T>;

export async function channelEndpoints(
  credentials: ViewerCredentials,
  clientId: string,
  now: () => Date,
): Promise<ChannelEndpoints> {
  const { channel, endpoint, stun } = credentials;
  const call: Call = (base, path, body) => post(credentials, new URL(path, base), JSON.stringify(body), now());
  const arn = "arn" in channel ? channel.arn : await arnOf(channel.name, endpoint, call);
  const endpoints = await call<Endpoints>(endpoint, "/getSignalingChannelEndpoint", {
    ChannelARN: arn,
    SingleMasterChannelEndpointConfiguration: { Protocols: ["WSS", "HTTPS"], Role: "VIEWER" },
  });
  const of = (protocol: string) => {
    const found = endpoints.ResourceEndpointList.find((endpoint) => endpoint.Protocol === protocol);
    if (found === undefined) throw new ChannelError(`the channel has no ${protocol} endpoint`);
    return found.ResourceEndpoint;
  };
  const iceServers = async () => {
    const relays = await turnServers(of("HTTPS"), arn, clientId, call);
    return stun === undefined ? relays : [{ urls: stun }, ...relays];
  };
  return { arn, socket: of("WSS"), iceServers };
}

/** For a channel of the user's own AWS account. */
export function awsViewerCredentials(channel: string, credentials: Credentials): ViewerCredentials {
  const { region } = credentials;
  return {
    ...credentials,
    endpoint: `https://kinesisvideo.${region}.amazonaws.com`,
    channel: { name: channel },
    stun: `stun:stun.kinesisvideo.${region}.amazonaws.com:443`,
  };
}

async function arnOf(name: string, endpoint: string, call: Call): Promise<string> {
  const described = await call<Described>(endpoint, "/describeSignalingChannel", { ChannelName: name });
  const { ChannelARN, ChannelStatus } = described.ChannelInfo;
  if (ChannelStatus !== "ACTIVE") throw new ChannelError(`the channel ${name} is ${ChannelStatus.toLowerCase()}`);
  return ChannelARN;
}

async function turnServers(base: string, arn: string, clientId: string, call: Call): Promise<RTCIceServer[]> {
  const ice = await call<IceServers>(base, "/v1/get-ice-server-config", {
    ChannelARN: arn,
    ClientId: clientId,
    Service: "TURN",
  });
  return (ice.IceServerList ?? []).map((server) => ({
    urls: server.Uris,
    username: server.Username,
    credential: server.Password,
  }));
}

async function post<T>(credentials: Credentials, url: URL, body: string, now: Date): Promise<T> {
  const answer = await fetch(url, {
    method: "POST",
    headers: await signedHeaders(credentials, url, body, now),
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    cache: "no-store",
  });
  if (answer.ok) return (await answer.json()) as T;
  throw new ChannelError(reason(answer, await answer.json().catch(() => ({}))));
}

/** The service words its errors under either casing, and names them in a header. */
function reason(answer: Response, body: Record<string, unknown>): string {
  const name = answer.headers.get("x-amzn-errortype")?.split(":")[0];
  const message = body["Message"] ?? body["message"];
  return [name, message].filter((part) => typeof part === "string" && part !== "").join(": ") ||
    `signaling answered ${answer.status}`;
}
