// A robot with a camera: seen and driven over a peer connection, found by signaling.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { eventually } from "./harness/eventually.mjs";
import { Outpost } from "./harness/outpost.mjs";
import { figure, open, signIn } from "./harness/page.mjs";

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

/** Waits until the page says so of who drives. */
function driver(page, text) {
  return page.locator(".driver", { hasText: text }).waitFor();
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
  assert.equal(await page.locator(".stage-note").isVisible(), false, "a moving picture needs no words");
  assert.equal(await figure(page, "Size"), "640 × 480");
});

test("a key drives over the data channel, and letting go stops", async () => {
  const page = await watching();
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await eventually("the robot names this page", async () => /^ada-[0-9a-f]{8}$/.test(await figure(page, "From")));
  await driver(page, "You drive");
  await page.keyboard.up("ArrowUp");
  await robot.wheels.rest();
});

test("the stick is proportional", async () => {
  const page = await watching();
  await page.getByRole("radio", { name: "Stick" }).check();
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
});

test("a gamepad drives, and its button stops until the stick was let go", async () => {
  const page = await watching("ada", (page) => page.addInitScript(fakeGamepad));
  // A gamepad is read once a frame; whoever is quicker was not seen.
  const push = (y) =>
    page.evaluate(async (y) => {
      window.gamepad.axes[1] = y;
      for (let frames = 0; frames < 2; frames += 1) await new Promise(requestAnimationFrame);
    }, y);
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
  const [ada, bert] = [await watching("ada"), await watching("bert", (page) => page.addInitScript(countOrders))];
  await ada.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await driver(bert, "ada drives; you can stop");
  const before = robot.wheels.writes().length;
  await bert.keyboard.down("ArrowDown");
  await eventually("bert has sent some orders", async () => (await bert.evaluate(() => window.orders)) >= 5);
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
  await driver(bert, "Nobody drives");
  await bert.keyboard.down("ArrowDown");
  await robot.wheels.turn("turn backward for bert", ({ left }) => left < 0);
  await driver(ada, "bert drives; you can stop");
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
  await driver(bert, "Nobody drives");
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
  await driver(bert, "Nobody drives");
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

test("a full house is said, and there is a place again once somebody left", async () => {
  const small = await outpost.startRobot("attic", { video: { ...CAMERA.video, viewers_max: 1 } });
  const password = await outpost.newUser("cleo", "attic");
  await outpost.sees("attic", await outpost.newKey("attic"));
  const pages = [];
  for (let i = 0; i < 2; i += 1) {
    const { page, context } = await open(browser);
    contexts.push(context);
    await signIn(page, outpost.url, "cleo", password);
    pages.push(page);
    if (i === 0) await connected(page);
  }
  await pages[1].getByText(/house is full/).first().waitFor();
  await pages[1].keyboard.down("ArrowUp");
  await small.wheels.forward();
  await pages[1].keyboard.up("ArrowUp");
  await small.wheels.rest();
  await pages[0].close();
  await connected(pages[1]);
  await small.agent.stop();
});

test("while signaling is cut the page drives over HTTP", async () => {
  const { page, context } = await open(browser);
  contexts.push(context);
  await page.addInitScript(rememberSockets);
  await page.addInitScript(() => (window.refuseSockets = true));
  await signIn(page, outpost.url, "ada", passwords.ada);
  await page.getByText("Online, by way of the ground station").waitFor();
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await eventually("the robot names the broker", async () => (await figure(page, "From")) === "mqtt");
  await page.keyboard.up("ArrowUp");
});

test("over HTTPS the page is the same, and its signaling socket is secure", async () => {
  const { page, context } = await open(browser, { ignoreHTTPSErrors: true });
  contexts.push(context);
  await page.addInitScript(rememberSockets);
  await signIn(page, outpost.secureUrl, "ada", passwords.ada);
  await connected(page);
  assert.match(await page.evaluate(() => window.sockets[0].url), /^wss:/);
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
});

test("with keys typed in, the page finds a channel on AWS and needs no ground station", async () => {
  const pass = await viewerPass();
  const { page, context } = await open(browser);
  contexts.push(context);
  const asked = [];
  const station = outpost.url.replace(/\/$/, "");
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
  await page.goto(outpost.url);
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
  await robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
  await robot.wheels.rest();
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
});

async function viewerPass() {
  const post = async (path, body, token) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(new URL(path, outpost.url), { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 200, path);
    return answer.json();
  };
  const { token } = await post("/login", { user: "ada", password: passwords.ada });
  return post("/robots/rover/viewer", {}, token);
}

/** Runs in the page: counts what it sends to the wheels. */
function countOrders() {
  const { send } = RTCDataChannel.prototype;
  window.orders = 0;
  RTCDataChannel.prototype.send = function (data) {
    if (this.label === "drive") window.orders += 1;
    return send.call(this, data);
  };
}

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
