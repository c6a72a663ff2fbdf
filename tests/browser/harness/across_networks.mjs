// Station, robot and browser at places of their own, with networks between them.

import { after, afterEach, before } from "node:test";
import { launchWithin } from "../chromium.mjs";
import { HomeNetworks } from "./home_networks.mjs";
import { Outpost } from "./outpost.mjs";
import { open, signIn } from "./page.mjs";
import { CAMERA, connected } from "./scene.mjs";

/** A station, a robot and a browser, each where `set` puts them, for the tests of one suite. */
export function acrossNetworks(set) {
  const contexts = [];
  const scene = {};
  before(async () => {
    scene.networks = new HomeNetworks();
    const { name, more, place } = set(scene.networks);
    scene.outpost = await Outpost.start(name, more, place);
    scene.robot = await scene.outpost.startRobot("rover", CAMERA);
    scene.passwords = { ada: await scene.outpost.newUser("ada", "rover"), bert: await scene.outpost.newUser("bert", "rover") };
    scene.browser = await launchWithin(scene.networks.at("viewer"));
  });
  scene.calling = async (user = "ada", prepare = () => {}) => {
    const { page, context } = await open(scene.browser, { ignoreHTTPSErrors: true });
    contexts.push(context);
    await page.addInitScript(prepare);
    await page.addInitScript(rememberCalls);
    await signIn(page, scene.outpost.secureUrl, user, scene.passwords[user]);
    return page;
  };
  scene.watching = async (user, prepare) => {
    const page = await scene.calling(user, prepare);
    await connected(page);
    return page;
  };
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });
  after(async () => {
    await scene.browser?.close();
    await scene.outpost?.stop();
    scene.networks?.close();
  });
  return scene;
}

/** Runs in the page: keeps its calls, what they sign in to relays with, and how long they took. */
function rememberCalls() {
  const Real = RTCPeerConnection;
  window.calls = [];
  window.RTCPeerConnection = class extends Real {
    constructor(configuration) {
      super(configuration);
      const began = performance.now();
      let up;
      this.addEventListener("connectionstatechange", () => this.connectionState === "connected" && (up ??= performance.now()));
      this.took = () => up - began;
      this.passwords = configuration.iceServers.map(({ username }) => username);
      window.calls.push(this);
    }
  };
}
