// A camera that is unplugged while somebody watches and drives.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Camera } from "./harness/camera.mjs";
import { eventually } from "./harness/eventually.mjs";
import { driveWithoutPicture, figure, mayDrive, signIn } from "./harness/page.mjs";
import { nextFrame, rememberSockets, Scene } from "./harness/scene.mjs";

let camera, scene;
before(async () => {
  camera = new Camera();
  const video = { source: "libcamera", width: 640, height: 480, fps: 30 };
  scene = await Scene.start("camera", { robot: { video }, env: camera.env });
});
afterEach(() => scene.clear());
after(async () => {
  await scene?.stop();
  camera?.close();
});

test("an unplugged camera is said, driving goes on if the operator says so, and the picture comes back with the camera", async () => {
  const page = await scene.watching("ada", (page) => page.addInitScript(rememberSockets));
  const sockets = () => page.evaluate(() => window.sockets.length);
  const before = await sockets();
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  camera.unplug();
  const note = page.locator(".video-note");
  await note.filter({ hasText: /Camera: .*(unplugged|plugged in)/ }).waitFor();
  await scene.robot.wheels.rest();
  await page.keyboard.up("ArrowUp");
  await driveWithoutPicture(page);
  await page.keyboard.down("ArrowDown");
  await scene.robot.wheels.turn("turn backward without a picture", ({ left }) => left < 0);
  assert.equal(await figure(page, "Actions go"), "directly");
  await page.keyboard.up("ArrowDown");
  await scene.robot.wheels.rest();
  camera.plugIn();
  await nextFrame(page);
  await eventually("the note goes", async () => !(await note.isVisible()));
  await mayDrive(page);
  assert.equal(await sockets(), before, "the page had to call again");
});

test("who comes while there is no camera is told so, and sees it when it is plugged in", async () => {
  camera.unplug();
  const page = await scene.page();
  await signIn(page, scene.outpost.url, "bert", scene.passwords.bert);
  await page.locator(".video-note").filter({ hasText: /Camera: .*plugged in/ }).waitFor();
  camera.plugIn();
  await nextFrame(page);
});
