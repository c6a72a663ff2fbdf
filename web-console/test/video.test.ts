import { expect, test } from "vitest";
import { displayName, newClientId } from "../src/drive/client-id";
import { onlySent, refusal, wantRoundTrip } from "../src/video/peer-connection";
import { readCounters, videoStats } from "../src/video/stats";
import { Heartbeat } from "../src/video/heartbeat";
import { connectTimeoutMs } from "../src/video/viewer";

const report = (over: Record<string, unknown> = {}) => [
  { type: "inbound-rtp", id: "A", kind: "audio", framesDecoded: 7 },
  {
    type: "inbound-rtp",
    id: "V",
    kind: "video",
    framesDecoded: 100,
    framesDropped: 2,
    bytesReceived: 1_000_000,
    jitter: 0.004,
    frameWidth: 640,
    frameHeight: 480,
    ...over,
  },
  { type: "transport", id: "T", selectedCandidatePairId: "P" },
  { type: "candidate-pair", id: "P", localCandidateId: "L", remoteCandidateId: "R" },
  { type: "local-candidate", id: "L", candidateType: "host" },
  { type: "remote-candidate", id: "R", candidateType: "relay" },
];

test("two looks at the counters are figures per second", () => {
  const first = readCounters(report(), 1000)!;
  const second = readCounters(report({ framesDecoded: 130, bytesReceived: 1_187_500 }), 2000)!;
  expect(videoStats(first, second)).toMatchObject({ fps: 30, kbps: 1500, dropped: 2, jitterMs: 4, width: 640 });
});

test("the first look and a new connection have no rate yet, rather than a wrong one", () => {
  const late = readCounters(report(), 5000)!;
  expect(videoStats(null, late)).toMatchObject({ fps: 0, kbps: 0 });
  const fresh = readCounters(report({ framesDecoded: 3, bytesReceived: 900 }), 6000)!;
  expect(videoStats(late, fresh)).toMatchObject({ fps: 0, kbps: 0 });
});

test("a path over a relay is known from either end", () => {
  expect(readCounters(report(), 0)!.relayed).toBe(true);
  const direct = report().map((stat) => (stat.id === "R" ? { ...stat, candidateType: "srflx" } : stat));
  expect(readCounters(direct, 0)!.relayed).toBe(false);
  const elsewhere = { candidateType: "prflx", relayProtocol: "udp" };
  const seenElsewhere = direct.map((stat) => (stat.id === "L" ? { ...stat, ...elsewhere } : stat));
  expect(readCounters(seenElsewhere, 0)!.relayed).toBe(true);
  expect(readCounters(report().slice(0, 2), 0)!.relayed).toBeUndefined();
});

test("no video is no statistics", () => {
  expect(readCounters([{ type: "transport", id: "T" }], 0)).toBeNull();
});

test("a pong is a round trip, whichever of the last pings it answers", () => {
  const heartbeat = new Heartbeat();
  heartbeat.reset(0);
  const [first, second] = [heartbeat.nextPing(100), heartbeat.nextPing(600)];
  heartbeat.received(612, second);
  expect(heartbeat.roundTripMs).toBe(12);
  heartbeat.received(640, first);
  expect(heartbeat.roundTripMs).toBe(540);
});

test("a pong that was not asked for is a sign of life and no round trip", () => {
  const heartbeat = new Heartbeat();
  heartbeat.reset(0);
  heartbeat.received(50, 99);
  expect(heartbeat.roundTripMs).toBeUndefined();
  expect(heartbeat.silentMs(60)).toBe(10);
});

test("a new connection starts without the old one's figures", () => {
  const heartbeat = new Heartbeat();
  heartbeat.reset(0);
  heartbeat.received(10, heartbeat.nextPing(5));
  heartbeat.reset(1000);
  expect(heartbeat.roundTripMs).toBeUndefined();
  expect(heartbeat.silentMs(1200)).toBe(200);
});

const answer = (...ports: number[]) => ({
  type: "answer" as const,
  sdp: "v=0\r\ns=-\r\n" + ports.map((port) => `m=video ${port} UDP/TLS/RTP/SAVPF 102\r\n`).join(""),
});

test("an answer that takes a section is no refusal", () => {
  expect(refusal(answer(9, 0))).toBeNull();
});

test("the answer of a master that would also receive is taken for what the page offered", () => {
  const sdp = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:0\r\na=sendrecv\r\na=x:a=sendrecv\r\n";
  const taken = onlySent({ type: "answer", sdp });
  expect(taken).toEqual({ type: "answer", sdp: sdp.replace("a=sendrecv\r\na=x", "a=sendonly\r\na=x") });
  expect(onlySent(taken)).toEqual(taken);
});

test("an answer that takes nothing is a refusal, with its reason if it has one", () => {
  expect(refusal(answer(0, 0))).toMatch(/no more viewers/);
  expect(refusal({ ...answer(0), reason: "too many viewers (10 of 10)" })).toBe("too many viewers (10 of 10)");
  expect(refusal({ type: "answer", sdp: "" })).toMatch(/no more viewers/);
});

test("who has failed to connect is given longer, up to half a minute", () => {
  const timeouts = [0, 1, 2, 3, 9].map(connectTimeoutMs);
  expect(timeouts).toEqual([8_000, 12_800, 20_480, 30_000, 30_000]);
});

test("a client id shows its user, and fits what signaling takes", () => {
  const clientId = newClientId("Ada Lovelace <ada@example.org>", 7);
  expect(clientId).toMatch(/^[a-zA-Z0-9_.-]{1,64}$/);
  expect(displayName(clientId)).toBe("Ada-Lovelace-ada-example.org-");
  expect(newClientId("ада", 1)).toBe("--00000001");
  expect(newClientId("", 1)).toBe("viewer-00000001");
});

test("the round trip is asked for beside every codec that asks for lost packets", () => {
  const sdp = ["a=rtpmap:102 H264/90000", "a=rtcp-fb:102 nack", "a=rtcp-fb:102 nack pli", "a=rtcp-fb:7 nack pli", ""].join("\r\n");
  const lines = wantRoundTrip(sdp).split("\r\n");
  expect(lines).toEqual([...sdp.split("\r\n").slice(0, 3), "a=rtcp-fb:102 rrtr", "a=rtcp-fb:7 nack pli", "a=rtcp-fb:7 rrtr", ""]);
});
