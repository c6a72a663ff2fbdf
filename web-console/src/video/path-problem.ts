// Why there is no path to a robot that has answered: what this network and the robot's let out, told
// by the addresses that either end has found. Pure.

import { texts } from "../language";

/** What ICE knows when it is given up, out of an RTCStatsReport. */
export interface Gathered {
  /** Kinds of this browser's own addresses. */
  own: Kind[];
  /** Kinds of the robot's. */
  robots: Kind[];
}

/** An address of a network card, as the internet sees it, or at a relay, by the protocol that leads there. */
export type Kind = "host" | "srflx" | "relay-udp" | "relay-tcp";

type Stat = Record<string, unknown> & { type: string };

export function gathered(report: Iterable<unknown>): Gathered {
  const stats = [...report] as Stat[];
  const kinds = (type: string) => stats.filter((stat) => stat.type === type).map(kind);
  return { own: kinds("local-candidate"), robots: kinds("remote-candidate") };
}

/** In words that follow "No picture: ". `relays` are the addresses of TURN servers that were given. */
export function pathProblem({ own, robots }: Gathered, relays: string[]): string {
  const problems = [
    ownProblem(new Set(own), relays),
    robots.some((kind) => kind !== "host") ? "" : texts.robotsNetwork,
  ].filter((problem) => problem !== "");
  return problems.length === 0 ? texts.noWay : texts.noWayBecause(problems.join("; "));
}

function ownProblem(own: Set<Kind>, relays: string[]): string {
  if (own.has("relay-udp")) return "";
  const blocked = own.has("srflx") ? "" : texts.udpBlocked;
  if (own.has("relay-tcp")) return blocked;
  const relay = relays.length === 0 ? texts.noRelay : texts.relaysUnreached(hosts(relays));
  return blocked === "" ? relay : texts.and(blocked, relay);
}

/** Each server once, by host and port. */
function hosts(urls: string[]): string {
  return [...new Set(urls.map((url) => url.replace(/^turns?:/, "").replace(/\?.*$/, "")))].join(", ");
}

function kind({ candidateType, relayProtocol }: Stat): Kind {
  if (candidateType !== "relay") return candidateType === "host" ? "host" : "srflx";
  return relayProtocol === "tcp" || relayProtocol === "tls" ? "relay-tcp" : "relay-udp";
}
