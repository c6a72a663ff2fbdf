import { setMaxListeners } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DriveController } from "../src/drive/controller";
import { GamepadReader, HandWatch, readGamepad, type GamepadState, type GamepadStatus } from "../src/drive/gamepad";
import type { Action } from "../src/wire";

const buttons = (...pressed: number[]) =>
  Array.from({ length: 17 }, (_, button) => ({ pressed: pressed.includes(button), value: Number(pressed.includes(button)) }));

test("a gamepad's stick pushed up is forward", () => {
  expect(readGamepad({ axes: [0.25, -1], buttons: buttons() })).toEqual({ x: 0.25, y: 1, stop: false });
});

test("a gamepad's cross is a stick at its edge", () => {
  expect(readGamepad({ axes: [0, 0], buttons: buttons(12) })).toMatchObject({ x: 0, y: 1 });
  expect(readGamepad({ axes: [0, 0], buttons: buttons(14) })).toMatchObject({ x: -1, y: 0 });
});

test("a gamepad's east button stops", () => {
  expect(readGamepad({ axes: [0, 0], buttons: buttons(1) }).stop).toBe(true);
});

test("a gamepad with nothing on it is at rest", () => {
  expect(readGamepad({ axes: [], buttons: [] })).toEqual({ x: 0, y: 0, stop: false });
});

const pad = (over: Partial<GamepadState> = {}): GamepadState => ({
  id: "pad",
  connected: true,
  mapping: "standard",
  timestamp: 1,
  axes: [0, 0, 0, 0],
  buttons: buttons(),
  ...over,
});

test.each<[string, Partial<GamepadState>, boolean]>([
  ["its stick", { axes: [0, -0.99, 0, 0], timestamp: 2 }, true],
  ["its other stick", { axes: [0, 0, 0.004, 0], timestamp: 2 }, true],
  ["a button", { buttons: buttons(3), timestamp: 2 }, true],
  ["only its time, as Windows has it", { timestamp: 2 }, false],
  ["nothing", {}, false],
  ["its stick, but in no new report", { axes: [0, -1, 0, 0] }, false],
])("after three seconds a hand is known by a change of %s: %s", (_, over, alive) => {
  const hand = new HandWatch();
  expect(hand.alive(pad(), 0)).toBe(true);
  expect(hand.alive(pad(), 3_000)).toBe(true);
  expect(hand.alive(pad(over), 3_001)).toBe(alive);
});

// A page listens to more than ten events, which Node takes for a leak.
setMaxListeners(50);

let here: (GamepadState | null)[], sent: Action[], focus: boolean, now: number, status: GamepadStatus;
let reader: GamepadReader, controller: DriveController, frame: () => void, ended: AbortController;

beforeEach(() => {
  [here, sent, focus, now] = [[], [], true, 0];
  frame = () => {};
  ended = new AbortController();
  const page = new EventTarget();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hasFocus: () => focus }));
  vi.stubGlobal("navigator", { getGamepads: () => here });
  vi.stubGlobal("performance", { now: () => now });
  vi.stubGlobal("requestAnimationFrame", (next: () => void) => (frame = next));
  controller = new DriveController("page", () => ({ steady: now, robot: now, unix: now }), (action) => sent.push(action));
  plugIn = () => page.dispatchEvent(new Event("gamepadconnected"));
});
let plugIn: () => void;

afterEach(() => {
  ended.abort();
  controller.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function read(): void {
  reader = new GamepadReader(controller, ended.signal, (now) => (status = now));
}

/** One frame in which the gamepad is like this. */
function look(over: Partial<GamepadState>, ms = 16): void {
  now += ms;
  here = [null, pad({ timestamp: now, ...over })];
  frame();
}

const up = { axes: [0, -1, 0, 0] };
const rest = { axes: [0, 0, 0, 0] };

test("an axis that rests at its end drives nothing until it has been let go", () => {
  here = [pad(up)];
  read();
  for (let frames = 0; frames < 500; frames += 1) look({ axes: [0, -1, frames / 1e6, 0] });
  expect(sent).toEqual([]);
  expect(status).toEqual({ is: "to-center" });
  look(rest);
  look(up);
  expect(sent.map(({ action }) => action)).toEqual(["forward"]);
  expect(status).toEqual({ is: "ready" });
});

test("a layout that the browser does not know drives only once somebody asked for it, and it has been let go", () => {
  here = [pad({ ...up, mapping: "" })];
  read();
  look({ ...rest, mapping: "" });
  look({ ...up, mapping: "" });
  expect(sent).toEqual([]);
  expect(status).toEqual({ is: "unknown", id: "pad" });
  reader.use("pad");
  look({ ...up, mapping: "" });
  expect(sent).toEqual([]);
  look({ ...rest, mapping: "" });
  look({ ...up, mapping: "" });
  expect(sent.map(({ action }) => action)).toEqual(["forward"]);
});

test("frozen values are a release after three seconds, whatever the timestamp says", () => {
  here = [pad()];
  read();
  look(rest);
  look({ axes: [0, -0.8, 0, 0] });
  expect(controller.holds).toBe(true);
  for (let frames = 0; frames < 187; frames += 1) look({ axes: [0, -0.8, 0, 0] });
  expect(controller.holds).toBe(true);
  look({ axes: [0, -0.8, 0, 0] });
  expect(controller.holds).toBe(false);
  look({ axes: [0, -0.7, 0, 0] });
  expect(controller.holds, "only after it has been let go").toBe(false);
  look(rest);
  look(up);
  expect(controller.holds).toBe(true);
});

test("a hand that holds still trembles: it drives on", () => {
  here = [pad()];
  read();
  look(rest);
  for (let frames = 0; frames < 1000; frames += 1) look({ axes: [0, -1, 0, frames % 2 ? 0.004 : 0] });
  expect(controller.holds).toBe(true);
});

test.each<[string, () => void]>([
  ["gone", () => ((here = [null]), frame())],
  ["no longer connected", () => look({ ...up, connected: false })],
  ["another", () => look({ ...up, id: "other" })],
  ["without focus", () => ((focus = false), look(up), (focus = true))],
])("%s, it holds nothing, and has to be let go before it drives again", (_, lose) => {
  here = [pad()];
  read();
  look(rest);
  look(up);
  expect(controller.holds).toBe(true);
  lose();
  expect(controller.holds).toBe(false);
  plugIn();
  look(up);
  look(up);
  expect(controller.holds).toBe(false);
  look(rest);
  look(up);
  expect(controller.holds).toBe(true);
});

test("its stop button stops once for each press, and not because it hangs", () => {
  here = [pad({ buttons: buttons(1) })];
  read();
  for (const pressed of [[1], [1], [], [1], [1], []]) look({ buttons: buttons(...pressed) });
  expect(sent.filter(({ action }) => action === "stop")).toHaveLength(1);
});

test("a browser without gamepads, or that forbids them, has none", () => {
  for (const getGamepads of [undefined, () => { throw new DOMException("no", "SecurityError"); }]) {
    vi.stubGlobal("navigator", { getGamepads });
    read();
    plugIn();
    frame();
    expect(status).toEqual({ is: "none" });
  }
});
