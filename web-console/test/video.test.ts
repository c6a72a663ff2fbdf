import { expect, test } from "vitest";
import { nameOf, newSender } from "../src/drive/scheduler";
import { refusal } from "../src/video/peer-connection";
import { counted, figures } from "../src/video/stats";
import { Pings } from "../src/video/heartbeat";

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
  const first = counted(report(), 1000)!;
  const second = counted(report({ framesDecoded: 130, bytesReceived: 1_187_500 }), 2000)!;
  expect(figures(first, second)).toMatchObject({ fps: 30, kbps: 1500, dropped: 2, jitterMs: 4, width: 640 });
});

test("the first look and a new connection have no rate yet, rather than a wrong one", () => {
  const late = counted(report(), 5000)!;
  expect(figures(null, late)).toMatchObject({ fps: 0, kbps: 0 });
  const fresh = counted(report({ framesDecoded: 3, bytesReceived: 900 }), 6000)!;
  expect(figures(late, fresh)).toMatchObject({ fps: 0, kbps: 0 });
});

test("a path over a relay is known from either end", () => {
  expect(counted(report(), 0)!.relayed).toBe(true);
  const direct = report().map((stat) => (stat.id === "R" ? { ...stat, candidateType: "srflx" } : stat));
  expect(counted(direct, 0)!.relayed).toBe(false);
  const elsewhere = { candidateType: "prflx", relayProtocol: "udp" };
  const seenElsewhere = direct.map((stat) => (stat.id === "L" ? { ...stat, ...elsewhere } : stat));
  expect(counted(seenElsewhere, 0)!.relayed).toBe(true);
  expect(counted(report().slice(0, 2), 0)!.relayed).toBeUndefined();
});

test("no video is no figures", () => {
  expect(counted([{ type: "transport", id: "T" }], 0)).toBeNull();
});

test("a pong is a round trip, whichever of the last pings it answers", () => {
  const pings = new Pings();
  pings.start(0);
  const [first, second] = [pings.next(100), pings.next(600)];
  pings.heard(612, second);
  expect(pings.roundTripMs).toBe(12);
  pings.heard(640, first);
  expect(pings.roundTripMs).toBe(540);
});

test("a pong that was not asked for is a sign of life and no round trip", () => {
  const pings = new Pings();
  pings.start(0);
  pings.heard(50, 99);
  expect(pings.roundTripMs).toBeUndefined();
  expect(pings.silentMs(60)).toBe(10);
});

test("a new connection starts without the old one's figures", () => {
  const pings = new Pings();
  pings.start(0);
  pings.heard(10, pings.next(5));
  pings.start(1000);
  expect(pings.roundTripMs).toBeUndefined();
  expect(pings.silentMs(1200)).toBe(200);
});

const answer = (...ports: number[]) => ({
  type: "answer" as const,
  sdp: "v=0\r\ns=-\r\n" + ports.map((port) => `m=video ${port} UDP/TLS/RTP/SAVPF 102\r\n`).join(""),
});

test("an answer that takes a section is no refusal", () => {
  expect(refusal(answer(9, 0))).toBeNull();
});

test("an answer that takes nothing is a refusal, with its reason if it has one", () => {
  expect(refusal(answer(0, 0))).toMatch(/no place/);
  expect(refusal({ ...answer(0), reason: "too many viewers (10 of 10)" })).toBe("too many viewers (10 of 10)");
  expect(refusal({ type: "answer", sdp: "" })).toMatch(/no place/);
});

test("a sender can be told by its name, and fits what signaling takes", () => {
  const sender = newSender("Ada Lovelace <ada@example.org>", 7);
  expect(sender).toMatch(/^[a-zA-Z0-9_.-]{1,64}$/);
  expect(nameOf(sender)).toBe("Ada-Lovelace-ada-example.org-");
  expect(newSender("ада", 1)).toBe("--00000001");
  expect(newSender("", 1)).toBe("viewer-00000001");
});
