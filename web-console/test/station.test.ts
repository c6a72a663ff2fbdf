import { expect, test } from "vitest";
import { ServerClock } from "../src/station/clock";
import { reportParser } from "../src/station/telemetry";
import type { Report } from "../src/wire";

const first = { robot: "rover", online: true, received_ms: 1, telemetry: null };
const second = { ...first, robot: "a: b", online: false };
const stream =
  `: hello\n\nevent: telemetry\ndata: ${JSON.stringify(first).replace(",", ",\ndata: ")}\n\n` +
  `data: no telemetry\n\nevent:telemetry\r\ndata:${JSON.stringify(second)}\r\n\r\n`;

test("reports are read wherever the stream is cut, and nothing else in it is one", () => {
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const read: Report[] = [];
    const parse = reportParser((report) => read.push(report));
    parse(stream.slice(0, cut));
    parse(stream.slice(cut));
    expect(read, `cut at ${cut}`).toEqual([first, second]);
  }
});

test("an event without end is refused rather than buffered", () => {
  const line = "x".repeat(70_000);
  expect(() => reportParser(() => {})(line)).toThrow(/exceeded/);
  expect(() => reportParser(() => {})(`data: ${line}\n`)).toThrow(/exceeded/);
});

test("a browser whose clock is wrong learns the server's time", () => {
  const clock = new ServerClock();
  expect(clock.corrected(1000)).toBe(1000);
  clock.addSample(1_000_000, 400, 600);
  expect(clock.corrected(500)).toBe(1_000_000);
});

test("the quickest answer decides, and old ones are forgotten", () => {
  const clock = new ServerClock();
  clock.addSample(10_000, 0, 10);
  clock.addSample(10_900, 0, 2000);
  expect(clock.offsetMs).toBe(9995);
  for (let i = 0; i < 8; i += 1) clock.addSample(10_900, 0, 2000);
  expect(clock.offsetMs).toBe(9900);
});
