import { setMaxListeners } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DriveController } from "../src/drive/controller";
import type { Action } from "../src/wire";

setMaxListeners(50);

let page: EventTarget, sent: Action[], controller: DriveController;
let offset = 0;
const now = () => Date.now() + offset;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  offset = 0;
  page = new EventTarget();
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }));
  sent = [];
  controller = new DriveController("page", () => ({ steady: now(), robot: now(), unix: now() }), (action) => sent.push(action));
  controller.latchMs = 3_000;
});

afterEach(() => {
  controller.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const isMotion = ({ action, linear, angular }: Action) => action !== "stop" && !(action === "drive" && linear === 0 && angular === 0);
const motions = () => sent.filter(isMotion).length;

test("a tap goes without a hand, and another one on the same direction stops", () => {
  controller.tap("forward");
  vi.advanceTimersByTime(1_000);
  expect([controller.latched, sent.at(-1)?.action]).toEqual(["forward", "forward"]);
  controller.tap("forward");
  expect([controller.holds, isMotion(sent.at(-1)!)]).toEqual([false, false]);
});

test("a tap on another direction takes the place of the first", () => {
  controller.tap("forward");
  controller.tap("left");
  vi.advanceTimersByTime(200);
  expect([...controller.directions]).toEqual(["left"]);
});

test("what nobody confirms ends, and not a send later", () => {
  controller.tap("forward");
  vi.advanceTimersByTime(2_900);
  expect(controller.latched).toBe("forward");
  vi.advanceTimersByTime(100);
  expect(controller.latched).toBeNull();
  const before = motions();
  expect(isMotion(sent.at(-1)!)).toBe(false);
  vi.advanceTimersByTime(5_000);
  expect(motions()).toBe(before);
});

test("what is confirmed goes on for as long again, and a confirmation starts nothing", () => {
  controller.confirm();
  expect(controller.holds).toBe(false);
  controller.tap("forward");
  vi.advanceTimersByTime(2_000);
  controller.confirm();
  vi.advanceTimersByTime(2_900);
  expect(controller.latched).toBe("forward");
  vi.advanceTimersByTime(100);
  expect(controller.latched).toBeNull();
  controller.confirm();
  expect(controller.latched, "too late").toBeNull();
});

test("those who show it are told that it ended by itself", () => {
  const shown: (string | null)[] = [];
  controller.onChange(() => shown.push(controller.latched));
  controller.tap("forward");
  vi.advanceTimersByTime(3_100);
  expect(shown.at(-1)).toBeNull();
});

test.each<[string, () => void]>([
  ["a stop", () => controller.halt()],
  ["another's stop", () => controller.hold()],
  ["a lock", () => (controller.locked = true)],
  ["lost focus", () => void page.dispatchEvent(new Event("blur"))],
  ["a page that is left", () => void page.dispatchEvent(new Event("pagehide"))],
  ["who drives otherwise now", () => controller.releaseAll()],
  ["the end of the page", () => controller.close()],
])("%s ends it, and it does not come back by itself", (_, end) => {
  controller.tap("forward");
  vi.advanceTimersByTime(300);
  end();
  expect([controller.latched, controller.holds, isMotion(sent.at(-1)!)]).toEqual([null, false, false]);
  const before = motions();
  controller.confirm();
  controller.locked = false;
  vi.advanceTimersByTime(4_000);
  expect(motions()).toBe(before);
});

test("a page that stood still goes on with nothing", () => {
  controller.tap("forward");
  vi.advanceTimersByTime(150);
  offset = 2_000;
  vi.advanceTimersByTime(100);
  expect([controller.latched, isMotion(sent.at(-1)!)]).toEqual([null, false]);
});

test("where hands hold, a tap latches nothing", () => {
  controller.latchMs = null;
  controller.tap("forward");
  expect([controller.holds, motions()]).toEqual([false, 0]);
});

test("a locked robot is not latched", () => {
  controller.locked = true;
  controller.tap("forward");
  controller.locked = false;
  expect([controller.latched, motions()]).toEqual([null, 0]);
});
