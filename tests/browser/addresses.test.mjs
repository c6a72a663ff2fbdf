// Names with dead addresses, and networks without IPv4: the robot comes online all the same, and says
// what does not answer.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { acrossNetworks } from "./harness/across_networks.mjs";
import { eventually } from "./harness/eventually.mjs";
import { DEAD_V6, HomeNetworks, impossible, INTERNET, INTERNET_V6 } from "./harness/home_networks.mjs";
import { Outpost } from "./harness/outpost.mjs";
import { drives, selected } from "./harness/paths.mjs";
import { program } from "./harness/process.mjs";

const NAME = "station.test";

const skip = impossible();

describe("a station with a dead IPv6 address before a good IPv4 one", { skip }, () => {
  let networks, outpost;
  before(async () => {
    networks = new HomeNetworks();
    networks.ipv6("robot");
    networks.knows("robot", NAME, DEAD_V6, INTERNET);
    const [station, robot] = ["internet", "robot"].map((place) => networks.at(place));
    outpost = await Outpost.start("dead-address", [], { robotHost: NAME, listen: INTERNET, station, robot });
  });
  after(async () => {
    await outpost?.stop();
    networks?.close();
  });

  test("MQTT, calls and signaling find the good one, and check names the dead one", async (t) => {
    const robot = await outpost.startRobot("rover", { video: { source: "test" } });
    const began = performance.now();
    for (const line of [/ online /, /signaling is connected/]) {
      await eventually(`the log says ${line}`, () => line.test(robot.log()));
      t.diagnostic(`${line}: after ${Math.round(performance.now() - began)} ms`);
    }
    const [first, ...rest] = [...networks.at("robot"), program("robot-agent"), "--config", path.join(robot.folder, "config.json"), "check", "--json"];
    const { checks } = JSON.parse(spawnSync(first, rest, { encoding: "utf8" }).stdout);
    const broker = checks.find(({ name }) => name === "broker");
    assert.equal(broker.verdict, "warning", JSON.stringify(broker));
    assert.match(broker.found, /accepts the certificate.*\[2001:db8:dead::1\]:\d+: no answer in time/);
  });
});

describe("a robot in a network without IPv4", { skip }, () => {
  const scene = acrossNetworks((networks) => {
    networks.ipv6("robot", { only: true });
    const [station, robot] = ["internet", "robot"].map((place) => networks.at(place));
    return {
      name: "only-ipv6",
      more: ["--turn", `${INTERNET}:3478`],
      place: { pageHost: INTERNET, robotHost: INTERNET_V6, listen: "[::]", httpsPort: 8443, station, robot },
    };
  });

  test("is configured by an address, and a viewer without IPv6 sees and drives it", async () => {
    const page = await scene.watching();
    assert.equal((await selected(page)).remote, "relay");
    await drives(page, scene.robot);
  });
});
