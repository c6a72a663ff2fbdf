// A path that is slow and loses packets, of which nothing but the relay is left.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, afterEach, before, test } from "node:test";
import { eventually } from "./harness/eventually.mjs";
import { LongerPath } from "./harness/longer_path.mjs";
import { nextFrame, Scene } from "./harness/scene.mjs";
import { signIn } from "./harness/page.mjs";

/** Ten round trips of 1.2 s, some of them again, and attempts that gave up too early. */
const TIMEOUT_MS = 120_000;

let scene, path, relay;
before(async () => {
  path = new LongerPath();
  relay = await freePort();
  scene = await Scene.start("slow_path", { station: ["--turn", `127.0.0.1:${relay}`] });
});
afterEach(() => scene.clear());
after(async () => {
  await scene?.stop();
  path?.close();
});

test("600 ms each way and 5 % lost, by the relay alone: the picture comes in the end", async (t) => {
  path.delayMs = 600;
  path.lost = 0.05;
  const page = await scene.page({}, (page) => path.carryToRelay(page, "127.0.0.1", relay));
  const began = performance.now();
  await signIn(page, scene.outpost.url, "ada", scene.passwords.ada);
  await eventually("a call is up", () => page.evaluate(() => window.calls?.[0].connectionState === "connected"), TIMEOUT_MS);
  await nextFrame(page);
  const calls = await page.evaluate(() => window.callsMade);
  t.diagnostic(`a picture after ${Math.round(performance.now() - began)} ms and ${calls} calls`);
  // The browser was left no other way; and this one is bad.
  const roundTripMs = await eventually("the round trip is measured", () => page.evaluate(roundTrip));
  assert.ok(roundTripMs > 1_000, `${roundTripMs} ms`);
});

/** Runs in the page: of the chosen path, in ms; undefined while unknown. */
async function roundTrip() {
  const stats = [...(await window.calls[0].getStats()).values()];
  const { selectedCandidatePairId: chosen } = stats.find(({ type }) => type === "transport");
  return stats.find(({ id }) => id === chosen)?.currentRoundTripTime * 1000 || undefined;
}

async function freePort() {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}
