// What a page that watches and drives bears: cut sockets, restarts on either side, no place.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { eventually } from "./harness/eventually.mjs";
import { driver, driveWithoutPicture, figure, signIn } from "./harness/page.mjs";
import { CAMERA, connected, nextFrame, rememberSockets, Scene } from "./harness/scene.mjs";

let scene;
before(async () => (scene = await Scene.start("outages")));
afterEach(() => scene.clear());
after(() => scene?.stop());

test("a cut signaling socket takes nothing from those who are connected", async () => {
  const page = await scene.watching("ada", (page) => page.addInitScript(rememberSockets));
  assert.ok((await page.evaluate(() => window.sockets.length)) > 0);
  await page.evaluate(() => window.sockets.forEach((socket) => socket.close()));
  await nextFrame(page);
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
  assert.equal(await page.evaluate(() => window.sockets.length), 1, "it called again without need");
});

test("a page that has to call again while signaling is cut gets through by itself", async () => {
  const page = await scene.watching("ada", (page) => page.addInitScript(rememberSockets));
  await page.evaluate(() => (window.refuseSockets = true));
  await scene.robot.agent.kill();
  await page.getByText(/next try in/).first().waitFor();
  scene.robot = await scene.outpost.startRobot("rover");
  await page.evaluate(() => (window.refuseSockets = false));
  await connected(page);
});

test("a ground station that restarts takes nothing from those who are connected, and lets others in", async () => {
  const page = await scene.watching("ada");
  await scene.outpost.killStation();
  await page.getByText(/Connected to the robot. The ground station is away/).waitFor();
  await nextFrame(page);
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
  await scene.outpost.startStation();
  await page.getByText("Connected to the robot", { exact: true }).first().waitFor();
  const other = await scene.watching("bert");
  await nextFrame(other);
  await nextFrame(page);
});

test("a robot that restarts is found again without a reload", async () => {
  const page = await scene.watching("ada");
  await scene.robot.agent.kill();
  await page.getByText(/next try in|Calling the robot|The robot is offline/).first().waitFor();
  scene.robot = await scene.outpost.startRobot("rover");
  await connected(page);
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
});

test("too many viewers are refused, and there is a place again once somebody left", async () => {
  const small = await scene.outpost.startRobot("attic", { video: { ...CAMERA.video, viewers_max: 1 } });
  const password = await scene.outpost.newUser("cleo", "attic");
  await scene.outpost.sees("attic", await scene.outpost.newKey("attic"));
  const pages = [];
  for (let i = 0; i < 2; i += 1) {
    const page = await scene.page();
    await signIn(page, scene.outpost.url, "cleo", password);
    pages.push(page);
    if (i === 0) await connected(page);
  }
  await pages[1].getByText(/too many viewers/).first().waitFor();
  await driveWithoutPicture(pages[1]);
  await pages[1].keyboard.down("ArrowUp");
  await small.wheels.forward();
  await pages[1].keyboard.up("ArrowUp");
  await small.wheels.rest();
  await pages[0].close();
  await connected(pages[1]);
  await small.agent.stop();
});

test("while signaling is cut the page drives over HTTP", async () => {
  const page = await scene.page();
  await page.addInitScript(rememberSockets);
  await page.addInitScript(() => (window.refuseSockets = true));
  await signIn(page, scene.outpost.url, "ada", scene.passwords.ada);
  await driveWithoutPicture(page);
  // Who drove in the test before keeps the robot for a moment.
  await driver(page, "Nobody drives");
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await eventually("the robot names the broker", async () => (await figure(page, "From")) === "mqtt");
  await page.keyboard.up("ArrowUp");
});
