// Whatever can swallow the event by which a key is let go is a release, and no gamepad drives by itself.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { eventually } from "./harness/eventually.mjs";
import { driver, driveWithoutPicture, open, signIn } from "./harness/page.mjs";
import { connected, Scene } from "./harness/scene.mjs";
import { Screen } from "./harness/screen.mjs";
import { atMs } from "./harness/wheels.mjs";

/** From what swallowed the release to rest, the robot's pulse included; and a busy machine. */
const REST_MS = 500;

let scene;
before(async () => (scene = await Scene.start("letting-go")));
afterEach(() => scene.clear());
after(() => scene?.stop());

const ON_DOCUMENT = "document.dispatchEvent";
const ON_WINDOW = "dispatchEvent";
for (const [what, where, event] of [
  ["lost focus", ON_WINDOW, 'new Event("blur")'],
  ["a menu that opens", ON_WINDOW, 'new MouseEvent("contextmenu", { bubbles: true, cancelable: true })'],
  ["printing", ON_WINDOW, 'new Event("beforeprint")'],
  ["something dragged", ON_WINDOW, 'new Event("dragstart")'],
  ["something dragged in from outside", ON_WINDOW, 'new Event("dragenter")'],
  ["a call that comes in", ON_WINDOW, 'new PointerEvent("pointercancel")'],
  ["a pointer that is taken away", ON_WINDOW, 'new PointerEvent("lostpointercapture", { buttons: 1 })'],
  ["an input method", ON_WINDOW, 'new CompositionEvent("compositionstart")'],
  ["a gamepad that is gone", ON_WINDOW, 'new Event("gamepaddisconnected")'],
  ["another tab", ON_DOCUMENT, 'new Event("visibilitychange")'],
  ["a frozen page", ON_DOCUMENT, 'new Event("freeze")'],
  ["full screen", ON_DOCUMENT, 'new Event("fullscreenchange")'],
]) {
  test(`${what} may swallow a key's release, so it is one`, async () => {
    const page = await scene.watching();
    await page.keyboard.down("KeyW");
    await scene.robot.wheels.forward();
    await page.evaluate(`${where}(${event})`);
    await scene.robot.wheels.rest();
    await staysAtRest();
    await page.keyboard.up("KeyW");
  });
}

test("a dialog of the page, and a page that stood still, let go", async () => {
  const page = await scene.watching();
  const letGoBy = async (what) => {
    await page.keyboard.down("KeyW");
    await scene.robot.wheels.forward();
    await what();
    await scene.robot.wheels.rest();
    await staysAtRest();
    await page.keyboard.up("KeyW");
  };
  await letGoBy(() => page.evaluate(() => document.body.appendChild(document.createElement("dialog")).showModal()));
  await page.evaluate(() => document.querySelector("dialog").close());
  await letGoBy(() => page.evaluate(() => {
    for (const until = performance.now() + 1_500; performance.now() < until; );
  }));
});

describe("with a window on a screen", () => {
  let screen;
  before(async () => (screen = await Screen.start()));
  after(() => screen?.stop());

  test("a key held while the browser's own menu opens is let go, and stays so when the menu closes", async (t) => {
    const { page, context } = await open(screen.browser, { viewport: null });
    await signIn(page, scene.outpost.url, "ada", scene.passwords.ada);
    await connected(page);
    await page.bringToFront();
    await screen.point(page, "video");
    screen.hands("click", "1");
    await page.waitForFunction(() => document.hasFocus());
    await page.evaluate(() => {
      window.heard = [];
      for (const type of ["keydown", "keyup", "contextmenu"]) {
        addEventListener(type, (event) => event.repeat || window.heard.push({ type, key: event.key, at: Date.now(), prevented: event.defaultPrevented }));
      }
    });
    screen.hands("keydown", "w");
    await scene.robot.wheels.forward();
    screen.hands("click", "3");
    const opened = await eventually("the menu opens", () => page.evaluate(() => window.heard.find(({ type }) => type === "contextmenu")));
    await scene.robot.wheels.rest();
    const rested = atMs(scene.robot.wheels.now) - opened.at;
    t.diagnostic(`at rest ${Math.round(rested)} ms after the menu opened`);
    assert.equal(opened.prevented, false, "it was no menu of the browser's");
    assert.ok(rested < REST_MS, `at rest only ${rested} ms after the menu opened`);
    screen.hands("keyup", "w");
    screen.hands("key", "Escape");
    await staysAtRest();
    const heard = await page.evaluate(() => window.heard.map(({ type, key = "" }) => `${type} ${key}`.trim()));
    t.diagnostic(`the page heard ${heard.join(", ")}`);
    // Closing the menu takes the press; only the key going up again is the page's.
    assert.ok(!heard.includes("keydown Escape"), "there was no menu to close");
    await context.close();
  });
});

describe("with a gamepad", () => {
  const watching = () => scene.watching("ada", (page) => page.addInitScript(fakeGamepad));

  test("it drives, and its button stops until the stick was let go", async () => {
    const page = await watching();
    await plugIn(page, { axes: [0, 0, 0, 0] });
    await push(page, { axes: [0, -1, 0, 0] });
    await scene.robot.wheels.forward();
    await push(page, { axes: [0, -1, 0, 0], pressed: [1] });
    await scene.robot.wheels.rest();
    await push(page, { axes: [0, -1, 0, 0] });
    await staysAtRest();
    await push(page, { axes: [0, 0, 0, 0] });
    await push(page, { axes: [0, 0.5, 0, 0] });
    await scene.robot.wheels.turn("turn backward", ({ left, right }) => left < 0 && right < 0);
    await push(page, { axes: [0, 0, 0, 0] });
    await scene.robot.wheels.rest();
  });

  test("one whose axis rests at its end drives nothing, and says what it waits for", async () => {
    const page = await watching();
    await plugIn(page, { axes: [0, -1, 0, 0] });
    await page.getByText("The gamepad drives once its stick and cross have been let go.").waitFor();
    await staysAtRest();
    await push(page, { axes: [0, 0, 0, 0] });
    await push(page, { axes: [0, -1, 0, 0] });
    await scene.robot.wheels.forward();
    await push(page, { axes: [0, 0, 0, 0] });
  });

  test("one with a layout nobody knows drives only after somebody asked for it", async () => {
    const page = await watching();
    await plugIn(page, { axes: [0, 0, 0, 0], mapping: "" });
    await push(page, { axes: [0, -1, 0, 0], mapping: "" });
    await page.getByText("how the gamepad “A fake gamepad” is laid out").waitFor();
    await staysAtRest();
    await page.getByRole("button", { name: "Use this gamepad" }).click();
    await staysAtRest();
    await push(page, { axes: [0, 0, 0, 0], mapping: "" });
    await push(page, { axes: [0, -1, 0, 0], mapping: "" });
    await scene.robot.wheels.forward();
    await push(page, { axes: [0, 0, 0, 0], mapping: "" });
  });

  test("one out of reach, whose last values stand, drives for a few seconds at most", async () => {
    const page = await watching();
    await plugIn(page, { axes: [0, 0, 0, 0] });
    await push(page, { axes: [0, -0.8, 0, 0] });
    await scene.robot.wheels.forward();
    await scene.robot.wheels.rest();
    await page.getByText("The gamepad drives once its stick and cross have been let go.").waitFor();
    await staysAtRest();
  });
});

test("over plain HTTP in a network the page opens, drives, and says where all is allowed", async () => {
  const page = await scene.page();
  // What browsers take from such a page; this machine's own address counts as safe.
  await page.addInitScript(() => {
    Object.defineProperty(window, "isSecureContext", { value: false });
    Object.defineProperty(crypto, "subtle", { value: undefined });
    delete Navigator.prototype.getGamepads;
    delete Navigator.prototype.clipboard;
    delete Navigator.prototype.wakeLock;
  });
  const errors = [];
  page.on("pageerror", (error) => errors.push(error));
  await signIn(page, scene.outpost.url, "ada", scene.passwords.ada);
  await page.getByText("here the browser allows no picture").waitFor();
  const { port } = new URL(scene.outpost.secureUrl);
  assert.equal(await page.locator(".notice a").getAttribute("href"), `https://localhost:${port}/`);
  await driveWithoutPicture(page);
  await driver(page, "Nobody drives");
  await page.keyboard.down("KeyW");
  await scene.robot.wheels.forward();
  await page.keyboard.up("KeyW");
  assert.deepEqual(errors, []);
});

/** Nothing moves from now on until the robot has reported for two seconds. */
async function staysAtRest() {
  await scene.robot.wheels.rest();
  const before = scene.robot.wheels.writes().length;
  await scene.reports(2);
  const moved = scene.robot.wheels.writes().slice(before).filter(({ left, right }) => left !== 0 || right !== 0);
  assert.deepEqual(moved, [], "the wheels turned");
}

async function plugIn(page, state) {
  await page.waitForFunction(() => document.hasFocus());
  await page.evaluate((state) => window.gamepads.plugIn(state), state);
}

/** As a hand does, once the page has looked. */
function push(page, state) {
  return page.evaluate((state) => window.gamepads.report(state), state);
}

/** Runs in the page: a gamepad that the test moves. As on Linux, its time is that of its last change. */
function fakeGamepad() {
  let gamepad = null;
  const report = async ({ axes, pressed = [], mapping = "standard" }) => {
    const buttons = Array.from({ length: 17 }, (_, button) => ({ pressed: pressed.includes(button), value: Number(pressed.includes(button)) }));
    gamepad = { id: "A fake gamepad", connected: true, mapping, timestamp: performance.now(), axes, buttons };
    // It is read once a frame; whoever is quicker was not seen.
    for (let frames = 0; frames < 2; frames += 1) await new Promise(requestAnimationFrame);
  };
  const plugIn = async (state) => {
    await report(state);
    dispatchEvent(new Event("gamepadconnected"));
    await report(state);
  };
  window.gamepads = { report, plugIn };
  navigator.getGamepads = () => [null, gamepad];
}
