// What `scripts/demo --smoke` looks at: a running demo, driven through /publish and through
// the page in a headless browser. One line for each check; the first that fails ends it.
//
// usage: node smoke.mjs PAGE USER PASSWORD KEY TRANSCRIPT

import { readFileSync } from "node:fs";
import { launch } from "./chromium.mjs";

const [page, user, password, key, transcript] = process.argv.slice(2);
const PATIENCE_MS = 30_000;

// A pulse of 200 ms and a little for the way: what an order may move the wheels when no
// other follows.
const REST_MS = 250;

let signedInAt;

// Every write to the simulated board, oldest first; the last line may be half written.
function writes() {
  const lines = readFileSync(transcript, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}
const moves = (write) => write.left !== 0 || write.right !== 0;
const unixMs = (write) => write.t_ns / 1e6;

async function eventually(what, look) {
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end) {
    const found = await look();
    if (found) return found;
    await new Promise((next) => setTimeout(next, 10));
  }
  throw new Error(`waited ${PATIENCE_MS / 1000} s in vain: ${what}`);
}

function ensure(truth, otherwise) {
  if (!truth) throw new Error(otherwise);
}

const publish = (body, headers) => fetch(`${page}/publish`, { method: "POST", headers, body });
const atRest = () => eventually("the wheels rest", () => !moves(writes().at(-1)));

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
  const turned = unixMs(writes().at(-1)) - unixMs(start);
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
  await tab.goto(page);
  await tab.getByLabel("User").fill(user);
  await tab.getByLabel("Password").fill(password);
  signedInAt = Date.now();
  await tab.getByRole("button", { name: "Sign in" }).click();
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
  ensure(moves(writes().at(-1)), "the wheels rest while the key is held");
  const released = Date.now();
  await tab.keyboard.up("ArrowUp");
  await atRest();
  return `at rest ${Math.max(0, unixMs(writes().at(-1)) - released).toFixed(0)} ms after the release`;
}

async function firstFrame(tab) {
  await tab.getByText("Connected to the robot", { exact: true }).first().waitFor();
  const frames = () => tab.evaluate(() => document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames);
  await eventually("frames are decoded", async () => (await frames()) > 10);
  return `${Date.now() - signedInAt} ms after sign-in, connection and ten frames included`;
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
  const after = unixMs(writes().at(-1)) - sent.lastMs;
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
const browser = await launch();
const tab = await browser.newPage();
const sent = await listen(tab);
await check("the page signs in", () => signIn(tab));
await check("a held key drives and its release stops", () => heldKey(tab));
await check("the page shows the camera", () => firstFrame(tab));
await check("a key drives over the data channel", () => byDataChannel(tab));
await check("the page shows the Mars display", () => display(tab));
await check("the page closed in mid-drive stops", () => pageClosed(tab, sent));
await browser.close();
