import { expect, test } from "vitest";
import { SEND_INTERVAL_MS, MIN_CHANGE_MS, REST_REPEATS, Scheduler } from "../src/drive/scheduler";

const forward = { linear: 1, angular: 0 };
const left = { linear: 0, angular: 1 };
const gentle = { linear: 0.3, angular: 0.1 };
const firmer = { linear: 0.4, angular: 0.1 };

const at = (steady: number, robot: number | null = 5_000 + steady) => ({ steady, robot, unix: 1_700_000_000_000 + steady });

test("a held key is one action every interval, each with the next number and its own time", () => {
  const scheduler = new Scheduler("page-1");
  const sent = [];
  for (let ms = 0; ms <= 1000; ms += 10) {
    const action = scheduler.next(forward, 0.5, at(ms));
    if (action !== null) sent.push(action);
  }
  expect(sent).toHaveLength(1000 / SEND_INTERVAL_MS + 1);
  expect(sent.map(({ seq }) => seq)).toEqual(sent.map((_, index) => index + 1));
  expect(sent.map(({ clock_ms }) => clock_ms)).toEqual(sent.map((_, index) => 5_000 + index * SEND_INTERVAL_MS));
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

test("an action says when it was given by one clock: the robot's own, or else by the server's", () => {
  const scheduler = new Scheduler("page");
  expect(scheduler.next(forward, 0.5, at(1))).toEqual({ action: "forward", speed: 0.5, sender: "page", seq: 1, clock_ms: 5_001 });
  const unknown = scheduler.next(null, 0.5, at(7, null));
  expect(unknown).toEqual({ action: "drive", linear: 0, angular: 0, sender: "page", seq: 2, sent_at: 1_700_000_000_007 });
});

test("a release is rest at once, repeated, and then silence; it stops nobody else", () => {
  const scheduler = new Scheduler("page");
  scheduler.next(forward, 0.5, at(0));
  const sent = [];
  for (let ms = 1; ms < 2000; ms += 1) {
    const action = scheduler.next(null, 0.5, at(ms));
    if (action !== null) sent.push({ ms, action: action.action, linear: action.linear, angular: action.angular });
  }
  expect(sent).toEqual([1, 101, 201].map((ms) => ({ ms, action: "drive", linear: 0, angular: 0 })));
  expect(sent).toHaveLength(1 + REST_REPEATS);
  expect(scheduler.due(null)).toBeNull();
});

test("driving again ends the repeating of rest", () => {
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

test("held back by another's stop it lets go at once and says stop to nobody, until all is let go", () => {
  const scheduler = new Scheduler("page");
  scheduler.next(forward, 0.5, at(0));
  scheduler.hold();
  const sent = [];
  for (let ms = 1; ms < 1000; ms += 1) sent.push(scheduler.next(forward, 0.5, at(ms)));
  expect(sent.filter((action) => action !== null).map(({ action, linear }) => [action, linear])).toEqual(
    Array.from({ length: 1 + REST_REPEATS }, () => ["drive", 0]),
  );
  scheduler.next(null, 0.5, at(1000));
  expect(scheduler.next(forward, 0.5, at(1001))?.action).toBe("forward");
});

test("held back before anything was sent it sends nothing", () => {
  const scheduler = new Scheduler("page");
  scheduler.hold();
  expect(scheduler.next(forward, 0.5, at(0))).toBeNull();
});

test("a halt with nothing held is a stop all the same", () => {
  expect(new Scheduler("page").halt(at(0)).action).toBe("stop");
});

test("the speed limit goes with every motion and with no rest", () => {
  const scheduler = new Scheduler("page");
  expect(scheduler.next(forward, 0.3, at(0))?.speed).toBe(0.3);
  expect(scheduler.next(null, 0.3, at(1))).not.toHaveProperty("speed");
});

test("it says when it wants to be asked again", () => {
  const scheduler = new Scheduler("page");
  scheduler.next(forward, 0.5, at(40));
  expect(scheduler.due(forward)).toBe(40 + SEND_INTERVAL_MS);
});
