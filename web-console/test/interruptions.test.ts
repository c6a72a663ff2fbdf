import { setMaxListeners } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DriveController } from "../src/drive/controller";
import type { Action } from "../src/wire";

// A page listens to more than ten events, which Node takes for a leak.
setMaxListeners(50);

let page: EventTarget, shown: EventTarget & { hidden: boolean }, sent: Action[], now: number, controller: DriveController;

beforeEach(() => {
  vi.useFakeTimers();
  page = new EventTarget();
  shown = Object.assign(new EventTarget(), { hidden: false });
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("document", shown);
  [sent, now] = [[], 0];
  controller = new DriveController("page", () => ({ steady: now, robot: now, unix: now }), (action) => sent.push(action));
});

afterEach(() => {
  controller.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** An event with these fields. */
function event(type: string, fields: object = {}): Event {
  return Object.assign(new Event(type, { cancelable: true }), fields);
}

const moves = () => sent.some(({ action }) => action === "forward");
const lastIsRest = () => sent.at(-1)?.action === "drive" && sent.at(-1)?.linear === 0 && sent.at(-1)?.angular === 0;

const ofTheWindow: [string, object?][] = [
  ["blur"],
  ["pagehide"],
  ["beforeprint"],
  ["dragstart"],
  ["dragenter"],
  ["pointercancel"],
  ["compositionstart"],
  ["gamepaddisconnected"],
  ["contextmenu"],
  ["beforetoggle", { newState: "open" }],
  ["lostpointercapture", { buttons: 1 }],
];

for (const [type, fields] of ofTheWindow) {
  test(`${type} lets go of everything`, () => {
    controller.press("KeyW", "forward");
    controller.setAxes("stick", 0, 0.5);
    page.dispatchEvent(event(type, fields));
    expect(controller.holds).toBe(false);
    expect(lastIsRest()).toBe(true);
    controller.setAxes("stick", 0, 0.6);
    expect(controller.holds, "a stick that is still held").toBe(false);
  });
}

for (const type of ["visibilitychange", "freeze", "fullscreenchange", "pointerlockchange"]) {
  test(`${type} lets go of everything`, () => {
    controller.press("KeyW", "forward");
    shown.dispatchEvent(event(type));
    expect(controller.holds).toBe(false);
    expect(lastIsRest()).toBe(true);
  });
}

test.each<[string, Event]>([
  ["a menu that was prevented", event("contextmenu")],
  ["a pop-up that closes", event("beforetoggle", { newState: "closed" })],
  ["a pointer that was lifted", event("lostpointercapture", { buttons: 0 })],
])("%s swallows nothing, and lets go of nothing", (_, harmless) => {
  controller.press("KeyW", "forward");
  if (harmless.type === "contextmenu") harmless.preventDefault();
  page.dispatchEvent(harmless);
  expect(controller.holds).toBe(true);
});

test("a page that stood still for more than a second lets go, one that was merely busy does not", () => {
  const standStill = (ms: number) => {
    now += ms;
    vi.advanceTimersByTime(100);
  };
  controller.press("KeyW", "forward");
  standStill(900);
  expect(controller.holds).toBe(true);
  standStill(1_200);
  expect(controller.holds).toBe(false);
  expect(lastIsRest()).toBe(true);
});

test("locked, it lets go of everything and moves nothing, and what was held has to be let go first", () => {
  controller.press("KeyW", "forward");
  controller.setAxes("stick", 0, 0.5);
  controller.locked = true;
  expect(lastIsRest()).toBe(true);
  sent = [];
  controller.press("KeyS", "backwards");
  controller.press("KeyW", "forward");
  controller.setAxes("stick", 0, 1);
  controller.setAxes("pad", 0, 1);
  controller.locked = false;
  controller.setAxes("stick", 0, 0.9);
  controller.setAxes("pad", 0, 0.9);
  expect(controller.holds).toBe(false);
  controller.setAxes("pad", 0, 0);
  controller.setAxes("pad", 0, 1);
  expect(moves()).toBe(true);
});

test("locked, it still says stop", () => {
  controller.locked = true;
  controller.halt();
  expect(sent.map(({ action }) => action)).toEqual(["stop"]);
});
