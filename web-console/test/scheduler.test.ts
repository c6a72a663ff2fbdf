import { expect, test } from "vitest";
import { SEND_INTERVAL_MS, MIN_CHANGE_MS, Scheduler, STOP_REPEATS } from "../src/drive/scheduler";

const forward = { linear: 1, angular: 0 };
const left = { linear: 0, angular: 1 };
const gentle = { linear: 0.3, angular: 0.1 };
const firmer = { linear: 0.4, angular: 0.1 };

const at = (steady: number) => ({ steady, unix: 1_700_000_000_000 + steady });

test("a held key is one action every interval, each with the next number and its own time", () => {
  const scheduler = new Scheduler("page-1");
  const sent = [];
  for (let ms = 0; ms <= 1000; ms += 10) {
    const action = scheduler.next(forward, 0.5, at(ms));
    if (action !== null) sent.push(action);
  }
  expect(sent).toHaveLength(1000 / SEND_INTERVAL_MS + 1);
  expect(sent.map(({ seq }) => seq)).toEqual(sent.map((_, index) => index + 1));
  expect(sent.map(({ sent_at }) => sent_at)).toEqual(sent.map((_, index) => 1_700_000_000_000 + index * SEND_INTERVAL_MS));
  expect(new Set(sent.map(({ sender }) => sender))).toEqual(new Set(["page-1"]));
});

test("nothing is sent before anything was held", () => {
  const scheduler = new Scheduler("page");
  expect(scheduler.next(null, 0.5, at(0))).toBeNull();
  expect(scheduler.due(null)).toBeNull();
});

test("another direction goes out at once", () => {
  const scheduler = new Scheduler("page");
  scheduler.next(forward, 0.5, at(0));
  expect(scheduler.next(left, 0.5, at(1))?.action).toBe("left");
});

test("a stick that moves all the time is sent no faster than anyone steers", () => {
  const scheduler = new Scheduler("page");
  scheduler.next(gentle, 0.5, at(0));
  expect(scheduler.next(firmer, 0.5, at(MIN_CHANGE_MS - 1))).toBeNull();
  expect(scheduler.next(firmer, 0.5, at(MIN_CHANGE_MS))?.linear).toBe(0.4);
});

test("a release is a stop at once, repeated, and then silence", () => {
  const scheduler = new Scheduler("page");
  scheduler.next(forward, 0.5, at(0));
  const sent = [];
  for (let ms = 1; ms < 2000; ms += 1) {
    const action = scheduler.next(null, 0.5, at(ms));
    if (action !== null) sent.push({ ms, word: action.action });
  }
  expect(sent[0]).toEqual({ ms: 1, word: "stop" });
  expect(sent).toHaveLength(1 + STOP_REPEATS);
  expect(sent.every(({ word }) => word === "stop")).toBe(true);
  expect(scheduler.due(null)).toBeNull();
});

test("driving again ends the repeating of the stop", () => {
  const scheduler = new Scheduler("page");
  scheduler.next(forward, 0.5, at(0));
  scheduler.next(null, 0.5, at(10));
  expect(scheduler.next(left, 0.5, at(20))?.action).toBe("left");
  expect(scheduler.next(left, 0.5, at(20 + SEND_INTERVAL_MS))?.action).toBe("left");
});

test("after a halt nothing drives before all has been let go", () => {
  const scheduler = new Scheduler("page");
  scheduler.next(forward, 0.5, at(0));
  expect(scheduler.halt(at(5)).action).toBe("stop");
  const sentWords = [];
  for (let ms = 6; ms < 1000; ms += 1) sentWords.push(scheduler.next(forward, 0.5, at(ms))?.action);
  expect(new Set(sentWords)).toEqual(new Set([undefined, "stop"]));
  scheduler.next(null, 0.5, at(1000));
  expect(scheduler.next(forward, 0.5, at(1001))?.action).toBe("forward");
});

test("a halt with nothing held is a stop all the same", () => {
  expect(new Scheduler("page").halt(at(0)).action).toBe("stop");
});

test("the speed limit goes with every motion and with no stop", () => {
  const scheduler = new Scheduler("page");
  expect(scheduler.next(forward, 0.3, at(0))?.speed).toBe(0.3);
  expect(scheduler.next(null, 0.3, at(1))).not.toHaveProperty("speed");
});

test("it says when it wants to be asked again", () => {
  const scheduler = new Scheduler("page");
  scheduler.next(forward, 0.5, at(40));
  expect(scheduler.due(forward)).toBe(40 + SEND_INTERVAL_MS);
});
