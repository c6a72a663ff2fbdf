// Who drives, and what this operator may do about it, in one line. Pure.

import type { Driver, Sender, Telemetry } from "../wire";
import { senderName } from "./sender-name";
import { decimal } from "../format";
import { texts } from "../language";

export interface DriverFacts {
  /** This page's client id. */
  me: string;
  /** Whom the station knows before this page; null where there is none. */
  user: string | null;
  telemetry: Telemetry | null;
  /** As the robot tells it by data channel, where there is one: fresher. */
  told: Driver | null;
  /** Whose stop ended what this page held; null once it has been let go. */
  heldBackBy: string | null;
  /** How long something has been held here. */
  heldMs: number;
}

export interface DriverLine {
  /** It is you; or you have to do something before it can be; or it is somebody else, or nobody. */
  tone: "you" | "held-back" | "others";
  text: string;
  /** Whether it is somebody else. */
  another?: boolean;
}

/** A press that was obeyed is told long before this: reports come once a second at least. */
const REFUSED_MS = 2_000;

/** Null while nothing is known. */
export function driverLine(facts: DriverFacts): DriverLine | null {
  const { me, user, telemetry, told, heldBackBy, heldMs } = facts;
  if (heldBackBy !== null) return heldBack(texts.stoppedLetGo(heldBackBy));
  // Robots of old versions tell only by data channel.
  if (told === null && !telemetry?.clock_ms) return null;
  const id = told === null ? (telemetry?.driver?.id ?? null) : told.name;
  if (id === me) return { tone: "you", text: youDrive(telemetry?.speed_limit) };
  if (id !== null && isUser(user, telemetry?.driver, id)) return { ...others(texts.youDriveElsewhere), another: true };
  if (id !== null) return { ...others(texts.drives(driverName(id, telemetry))), another: true };
  if (heldMs > REFUSED_MS) return heldBack(texts.nobodyDrivesLetGo);
  const stopped = telemetry?.stopped_by;
  if (stopped === undefined) return others(texts.nobodyDrives);
  return others(stopped.id === me || isUser(user, stopped, stopped.id) ? texts.stoppedByYou : texts.stoppedBy(senderName(stopped)));
}

/** The robot drives slower by orders that take long, as whoever sends them sees the past. */
function youDrive(limit: Telemetry["speed_limit"]): string {
  if (limit === undefined) return texts.youDrive;
  const ms = decimal(limit.age_ms);
  return limit.turn_only ? texts.youDriveSlowly(ms) : texts.youDriveAt(decimal(limit.fraction * 100), ms);
}

/** By the station's word: whoever names a sender could name any. */
function isUser(user: string | null, sender: Pick<Sender, "id" | "user"> | undefined, id: string): boolean {
  return user !== null && sender?.id === id && sender.user === `user-${user}`;
}

function driverName(id: string, telemetry: Telemetry | null): string {
  const driver = telemetry?.driver;
  return senderName(driver?.id === id ? driver : { id });
}

function heldBack(text: string): DriverLine {
  return { tone: "held-back", text };
}

function others(text: string): DriverLine {
  return { tone: "others", text };
}
