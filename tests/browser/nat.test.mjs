// Robot and viewer at two homes, each behind a router through which only a relay leads: the
// picture and the orders go by it, and go on when its passwords have expired.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { acrossNetworks } from "./harness/across_networks.mjs";
import { Coturn } from "./harness/coturn.mjs";
import { eventually } from "./harness/eventually.mjs";
import { impossible, INTERNET, ROUTERS } from "./harness/home_networks.mjs";
import { drives, selected } from "./harness/paths.mjs";
import { connected, nextFrame } from "./harness/scene.mjs";

/** Passwords of the relay last 18 s in place of 300: longer than a busy machine takes to use one. */
const FASTER = ["--time-scale", "0.06"];

/** For what begins when they have expired. */
const TIMEOUT_MS = 60_000;

const RELAY_PORT = 3478;
const HTTPS_PORT = 8443;

const skip = impossible();

describe("with the relay of a station in the internet", { skip }, () => {
  const scene = acrossNetworks((networks) => ({
    name: "nat",
    more: [...FASTER, "--turn", `${INTERNET}:${RELAY_PORT}`],
    place: { pageHost: INTERNET, robotHost: INTERNET, listen: INTERNET, station: networks.at("internet"), robot: networks.at("robot") },
  }));

  test("the picture comes and a key drives, by relay and no other way", async (t) => {
    const began = performance.now();
    const page = await scene.watching();
    t.diagnostic(`from the page's address to a painted picture: ${Math.round(performance.now() - began)} ms`);
    t.diagnostic(`from offer to connection: ${Math.round(await page.evaluate(() => window.calls[0].took()))} ms`);
    await drives(page, scene.robot);
    await bothTried(page);
    const received = await relayedOnly(page);
    const relayed = await figureOf(page, "outpost_turn_relayed_bytes_total");
    assert.ok(relayed >= received, `${received} bytes came, but only ${relayed} were relayed`);
  });

  test("expired passwords end no call, and who comes later gets new ones", async () => {
    const ada = await scene.watching();
    await expired(ada);
    await nextFrame(ada);
    await drives(ada, scene.robot);
    const bert = await scene.watching("bert");
    await relayedOnly(bert);
    await drives(bert, scene.robot);
    await nextFrame(ada);
    assert.equal(await ada.evaluate(() => window.calls.length), 1, "ada had to call again");
  });

  test("a viewer without a relay is reached by the robot's, also when the robot's first password has expired", async () => {
    const ada = await scene.watching("ada", onlyStun);
    const { local, remote } = await selected(ada);
    assert.notEqual(local, "relay");
    assert.equal(remote, "relay");
    await expired(ada);
    await nextFrame(ada);
    await relayedOnly(ada);
    await drives(ada, scene.robot);
    await relayedOnly(await scene.watching("bert", onlyStun));
  });

  test("a station that restarts takes relayed calls along and brings them back without a reload", async () => {
    const ada = await scene.watching("ada", onlyStun);
    await scene.outpost.killStation();
    await ada.getByText(/next try in/).first().waitFor();
    await scene.outpost.startStation();
    await connected(ada);
    await relayedOnly(ada);
    await drives(ada, scene.robot);
  });
});

describe("with a coturn in the relay's place", { skip }, () => {
  const coturn = new Coturn();
  const scene = acrossNetworks((networks) => {
    // So that allocations have to be refreshed within the test.
    coturn.start(networks, "--no-tls", "--max-allocate-lifetime=48", "--new-log-timestamp", "--new-log-timestamp-format=%s");
    return {
      name: "nat-coturn",
      more: [...FASTER, ...coturn.options],
      place: { pageHost: INTERNET, robotHost: INTERNET, listen: INTERNET, station: networks.at("internet"), robot: networks.at("robot") },
    };
  });
  after(() => coturn.stop("nat-coturn"));

  test("the picture comes and a key drives, and allocations are refreshed with expired passwords", async () => {
    const ada = await scene.watching();
    await bothTried(ada);
    await relayedOnly(ada);
    await drives(ada, scene.robot);
    await expired(ada);
    await eventually("both ends have refreshed their allocations", () => latecomers(coturn.log()).size === 2, TIMEOUT_MS);
    await nextFrame(ada);
    await drives(ada, scene.robot);
    await relayedOnly(await scene.watching("bert"));
    assert.equal(await ada.evaluate(() => window.calls.length), 1, "ada had to call again");
  });
});

describe("with a station at the robot's home, behind its router", { skip }, () => {
  const scene = acrossNetworks((networks) => {
    networks.forward("robot", `tcp ${HTTPS_PORT}`, `udp ${RELAY_PORT}`, "udp 50000-50099");
    return {
      name: "nat-home",
      more: [...FASTER, "--turn", `0.0.0.0:${RELAY_PORT}`, "--turn-public-ip", ROUTERS.robot, "--turn-ports", "50000-50099"],
      place: { pageHost: ROUTERS.robot, listen: "0.0.0.0", httpsPort: HTTPS_PORT, station: networks.at("robot"), robot: networks.at("robot") },
    };
  });

  test("three forwarded ports let a viewer in from elsewhere", async () => {
    const ada = await scene.watching();
    await bothTried(ada, "host");
    await relayedOnly(ada);
    await drives(ada, scene.robot);
    await expired(ada);
    await nextFrame(ada);
    await relayedOnly(await scene.watching("bert"));
  });
});

/**
 * Both ends had addresses of their own to try, the robot's being of the kind `robots`. A busy
 * machine may come too late to learn one, so this is asked once in each set-up.
 */
async function bothTried(page, robots = "srflx") {
  await eventually("both ends know how the internet sees them", async () => {
    const tried = await candidates(page);
    if (tried.local.includes("srflx") && tried.remote.includes(robots)) return true;
    throw new Error(JSON.stringify(tried));
  });
}

/** The path leads over a relay, and nothing was ever answered without one. Gives the bytes that came. */
async function relayedOnly(page) {
  assert.deepEqual((await candidates(page)).direct, [], "something came without a relay");
  const { local, remote, received } = await selected(page);
  assert.ok([local, remote].includes("relay"), `the path is from ${local} to ${remote}`);
  return received;
}

/** The kinds of address on both sides, and the pairs without a relay that ever were answered. */
function candidates(page) {
  return page.evaluate(async () => {
    const stats = [...(await window.calls.at(-1).getStats()).values()];
    const kinds = (type) => stats.filter((one) => one.type === type).map(({ candidateType }) => candidateType);
    // Where the relay is seen under two addresses, one of them is relayed without being called so.
    const end = (wanted) => {
      const { candidateType, relayProtocol, address, port } = stats.find(({ id }) => id === wanted);
      return `${relayProtocol ? "relay" : candidateType} ${address}:${port}`;
    };
    const direct = stats
      .filter(({ type, responsesReceived }) => type === "candidate-pair" && responsesReceived > 0)
      .map(({ localCandidateId, remoteCandidateId }) => `${end(localCandidateId)} to ${end(remoteCandidateId)}`)
      .filter((pair) => !pair.includes("relay"));
    return { local: kinds("local-candidate"), remote: kinds("remote-candidate"), direct };
  });
}

/** Waits until every password that the call began with has expired. */
async function expired(page) {
  const last = await page.evaluate(() => Math.max(...window.calls.at(-1).passwords.map((user) => Number.parseInt(user, 10))));
  await eventually("the first passwords have expired", () => Date.now() / 1000 > last + 1, TIMEOUT_MS);
}

async function figureOf(page, name) {
  const text = await page.evaluate(async () => (await fetch("/metrics")).text());
  return Number(text.match(new RegExp(`^${name} (\\d+)`, "m"))[1]);
}

/** Runs in the page, before: its calls know where they are seen, but have no relay. */
function onlyStun() {
  const Real = RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor({ iceServers }) {
      const [url] = iceServers.flatMap(({ urls }) => urls).filter((url) => url.startsWith("turn:"));
      super({ iceServers: [{ urls: url.replace("turn:", "stun:").replace(/\?.*/, "") }] });
    }
  };
}

/** Who has refreshed an allocation with a password that had expired; to nothing is the end of one. */
function latecomers(log) {
  const refreshed = /^(\d+): .* refreshed, realm=<[^>]*>, username=<(\d+):([^>]*)>, lifetime=[^0]/gm;
  const late = [...log.matchAll(refreshed)].filter(([, now, expiry]) => Number(now) > Number(expiry));
  return new Set(late.map(([, , , name]) => name));
}
