// A robot with a camera: seen and driven over a peer connection, found by signaling.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { eventually } from "./harness/eventually.mjs";
import { Outpost } from "./harness/outpost.mjs";
import { open, signIn } from "./harness/page.mjs";

const CAMERA = { video: { source: "test", width: 640, height: 480, fps: 30 } };

let outpost, robot, browser, passwords;
const contexts = [];

before(async () => {
  outpost = await Outpost.start("video");
  robot = await outpost.startRobot("rover", CAMERA);
  passwords = { ada: await outpost.newUser("ada", "rover"), bert: await outpost.newUser("bert", "rover") };
  await outpost.sees("rover", await outpost.newKey("rover"));
  browser = await launch();
});

afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  await robot.wheels.rest();
});

after(async () => {
  await browser?.close();
  await outpost?.stop();
});

/** A page of `user` that is connected and shows the camera. */
async function watching(user = "ada", prepare = async () => {}) {
  const opened = await open(browser, { viewport: { width: 1280, height: 900 }, acceptDownloads: true });
  contexts.push(opened.context);
  await prepare(opened.page);
  await signIn(opened.page, outpost.url, user, passwords[user]);
  await connected(opened.page);
  return opened.page;
}

async function connected(page) {
  await page.getByText("Connected to the robot", { exact: true }).first().waitFor();
  await nextFrame(page);
}

/** The time of the newest frame that was painted. */
function frameTime(page) {
  return page.evaluate(() => document.querySelector("video").currentTime);
}

async function nextFrame(page) {
  const now = await frameTime(page);
  await eventually("another frame is painted", async () => (await frameTime(page)) > now);
}

function figure(page, name) {
  return page.locator("dt", { hasText: new RegExp(`^${name}$`) }).locator("xpath=following-sibling::dd").textContent();
}

test("the picture comes by itself after sign-in, in its size, and its figures are shown", async () => {
  const page = await watching();
  const size = await page.evaluate(() => {
    const video = document.querySelector("video");
    return [video.videoWidth, video.videoHeight];
  });
  assert.deepEqual(size, [640, 480]);
  await eventually("frames are counted", async () => Number.parseInt(await figure(page, "Frames"), 10) > 0);
  await eventually("the round trip is measured", async () => Number.parseFloat(await figure(page, "Round trip")) > 0);
  await eventually("it says who watches", async () => (await figure(page, "Viewers")) === "1");
  assert.equal(await figure(page, "Orders go"), "directly");
  assert.equal(await figure(page, "Size"), "640 × 480");
});

test("a key drives over the data channel, and letting go stops", async () => {
  const page = await watching();
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await eventually("the robot names this page", async () => /^ada-[0-9a-f]{8}$/.test(await figure(page, "From")));
  await page.getByText("You drive").waitFor();
  await page.keyboard.up("ArrowUp");
  await robot.wheels.rest();
});

test("the stick is proportional", async () => {
  const page = await watching();
  await page.getByText("Stick", { exact: true }).click();
  const box = await page.getByRole("img", { name: /^Stick/ }).boundingBox();
  const [x, y, radius] = [box.x + box.width / 2, box.y + box.height / 2, box.width / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x, y - radius * 0.4);
  const slow = await robot.wheels.forward();
  await page.mouse.move(x, y - radius);
  await robot.wheels.turn("turn faster", ({ left, right }) => left > slow.left + 0.1 && right > slow.right + 0.1);
  await page.mouse.move(x + radius * 0.7, y - radius * 0.7);
  await robot.wheels.turn("curve to the right", ({ left, right }) => left > right + 0.05);
  await page.mouse.up();
  await robot.wheels.rest();
  await page.getByText("Arrows", { exact: true }).click();
});

test("a gamepad drives, and its button stops until the stick was let go", async () => {
  const page = await watching("ada", (page) => page.addInitScript(fakeGamepad));
  const push = (y) => page.evaluate((y) => (window.gamepad.axes[1] = y), y);
  await page.evaluate(() => window.plugIn());
  await push(-1);
  await robot.wheels.forward();
  await page.evaluate(() => (window.gamepad.buttons[1].pressed = true));
  await robot.wheels.rest();
  await page.evaluate(() => (window.gamepad.buttons[1].pressed = false));
  await eventually("the stop is known", async () => (await figure(page, "Last")) === "stop");
  assert.equal(robot.wheels.now.left, 0);
  await push(0);
  await push(0.5);
  await robot.wheels.turn("turn backward", ({ left, right }) => left < 0 && right < 0);
  await push(0);
  await robot.wheels.rest();
});

test("one page drives at a time: the other is told who, can stop, and takes over after silence", async () => {
  const [ada, bert] = [await watching("ada"), await watching("bert")];
  await ada.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await bert.getByText("ada drives; you can stop").waitFor();
  const before = robot.wheels.writes().length;
  await bert.keyboard.down("ArrowDown");
  await eventually("bert has pressed for a while", async () => robot.wheels.writes().length >= before && (await bert.getByText("ada drives").isVisible()));
  await bert.keyboard.up("ArrowDown");
  assert.ok(robot.wheels.writes().slice(before).every(({ left }) => left >= 0), "bert's order moved the wheels");
  await ada.keyboard.up("ArrowUp");
  await robot.wheels.rest();
  await ada.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  const stops = robot.wheels.writes().length;
  await bert.getByRole("button", { name: "Stop" }).click();
  await eventually("bert's stop stops", () => robot.wheels.writes().slice(stops).some(({ left }) => left === 0));
  await ada.keyboard.up("ArrowUp");
  await bert.getByText("Nobody drives").waitFor();
  await bert.keyboard.down("ArrowDown");
  await robot.wheels.turn("turn backward for bert", ({ left }) => left < 0);
  await ada.getByText("bert drives; you can stop").waitFor();
  await bert.keyboard.up("ArrowDown");
});

test("who looks away lets go of the wheel", async () => {
  const [ada, bert] = [await watching("ada"), await watching("bert")];
  await ada.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await ada.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await robot.wheels.rest();
  await bert.getByText("Nobody drives").waitFor();
  await ada.keyboard.up("ArrowUp");
});

test("a cut signaling socket takes nothing from those who are connected", async () => {
  const page = await watching("ada", (page) => page.addInitScript(rememberSockets));
  assert.ok((await page.evaluate(() => window.sockets.length)) > 0);
  await page.evaluate(() => window.sockets.forEach((socket) => socket.close()));
  await nextFrame(page);
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
  assert.equal(await page.evaluate(() => window.sockets.length), 1, "it called again without need");
});

test("a page that has to call again while signaling is cut gets through by itself", async () => {
  const page = await watching("ada", (page) => page.addInitScript(rememberSockets));
  await page.evaluate(() => (window.refuseSockets = true));
  await robot.agent.kill();
  await page.getByText(/next try in/).first().waitFor();
  robot = await outpost.startRobot("rover");
  await page.evaluate(() => (window.refuseSockets = false));
  await connected(page);
});

test("a ground station that restarts takes nothing from those who are connected, and lets others in", async () => {
  const page = await watching("ada");
  await outpost.killStation();
  await page.getByText(/Connected to the robot. The ground station is away/).waitFor();
  await nextFrame(page);
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
  await outpost.startStation();
  await page.getByText("Connected to the robot", { exact: true }).first().waitFor();
  const other = await watching("bert");
  await nextFrame(other);
  await nextFrame(page);
});

test("a robot that restarts is found again without a reload", async () => {
  const page = await watching("ada");
  await robot.agent.kill();
  await page.getByText(/next try in|Calling the robot|The robot is offline/).first().waitFor();
  robot = await outpost.startRobot("rover");
  await connected(page);
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
});

test("a page closed while driving leaves the wheels at rest and the wheel to others", async () => {
  const [ada, bert] = [await watching("ada"), await watching("bert")];
  await ada.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await ada.close();
  await robot.wheels.rest();
  await bert.getByText("Nobody drives").waitFor();
});

test("the picture turns, is remembered so, and is kept as it is seen", async () => {
  const page = await watching();
  await page.getByRole("button", { name: "Turn the picture" }).click();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Keep this picture" }).click();
  const file = await download;
  assert.match(file.suggestedFilename(), /^rover-\d{4}-.*\.png$/);
  const png = readFileSync(await file.path());
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [480, 640], "a quarter turn swaps the sides");
  await page.reload();
  await connected(page);
  assert.equal(await page.locator("video").getAttribute("data-turn"), "90");
});

test("full screen keeps the controls, and they drive", async () => {
  const page = await watching();
  await page.getByRole("button", { name: "Full screen" }).click();
  await eventually("it is full screen", () => page.evaluate(() => document.fullscreenElement !== null));
  await page.getByRole("button", { name: "Forward" }).hover();
  await page.mouse.down();
  await robot.wheels.forward();
  await page.mouse.up();
  await robot.wheels.rest();
});

/** Runs in the page: a gamepad that the test moves. */
function fakeGamepad() {
  const gamepad = {
    connected: true,
    axes: [0, 0, 0, 0],
    buttons: Array.from({ length: 17 }, () => ({ pressed: false })),
  };
  let plugged = false;
  window.gamepad = gamepad;
  window.plugIn = () => {
    plugged = true;
    dispatchEvent(new Event("gamepadconnected"));
  };
  navigator.getGamepads = () => (plugged ? [null, gamepad] : []);
}

/** Runs in the page: every WebSocket it opens, and a way to let no more be opened. */
function rememberSockets() {
  const Real = WebSocket;
  window.sockets = [];
  window.WebSocket = class extends Real {
    constructor(url, protocols) {
      super(window.refuseSockets ? "ws://127.0.0.1:9" : url, protocols);
      window.sockets.push(this);
    }
  };
}
