// Whoever has no mouse, no touch or no sight: voice control, switches, screen readers and keyboards,
// on a page of rover-1 to rover-12.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { eventually } from "./harness/eventually.mjs";
import { Outpost } from "./harness/outpost.mjs";
import { driver, driveWithoutPicture, figure, open, signIn } from "./harness/page.mjs";
import { atMs } from "./harness/wheels.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** How long a pulse may be on a busy machine: the robot's own ends after 200 ms of silence. */
const PULSE_MS = { least: 250, most: 1_000 };

let outpost, robot, browser, password;
const contexts = [];

before(async () => {
  outpost = await Outpost.start("anyone");
  robot = await outpost.startRobot("rover");
  const more = Array.from({ length: 12 }, (_, i) => `rover-${i + 1}`);
  for (const name of more) await outpost.newRobot(name);
  password = await outpost.newUser("ada", "rover", ...more);
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

async function listPage(options) {
  const opened = await open(browser, options);
  contexts.push(opened.context);
  await signIn(opened.page, outpost.url, "ada", password);
  await opened.page.getByRole("heading", { name: "Robots" }).waitFor();
  await opened.page.getByText("Online").waitFor();
  return opened;
}

async function robotPage(options) {
  const opened = await listPage(options);
  await opened.page.getByRole("link", { name: "rover Online" }).click();
  await opened.page.getByText("Online, by way of the ground station").waitFor();
  await driveWithoutPicture(opened.page);
  await driver(opened.page, "Nobody drives");
  return opened;
}

/** How long the wheels turn, from the first write to the first at rest. */
async function pulse(act) {
  const seen = robot.wheels.writes().length;
  const moves = ({ left, right }) => left !== 0 || right !== 0;
  await act();
  const start = await eventually("the wheels turn", () => robot.wheels.writes().slice(seen).find(moves));
  await robot.wheels.rest();
  const rest = robot.wheels.writes().slice(seen).findLast(moves);
  const after = robot.wheels.writes().find((write) => write.t_ns > rest.t_ns);
  return atMs(after) - atMs(start);
}

function isOnePulse(ms, least = PULSE_MS.least) {
  assert.ok(ms >= least && ms <= PULSE_MS.most, `the wheels turned for ${ms} ms`);
}

test("a click that nothing pressed, as of voice control, is one pulse", async () => {
  const { page } = await robotPage();
  const button = page.getByRole("button", { name: "Forward" });
  isOnePulse(await pulse(() => button.evaluate((element) => element.click())));
  assert.equal(await figure(page, "Board faults"), "0");
});

test("a tap of no time moves the robot, and does so once", async () => {
  const { page } = await robotPage({ hasTouch: true });
  const button = page.getByRole("button", { name: "Turn left" });
  isOnePulse(await pulse(() => button.tap()), 150);
});

test("stop ends a pulse that a click began", async () => {
  const { page } = await robotPage();
  const seen = robot.wheels.writes().length;
  await page.evaluate(() => {
    document.querySelector(".dpad-forward").click();
    document.querySelector(".stop").click();
  });
  await eventually("the stop is obeyed", async () => (await figure(page, "Last")) === "stop");
  await robot.wheels.rest();
  const turned = robot.wheels.writes().slice(seen).filter(({ left }) => left !== 0);
  assert.ok(turned.length === 0 || atMs(robot.wheels.now) - atMs(turned[0]) < PULSE_MS.least);
});

test("the space bar presses what the keyboard has reached, and stops all the same", async () => {
  const { page } = await robotPage();
  await page.keyboard.press("Tab");
  const signOut = page.getByRole("button", { name: "Sign out" });
  for (let i = 0; i < 20 && !(await signOut.evaluate((element) => element === document.activeElement)); i++) {
    await page.keyboard.press("Shift+Tab");
  }
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
});

test("the space bar on a button that was clicked only stops", async () => {
  const { page } = await robotPage();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.keyboard.down("KeyW");
  await robot.wheels.forward();
  await page.keyboard.press("Space");
  await robot.wheels.rest();
  await page.keyboard.up("KeyW");
});

test("arrows scroll for who reads below, and drive for who sees the picture", async () => {
  const { page } = await robotPage({ viewport: { width: 700, height: 500 } });
  const bottom = () => document.querySelector(".drive-view").getBoundingClientRect().bottom;
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  assert.ok((await page.evaluate(bottom)) < 0, "the controls are out of sight");
  const seen = robot.wheels.writes().length;
  const from = await page.evaluate(() => scrollY);
  await page.keyboard.down("ArrowUp");
  await eventually("the page scrolls", async () => (await page.evaluate(() => scrollY)) < from);
  await page.keyboard.up("ArrowUp");
  assert.equal(robot.wheels.writes().length, seen, "the wheels stay at rest");
  await page.evaluate(() => scrollTo(0, 0));
  await page.keyboard.down("ArrowUp");
  await robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
});

test("the list is in people's order, who is online first, and can be searched", async () => {
  const { page } = await listPage();
  const names = () => page.locator(".robots li:not([hidden]) strong").allTextContents();
  assert.deepEqual((await names()).slice(0, 4), ["rover", "rover-1", "rover-2", "rover-3"]);
  assert.equal((await names()).at(-1), "rover-12");
  await page.getByRole("searchbox", { name: "Find a robot" }).fill("-1");
  assert.deepEqual(await names(), ["rover-1", "rover-10", "rover-11", "rover-12"]);
  await page.getByRole("searchbox").fill("lander");
  await page.getByText("No robot's name has “lander” in it.").waitFor();
});

test("a row under the finger stays while the list is refreshed", async () => {
  const { page } = await listPage();
  // What it says of one that went away counts the seconds.
  const { agent } = await outpost.startRobot("rover-5");
  await page.getByRole("link", { name: "rover-5 Online" }).waitFor();
  await agent.stop();
  const text = page.getByRole("link", { name: "rover-5 Offline" }).locator(".muted");
  await text.waitFor();
  await page.evaluate(() => {
    window.listChanges = 0;
    new MutationObserver(({ length }) => (window.listChanges += length)).observe(document.querySelector(".robots"), { childList: true });
  });
  for (let times = 0; times < 3; times++) {
    const before = await text.textContent();
    await eventually("the row says another time", async () => (await text.textContent()) !== before);
  }
  assert.equal(await page.evaluate(() => window.listChanges), 0);
});

test("a robot opened from the end of a long list is seen from its top, and named to who listens", async () => {
  const { page } = await listPage({ viewport: { width: 360, height: 560 } });
  await page.getByRole("link", { name: "rover-12" }).click();
  const heading = page.getByRole("heading", { name: "rover-12" });
  await heading.waitFor();
  assert.ok(await heading.evaluate((element) => element === document.activeElement), "its heading has the focus");
  assert.equal(await page.evaluate(() => scrollY), 0);
});

for (const [state, show] of [
  ["sign-in", async () => (await open(browser)).page],
  ["list", async (options) => (await listPage(options)).page],
  ["robot", async (options) => (await robotPage(options)).page],
]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`axe finds nothing on the ${state} page, ${colorScheme}`, async () => {
      const page = await show({ colorScheme });
      if (state === "sign-in") {
        contexts.push(page.context());
        await page.emulateMedia({ colorScheme });
        await page.goto(outpost.url);
        await page.getByLabel("User").waitFor();
      }
      await page.evaluate(AXE);
      const { violations, passes } = await page.evaluate(() => window.axe.run());
      assert.ok(passes.length > 10, "it has looked");
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      assert.deepEqual(found, []);
    });
  }
}
