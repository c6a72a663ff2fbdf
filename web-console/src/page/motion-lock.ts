// Whether the robot may be driven from this page now: only by who sees where it goes, and can reach
// it. Pure.

import { span } from "../format";
import { texts } from "../language";

/** After so long without a new frame the picture is a thing of the past, and looks like one. */
export const VEIL_AFTER_MS = 500;

/** At walking pace a robot goes half a metre to a metre in this time. */
export const LOCK_AFTER_MS = 1_000;

export interface LockFacts {
  /** Whether the robot is heard, and takes orders from here. */
  reached: boolean;
  /** Milliseconds since the last frame was painted; null before the first. */
  stillMs: number | null;
  /** Whether the operator has said that they drive without a picture. */
  withoutPicture: boolean;
}

export interface Lock {
  text: string;
  /** Whether the operator may say that they drive all the same. */
  mayOverride: boolean;
}

/** Null while it may be driven. */
export function motionLock({ reached, stillMs, withoutPicture }: LockFacts): Lock | null {
  if (!reached) return { text: texts.lockUnreached, mayOverride: false };
  if (withoutPicture) return null;
  if (stillMs === null) return { text: texts.lockNoPicture, mayOverride: true };
  if (stillMs <= LOCK_AFTER_MS) return null;
  return { text: texts.lockStill(span(stillMs / 1000)), mayOverride: true };
}

/** Whether the picture is to be seen as a thing of the past. */
export function veiled(stillMs: number | null): boolean {
  return stillMs !== null && stillMs > VEIL_AFTER_MS;
}
