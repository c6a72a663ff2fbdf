// A ground station, a robot with a camera, two users, and a browser: where most tests play.

import { launch } from "../chromium.mjs";
import { eventually } from "./eventually.mjs";
import { Outpost } from "./outpost.mjs";
import { mayDrive, open, signIn } from "./page.mjs";

/** `OUTPOST_FPS` is for robots that cannot encode this fast, as an emulated one. */
export const CAMERA = { video: { source: "test", width: 640, height: 480, fps: Number(process.env.OUTPOST_FPS ?? 30) } };

export class Scene {
  #contexts = [];

  /**
   * `name` is the folder that the logs are kept under, `station` more arguments of `run`,
   * `robot` more of its config.json, `env` more of its environment.
   */
  static async start(name, { station = [], robot = {}, env = {} } = {}) {
    const scene = new Scene();
    const outpost = await Outpost.start(name, station);
    scene.outpost = outpost;
    scene.robot = await outpost.startRobot("rover", { ...CAMERA, ...robot }, env);
    scene.passwords = { ada: await outpost.newUser("ada", "rover"), bert: await outpost.newUser("bert", "rover") };
    scene.key = await outpost.newKey("rover");
    await outpost.sees("rover", scene.key);
    scene.browser = await launch();
    return scene;
  }

  /** A page that lives until the end of the test. */
  async page(options = {}, prepare = async () => {}) {
    const { page, context } = await open(this.browser, options);
    this.#contexts.push(context);
    await prepare(page);
    return page;
  }

  /** A page of `user` that is connected and shows the camera. */
  async watching(user = "ada", prepare = async () => {}) {
    const page = await this.page({ viewport: { width: 1280, height: 900 } }, prepare);
    await signIn(page, this.outpost.url, user, this.passwords[user]);
    await connected(page);
    return page;
  }

  /** What the robot last said of itself, by way of the station. */
  async telemetry() {
    const answer = await fetch(new URL("/robots", this.outpost.url), { headers: { "x-api-key": this.key } });
    return (await answer.json()).robots.find(({ name }) => name === "rover").telemetry;
  }

  /** Waits until the robot has said something about a time this long after now. */
  async reports(seconds) {
    const { uptime_s: from } = await this.telemetry();
    await eventually("the robot reports on", async () => (await this.telemetry()).uptime_s > from + seconds);
  }

  /** After each test. */
  async clear() {
    for (const context of this.#contexts.splice(0)) await context.close();
    await this.robot.wheels.rest();
  }

  async stop() {
    await this.browser?.close();
    await this.outpost?.stop();
  }
}

/** Waits until the page is connected to its robot, frames are painted, and it may drive. */
export async function connected(page) {
  await page.getByText("Connected to the robot", { exact: true }).first().waitFor();
  await nextFrame(page);
  await mayDrive(page);
}

export async function nextFrame(page) {
  // The media time of the newest frame that was painted.
  const time = () => page.evaluate(() => document.querySelector("video").currentTime);
  const now = await time();
  await eventually("another frame is painted", async () => (await time()) > now);
}

/** Runs in a page: every WebSocket it opens, and a way to let no more be opened. */
export function rememberSockets() {
  const Real = WebSocket;
  window.sockets = [];
  window.WebSocket = class extends Real {
    constructor(url, protocols) {
      super(window.refuseSockets ? "ws://127.0.0.1:9" : url, protocols);
      window.sockets.push(this);
    }
  };
}
