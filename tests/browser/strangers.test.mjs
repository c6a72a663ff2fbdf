// Viewers that nobody here wrote: Amazon's own client for JavaScript, as the AWS sample's page and
// AWS' test page use it, in Chromium and in Firefox.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { launchFirefox } from "./firefox.mjs";
import { eventually } from "./harness/eventually.mjs";
import { keepsMoving } from "./harness/frames.mjs";
import { CAMERA } from "./harness/scene.mjs";
import { Outpost } from "./harness/outpost.mjs";
import { channelOf, servePage, watch } from "./harness/stranger.mjs";

/** What these pages offer. Audio comes first wherever it is offered: so does the browser. */
const SHAPES = [
  { name: "the sample's page", trickle: true },
  { name: "the sample's page, by relay only", trickle: true, relay: true },
  // With relays as well its offer would be longer than signaling carries, on AWS too.
  { name: "the sample's page, without trickle", alone: true },
  { name: "AWS' test page", trickle: true, talk: true, show: true, channel: "kvsDataChannel" },
  { name: "AWS' test page, max-bundle and by relay only", trickle: true, talk: true, channel: "kvsDataChannel", bundle: "max-bundle", relay: true },
  { name: "max-compat", trickle: true, talk: true, channel: "drive", bundle: "max-compat" },
  { name: "video only", trickle: true, audio: false },
  { name: "a channel negotiated out of band", trickle: true, channel: "orders", negotiated: { negotiated: true, id: 0 } },
];

let outpost, robot, key, site, browser, firefox;
const contexts = [];
before(async () => {
  outpost = await Outpost.start("strangers");
  robot = await outpost.startRobot("rover", CAMERA);
  key = await outpost.newKey("rover");
  await outpost.sees("rover", key);
  site = await servePage();
  browser = await launch(["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]);
});
afterEach(async () => {
  for (const context of contexts.splice(0)) {
    await context.pages()[0].evaluate(() => window.stranger?.pc.close());
    await context.close();
  }
  await robot.wheels.rest();
});
after(async () => {
  site?.close();
  await browser?.close();
  await firefox?.close();
  await outpost?.stop();
});

async function watching(shape) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  contexts.push(context);
  const page = await context.newPage();
  // A socket is trusted once its host is.
  await page.goto(outpost.secureUrl);
  await page.goto(site.url);
  const channel = await channelOf(outpost, "rover", key);
  const seen = await page.evaluate(watch, { channel, shape });
  return { page, seen };
}

for (const shape of SHAPES) {
  test(`Chromium, ${shape.name}`, async (t) => {
    const { page, seen } = await watching(shape);
    assert.ok(seen.firstFrameMs < 2000, JSON.stringify(seen));
    t.diagnostic(`first picture after ${seen.firstFrameMs} ms`);
    await keepsMoving(page, async () => {});
    if (shape.channel !== undefined) {
      await Promise.all([robot.wheels.forward(), drives(page)]);
    }
    const { answers, candidates } = await page.evaluate(() => window.stranger);
    const open = sections(answers[0].sdp).filter(({ port }) => port !== "0");
    for (const { sdpMid, sdpMLineIndex } of candidates) {
      assert.ok(open.some(({ mid, index }) => mid === sdpMid && index === sdpMLineIndex), `${sdpMid} ${sdpMLineIndex}`);
    }
  });
}

test("Chromium goes on watching over later offers, and after an ICE restart", async () => {
  const { page } = await watching({ name: "restarting", trickle: true, channel: "drive" });
  const again = (change) =>
    page.evaluate(async (change) => {
      const { pc, answers, offer } = window.stranger;
      const before = answers.length;
      if (change === "restartIce") pc.restartIce();
      else pc.addTransceiver("audio", { direction: "sendrecv" });
      await offer();
      for (let n = 0; n < 500 && answers.length === before; n += 1) await new Promise((over) => setTimeout(over, 10));
      if (answers.length === before) throw new Error(`no answer after ${change}`);
    }, change);
  await keepsMoving(page, () => again("addAudio"));
  // The picture waits for Chromium to leave the old path, which the robot has closed.
  for (let n = 0; n < 2; n += 1) {
    const pair = () => page.evaluate(() => window.stranger.pc.getTransceivers()[0].receiver.transport.iceTransport.getSelectedCandidatePair().remote.port);
    const before = await pair();
    await again("restartIce");
    await eventually("another path is found", async () => (await pair()) !== before, 10_000);
    await keepsMoving(page, async () => {});
  }
  await Promise.all([robot.wheels.forward(), drives(page)]);
  assert.doesNotMatch(robot.log(), /reconnects/);
});

/** Firefox has no H.264 here: it gets VP8. */
const FIREFOX_SHAPES = [
  { name: "the sample's page", trickle: true },
  { name: "the sample's page, by relay only", trickle: true, relay: true },
  { name: "the sample's page, without trickle", alone: true },
  { name: "AWS' test page", trickle: true, talk: true, show: true, channel: "kvsDataChannel" },
  { name: "max-compat", trickle: true, talk: true, channel: "drive", bundle: "max-compat" },
  { name: "a channel negotiated out of band", trickle: true, channel: "orders", negotiated: { negotiated: true, id: 0 } },
];

for (const shape of FIREFOX_SHAPES) {
  test(`Firefox without H.264, ${shape.name}`, async (t) => {
    const page = await inFirefox();
    await page.goto(site.url);
    const channel = await channelOf(outpost, "rover", key);
    const seen = await page.evaluate(watch, { channel, shape });
    assert.equal(seen.refused, undefined);
    t.diagnostic(`first picture after ${seen.firstFrameMs} ms`);
    await paints(page);
    if (shape.channel !== undefined) await Promise.all([robot.wheels.forward(), drives(page)]);
    await page.evaluate(() => window.stranger.pc.close());
    await page.close();
  });
}

test("a browser that has neither H.264 nor VP8 is told so in words, by the robot", async () => {
  const { seen } = await watching({ name: "VP9 only", trickle: true, only: "video/VP9" });
  assert.match(seen.refused, /takes neither.*it has VP9/);
});

test("Firefox without H.264 sees and drives in the robot's own page, and leaves no peer connection behind", async () => {
  const password = await outpost.newUser("ada", "rover");
  const page = await inFirefox();
  await page.evaluateOnNewDocument(countConnections);
  await page.goto(outpost.url);
  await page.locator('input[name="user"]').fill("ada");
  await page.locator('input[name="password"]').fill(password);
  await page.locator('.sign-in button[type="submit"]').click();
  await page.waitForSelector('.controls[data-locked="false"]');
  await paints(page);
  await page.keyboard.down("w");
  await robot.wheels.forward();
  await page.keyboard.up("w");
  // Each time that the robot is gone and comes back there is one connection, and the old ones are closed.
  for (let n = 2; n <= 3; n += 1) {
    await robot.agent.kill();
    robot = await outpost.startRobot("rover", CAMERA);
    await eventually("another connection", () => page.evaluate((n) => window.connections.length >= n, n), 60_000);
    await page.waitForSelector('.controls[data-locked="false"]');
    await paints(page);
  }
  const states = await page.evaluate(() => window.connections.map(({ signalingState }) => signalingState));
  assert.equal(states.filter((state) => state !== "closed").length, 1, states.join());
});

async function inFirefox() {
  firefox ??= await launchFirefox();
  return firefox.newPage();
}

/** Waits until pictures have been painted for a while. */
function paints(page) {
  return page.evaluate(
    () =>
      new Promise((over, fail) => {
        const video = document.querySelector("video");
        let painted = 0;
        const next = () => ((painted += 1) === 45 ? over() : video.requestVideoFrameCallback(next));
        video.requestVideoFrameCallback(next);
        setTimeout(() => fail(new Error(`${painted} pictures are painted`)), 15_000);
      }),
  );
}

/** Runs in the page. */
function countConnections() {
  const Real = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...settings) {
      super(...settings);
      window.connections.push(this);
    }
  };
}

/** Holds an order for a moment. */
function drives(page) {
  return page.evaluate(async () => {
    const { channel } = window.stranger;
    while (channel.readyState !== "open") await new Promise((over) => setTimeout(over, 10));
    for (let n = 0; n < 5; n += 1) {
      channel.send(JSON.stringify({ action: "forward", sent_at: Date.now() }));
      await new Promise((over) => setTimeout(over, 100));
    }
  });
}

/** The media sections of a session description. */
function sections(sdp) {
  const parts = sdp.split(/^m=/m).slice(1);
  return parts.map((text, index) => ({ index, port: text.split(" ")[1], mid: /^a=mid:(\S+)/m.exec(text)?.[1] }));
}
