// What the page does when it no longer sees or hears its robot: it says so at once, and moves nothing.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Camera } from "./harness/camera.mjs";
import { driver, driveWithoutPicture, mayDrive, signIn } from "./harness/page.mjs";
import { connected, nextFrame, Scene } from "./harness/scene.mjs";

/** Red within two seconds of the last that was heard; and a busy machine. */
const RED_MS = 2_500;

/** Veiled after half a second, locked after one; and a busy machine. */
const VEIL_MS = 1_000;
const LOCK_MS = 1_500;

let camera, scene;
before(async () => {
  camera = new Camera();
  const video = { source: "libcamera", width: 640, height: 480, fps: 30 };
  scene = await Scene.start("picture", { robot: { video }, env: camera.env });
});
afterEach(async () => {
  await scene.clear();
});
after(async () => {
  await scene?.stop();
  camera?.close();
});

test("a picture that stands still is veiled, then driving is locked until it moves and all was let go", async (t) => {
  const page = await scene.watching("ada", (page) => page.addInitScript(noteChanges));
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  camera.unplug();
  await page.getByText(/No driving: the picture has stood still for/).waitFor();
  await scene.robot.wheels.rest();
  await driver(page, "Nobody drives");
  const { painted, veiled, locked } = await page.evaluate(() => window.noted);
  t.diagnostic(`veiled after ${Math.round(veiled - painted)} ms, locked after ${Math.round(locked - painted)} ms`);
  assert.ok(veiled - painted >= 500 && veiled - painted < VEIL_MS);
  assert.ok(locked - painted >= 1_000 && locked - painted < LOCK_MS);
  const before = scene.robot.wheels.writes().length;
  await page.keyboard.down("ArrowLeft");
  await scene.reports(1);
  assert.deepEqual(scene.robot.wheels.writes().slice(before).filter(moves), [], "it drove blind");
  await page.keyboard.up("ArrowLeft");
  camera.plugIn();
  await nextFrame(page);
  await mayDrive(page);
  await scene.reports(1);
  assert.deepEqual(scene.robot.wheels.writes().slice(before).filter(moves), [], "the key that is still held drove on");
  await page.keyboard.up("ArrowUp");
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
});

for (const [what, lose] of [
  ["killed", (agent) => agent.kill()],
  ["frozen", (agent) => agent.child.kill("SIGSTOP")],
]) {
  test(`a robot that is ${what} is red within two seconds, and nothing more is sent to it`, async (t) => {
    const page = await scene.watching("ada", (page) => page.addInitScript(noteChanges));
    const posts = [];
    page.on("request", (request) => request.url().endsWith("/publish") && posts.push(request));
    await page.keyboard.down("ArrowUp");
    await scene.robot.wheels.forward();
    const lost = Date.now();
    await lose(scene.robot.agent);
    await page.locator('.status[data-tone="bad"]').waitFor();
    const { red } = await page.evaluate(() => window.noted);
    t.diagnostic(`red after ${Math.round(red - lost)} ms: ${await page.locator(".status").textContent()}`);
    assert.ok(red - lost < RED_MS, `red only after ${Math.round(red - lost)} ms`);
    await page.locator('.controls[data-locked="true"]').waitFor();
    posts.length = 0;
    await page.keyboard.up("ArrowUp");
    await page.keyboard.down("ArrowUp");
    await page.getByText(/next try in/).first().waitFor();
    assert.equal(posts.length, 0, "orders went out to a robot that is not there");
    await page.keyboard.up("ArrowUp");
    await scene.robot.agent.kill();
    scene.robot = await scene.outpost.startRobot("rover", {}, camera.env);
    await connected(page);
  });
}

test("over HTTP too a frozen robot is red within two seconds, and drives again once it is back", async (t) => {
  const page = await scene.page();
  await page.addInitScript(noteChanges);
  await page.addInitScript(() => delete window.RTCPeerConnection);
  await signIn(page, scene.outpost.url, "ada", scene.passwords.ada);
  await driveWithoutPicture(page);
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  const lost = Date.now();
  scene.robot.agent.child.kill("SIGSTOP");
  await page.getByText(/The robot has been silent for/).waitFor();
  const { red } = await page.evaluate(() => window.noted);
  t.diagnostic(`red after ${Math.round(red - lost)} ms`);
  assert.ok(red - lost < RED_MS, `red only after ${Math.round(red - lost)} ms`);
  scene.robot.agent.child.kill("SIGCONT");
  await mayDrive(page);
  await scene.robot.wheels.rest();
  const before = scene.robot.wheels.writes().length;
  await scene.reports(1);
  assert.deepEqual(scene.robot.wheels.writes().slice(before).filter(moves), [], "the key that is still held drove on");
  await page.keyboard.up("ArrowUp");
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
});

test("a browser that plays nothing unasked says so, and a tap shows the picture", async () => {
  const page = await scene.page();
  await page.addInitScript(() => {
    const { play } = HTMLMediaElement.prototype;
    let tapped = false;
    addEventListener("pointerdown", () => (tapped = true), { capture: true });
    HTMLMediaElement.prototype.play = function () {
      if (tapped) return play.call(this);
      this.removeAttribute("autoplay");
      this.pause();
      return Promise.reject(new DOMException("play() needs a hand", "NotAllowedError"));
    };
  });
  await signIn(page, scene.outpost.url, "ada", scene.passwords.ada);
  await page.getByRole("heading", { name: "rover" }).waitFor();
  // Signing in was a tap too.
  await page.reload();
  await page.getByRole("button", { name: "Tap to show the picture" }).click();
  await connected(page);
});

const moves = ({ left, right }) => left !== 0 || right !== 0;

/** Runs in the page: notes when the last frame was painted, and when the page first took notice. */
function noteChanges() {
  window.noted = {};
  const first = (name, at) => (window.noted[name] ??= at);
  addEventListener("DOMContentLoaded", () => {
    new MutationObserver(() => {
      const pane = document.querySelector(".video-pane");
      const video = document.querySelector("video");
      if (video && video !== window.watched) {
        window.watched = video;
        const painted = (now) => {
          window.noted.painted = now;
          delete window.noted.veiled;
          delete window.noted.locked;
          video.requestVideoFrameCallback(painted);
        };
        video.requestVideoFrameCallback(painted);
      }
      if (window.noted.painted && pane?.dataset.veil === "on") first("veiled", performance.now());
      if (window.noted.painted && document.querySelector('.controls[data-locked="true"]')) first("locked", performance.now());
      const good = document.querySelector('.status[data-tone="good"]');
      if (good) delete window.noted.red;
      if (document.querySelector('.status[data-tone="bad"]')) first("red", Date.now());
    }).observe(document.documentElement, { subtree: true, childList: true, attributes: true });
  });
}
