import { expect, test } from "vitest";
import { standing, type Facts } from "../src/page/standing";
import { ago, milliseconds, span, throttle, volts } from "../src/page/words";

const well: Facts = {
  feed: { is: "live" },
  robot: { online: true, seenMs: 1000 },
  publishError: null,
  nowMs: 61_000,
};

test("all well is said in one word", () => {
  expect(standing(well)).toEqual({ tone: "good", text: "Online" });
});

test("a lost server is said with the reason and the time to the next attempt", () => {
  const { tone, text } = standing({
    ...well,
    feed: { is: "waiting", untilMs: 63_400, why: "the server cannot be reached" },
  });
  expect(tone).toBe("bad");
  expect(text).toBe("Reconnecting in 3 s: the server cannot be reached");
});

test("a robot that went away is said with when it was last seen", () => {
  expect(standing({ ...well, robot: { online: false, seenMs: 1000 } }).text).toContain("seen 1 min ago");
});

test("what is nearest to the page is said first", () => {
  const facts: Facts = { ...well, feed: { is: "refused" }, robot: null, publishError: "no" };
  expect(standing(facts).text).toContain("Signed out");
});

test("an action that did not arrive and a broken board are said", () => {
  expect(standing({ ...well, publishError: "Too Many Requests" }).text).toContain("Too Many Requests");
  const fault = { online: true, seenMs: 1, boardFault: "no answer at 0x60" };
  expect(standing({ ...well, robot: fault }).text).toContain("0x60");
});

test("what the robot cannot tell is a dash, not a zero", () => {
  for (const words of [volts(undefined), milliseconds(undefined), span(undefined)]) expect(words).toBe("–");
});

test("figures are worded for people", () => {
  expect(throttle(0.5)).toBe("+50 %");
  expect(throttle(-0.25)).toBe("−25 %");
  expect(throttle(-0.001)).toBe("0 %");
  expect(span(59)).toBe("59 s");
  expect(span(7500)).toBe("2 h 5 min");
  expect(span(90_000)).toBe("1 d 1 h");
  expect(ago(null, 0)).toBe("never seen");
});
