// The picture keeps moving whatever happens to the channel on which page and robot met, and
// the next viewer finds the robot all the same.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { eventually } from "./harness/eventually.mjs";
import { keepsMoving } from "./harness/frames.mjs";
import { Scene } from "./harness/scene.mjs";

/** An hour passes in 90 s: what is asked of the relay lasts 7 s, credentials of `brief` 20 s. */
const QUICK = ["--time-scale", "0.025", "--role-alias", "brief=800"];

let scene, operator;
before(async () => {
  scene = await Scene.start("signaling", {
    station: QUICK,
    robot: { ROLE_ALIAS: "brief" },
    env: { RUST_LOG: "error,robot_agent=info,robot_agent::aws=debug,robot_agent::signaling=debug" },
  });
  operator = await scene.outpost.newOperator("desk");
});
afterEach(() => scene.clear());
after(() => scene?.stop());

test("a picture that stands still is noticed", async () => {
  const page = await scene.watching("ada");
  const halted = async () => {
    scene.robot.agent.child.kill("SIGSTOP");
    await new Promise((over) => setTimeout(over, 700));
    scene.robot.agent.child.kill("SIGCONT");
  };
  await assert.rejects(keepsMoving(page, halted), /the picture stood still for/);
});

test("signaling that sends everyone away", (t) =>
  undisturbed(t, async () => {
    const again = logged("signaling: the service goes away", "signaling is connected");
    assert.ok((await sendToAll("GO_AWAY")) >= 2);
    await again();
  }));

test("signaling that drops everyone", (t) =>
  undisturbed(t, async () => {
    const again = logged("signaling was lost after", "signaling is connected");
    assert.ok((await sendToAll("CLOSE")) >= 1);
    await again();
  }));

test("relays that are new", (t) =>
  undisturbed(t, async () => {
    const again = logged("signaling: the service has new ICE servers", "ICE servers servers=");
    await sendToAll("RECONNECT_ICE_SERVER");
    await again();
  }));

test("passwords of relays that expire", (t) =>
  undisturbed(t, async () => {
    // One that was fetched now is no good once the next but one is there.
    for (let n = 0; n < 2; n += 1) await logged("ICE servers servers=")();
  }));

test("credentials that expire, and a socket that is lost thereafter", (t) =>
  undisturbed(t, async () => {
    const [used] = lives().slice(-1);
    await eventually("new credentials are fetched", () => lives().at(-1) > used, 60_000);
    assert.ok(Date.now() < used, "they were fetched before the old ones expired");
    await eventually("the old ones expire", () => Date.now() > used);
    const again = logged("signaling was lost after", "signaling is connected");
    await sendToAll("CLOSE");
    await again();
  }));

/** The picture of a page that watches keeps moving over `event`, and then another can watch. */
async function undisturbed(t, event) {
  const page = await scene.watching("ada", (page) => page.addInitScript(countConnections));
  const quietMs = await keepsMoving(page, async () => {});
  const stillMs = await keepsMoving(page, event);
  t.diagnostic(`longest time between two frames: ${stillMs} ms; without an event: ${quietMs} ms`);
  const other = await scene.watching("bert");
  await other.close();
  assert.equal(await page.evaluate(() => window.connections), 1, "it is still the first connection");
}

/** Waits until the robot has logged each of `lines` once more than now. */
function logged(...lines) {
  const count = (line) => scene.robot.log().split(line).length - 1;
  const before = lines.map(count);
  return () => eventually(`the robot logs ${lines.join(", ")}`, () => lines.every((line, n) => count(line) > before[n]));
}

/** Until when the robot's credentials are good, in Unix milliseconds, oldest first. */
function lives() {
  return [...scene.robot.log().matchAll(/credentials until="?([^" ]+Z)/g)].map(([, until]) => Date.parse(until));
}

function sendToAll(word) {
  return scene.outpost.sendAsService(operator, "rover", word);
}

/** Runs in the page. */
function countConnections() {
  const Real = RTCPeerConnection;
  window.connections = 0;
  window.RTCPeerConnection = class extends Real {
    constructor(...settings) {
      super(...settings);
      window.connections += 1;
    }
  };
}
