import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { soundState, type SoundFacts } from "../src/page/sound-state";
import { reason } from "../src/sound/microphone";
import { Talk } from "../src/sound/talk";
import { onlySent } from "../src/video/peer-connection";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function fakeTrack() {
  const track = { readyState: "live", stop: () => void (track.readyState = "ended") };
  return track as unknown as MediaStreamTrack;
}

function talking(microphone: () => Promise<MediaStreamTrack>) {
  const sent: (MediaStreamTrack | null)[] = [];
  let said = 0;
  const talk = new Talk({
    microphone,
    send: async (track) => void sent.push(track),
    say: () => void said++,
    onChange: () => {},
  });
  return { talk, sent, said: () => said };
}

test("what is said is sent while the button is held, and the robot is told again and again", async () => {
  const track = fakeTrack();
  const { talk, sent, said } = talking(async () => track);
  talk.press();
  expect(talk.state).toBe("opening");
  await vi.advanceTimersByTimeAsync(2_000);
  expect([talk.state, sent]).toEqual(["on", [track]]);
  expect(said()).toBe(5);
  talk.release();
  await vi.advanceTimersByTimeAsync(2_000);
  expect([talk.state, sent]).toEqual(["off", [track, null]]);
  expect(said()).toBe(5);
});

test("the microphone is opened once for words in a row, and closed when nobody talks", async () => {
  const tracks: MediaStreamTrack[] = [];
  const { talk } = talking(async () => {
    tracks.push(fakeTrack());
    return tracks.at(-1)!;
  });
  for (let word = 0; word < 3; word++) {
    talk.press();
    await vi.advanceTimersByTimeAsync(500);
    talk.release();
    await vi.advanceTimersByTimeAsync(5_000);
  }
  expect(tracks.length).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(tracks[0]!.readyState).toBe("ended");
  talk.press();
  await vi.advanceTimersByTimeAsync(0);
  expect(tracks.length).toBe(2);
  talk.close();
  expect(tracks[1]!.readyState).toBe("ended");
});

test("who lets go while the browser still asks is not heard", async () => {
  let allow = (_: MediaStreamTrack) => {};
  const { talk, sent } = talking(() => new Promise((resolve) => (allow = resolve)));
  talk.press();
  talk.release();
  allow(fakeTrack());
  await vi.advanceTimersByTimeAsync(100);
  expect([talk.state, sent]).toEqual(["off", [null]]);
});

test("a microphone that cannot be opened is said in words, and the button is let go", async () => {
  const { talk } = talking(() => Promise.reject(new Error(reason({ name: "NotFoundError" }))));
  talk.press();
  await vi.advanceTimersByTimeAsync(0);
  expect([talk.state, talk.problem]).toEqual(["off", "no microphone found: is it plugged in?"]);
  expect(reason({ name: "AbortError", message: "odd" })).toBe("the microphone cannot be opened: odd");
});

const facts = (over: Partial<SoundFacts> = {}): SoundFacts => ({
  audio: { microphone: true, muted: false, speaker: true, listeners: 0 },
  direction: "sendrecv",
  connected: true,
  me: "ada-1",
  driver: undefined,
  talk: "off",
  problem: null,
  ...over,
});

test("nobody is offered what the robot has not", () => {
  expect(soundState(facts({ audio: undefined }))).toBeNull();
  expect(soundState(facts())).toMatchObject({ canListen: true, canTalk: true, note: "" });
  expect(soundState(facts({ direction: "recvonly" }))).toMatchObject({ canListen: true, canTalk: false });
  expect(soundState(facts({ direction: null }))).toMatchObject({ canListen: false, canTalk: false });
  expect(soundState(facts({ connected: false }))).toMatchObject({ canListen: false, canTalk: false });
});

test("only who drives can talk, and whoever is muted by the owner is not heard", () => {
  const driver = { id: "bert-2", user: "bert", via: "data-channel" as const, age_ms: 0 };
  const others = soundState(facts({ driver }));
  expect(others).toMatchObject({ canTalk: false, note: "bert drives: only who drives can talk" });
  expect(soundState(facts({ driver: { ...driver, id: "ada-1" } }))).toMatchObject({ canTalk: true, note: "" });
  const audio = { microphone: true, muted: true, speaker: true, listeners: 0 };
  expect(soundState(facts({ audio }))).toMatchObject({ canListen: false, note: "The robot's microphone is muted by its owner" });
  const faulty = { ...audio, muted: false, microphone_fault: "microphone: unplugged" };
  expect(soundState(facts({ audio: faulty }))?.note).toBe("Robot's microphone: unplugged");
});

test("an answer may receive sound, but no video", () => {
  const sdp = "v=0\r\nm=video 9 X 1\r\na=sendrecv\r\nm=audio 9 X 2\r\na=sendrecv\r\nm=video 9 X 3\r\na=sendrecv\r\n";
  const changed = onlySent({ type: "answer", sdp }).sdp;
  expect(changed).toBe("v=0\r\nm=video 9 X 1\r\na=sendonly\r\nm=audio 9 X 2\r\na=sendrecv\r\nm=video 9 X 3\r\na=sendonly\r\n");
});
