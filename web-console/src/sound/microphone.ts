// The operator's microphone, and in words why there is none.

const REASONS: Readonly<Record<string, string>> = {
  NotAllowedError: "this browser may not use the microphone: allow it beside the page's address",
  NotFoundError: "no microphone found: is it plugged in?",
  NotReadableError: "the microphone is in use by another program",
};

/** The browser asks for permission, if it was not given before. */
export async function openMicrophone(): Promise<MediaStreamTrack> {
  const { mediaDevices } = navigator as { mediaDevices?: MediaDevices };
  if (mediaDevices === undefined) throw new Error("browsers give a microphone only to pages by https or on localhost");
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const stream = await mediaDevices.getUserMedia({ audio }).catch((error: unknown) => {
    throw new Error(reason(error));
  });
  return stream.getAudioTracks()[0]!;
}

export function reason(error: unknown): string {
  const { name, message } = error as { name?: string; message?: string };
  return REASONS[name ?? ""] ?? `the microphone cannot be opened: ${message ?? name ?? "no reason given"}`;
}
