// The calls that lead to a signaling channel: what it is called, where its socket is, and
// which servers help through walls. The same against AWS and against ground-station.

import { signed, type Credentials } from "./sign";

/** Who may watch which channel, and where to ask. */
export interface Pass {
  credentials: Credentials;
  region: string;
  /** Where the control plane is, such as `https://kinesisvideo.us-east-1.amazonaws.com`. */
  endpoint: string;
  /** By name or by resource name. */
  channel: { name: string } | { arn: string };
  /** Found without being listed: AWS leaves its STUN server out of the ICE servers. */
  stun?: string;
}

/** All that is needed to meet the robot. */
export interface Meeting {
  arn: string;
  /** `wss://…`, or `ws://…` on this machine. */
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

/** What AWS or ground-station said no with. */
export class ChannelError extends Error {}

export async function find(pass: Pass, clientId: string, now: () => Date): Promise<Meeting> {
  const ask: Ask = (base, path, body) => call(pass, base, path, body, now());
  const arn = "arn" in pass.channel ? pass.channel.arn : await arnOf(pass.channel.name, pass, ask);
  const endpoints = await ask<Endpoints>(pass.endpoint, "/getSignalingChannelEndpoint", {
    ChannelARN: arn,
    SingleMasterChannelEndpointConfiguration: { Protocols: ["WSS", "HTTPS"], Role: "VIEWER" },
  });
  const at = (protocol: string) => {
    const found = endpoints.ResourceEndpointList.find((endpoint) => endpoint.Protocol === protocol);
    if (found === undefined) throw new ChannelError(`the channel has no ${protocol} endpoint`);
    return found.ResourceEndpoint;
  };
  return { arn, socket: at("WSS"), iceServers: () => iceServers(pass, at("HTTPS"), arn, clientId, ask) };
}

type Ask = <T>(base: string, path: string, body: object) => Promise<T>;

async function iceServers(pass: Pass, base: string, arn: string, clientId: string, ask: Ask): Promise<RTCIceServer[]> {
  const ice = await ask<IceServers>(base, "/v1/get-ice-server-config", {
    ChannelARN: arn,
    ClientId: clientId,
    Service: "TURN",
  });
  const relays = (ice.IceServerList ?? []).map((server) => ({
    urls: server.Uris,
    username: server.Username,
    credential: server.Password,
  }));
  return pass.stun === undefined ? relays : [{ urls: pass.stun }, ...relays];
}

/** A pass for a channel of the user's own AWS account. */
export function awsPass(region: string, channel: string, credentials: Credentials): Pass {
  return {
    credentials,
    region,
    endpoint: `https://kinesisvideo.${region}.amazonaws.com`,
    channel: { name: channel },
    stun: `stun:stun.kinesisvideo.${region}.amazonaws.com:443`,
  };
}

async function arnOf(name: string, pass: Pass, ask: Ask): Promise<string> {
  const described = await ask<Described>(pass.endpoint, "/describeSignalingChannel", { ChannelName: name });
  const { ChannelARN, ChannelStatus } = described.ChannelInfo;
  if (ChannelStatus !== "ACTIVE") throw new ChannelError(`the channel ${name} is ${ChannelStatus.toLowerCase()}`);
  return ChannelARN;
}

async function call<T>(pass: Pass, base: string, path: string, body: object, now: Date): Promise<T> {
  const url = new URL(path, base);
  const text = JSON.stringify(body);
  const headers = { "content-type": "application/json" };
  const scope = { region: pass.region, service: "kinesisvideo" };
  const answer = await fetch(url, {
    method: "POST",
    headers: { ...headers, ...(await signed(url, headers, text, pass.credentials, scope, now)) },
    body: text,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    cache: "no-store",
  });
  if (answer.ok) return (await answer.json()) as T;
  throw new ChannelError(reason(answer, await answer.json().catch(() => ({}))));
}

/** The service words its errors under either casing, and names them in a header. */
function reason(answer: Response, body: Record<string, unknown>): string {
  const name = answer.headers.get("x-amzn-errortype")?.split(":")[0];
  const words = body["Message"] ?? body["message"];
  return [name, words].filter((part) => typeof part === "string" && part !== "").join(": ") ||
    `signaling answered ${answer.status}`;
}
