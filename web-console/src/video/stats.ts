// What the browser counts about the video, as rates per second. Pure.

/** The counters of one moment, out of an RTCStatsReport. */
export interface VideoCounters {
  atMs: number;
  framesDecoded: number;
  framesDropped: number;
  freezes: number;
  bytes: number;
  packetsLost: number;
  jitterMs: number;
  width: number;
  height: number;
  /** Whether the connection goes over a TURN relay; undefined before there is one. */
  relayed: boolean | undefined;
}

export interface VideoStats {
  fps: number;
  kbps: number;
  jitterMs: number;
  /** Frames that were received and never painted, since the connection began. */
  dropped: number;
  lost: number;
  freezes: number;
  width: number;
  height: number;
  relayed: boolean | undefined;
}

type Stat = Record<string, unknown> & { type: string; id: string };

export function readCounters(report: Iterable<unknown>, atMs: number): VideoCounters | null {
  const stats = [...report] as Stat[];
  const video = stats.find((stat) => stat.type === "inbound-rtp" && stat["kind"] === "video");
  if (video === undefined) return null;
  const number = (name: string) => (typeof video[name] === "number" ? video[name] : 0);
  return {
    atMs,
    framesDecoded: number("framesDecoded"),
    framesDropped: number("framesDropped"),
    freezes: number("freezeCount"),
    bytes: number("bytesReceived"),
    packetsLost: number("packetsLost"),
    jitterMs: number("jitter") * 1000,
    width: number("frameWidth"),
    height: number("frameHeight"),
    relayed: relayed(stats),
  };
}

export function videoStats(before: VideoCounters | null, now: VideoCounters): VideoStats {
  const { jitterMs, width, height, relayed } = now;
  const seconds = before === null ? 0 : (now.atMs - before.atMs) / 1000;
  // Counters that went back belong to a new connection.
  const rate = (name: "framesDecoded" | "bytes") =>
    before === null || seconds <= 0 ? 0 : Math.max(0, now[name] - before[name]) / seconds;
  return {
    fps: rate("framesDecoded"),
    kbps: (rate("bytes") * 8) / 1000,
    jitterMs,
    dropped: now.framesDropped,
    lost: now.packetsLost,
    freezes: now.freezes,
    width,
    height,
    relayed,
  };
}

function relayed(stats: Stat[]): boolean | undefined {
  const byId = new Map(stats.map((stat) => [stat.id, stat]));
  const transport = stats.find((stat) => stat.type === "transport");
  const pair =
    byId.get(String(transport?.["selectedCandidatePairId"])) ??
    stats.find((stat) => stat.type === "candidate-pair" && stat["nominated"] === true && stat["state"] === "succeeded");
  if (pair === undefined) return undefined;
  // A relay that the robot sees under another address than we do is no relay by its kind.
  return [pair["localCandidateId"], pair["remoteCandidateId"]]
    .map((id) => byId.get(String(id)))
    .some((end) => end?.["candidateType"] === "relay" || end?.["relayProtocol"] !== undefined);
}
