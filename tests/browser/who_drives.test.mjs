// One driver over all roads, and everybody is told who: docs/driving.md in a browser.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { eventually } from "./harness/eventually.mjs";
import { driver, driveWithoutPicture, figure, signIn } from "./harness/page.mjs";
import { CAMERA, connected, Scene } from "./harness/scene.mjs";

let scene;
before(async () => (scene = await Scene.start("who-drives", { robot: { video: { ...CAMERA.video, viewers_max: 2 } } })));
afterEach(() => scene.clear());
after(() => scene?.stop());

test("the other page is told who drives, and its key taps do nothing to the robot", async () => {
  const [ada, bert] = [await scene.watching("ada"), await scene.watching("bert", (page) => page.addInitScript(keepOrders))];
  await ada.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await driver(ada, "You drive");
  await driver(bert, "ada drives; press Stop to take over");
  const before = scene.robot.wheels.writes().length;
  const sent = () => bert.evaluate(() => window.orders.length);
  for (let taps = 1; taps <= 3; taps += 1) {
    const earlier = await sent();
    await bert.keyboard.down("ArrowDown");
    await eventually("an order went out", async () => (await sent()) > earlier);
    await bert.keyboard.up("ArrowDown");
  }
  await driver(ada, "You drive");
  const backward = scene.robot.wheels.writes().slice(before).filter(({ left }) => left < 0);
  assert.deepEqual(backward, [], "bert's taps reached the wheels");
  const words = await bert.evaluate(() => window.orders.map(({ action }) => action));
  assert.ok(!words.includes("stop"), `letting go stopped whoever drives: ${words}`);
  await eventually("the robot has counted them", async () => (await scene.telemetry()).counters.not_driver >= 3);
  assert.equal((await scene.telemetry()).stopped_by, undefined);
  await ada.keyboard.up("ArrowUp");
});

test("another's Stop holds until the driver lets go; both are told, and the driver takes over again", async () => {
  const [ada, bert] = [await scene.watching("ada"), await scene.watching("bert")];
  await ada.keyboard.down("KeyW");
  await scene.robot.wheels.forward();
  await bert.getByRole("button", { name: "Stop" }).click();
  await driver(ada, "Stopped by bert: let go, then press again");
  await scene.robot.wheels.rest();
  const stopped = scene.robot.wheels.writes().length;
  await scene.reports(2);
  assert.deepEqual(scene.robot.wheels.writes().slice(stopped).filter(moves), [], "the key that is still held drove on");
  await driver(ada, "Stopped by bert: let go, then press again");
  await ada.keyboard.up("KeyW");
  await ada.keyboard.down("KeyW");
  await scene.robot.wheels.forward();
  await driver(ada, "You drive");
  await ada.keyboard.up("KeyW");
});

test("who presses Stop and then drives has taken over", async () => {
  const [ada, bert] = [await scene.watching("ada"), await scene.watching("bert")];
  await ada.keyboard.down("KeyW");
  await driver(bert, "ada drives; press Stop to take over");
  await bert.keyboard.press("Space");
  await scene.robot.wheels.rest();
  await bert.keyboard.down("ArrowDown");
  await scene.robot.wheels.turn("turn backward for bert", ({ left }) => left < 0);
  await driver(bert, "You drive");
  await ada.keyboard.up("KeyW");
  await ada.keyboard.down("KeyW");
  await driver(ada, "bert drives; press Stop to take over");
  const before = scene.robot.wheels.writes().length;
  await scene.reports(1);
  assert.deepEqual(scene.robot.wheels.writes().slice(before).filter(({ left }) => left > 0), []);
  await ada.keyboard.up("KeyW");
  await bert.keyboard.up("ArrowDown");
});

test("who drives over HTTP, as the robot takes no more viewers, is one with all the others", async () => {
  const ada = await scene.watching("ada");
  await scene.watching("ada");
  const bert = await scene.page();
  await signIn(bert, scene.outpost.url, "bert", scene.passwords.bert);
  await bert.getByText(/too many viewers/).first().waitFor();
  // Nobody drives what they do not see, unless they say so.
  const before = scene.robot.wheels.writes().length;
  await bert.keyboard.down("ArrowDown");
  await bert.getByText("No driving: there is no picture").waitFor();
  await bert.keyboard.up("ArrowDown");
  await driveWithoutPicture(bert);
  assert.deepEqual(scene.robot.wheels.writes().slice(before).filter(moves), []);

  await ada.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await driver(bert, "ada drives; press Stop to take over");
  const driven = scene.robot.wheels.writes().length;
  const refused = Number(await figure(bert, "Not the driver"));
  await bert.keyboard.down("ArrowDown");
  await eventually("bert's orders are refused", async () => Number(await figure(bert, "Not the driver")) > refused + 3);
  await bert.keyboard.up("ArrowDown");
  assert.deepEqual(scene.robot.wheels.writes().slice(driven).filter(({ left }) => left < 0), [], "both were obeyed");
  await driver(ada, "You drive");
  await ada.keyboard.up("ArrowUp");
  await driver(bert, "Nobody drives");

  await bert.keyboard.down("ArrowDown");
  await scene.robot.wheels.turn("turn backward for bert", ({ left }) => left < 0);
  await driver(bert, "You drive");
  await driver(ada, "bert drives; press Stop to take over");
  await ada.keyboard.press("Space");
  await driver(bert, "Stopped by ada: let go, then press again");
  await scene.robot.wheels.rest();
  await bert.keyboard.up("ArrowDown");
});

test("a consent to drive without a picture ends with the visit, and once there was a picture", async () => {
  const [ada, other] = [await scene.watching("ada"), await scene.watching("ada")];
  const bert = await scene.page();
  await signIn(bert, scene.outpost.url, "bert", scene.passwords.bert);
  await driveWithoutPicture(bert);
  await bert.reload();
  await bert.getByRole("button", { name: "Drive without picture" }).waitFor();
  await driveWithoutPicture(bert);
  await other.close();
  await connected(bert);
  await ada.close();
});

const moves = ({ left, right }) => left !== 0 || right !== 0;

/** Runs in the page: keeps what it sends to the wheels. */
function keepOrders() {
  const { send } = RTCDataChannel.prototype;
  window.orders = [];
  RTCDataChannel.prototype.send = function (data) {
    if (this.label === "drive") window.orders.push(JSON.parse(data));
    return send.call(this, data);
  };
}

test("who drives in another window is told so, and is nobody else", async () => {
  const [here, there] = [await scene.watching("ada"), await scene.watching("ada")];
  await here.keyboard.down("KeyW");
  await scene.robot.wheels.forward();
  await driver(there, "You drive in another window; press Stop to drive here");
  await driver(here, "You drive");
  await here.keyboard.up("KeyW");
});
