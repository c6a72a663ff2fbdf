// What the buttons of sound say, and whether they can be pressed. Pure.

import type { TalkState } from "../sound/talk";
import type { Audio, Telemetry } from "../wire";
import { senderName } from "./sender-name";
import { texts } from "../language";

export interface SoundFacts {
  /** Undefined where the robot has no sound. */
  audio: Audio | undefined;
  /** What was negotiated. */
  direction: string | null;
  connected: boolean;
  me: string;
  driver: Telemetry["driver"];
  talk: TalkState;
  /** Why this browser cannot talk. */
  problem: string | null;
}

export interface SoundState {
  canListen: boolean;
  canTalk: boolean;
  talk: TalkState;
  /** Empty if there is nothing to say. */
  note: string;
}

/** Null where the robot has no sound. */
export function soundState({ audio, direction, connected, me, driver, talk, problem }: SoundFacts): SoundState | null {
  if (audio === undefined) return null;
  const receives = connected && (direction === "sendrecv" || direction === "recvonly");
  const sends = connected && (direction === "sendrecv" || direction === "sendonly");
  const other = driver !== undefined && driver.id !== me ? senderName(driver) : null;
  return {
    canListen: receives && audio.microphone && !audio.muted,
    canTalk: sends && other === null,
    talk,
    note: note(audio, me, other, problem),
  };
}

function note({ talker, microphone, muted, microphone_fault, speaker, speaker_fault }: Audio, me: string, other: string | null, problem: string | null): string {
  if (problem !== null) return texts.cannotTalk(problem);
  if (talker === me) return texts.youTalk;
  if (talker !== undefined) return other === null ? texts.somebodyTalks : texts.talks(other);
  if (microphone_fault !== undefined) return texts.robotsFault(microphone_fault);
  if (speaker_fault !== undefined) return texts.robotsFault(speaker_fault);
  if (microphone && muted) return texts.muted;
  if (speaker && other !== null) return texts.onlyDriverTalks(other);
  return "";
}
