// The bitrate follows what the path to a browser can take, down and up again.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { eventually } from "./harness/eventually.mjs";
import { LongerPath } from "./harness/longer_path.mjs";
import { nextFrame, Scene } from "./harness/scene.mjs";

/** What the owner allows, and what the path takes for a while. */
const CEILING_KBPS = 1500;
const NARROW_KBPS = 500;
/** And so little that the whole size would be mud. */
const MUD_KBPS = 250;

let scene, path;
before(async () => {
  path = new LongerPath();
  scene = await Scene.start("bandwidth");
});
afterEach(() => scene.clear());
after(async () => {
  await scene?.stop();
  path?.close();
});

test("the picture gets through a path that narrows, and is sharp again when it widens", async () => {
  path.delayMs = 10;
  const page = await scene.watching("ada", (page) => path.carry(page));
  const answer = await page.evaluate(() => window.call.remoteDescription.sdp);
  assert.match(answer, /^a=rtcp-fb:\d+ transport-cc/m);
  assert.match(answer, /^a=extmap:\d+ \S+transport-wide-cc-extensions-01\r$/m);
  const kbps = async () => (await scene.telemetry()).video.bitrate_kbps;
  await eventually("all that is allowed is sent", async () => (await kbps()) === CEILING_KBPS);

  path.kbps = NARROW_KBPS;
  await eventually("less is sent", async () => (await kbps()) < NARROW_KBPS);
  await nextFrame(page);

  path.kbps = MUD_KBPS;
  const across = () => page.evaluate(() => document.querySelector("video").videoWidth);
  await eventually("the picture is smaller", async () => (await across()) <= 480);
  await nextFrame(page);

  path.kbps = Infinity;
  await eventually("all that is allowed is sent again", async () => (await kbps()) === CEILING_KBPS);
  await eventually("the picture has its size again", async () => (await across()) === 640);
  await nextFrame(page);
});
