// A robot with a camera, seen and driven over a peer connection.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { eventually } from "./harness/eventually.mjs";
import { driver, figure, signIn } from "./harness/page.mjs";
import { connected, rememberSockets, Scene } from "./harness/scene.mjs";

let scene;
before(async () => (scene = await Scene.start("video")));
afterEach(() => scene.clear());
after(() => scene?.stop());

test("the picture comes by itself after sign-in, in its size, and its figures are shown", async () => {
  const page = await scene.watching();
  const size = await page.evaluate(() => {
    const video = document.querySelector("video");
    return [video.videoWidth, video.videoHeight];
  });
  assert.deepEqual(size, [640, 480]);
  await eventually("frames are counted", async () => Number.parseInt(await figure(page, "Frames"), 10) > 0);
  await eventually("the round trip is measured", async () => Number.parseFloat(await figure(page, "Round trip")) > 0);
  await eventually("it says who watches", async () => (await figure(page, "Viewers")) === "1");
  assert.equal(await figure(page, "Actions go"), "directly");
  assert.equal(await page.locator(".video-note").isVisible(), false, "a moving picture needs no words");
  assert.equal(await figure(page, "Size"), "640 × 480");
});

test("a key drives over the data channel, and letting go stops", async () => {
  const page = await scene.watching();
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await eventually("the robot names this page", async () => /^ada-[0-9a-f]{8}$/.test(await figure(page, "From")));
  await driver(page, "You drive");
  await page.keyboard.up("ArrowUp");
  await scene.robot.wheels.rest();
});

test("the stick is proportional", async () => {
  const page = await scene.watching();
  await page.getByRole("radio", { name: "Stick" }).check();
  const box = await page.getByRole("img", { name: /^Stick/ }).boundingBox();
  const [x, y, radius] = [box.x + box.width / 2, box.y + box.height / 2, box.width / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x, y - radius * 0.4);
  const slow = await scene.robot.wheels.forward();
  await page.mouse.move(x, y - radius);
  await scene.robot.wheels.turn("turn faster", ({ left, right }) => left > slow.left + 0.1 && right > slow.right + 0.1);
  await page.mouse.move(x + radius * 0.7, y - radius * 0.7);
  await scene.robot.wheels.turn("curve to the right", ({ left, right }) => left > right + 0.05);
  await page.mouse.up();
  await scene.robot.wheels.rest();
});

test("who looks away no longer drives", async () => {
  const [ada, bert] = [await scene.watching("ada"), await scene.watching("bert")];
  await ada.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await ada.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await scene.robot.wheels.rest();
  await driver(bert, "Nobody drives");
  await ada.keyboard.up("ArrowUp");
});

test("a page closed while driving leaves the wheels at rest and lets others drive", async () => {
  const [ada, bert] = [await scene.watching("ada"), await scene.watching("bert")];
  await ada.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await ada.close();
  await scene.robot.wheels.rest();
  await driver(bert, "Nobody drives");
});

test("a page that is closed frees its place at once, not after its silence is noticed", async () => {
  const [ada, bert] = [await scene.watching("ada"), await scene.watching("bert")];
  await eventually("both are counted", async () => (await figure(bert, "Viewers")) === "2");
  const closed = Date.now();
  await ada.close();
  await eventually("bert watches alone", async () => (await figure(bert, "Viewers")) === "1");
  // The connection counts as lost after 12 s without a sign of life.
  assert.ok(Date.now() - closed < 8_000, `only after ${Date.now() - closed} ms`);
});

test("the picture turns, is remembered so, and is kept as it is seen", async () => {
  const page = await scene.watching();
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
  const page = await scene.watching();
  await page.getByRole("button", { name: "Full screen" }).click();
  await eventually("it is full screen", () => page.evaluate(() => document.fullscreenElement !== null));
  await page.getByRole("button", { name: "Forward" }).hover();
  await page.mouse.down();
  await scene.robot.wheels.forward();
  await page.mouse.up();
  await scene.robot.wheels.rest();
});

test("over HTTPS the page is the same, and its signaling socket is secure", async () => {
  const page = await scene.page({ ignoreHTTPSErrors: true });
  await page.addInitScript(rememberSockets);
  await signIn(page, scene.outpost.secureUrl, "ada", scene.passwords.ada);
  await connected(page);
  assert.match(await page.evaluate(() => window.sockets[0].url), /^wss:/);
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
});

for (const [what, ms] of [["an hour ahead", 3_600_000], ["three seconds behind", -3_000]]) {
  test(`a browser whose clock is ${what} drives`, async () => {
    const page = await scene.watching("ada", (page) => page.addInitScript(shiftClock, ms));
    await page.keyboard.down("ArrowUp");
    await scene.robot.wheels.forward();
    await page.keyboard.up("ArrowUp");
  });
}

test("with keys typed in, the page finds a channel on AWS and needs no ground station, nor the right time", async () => {
  const pass = await viewerPass();
  const page = await scene.page();
  await page.addInitScript(shiftClock, -3_000);
  const asked = [];
  const station = scene.outpost.url.replace(/\/$/, "");
  const aws = {
    "/describeSignalingChannel": { ChannelInfo: { ChannelARN: pass.channelArn, ChannelStatus: "ACTIVE" } },
    "/getSignalingChannelEndpoint": {
      ResourceEndpointList: [
        { Protocol: "HTTPS", ResourceEndpoint: station },
        { Protocol: "WSS", ResourceEndpoint: station.replace("http", "ws") },
      ],
    },
  };
  await page.route("https://kinesisvideo.us-east-1.amazonaws.com/**", async (route) => {
    const request = route.request();
    const headers = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };
    asked.push({ method: request.method(), headers: await request.allHeaders(), body: request.postDataJSON() });
    await route.fulfill({ headers, json: aws[new URL(request.url()).pathname] });
  });
  await page.goto(scene.outpost.url);
  await page.getByText("Connect to AWS instead").click();
  await page.getByLabel(/^Channel/).fill("rover");
  await page.getByLabel("Access key id").fill(pass.accessKeyId);
  await page.getByLabel("Secret access key").fill(pass.secretAccessKey);
  await page.getByLabel(/^Session token/).fill(pass.sessionToken);
  await page.getByRole("button", { name: "Connect" }).click();
  await connected(page);
  const posts = asked.filter(({ method }) => method === "POST");
  assert.deepEqual(posts[0].body, { ChannelName: "rover" });
  for (const { headers } of posts) {
    assert.ok(headers.authorization.startsWith(`AWS4-HMAC-SHA256 Credential=${pass.accessKeyId}/`));
    assert.match(headers.authorization, /\/us-east-1\/kinesisvideo\/aws4_request/);
    assert.equal(headers["x-amz-security-token"], pass.sessionToken);
  }
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
  await scene.robot.wheels.rest();
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
});

async function viewerPass() {
  const post = async (path, body, token) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(new URL(path, scene.outpost.url), { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 200, path);
    return answer.json();
  };
  const { token } = await post("/login", { user: "ada", password: scene.passwords.ada });
  return post("/robots/rover/viewer", {}, token);
}

/** Runs in the page: its computer's clock is wrong by so much. */
function shiftClock(ms) {
  const Real = Date;
  window.Date = class extends Real {
    constructor(...when) {
      if (when.length === 0) super(Real.now() + ms);
      else super(...when);
    }
    static now() {
      return Real.now() + ms;
    }
  };
}
