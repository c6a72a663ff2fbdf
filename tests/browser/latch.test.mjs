// "Tap to go, tap to stop", by clicks that nothing pressed and by the keyboard alone.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { eventually } from "./harness/eventually.mjs";
import { driver, mayDrive } from "./harness/page.mjs";
import { Scene } from "./harness/scene.mjs";

let scene;
before(async () => (scene = await Scene.start("latch")));
afterEach(() => scene.clear());
after(() => scene?.stop());

const clicked = (page, name) => page.getByRole("button", { name, exact: true }).evaluate((element) => element.click());

/** A page of `user` that latches, with the longest time until it has to be confirmed, or the shortest. */
async function latching(user = "ada", seconds = 10) {
  const page = await scene.watching(user, (page) => page.addInitScript((seconds) => localStorage.setItem("outpost.latch_s", seconds), String(seconds)));
  await page.getByRole("radio", { name: "Tap" }).evaluate((element) => element.click());
  await page.getByRole("button", { name: "Go on", exact: true }).waitFor();
  return page;
}

/** The robot has reported on, and no wheel turned. */
async function staysAtRest() {
  const seen = scene.robot.wheels.writes().length;
  await scene.reports(1);
  assert.ok(scene.robot.wheels.writes().slice(seen).every(({ left, right }) => left === 0 && right === 0));
}

test("one click goes, without a hand, and another one stops", async () => {
  const page = await latching();
  await clicked(page, "Forward");
  await scene.robot.wheels.forward();
  // For longer than a pulse that nothing holds.
  await scene.reports(2);
  await scene.robot.wheels.forward();
  assert.equal(await page.getByRole("button", { name: "Forward" }).getAttribute("aria-pressed"), "true");
  await clicked(page, "Forward");
  await scene.robot.wheels.rest();
  await staysAtRest();
});

test("what nobody confirms stops by itself, and it is said", async () => {
  const page = await latching("ada", 3);
  await clicked(page, "Turn left");
  await scene.robot.wheels.turn("turn left", ({ left, right }) => left < 0 && right > 0);
  await page.getByText("Press Go on, or the robot stops").waitFor({ state: "attached" });
  await scene.robot.wheels.rest();
  await staysAtRest();
  await page.getByRole("button", { name: "Go on", exact: true, disabled: true }).waitFor();
});

test("the keyboard alone goes, goes on and stops", async () => {
  const page = await latching("ada", 3);
  await page.keyboard.press("KeyW");
  await scene.robot.wheels.forward();
  const began = (await scene.telemetry()).uptime_s;
  await eventually("it went on for longer than the time it began with", async () => {
    await page.keyboard.press("KeyG");
    return (await scene.telemetry()).uptime_s > began + 4;
  });
  await scene.robot.wheels.forward();
  await page.keyboard.press("KeyW");
  await scene.robot.wheels.rest();
  await staysAtRest();
});

test("stop, lost focus, another choice of input and a page that is left end what is latched", async () => {
  const page = await latching();
  for (const end of [
    () => clicked(page, "Stop"),
    () => page.keyboard.press("Space"),
    () => page.evaluate(() => dispatchEvent(new Event("blur"))),
    () => page.getByRole("radio", { name: "Arrows" }).evaluate((element) => element.click()),
    () => page.goto("about:blank"),
  ]) {
    const tap = page.getByRole("radio", { name: "Tap" });
    if (!(await tap.isChecked())) await tap.evaluate((element) => element.click());
    await clicked(page, "Forward");
    await scene.robot.wheels.forward();
    await end();
    await scene.robot.wheels.rest();
    await staysAtRest();
  }
});

test("another's stop ends it, and it does not begin again by itself", async () => {
  const page = await latching();
  await clicked(page, "Forward");
  await scene.robot.wheels.forward();
  const other = await scene.watching("bert");
  await clicked(other, "Stop");
  await scene.robot.wheels.rest();
  await driver(page, "Stopped by bert; press to drive");
  await staysAtRest();
});

test("while another drives nothing is latched, nor lit", async () => {
  const other = await scene.watching("bert");
  await other.keyboard.down("KeyW");
  await scene.robot.wheels.forward();
  const page = await latching();
  await driver(page, "bert drives");
  await clicked(page, "Turn right");
  await page.getByRole("button", { name: "Go on", exact: true, disabled: true }).waitFor();
  await other.keyboard.up("KeyW");
  await scene.robot.wheels.rest();
  await staysAtRest();
});

test("the choice is remembered", async () => {
  const page = await latching("ada", 5);
  await page.getByRole("button", { name: "every 5 seconds" }).click();
  await page.reload();
  await page.getByRole("radio", { name: "Tap", checked: true }).waitFor();
  await mayDrive(page);
});
