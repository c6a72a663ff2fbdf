// A whole Outpost for one test file: ground station, robots with simulated motors, users.

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { once } from "node:events";
import { request } from "node:https";
import { createInterface } from "node:readline";
import { eventually } from "./eventually.mjs";
import { output, Process, ROOT } from "./process.mjs";
import { Wheels } from "./wheels.mjs";

const PAGE = path.join(ROOT, "web-console", "dist");

/**
 * Where it all is: how pages and robots call the station, where it listens, and the words that
 * start it and a robot.
 */
const HERE = { pageHost: "localhost", robotHost: "localhost", listen: "127.0.0.1", httpsPort: 0, station: [], robot: [] };

export class Outpost {
  #folder = mkdtempSync(path.join(tmpdir(), "outpost-browser-"));
  #robots = new Map();
  #name;

  #more;
  #place;

  constructor(name, more, place) {
    this.#name = name;
    this.#more = more;
    this.#place = place;
  }

  /**
   * A running ground station that serves the built page; its logs are kept under `name`.
   * `more` are further arguments of `run`.
   */
  static async start(name, more = [], place = {}) {
    if (!existsSync(path.join(PAGE, "index.html"))) throw new Error("the page is not built: run scripts/lib/console");
    const outpost = new Outpost(name, more, { ...HERE, ...place });
    const { listen, httpsPort } = outpost.#place;
    await outpost.#launch(["127.0.0.1:0", `${listen}:${httpsPort}`, `${listen}:0`]);
    return outpost;
  }

  get url() {
    return `http://localhost:${port(this.ready.http)}/`;
  }

  /** With a certificate of the station's own CA. */
  get secureUrl() {
    return `https://${this.#place.pageHost}:${port(this.ready.https)}/`;
  }

  /** As a crash ends it. */
  async killStation() {
    await this.station.kill();
  }

  /** On the same ports as before. */
  async startStation() {
    await this.#launch([this.ready.http, this.ready.https, this.ready.mqtt]);
  }

  async #launch([http, https, mqtt]) {
    const log = path.join(this.#folder, "ground-station.log");
    const args = ["--state", this.#state, "run", "--console", PAGE, "--http", http, "--https", https, "--mqtt", mqtt, ...this.#more];
    this.station = new Process("ground-station", args, log, { stdout: "pipe", within: this.#place.station });
    const lines = createInterface({ input: this.station.child.stdout });
    const [line] = await Promise.race([
      once(lines, "line"),
      once(lines, "close").then(() => {
        throw new Error(`ground-station did not start: ${this.station.error ?? this.station.tail()}`);
      }),
    ]);
    this.ready = JSON.parse(line);
  }

  get #state() {
    return path.join(this.#folder, "state");
  }

  #command(...args) {
    return output("ground-station", ["--state", this.#state, ...args]);
  }

  /** A user of these robots; gives the password. */
  newUser(name, ...robots) {
    return this.#command("new-user", name, ...robots.flatMap((robot) => ["--robot", robot]));
  }

  newKey(robot) {
    return this.#command("new-key", "--robot", robot, "--may", "publish");
  }

  /** A certificate that may give orders to every robot, and the CA it is of. */
  async newOperator(name) {
    const folder = path.join(this.#folder, name);
    await this.#command("new-operator", name, "--out", folder);
    const file = (name) => readFileSync(path.join(folder, name));
    return { cert: file("certificate.pem"), key: file("private.pem.key"), ca: file("cacert.pem") };
  }

  /** Certificate and key of another server at `host`, of the station's own CA. */
  async newServer(host) {
    const folder = path.join(this.#folder, host);
    await this.#command("external-broker", "--host", host, "--out", folder);
    return { cert: path.join(folder, "server.pem"), key: path.join(folder, "server.key") };
  }

  /** Has signaling send `message` to all on the robot's channel; gives how many sockets got it. */
  async sendAsService(operator, robot, message) {
    const url = new URL(`/robots/${robot}/signaling`, this.secureUrl);
    const asked = request(url, { method: "POST", ...operator });
    asked.end(JSON.stringify({ send: message }));
    const [answer] = await once(asked, "response");
    const body = JSON.parse((await answer.toArray()).join(""));
    if (answer.statusCode !== 200) throw new Error(`${message}: ${answer.statusCode}, ${body.message}`);
    return body.sockets;
  }

  /**
   * A robot that is set up and running; `config` is laid over its config.json, and `env` over
   * the environment.
   */
  async startRobot(name, config = {}, env = {}) {
    if (!this.#robots.has(name)) await this.newRobot(name, config);
    const { folder } = this.#robots.get(name);
    const log = path.join(this.#folder, `${name}.log`);
    const agent = new Process("robot-agent", ["--config", path.join(folder, "config.json"), "run"], log, { env, within: this.#place.robot });
    const wheels = new Wheels(path.join(folder, "wheels.jsonl"));
    const robot = { name, folder, agent, wheels, log: () => readFileSync(log, "utf8") };
    this.#robots.set(name, robot);
    return robot;
  }

  /** A robot that is set up and not yet running. */
  async newRobot(name, config = {}) {
    const folder = path.join(this.#folder, name);
    await this.#command("new-robot", name, "--out", folder, "--host", this.#place.robotHost);
    const file = path.join(folder, "config.json");
    const made = JSON.parse(readFileSync(file, "utf8"));
    const { robotHost } = this.#place;
    const host = robotHost.includes(":") ? `[${robotHost}]` : robotHost;
    const here = {
      IOT_CORE_ENDPOINT: `${host}:${port(this.ready.mqtt)}`,
      IOT_GET_CREDENTIAL_ENDPOINT: `${host}:${port(this.ready.https)}`,
      KVS_ENDPOINT: `https://${host}:${port(this.ready.https)}`,
      motors: { driver: "simulated", transcript: "wheels.jsonl" },
      // So that a transcript has what was asked for, also on a machine that is busy.
      drive: { ramp_ms: 0, turn_only_from_ms: 0 },
      video: { source: "off" },
    };
    writeFileSync(file, JSON.stringify({ ...made, ...here, ...config }));
    this.#robots.set(name, { folder });
  }

  /** Waits until the station has heard from the robot. */
  async sees(robot, key) {
    await eventually(`${robot} is online`, async () => {
      const answer = await fetch(new URL("/robots", this.url), { headers: { "x-api-key": key } });
      const { robots } = await answer.json();
      return robots.some(({ name, online }) => name === robot && online);
    });
  }

  /** Ends everything. The logs stay, under target/browser. */
  async stop() {
    for (const { agent } of this.#robots.values()) await agent?.stop();
    await this.station?.stop();
    const kept = path.join(ROOT, "target", "browser", "logs", this.#name);
    mkdirSync(kept, { recursive: true });
    for (const { log } of [this.station, ...[...this.#robots.values()].map(({ agent }) => agent)].filter(Boolean)) {
      copyFileSync(log, path.join(kept, path.basename(log)));
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function port(address) {
  return address.slice(address.lastIndexOf(":") + 1);
}
