// A robot whose network goes away, or is another one all of a sudden: the page says what it
// sees, and picture and orders come back without a reload.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { acrossNetworks } from "./harness/across_networks.mjs";
import { eventually } from "./harness/eventually.mjs";
import { impossible, INTERNET } from "./harness/home_networks.mjs";
import { figure, mayDrive } from "./harness/page.mjs";
import { connected, nextFrame } from "./harness/scene.mjs";

/** A robot drives through a doorway, or changes from one access point to the next. */
const CUT_MS = 3000;

describe("a robot at home, with the station in the internet", { skip: impossible() }, () => {
  const scene = acrossNetworks((networks) => ({
    name: "networks",
    more: ["--turn", `${INTERNET}:3478`],
    place: { pageHost: INTERNET, robotHost: INTERNET, listen: INTERNET, station: networks.at("internet"), robot: networks.at("robot") },
  }));

  test("a network that is gone for three seconds is said to be, and comes back by itself", async (t) => {
    const page = await scene.watching();
    scene.networks.cut("robot");
    const began = performance.now();
    await page.getByText(/the picture has stood still for|the robot cannot be reached/).waitFor();
    await eventually("the cut is over", () => performance.now() - began > CUT_MS);
    scene.networks.mend("robot");
    await nextFrame(page);
    t.diagnostic(`from the cut to the next frame: ${Math.round(performance.now() - began)} ms`);
    await mayDrive(page);
    // Orders may need a new connection: SCTP backs off for as long again as the cut was.
    await drives(page);
    t.diagnostic(`connections made: ${await page.evaluate(() => window.calls.length)}`);
  });

  test("a robot with another address is found again", async (t) => {
    const page = await scene.watching();
    await drives(page);
    const began = performance.now();
    scene.networks.move("robot", "192.168.1.3");
    await page.getByText(/No picture: the robot fell silent; next try in|Calling the robot/).first().waitFor();
    await connected(page);
    t.diagnostic(`from one address to a picture from the other: ${Math.round(performance.now() - began)} ms`);
    await drives(page);
    assert.match(scene.robot.log(), /signaling was lost after .* \(this machine has another address now\)/);
    const back = /offline; .* reason="this machine has another address now"[^]* online /;
    await eventually("the broker is found again too", () => back.test(scene.robot.log()));
  });

  async function drives(page) {
    await page.keyboard.down("ArrowUp");
    await scene.robot.wheels.forward();
    await eventually("the robot obeys the page itself", async () => (await figure(page, "From")).startsWith("ada-"));
    await page.keyboard.up("ArrowUp");
    await scene.robot.wheels.rest();
  }
});
