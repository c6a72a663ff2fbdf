// The operator's microphone, and in words why there is none.

import { texts } from "../language";

const REASONS: Readonly<Record<string, () => string>> = {
  NotAllowedError: () => texts.microphoneForbidden,
  NotFoundError: () => texts.microphoneNotFound,
  NotReadableError: () => texts.microphoneInUse,
};

/** The browser asks for permission, if it was not given before. */
export async function openMicrophone(): Promise<MediaStreamTrack> {
  const { mediaDevices } = navigator as { mediaDevices?: MediaDevices };
  if (mediaDevices === undefined) throw new Error(texts.microphoneInsecure);
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const stream = await mediaDevices.getUserMedia({ audio }).catch((error: unknown) => {
    throw new Error(reason(error));
  });
  return stream.getAudioTracks()[0]!;
}

export function reason(error: unknown): string {
  const { name, message } = error as { name?: string; message?: string };
  return REASONS[name ?? ""]?.() ?? texts.microphoneFault(message ?? name ?? texts.noReason);
}
