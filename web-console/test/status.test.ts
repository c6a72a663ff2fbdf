import { expect, test } from "vitest";
import { videoNote, status, type Facts } from "../src/page/status";

const good: Facts = {
  stream: { is: "live" },
  viewer: { is: "connected" },
  robot: { online: true, seenMs: 1000 },
  boardFault: undefined,
  locked: false,
  heard: true,
  silentMs: { channel: null, station: null },
  publishError: null,
  nowMs: 61_000,
  serverMs: 61_000,
};
const noVideo: Facts = { ...good, viewer: { is: "waiting", untilMs: 64_000, why: "the robot does not answer" } };

test("all good is good", () => {
  expect(status(good)).toEqual({ tone: "good", text: "Connected to the robot" });
});

test("where nobody may drive it is not all good", () => {
  for (const facts of [good, noVideo]) expect(status({ ...facts, locked: true }).tone).toBe("wait");
});

test("while nothing was heard of the robot itself it is not all good", () => {
  expect(status({ ...good, heard: false }).tone).toBe("wait");
  expect(status({ ...noVideo, heard: false })).toEqual({ tone: "wait", text: "Online, sends no telemetry" });
});

test("without a peer connection it says which way orders go", () => {
  expect(status(noVideo)).toEqual({ tone: "good", text: "Online, by way of the ground station" });
});

test("a lost server is said with the reason and the time to the next attempt", () => {
  const { tone, text } = status({
    ...noVideo,
    stream: { is: "waiting", untilMs: 63_400, why: "the server cannot be reached" },
  });
  expect(tone).toBe("bad");
  expect(text).toBe("Reconnecting, next try in 3 s: the server cannot be reached");
});

test("a lost server does not hide that the robot is still there", () => {
  const facts: Facts = { ...good, stream: { is: "waiting", untilMs: 63_000, why: "x" } };
  expect(status(facts).tone).toBe("wait");
  expect(status(facts).text).toContain("Connected to the robot");
});

test("a robot that went away is said with when the server last saw it", () => {
  const robot = { online: false, seenMs: 1000 };
  const text = status({ ...noVideo, robot, serverMs: 121_000 }).text;
  expect(text).toBe("The robot is offline, seen 2 min ago");
});

test("what is nearest to the page is said first", () => {
  const facts: Facts = { ...good, stream: { is: "unauthorized" }, robot: null, publishError: "no" };
  expect(status(facts).text).toContain("Signed out");
});

test("an action that did not arrive and a broken board are said", () => {
  expect(status({ ...noVideo, publishError: "Too Many Requests" }).text).toContain("Too Many Requests");
  for (const facts of [good, noVideo]) expect(status({ ...facts, boardFault: "no answer at 0x60" }).text).toContain("0x60");
});

test("without a ground station the channel is all there is to say", () => {
  const facts: Facts = { ...noVideo, stream: null, robot: null };
  expect(status(facts)).toEqual({
    tone: "bad",
    text: "No picture: the robot does not answer; next try in 3 s",
  });
});

test.each<[string, Partial<Facts>, string]>([
  ["on both roads", { silentMs: { channel: 3200, station: 3000 } }, "The robot has been silent for 3 s"],
  ["known to the station already", { silentMs: { channel: 1600, station: null }, robot: { online: false, seenMs: 59_000 } }, "The robot is offline, seen 2 s ago"],
  ["on the channel only", { silentMs: { channel: 1600, station: null } }, "The path to the robot broke; the ground station still hears it"],
  ["on the channel, and there is no station", { silentMs: { channel: 2000, station: null }, stream: null, robot: null }, "The robot has been silent for 2 s"],
  ["without a channel", { ...noVideo, silentMs: { channel: null, station: 1900 } }, "The robot has been silent for 1 s"],
])("a silent robot is red: %s", (_, facts, text) => {
  expect(status({ ...good, ...facts })).toEqual({ tone: "bad", text });
});

test("the picture's line is empty while it is there, and says what is wrong when not", () => {
  const facts = { viewer: good.viewer, cameraFault: undefined, painted: true, nowMs: 61_000 };
  expect(videoNote(facts)).toBe("");
  expect(videoNote({ ...facts, painted: false })).toBe("Waiting for the first frame");
  expect(videoNote({ ...facts, cameraFault: "no camera found" })).toBe("Camera: no camera found");
  expect(videoNote({ ...facts, viewer: noVideo.viewer })).toContain("next try in 3 s");
});
