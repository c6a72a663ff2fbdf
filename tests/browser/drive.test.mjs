// A robot without a camera, driven from the page over HTTP.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { eventually } from "./harness/eventually.mjs";
import { Outpost } from "./harness/outpost.mjs";
import { driver, driveWithoutPicture, figure, mayDrive, open, signIn } from "./harness/page.mjs";
import { atMs } from "./harness/wheels.mjs";

/** The robot's own pulse of 200 ms, and a busy machine. A page that went on sending fails by any bound. */
const REST_MS = 1_000;

let outpost, robot, browser, password;
const contexts = [];

before(async () => {
  outpost = await Outpost.start("drive");
  robot = await outpost.startRobot("rover");
  password = await outpost.newUser("ada", "rover");
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

async function robotPage(options) {
  const opened = await open(browser, options);
  contexts.push(opened.context);
  await signIn(opened.page, outpost.url, "ada", password);
  await opened.page.getByText("Online, by way of the ground station").waitFor();
  await driveWithoutPicture(opened.page);
  // A page that was closed in mid-drive keeps the robot for a moment.
  await driver(opened.page, "Nobody drives");
  return opened;
}

const meter = (page, name) => page.getByRole("meter", { name }).getAttribute("aria-valuenow").then(Number);

test("a wrong password is refused in words, and the right one leads to the robot", async () => {
  const { page, context } = await open(browser);
  contexts.push(context);
  await signIn(page, outpost.url, "ada", "not the password");
  await page.getByRole("alert").getByText(/./).waitFor();
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "rover" }).waitFor();
});

test("a held arrow key moves the wheels until it is let go, and the page shows them", async () => {
  const { page, errors } = await robotPage();
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await eventually("the page shows the left wheel", async () => (await meter(page, "Left wheel")) > 0);
  const released = Date.now();
  await page.keyboard.up("ArrowUp");
  await robot.wheels.rest();
  const last = robot.wheels.writes().filter(({ left, right }) => left !== 0 || right !== 0).at(-1);
  assert.ok(atMs(last) < released + REST_MS, `still moving ${atMs(last) - released} ms after the release`);
  await eventually("the page shows rest", async () => (await meter(page, "Left wheel")) === 0);
  assert.deepEqual(errors, []);
});

test("a held key is obeyed again and again for as long as it is held", async () => {
  const { page } = await robotPage();
  const before = robot.wheels.writes().length;
  await page.keyboard.down("KeyW");
  await robot.wheels.forward();
  const obeyed = async () => Number(await figure(page, "Obeyed"));
  const from = await obeyed();
  await eventually("a dozen actions are obeyed", async () => (await obeyed()) >= from + 12);
  await robot.wheels.forward();
  assert.ok(robot.wheels.writes().slice(before).every(({ left, right }) => left >= 0 && left === right));
  await page.keyboard.up("KeyW");
});

test("two keys at once are a curve", async () => {
  const { page } = await robotPage();
  await page.keyboard.down("ArrowUp");
  await page.keyboard.down("ArrowLeft");
  await robot.wheels.turn("turn a left curve", ({ left, right }) => left > 0 && right > left);
  await page.keyboard.up("ArrowLeft");
  await page.keyboard.up("ArrowUp");
});

test("the space bar stops, and the key that is still held does not drive on", async () => {
  const { page } = await robotPage();
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await page.keyboard.press("Space");
  await robot.wheels.rest();
  const writes = robot.wheels.writes().length;
  await eventually("the stops have gone out", async () =>
    (await figure(page, "Last")) === "stop");
  assert.ok(robot.wheels.writes().slice(writes).every(({ left, right }) => left === 0 && right === 0));
  await page.keyboard.up("ArrowUp");
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
});

test("an arrow button drives while the mouse holds it", async () => {
  const { page } = await robotPage();
  await page.getByRole("button", { name: "Turn right" }).hover();
  await page.mouse.down();
  await robot.wheels.turn("turn right", ({ left, right }) => left > 0 && right < 0);
  await page.mouse.up();
  await robot.wheels.rest();
});

test("an arrow button drives under a finger, and stops when the finger slides away", async () => {
  const { page, context } = await robotPage({ hasTouch: true, isMobile: true, viewport: { width: 360, height: 740 } });
  const button = await page.getByRole("button", { name: "Forward" }).boundingBox();
  const x = button.x + button.width / 2;
  const y = button.y + button.height / 2;
  const touch = await context.newCDPSession(page);
  await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x, y }] });
  await robot.wheels.forward();
  await touch.send("Input.dispatchTouchEvent", { type: "touchCancel", touchPoints: [] });
  await robot.wheels.rest();
});

test("the keyboard alone reaches and holds an arrow button", async () => {
  const { page } = await robotPage();
  await page.getByRole("button", { name: "Backward" }).focus();
  await page.keyboard.down("Enter");
  await robot.wheels.turn("turn backward", ({ left, right }) => left < 0 && right < 0);
  await page.keyboard.up("Enter");
  await robot.wheels.rest();
});

test("the speed limit scales the wheels", async () => {
  const { page } = await robotPage();
  await page.getByRole("slider", { name: "Speed limit" }).fill("20");
  await page.keyboard.down("KeyW");
  await robot.wheels.turn("turn slowly", ({ left, right }) => left > 0 && left < 0.25 && right < 0.25);
  await page.keyboard.up("KeyW");
});

test("a page without gamepads and without storage opens and drives", async () => {
  const { page, context } = await open(browser);
  contexts.push(context);
  await page.addInitScript(() => {
    delete Navigator.prototype.getGamepads;
    for (const storage of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, storage, {
        get() {
          throw new DOMException("The operation is insecure.", "SecurityError");
        },
      });
    }
  });
  await signIn(page, outpost.url, "ada", password);
  await driveWithoutPicture(page);
  await driver(page, "Nobody drives");
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
});

test("a page that is closed while driving leaves the wheels at rest", async () => {
  const { page } = await robotPage();
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  const closed = Date.now();
  await page.close();
  await robot.wheels.rest();
  const last = robot.wheels.writes().filter(({ left }) => left > 0).at(-1);
  assert.ok(atMs(last) < closed + REST_MS, `still moving ${atMs(last) - closed} ms after the page was closed`);
});

test("a ground station that goes away is said, and found again without a reload", async () => {
  const { page } = await robotPage();
  await outpost.killStation();
  await page.getByText(/Reconnecting, next try in/).waitFor();
  await outpost.startStation();
  await page.getByText("Online, by way of the ground station").waitFor();
  await mayDrive(page);
  // By the robot's own word, which comes after the station's.
  await driver(page, "Nobody drives");
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
});

test("a robot that goes away is said, with when it was last seen", async () => {
  const { page } = await robotPage();
  await robot.agent.stop();
  await page.getByText(/The robot is offline, seen/).waitFor();
  robot = await outpost.startRobot("rover");
  await page.getByText("Online, by way of the ground station").waitFor();
});

test("signing out ends the session", async () => {
  const { page } = await robotPage();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
});
