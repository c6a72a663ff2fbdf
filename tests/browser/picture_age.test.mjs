// How old the picture is, as the page shows it: without a look at what is in the picture.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { eventually } from "./harness/eventually.mjs";
import { LongerPath } from "./harness/longer_path.mjs";
import { figure } from "./harness/page.mjs";
import { Scene } from "./harness/scene.mjs";

/** How much longer the path gets, each way. */
const LONGER_MS = 300;

/** By how much the age may differ from what the test picture's own clock says: the browser takes either way
 * for half of the round trip, and a busy machine paints late. */
const OFF_MS = 60;

let scene, path;
before(async () => {
  path = new LongerPath();
  scene = await Scene.start("picture_age");
});
afterEach(() => scene.clear());
after(async () => {
  await scene?.stop();
  path?.close();
});

test("the age of the picture is shown, is true, and grows with the path", async (t) => {
  const page = await scene.watching("ada", async (page) => {
    await path.carry(page);
    await page.addInitScript(readTimestamps);
  });
  await eventually("the browser knows the robot's clock", async () => Number.isFinite(await shown(page)));
  const near = await settled(page);
  t.diagnostic(`near: ${JSON.stringify(near)}, round trip by RTCP ${await roundTrip(page)} ms`);
  assert.ok(near.shown > 0 && near.shown < 1_000, "a picture on this machine is younger");
  assert.ok(Math.abs(near.shown - near.stamp) < OFF_MS, JSON.stringify(near));

  path.delayMs = LONGER_MS;
  await eventually("RTCP sees it", async () => (await roundTrip(page)) > 1.5 * LONGER_MS);
  await eventually("the page shows it", async () => (await shown(page)) > near.shown + LONGER_MS / 2);
  const far = await settled(page);
  t.diagnostic(`far: ${JSON.stringify(far)}, round trip by RTCP ${await roundTrip(page)} ms`);
  assert.ok(Math.abs(far.shown - near.shown - LONGER_MS) < 2 * OFF_MS, JSON.stringify({ near, far }));
  assert.ok(Math.abs(far.shown - far.stamp) < OFF_MS, JSON.stringify(far));
});

test("the browser gets what it offers: paint at once, times of capture, and asks for lost packets sooner", async () => {
  const page = await scene.watching("ada", (page) => path.carry(page));
  await eventually("a source tells when it was captured", () =>
    page.evaluate(() => {
      const [source] = window.call.getReceivers()[0].getSynchronizationSources();
      return source?.captureTimestamp !== undefined;
    }),
  );
  const answer = await page.evaluate(() => window.call.remoteDescription.sdp);
  for (const wanted of [/^a=extmap:\d+ \S+\/playout-delay\r$/m, /^a=extmap:\d+ \S+\/abs-capture-time\r$/m, /^a=rtcp-fb:\d+ rrtr/m]) {
    assert.match(answer, wanted);
  }
});

/** Milliseconds, as the page shows them. */
async function shown(page) {
  return Number.parseFloat(await figure(page, "Picture"));
}

/** As the browser knows it from the robot's answers to its own reference times. */
function roundTrip(page) {
  return page.evaluate(async () => {
    const stats = [...(await window.call.getStats()).values()];
    const { roundTripTime } = stats.find(({ type }) => type === "remote-outbound-rtp") ?? {};
    return roundTripTime === undefined ? undefined : roundTripTime * 1000;
  });
}

/** The middle of what the page shows in two seconds, and of what the picture's own clock says. */
async function settled(page) {
  const ages = [];
  const until = Date.now() + 2_000;
  await page.evaluate(() => (window.ages = []));
  while (Date.now() < until) {
    ages.push(await shown(page));
    await page.waitForTimeout(50);
  }
  const stamps = await page.evaluate(() => window.ages);
  return { shown: middle(ages), stamp: middle(stamps) };
}

function middle(values) {
  return values.filter(Number.isFinite).sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Runs in the page: reads the clock in each frame of the test picture (`test_timestamp` in robot-agent). */
function readTimestamps() {
  window.ages = [];
  addEventListener("DOMContentLoaded", () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [512, 32];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const painted = (video) => {
      const now = Date.now() | 0;
      // On a narrow path the picture is smaller than its 640 pixels, and the clock with it.
      const [width, height] = [512, 32].map((pixels) => (pixels * video.videoWidth) / 640);
      context.drawImage(video, 0, 0, width, height, 0, 0, 512, 32);
      const [upper, lower] = [8, 24].map((y) => context.getImageData(0, y, 512, 1).data);
      let clock = 0;
      let clear = true;
      for (let at = 32; at < upper.length; at += 64) {
        clear &&= Math.abs(upper[at] - lower[at]) > 100;
        clock = (clock << 1) | (upper[at] > lower[at] ? 1 : 0);
      }
      if (clear) window.ages.push((now - clock) | 0);
      video.requestVideoFrameCallback(() => painted(video));
    };
    new MutationObserver(() => {
      const video = document.querySelector("video");
      if (video === null || video === window.watched) return;
      window.watched = video;
      video.requestVideoFrameCallback(() => painted(video));
    }).observe(document.documentElement, { subtree: true, childList: true });
  });
}
