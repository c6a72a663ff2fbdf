// The page on the device it runs on: kept for when there is no station, filling a screen, small enough for a slow path.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { eventually } from "./harness/eventually.mjs";
import { Outpost } from "./harness/outpost.mjs";
import { open } from "./harness/page.mjs";
import { ROOT } from "./harness/process.mjs";
import { nextFrame, Scene } from "./harness/scene.mjs";

/** gzipped; the official signaling client, which is not ours, comes on top. */
const MOST_BYTES = 40 * 1024;

let scene;
before(async () => (scene = await Scene.start("device")));
afterEach(() => scene.clear());
after(() => scene?.stop());

test("all scripts of the page in one language are small", (t) => {
  const folder = path.join(ROOT, "web-console", "dist", "assets");
  const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
  const size = (name) => gzipSync(readFileSync(path.join(folder, name))).length;
  const languages = scripts.filter((name) => /^(de|es|nl)-/.test(name));
  const clients = scripts.filter((name) => name.startsWith("signaling-"));
  assert.deepEqual([languages.length, clients.length], [3, 1]);
  const own = scripts.filter((name) => !languages.includes(name) && !clients.includes(name));
  const bytes = own.map(size).reduce((a, b) => a + b) + Math.max(...languages.map(size));
  t.diagnostic(`${bytes} bytes`);
  assert.ok(bytes <= MOST_BYTES, `${bytes} bytes of scripts`);
});

test("the page opens without its station, and says that it cannot be reached", async (t) => {
  const outpost = await Outpost.start("device-offline");
  t.after(() => outpost.stop());
  const { page, context } = await open(scene.browser);
  t.after(() => context.close());
  await page.goto(outpost.url);
  await eventually("the page is kept", () => page.evaluate(async () => (await caches.match("/")) !== undefined));
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  const manifest = await page.evaluate(async () => (await fetch(document.querySelector("link[rel=manifest]").href)).json());
  for (const { src } of manifest.icons) assert.equal(await page.evaluate(async (src) => (await fetch(src)).headers.get("content-type"), src), "image/png");
  await outpost.killStation();
  await page.reload();
  await page.getByLabel("User").fill("ada");
  await page.getByLabel("Password").fill("x");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("the server cannot be reached").waitFor();
});

test("where the browser fills no screen the page does, with stop and arrows on it", async () => {
  const page = await scene.watching("ada", (page) => page.addInitScript(() => Object.defineProperty(Document.prototype, "fullscreenEnabled", { value: false })));
  await page.setViewportSize({ width: 390, height: 664 });
  const fill = page.getByRole("button", { name: "Full screen" });
  await fill.click();
  const view = await page.locator(".drive-view").boundingBox();
  assert.deepEqual(view, { x: 0, y: 0, width: 390, height: 664 });
  for (const name of ["Forward", "Backward", "Stop"]) {
    const box = await page.getByRole("button", { name, exact: true }).boundingBox();
    assert.ok(box.y >= 0 && box.y + box.height <= 664, `${name} is out of sight`);
  }
  await fill.click();
  assert.notEqual((await page.locator(".drive-view").boundingBox()).height, 664);
});

test("a picture that nobody sees is paused, and goes on when somebody does", async () => {
  const page = await scene.watching();
  const hide = (hidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  const paused = () => page.evaluate(() => document.querySelector("video").paused);
  await hide(true);
  assert.equal(await paused(), true);
  await hide(false);
  await nextFrame(page);
  assert.equal(await paused(), false);
});

test("speed and input are remembered", async () => {
  const page = await scene.watching();
  await page.getByRole("slider", { name: "Speed limit" }).fill("30");
  await page.getByRole("radio", { name: "Stick" }).evaluate((element) => element.click());
  await page.reload();
  await page.getByText("30 %").first().waitFor();
  await page.getByRole("radio", { name: "Stick", checked: true }).waitFor();
});

test("of a robot that is lost the last picture stays, greyed", async () => {
  const page = await scene.watching();
  await scene.robot.agent.kill();
  await page.locator('.video-pane[data-kept="on"]').waitFor();
  await page.getByText(/next try in/).first().waitFor();
  const seen = await page.evaluate(() => {
    const canvas = document.querySelector(".video-pane canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const light = data.filter((_, index) => index % 4 !== 3).reduce((sum, value) => sum + value, 0) / (data.length * 0.75);
    return { light, filter: getComputedStyle(canvas).filter, shown: canvas.checkVisibility() };
  });
  assert.ok(seen.light > 20, `it is black: ${seen.light} of 255`);
  assert.ok(seen.shown && seen.filter.includes("grayscale(1)"), JSON.stringify(seen));
});
