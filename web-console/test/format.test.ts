import { expect, test } from "vitest";
import { ceiling, History, SPAN_MS } from "../src/page/history";
import { ago, bitrate, milliseconds, perSecond, span, throttle, volts } from "../src/format";

test("what the robot cannot tell is a dash, not a zero", () => {
  for (const words of [volts, milliseconds, span, perSecond, bitrate]) expect(words(undefined)).toBe("–");
});

test("figures are worded for people", () => {
  expect(throttle(0.5)).toBe("+50 %");
  expect(throttle(-0.25)).toBe("−25 %");
  expect(throttle(-0.001)).toBe("0 %");
  expect(span(59)).toBe("59 s");
  expect(span(7500)).toBe("2 h 5 min");
  expect(span(90_000)).toBe("1 d 1 h");
  expect(ago(null, 0)).toBe("never seen");
  expect(bitrate(640)).toBe("640 kbit/s");
  expect(bitrate(1540)).toBe("1.5 Mbit/s");
  expect(milliseconds(3.14)).toBe("3.1 ms");
});

test("the plot remembers its span and nothing older", () => {
  const history = new History();
  const sample = { left: 0, right: 0, roundTripMs: 1, pictureAgeMs: 1, kbps: 1 };
  for (let atMs = 0; atMs <= SPAN_MS * 2; atMs += 1000) history.add({ atMs, ...sample });
  expect(history.samples[0]?.atMs).toBe(SPAN_MS);
  expect(history.samples).toHaveLength(SPAN_MS / 1000 + 1);
});

test("a lane ends at a round number that all values fit below", () => {
  expect(ceiling([3, 7, undefined], 5)).toBe(10);
  expect(ceiling([], 5)).toBe(5);
  expect(ceiling([1400], 500)).toBe(2000);
  expect(ceiling([50], 5)).toBe(50);
});
