import { expect, test } from "vitest";
import { BEAT_MS, CHANGE_MS, Pilot, STOP_REPEATS } from "../src/drive/scheduler";

const forward = { linear: 1, angular: 0 };
const left = { linear: 0, angular: 1 };
const gentle = { linear: 0.3, angular: 0.1 };
const firmer = { linear: 0.4, angular: 0.1 };

const at = (steady: number) => ({ steady, unix: 1_700_000_000_000 + steady });

test("a held key is one action every beat, each with the next number and its own time", () => {
  const pilot = new Pilot("page-1");
  const sent = [];
  for (let ms = 0; ms <= 1000; ms += 10) {
    const action = pilot.next(forward, 0.5, at(ms));
    if (action !== null) sent.push(action);
  }
  expect(sent).toHaveLength(1000 / BEAT_MS + 1);
  expect(sent.map(({ seq }) => seq)).toEqual(sent.map((_, index) => index + 1));
  expect(sent.map(({ sent_at }) => sent_at)).toEqual(sent.map((_, index) => 1_700_000_000_000 + index * BEAT_MS));
  expect(new Set(sent.map(({ sender }) => sender))).toEqual(new Set(["page-1"]));
});

test("nothing is sent before anything was held", () => {
  const pilot = new Pilot("page");
  expect(pilot.next(null, 0.5, at(0))).toBeNull();
  expect(pilot.due(null)).toBeNull();
});

test("another direction goes out at once", () => {
  const pilot = new Pilot("page");
  pilot.next(forward, 0.5, at(0));
  expect(pilot.next(left, 0.5, at(1))?.action).toBe("left");
});

test("a stick that moves all the time is sent no faster than anyone steers", () => {
  const pilot = new Pilot("page");
  pilot.next(gentle, 0.5, at(0));
  expect(pilot.next(firmer, 0.5, at(CHANGE_MS - 1))).toBeNull();
  expect(pilot.next(firmer, 0.5, at(CHANGE_MS))?.linear).toBe(0.4);
});

test("a release is a stop at once, repeated, and then silence", () => {
  const pilot = new Pilot("page");
  pilot.next(forward, 0.5, at(0));
  const sent = [];
  for (let ms = 1; ms < 2000; ms += 1) {
    const action = pilot.next(null, 0.5, at(ms));
    if (action !== null) sent.push({ ms, word: action.action });
  }
  expect(sent[0]).toEqual({ ms: 1, word: "stop" });
  expect(sent).toHaveLength(1 + STOP_REPEATS);
  expect(sent.every(({ word }) => word === "stop")).toBe(true);
  expect(pilot.due(null)).toBeNull();
});

test("driving again ends the repeating of the stop", () => {
  const pilot = new Pilot("page");
  pilot.next(forward, 0.5, at(0));
  pilot.next(null, 0.5, at(10));
  expect(pilot.next(left, 0.5, at(20))?.action).toBe("left");
  expect(pilot.next(left, 0.5, at(20 + BEAT_MS))?.action).toBe("left");
});

test("after a halt nothing drives before all has been let go", () => {
  const pilot = new Pilot("page");
  pilot.next(forward, 0.5, at(0));
  expect(pilot.halt(at(5)).action).toBe("stop");
  const words = [];
  for (let ms = 6; ms < 1000; ms += 1) words.push(pilot.next(forward, 0.5, at(ms))?.action);
  expect(new Set(words)).toEqual(new Set([undefined, "stop"]));
  pilot.next(null, 0.5, at(1000));
  expect(pilot.next(forward, 0.5, at(1001))?.action).toBe("forward");
});

test("a halt with nothing held is a stop all the same", () => {
  expect(new Pilot("page").halt(at(0)).action).toBe("stop");
});

test("the speed limit goes with every motion and with no stop", () => {
  const pilot = new Pilot("page");
  expect(pilot.next(forward, 0.3, at(0))?.speed).toBe(0.3);
  expect(pilot.next(null, 0.3, at(1))).not.toHaveProperty("speed");
});

test("it says when it wants to be asked again", () => {
  const pilot = new Pilot("page");
  pilot.next(forward, 0.5, at(40));
  expect(pilot.due(forward)).toBe(40 + BEAT_MS);
});
