// Networks that let no UDP out, at the robot's home, the viewer's, or both: the picture comes by TURN
// over TLS or TCP, and where that leads nowhere either, the page says so and driving goes on.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { acrossNetworks } from "./harness/across_networks.mjs";
import { Coturn } from "./harness/coturn.mjs";
import { eventually } from "./harness/eventually.mjs";
import { impossible, INTERNET } from "./harness/home_networks.mjs";
import { driveWithoutPicture } from "./harness/page.mjs";
import { drives, selected } from "./harness/paths.mjs";
import { nextFrame } from "./harness/scene.mjs";

const HTTPS_PORT = 8443;

const skip = impossible();

/** A station in the internet, and firewalls at home. */
function blocked(name, at, allowed, more = ["--turn", `${INTERNET}:3478`]) {
  return acrossNetworks((networks) => {
    for (const home of at) networks.allowOnly(home, allowed);
    const [station, robot] = ["internet", "robot"].map((place) => networks.at(place));
    return {
      name,
      more,
      place: { pageHost: INTERNET, robotHost: INTERNET, listen: INTERNET, httpsPort: HTTPS_PORT, station, robot },
    };
  });
}

describe("without UDP at the robot's home", { skip }, () => {
  const scene = blocked("udp-robot", ["robot"], "meta l4proto tcp");

  test("the robot reaches the relay over TLS, and a viewer that has nothing but UDP sees it", async (t) => {
    const page = await shown(t, scene);
    assert.equal((await selected(page)).remote, "relay");
    await drives(page, scene.robot);
  });
});

describe("without UDP at the viewer's", { skip }, () => {
  const scene = blocked("udp-viewer", ["viewer"], `tcp dport ${HTTPS_PORT}`);

  test("one open port, that of HTTPS, is enough for page, picture and orders", async (t) => {
    const page = await shown(t, scene);
    await overTcp(page);
    await drives(page, scene.robot);
  });
});

describe("without UDP at both ends", { skip }, () => {
  const scene = blocked("udp-both", ["robot", "viewer"], "meta l4proto tcp");

  test("picture and orders come through two relayed ends", async (t) => {
    const page = await shown(t, scene);
    await overTcp(page);
    assert.equal((await selected(page)).remote, "relay");
    await drives(page, scene.robot);
    const bert = await scene.watching("bert");
    await overTcp(bert);
    await nextFrame(page);
  });
});

describe("with a coturn, and without UDP", { skip }, () => {
  const coturn = new Coturn();
  const scene = blocked("udp-coturn", ["robot", "viewer"], "meta l4proto tcp", coturn.options);
  before(async () => {
    const { cert, key } = await scene.outpost.newServer(INTERNET);
    coturn.start(scene.networks, `--cert=${cert}`, `--pkey=${key}`);
  });
  after(() => coturn.stop("udp-coturn"));

  test("the robot reaches it over TLS, the viewer, who does not trust its certificate, over TCP", async (t) => {
    const page = await shown(t, scene);
    await overTcp(page);
    assert.equal((await selected(page)).remote, "relay");
    await drives(page, scene.robot);
    assert.match(coturn.log(), /: new, .* cipher=\S+, method=TLSv1/);
  });
});

describe("without UDP at the viewer's, and with a relay that is not there", { skip }, () => {
  const nobody = new Coturn();
  const scene = blocked("udp-nowhere", ["viewer"], "meta l4proto tcp", nobody.options);
  after(() => nobody.stop("udp-nowhere"));

  test("the page says what is blocked, and the robot is driven by HTTPS", async () => {
    const page = await scene.calling();
    await page.getByText(/No picture: no way to the robot: UDP is blocked here, and no relay can be reached from here \(192\.0\.2\.10:3478/).first().waitFor();
    await driveWithoutPicture(page);
    await page.keyboard.down("ArrowUp");
    await scene.robot.wheels.forward();
    await page.keyboard.up("ArrowUp");
    await scene.robot.wheels.rest();
  });
});

async function shown(t, scene) {
  const began = performance.now();
  const page = await scene.watching();
  t.diagnostic(`from the page's address to a painted picture: ${Math.round(performance.now() - began)} ms`);
  t.diagnostic(`from offer to connection: ${Math.round(await page.evaluate(() => window.calls[0].took()))} ms`);
  return page;
}

/** The page's own end is a relay to which it speaks over TCP or TLS. */
async function overTcp(page) {
  await eventually("the path leads over TCP", async () => {
    const { local, relayProtocol } = await selected(page);
    return local === "relay" && ["tcp", "tls"].includes(relayProtocol);
  });
}
