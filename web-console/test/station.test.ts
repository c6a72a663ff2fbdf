import { expect, test } from "vitest";
import { backoff } from "../src/station/backoff";
import { ServerClock } from "../src/station/clock";
import { SseParser } from "../src/station/sse";

const stream = ": hello\n\nevent: telemetry\ndata: {\"robot\":\"rover\",\ndata: \"online\":true}\n\ndata:bare\r\n\r\n";
const messages = [
  { event: "telemetry", data: '{"robot":"rover",\n"online":true}' },
  { event: "message", data: "bare" },
];

test("events are read wherever the stream is cut", () => {
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const parser = new SseParser();
    const read = [...parser.push(stream.slice(0, cut)), ...parser.push(stream.slice(cut))];
    expect(read, `cut at ${cut}`).toEqual(messages);
  }
});

test("a line without end is refused rather than kept", () => {
  const parser = new SseParser();
  expect(() => parser.push("x".repeat(70_000))).toThrow(/above/);
});

test("a colon in the data stays", () => {
  expect(new SseParser().push("data: a: b\n\n")).toEqual([{ event: "message", data: "a: b" }]);
});

test("waits grow, differ between pages, and stay bearable", () => {
  expect(backoff(1, 0)).toBeLessThan(backoff(2, 0));
  expect(backoff(3, 0)).not.toBe(backoff(3, 0.9));
  expect(backoff(60, 0.999)).toBeLessThanOrEqual(8000);
  expect(backoff(1, 0)).toBeGreaterThan(0);
});

test("a browser whose clock is wrong learns the server's time", () => {
  const clock = new ServerClock();
  expect(clock.corrected(1000)).toBe(1000);
  clock.heard(1_000_000, 400, 600);
  expect(clock.corrected(500)).toBe(1_000_000);
});

test("the quickest answer decides, and old ones are forgotten", () => {
  const clock = new ServerClock();
  clock.heard(10_000, 0, 10);
  clock.heard(10_900, 0, 2000);
  expect(clock.offset).toBe(9995);
  for (let i = 0; i < 8; i += 1) clock.heard(10_900, 0, 2000);
  expect(clock.offset).toBe(9900);
});
