// What `scripts/demo --smoke` looks at: a running demo, driven through /publish and through
// the page in a headless browser. One line for each check; the first that fails ends it.
//
// usage: node smoke.mjs PAGE USER PASSWORD KEY TRANSCRIPT

import { readFileSync } from "node:fs";
import path from "node:path";
import { launch } from "./chromium.mjs";
import { eventually } from "./harness/eventually.mjs";
import * as pages from "./harness/page.mjs";
import { level, samples } from "./harness/tones.mjs";
import { atMs, Wheels } from "./harness/wheels.mjs";

const [page, user, password, key, transcript] = process.argv.slice(2);

// A pulse of 200 ms and a little for the way: what an order may move the wheels when no
// other follows.
const REST_MS = 250;

let signedInAt;

const wheels = new Wheels(transcript);
const writes = () => wheels.writes();
const moves = (write) => write.left !== 0 || write.right !== 0;

function ensure(truth, otherwise) {
  if (!truth) throw new Error(otherwise);
}

const publish = (body, headers) => fetch(`${page}/publish`, { method: "POST", headers, body });
const atRest = () => wheels.rest();

async function answers() {
  const health = await (await fetch(`${page}/healthz`)).json();
  ensure(health.status === "ok", JSON.stringify(health));
}

async function robotOnline() {
  await eventually("the robot reports", async () => {
    const answer = await fetch(`${page}/robots`, { headers: { "x-api-key": key } });
    return (await answer.json()).robots[0].online;
  });
}

async function publishMoves() {
  const seen = writes().length;
  const answer = await publish('{"action":"forward"}', { "x-api-key": key });
  ensure(answer.status === 200, `status ${answer.status}`);
  const start = await eventually("the wheels turn", () => writes().slice(seen).find(moves));
  await atRest();
  const turned = atMs(wheels.now) - atMs(start);
  // The pulse of 200 ms runs from the action's arrival, a moment before the first write.
  ensure(turned > 150 && turned < 400, `they turned for ${turned} ms`);
  return `the wheels turned for ${turned.toFixed(0)} ms`;
}

async function refusals() {
  ensure((await publish('{"action":"forward"}', {})).status === 403, "without a key it is not 403");
  const jump = await publish('{"action":"jump"}', { "x-api-key": key });
  ensure(jump.status === 400, `a jump has status ${jump.status}`);
  return (await jump.json()).message;
}

async function signIn(tab) {
  await pages.signIn(tab, page, user, password);
  signedInAt = Date.now();
  await tab.getByRole("button", { name: "Forward" }).waitFor();
}

// Every order that the tab sends is told here before it leaves.
async function listen(tab) {
  const sent = { lastMs: 0 };
  await tab.exposeFunction("orderSent", (ms) => (sent.lastMs = Math.max(sent.lastMs, ms)));
  await tab.addInitScript(() => {
    const { send } = RTCDataChannel.prototype;
    RTCDataChannel.prototype.send = function (data) {
      if (this.label === "drive") window.orderSent(Date.now());
      return send.call(this, data);
    };
  });
  return sent;
}

async function heldKey(tab) {
  const seen = writes().length;
  await tab.keyboard.down("ArrowUp");
  await eventually("the wheels turn", () => writes().slice(seen).some(moves));
  const heldUntil = Date.now() + 500;
  await eventually("the key is held for a while", () => Date.now() > heldUntil);
  ensure(moves(wheels.now), "the wheels rest while the key is held");
  const released = Date.now();
  await tab.keyboard.up("ArrowUp");
  await atRest();
  return `at rest ${Math.max(0, atMs(wheels.now) - released).toFixed(0)} ms after the release`;
}

async function firstFrame(tab) {
  await tab.getByText("Connected to the robot", { exact: true }).first().waitFor();
  const frames = () => tab.evaluate(() => document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames);
  await eventually("frames are decoded", async () => (await frames()) > 10);
  await pages.mayDrive(tab);
  // Whoever drove by the key keeps the robot for a moment.
  await pages.driver(tab, "Nobody drives");
  return `${Date.now() - signedInAt} ms after sign-in, connection and ten frames included`;
}

// Where the robot stands, by its own word.
async function pose() {
  const answer = await fetch(`${page}/robots`, { headers: { "x-api-key": key } });
  return (await answer.json()).robots[0].telemetry.pose;
}

// A tenth of the picture's pixels, as grey.
const grey = (tab) =>
  tab.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 120 });
    const context = canvas.getContext("2d");
    context.drawImage(document.querySelector("video"), 0, 0, 160, 120);
    const { data } = context.getImageData(0, 0, 160, 120);
    return Array.from({ length: 160 * 120 }, (_, i) => data[4 * i + 1]);
  });

// Share of the pixels that differ by more than what coding does to a picture at rest.
async function changed(tab, before) {
  const now = await grey(tab);
  return now.filter((pixel, i) => Math.abs(pixel - before[i]) > 24).length / now.length;
}

async function worldMoves(tab) {
  const from = await eventually("the robot tells where it is", pose);
  let picture = await grey(tab);
  await eventually("the world comes to rest", async () => {
    const still = (await changed(tab, picture)) < 0.01;
    picture = await grey(tab);
    return still;
  });
  await tab.keyboard.down("ArrowLeft");
  const turned = await eventually("the picture turns", async () => {
    const share = await changed(tab, picture);
    return share > 0.1 && share;
  });
  await tab.keyboard.up("ArrowLeft");
  await atRest();
  await eventually("its heading has changed", async () => Math.abs((await pose()).theta - from.theta) > 0.1);
  await tab.getByRole("img", { name: "The robot is" }).waitFor();
  return `${(100 * turned).toFixed(0)} % of the picture changed`;
}

// Over the data channel the robot names the viewer as the source of its last action.
async function byDataChannel(tab) {
  const seen = writes().length;
  await tab.keyboard.down("ArrowLeft");
  await eventually("the wheels turn", () => writes().slice(seen).some(moves));
  const source = await eventually("telemetry names the page", async () => {
    const answer = await fetch(`${page}/robots`, { headers: { "x-api-key": key } });
    const { source } = (await answer.json()).robots[0].telemetry.last_action;
    return source.startsWith(user) && source;
  });
  await tab.keyboard.up("ArrowLeft");
  await atRest();
  return source;
}

// The robot's microphone is a tone, the browser's one of its own; the robot's speaker is a file.
async function sound(tab) {
  await tab.getByRole("button", { name: "Listen" }).click();
  const heard = () =>
    tab.evaluate(async () => {
      const { srcObject, muted } = document.querySelector("audio");
      if (srcObject === null || muted) return 0;
      window.context ??= new AudioContext();
      if (window.analyser === undefined) {
        window.analyser = window.context.createAnalyser();
        window.context.createMediaStreamSource(srcObject).connect(window.analyser);
      }
      const wave = new Float32Array(window.analyser.fftSize);
      window.analyser.getFloatTimeDomainData(wave);
      return Math.max(...wave);
    });
  await eventually("the robot's tone is heard", async () => (await heard()) > 0.05);
  const said = () => level(samples(readFileSync(path.join(path.dirname(transcript), "speaker.wav"))).slice(-48_000));
  await eventually("the chime is over", () => said() < 0.001);
  await tab.keyboard.down("KeyT");
  await eventually("the robot speaks", () => said() > 0.01);
  await tab.keyboard.up("KeyT");
}

async function display(tab) {
  const picture = tab.locator("img[alt^='The Mars display']");
  await eventually("its picture is there", () => picture.evaluate((image) => image.naturalWidth === 320));
}

async function pageClosed(tab, sent) {
  const seen = writes().length;
  await tab.keyboard.down("ArrowUp");
  await eventually("the wheels turn", () => writes().slice(seen).some(moves));
  await tab.close();
  await atRest();
  const after = atMs(wheels.now) - sent.lastMs;
  ensure(after <= REST_MS, `the wheels turned for ${after.toFixed(0)} ms after the last order`);
  return `at rest ${Math.max(0, after).toFixed(0)} ms after the last order`;
}

async function check(name, look) {
  try {
    const found = await look();
    console.log(`ok      ${name}${found ? `: ${found}` : ""}`);
  } catch (error) {
    console.log(`FAILED  ${name}: ${error.message}`);
    process.exit(1);
  }
}

await check("the ground station answers", answers);
await check("the robot is online", robotOnline);
await check("POST /publish drives", publishMoves);
await check("who may not, or asks for nonsense, does not", refusals);
const browser = await launch(["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]);
const tab = await browser.newPage();
const sent = await listen(tab);
await check("the page signs in", () => signIn(tab));
await check("the page shows the camera", () => firstFrame(tab));
await check("a held key drives and its release stops", () => heldKey(tab));
await check("a turn is seen in the picture and on the map", () => worldMoves(tab));
await check("a key drives over the data channel", () => byDataChannel(tab));
await check("the robot is heard, and speaks", () => sound(tab));
await check("the page shows the Mars display", () => display(tab));
await check("the page closed in mid-drive stops", () => pageClosed(tab, sent));
await browser.close();
