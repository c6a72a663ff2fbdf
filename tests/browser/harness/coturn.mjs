// A coturn in the internet, in the place of the station's own relay.

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { INTERNET } from "./home_networks.mjs";
import { Process, ROOT } from "./process.mjs";

const SECRET = "north";
const PORT = 3478;

/** Where it speaks TLS, once it has a certificate. */
const TLS_PORT = 5349;

export class Coturn {
  #folder = mkdtempSync(path.join(tmpdir(), "outpost-coturn-"));
  #process;

  constructor() {
    writeFileSync(this.#secret, SECRET);
  }

  get #secret() {
    return path.join(this.#folder, "secret");
  }

  /** Options of `ground-station run`. */
  get options() {
    return ["--external-turn", `${INTERNET}:${PORT}`, "--external-turn-tls", `${INTERNET}:${TLS_PORT}`, "--external-turn-secret", this.#secret];
  }

  /** `more` are further options of its own. */
  start(networks, ...more) {
    const options = [
      "-n", "--verbose", "--log-file=stdout", "--no-cli", "--no-dtls", "--realm=outpost",
      `--listening-ip=${INTERNET}`, `--listening-port=${PORT}`, `--tls-listening-port=${TLS_PORT}`, `--relay-ip=${INTERNET}`,
      `--userdb=${path.join(this.#folder, "turndb")}`, `--pidfile=${path.join(this.#folder, "pid")}`,
      "--use-auth-secret", `--static-auth-secret=${SECRET}`, ...more,
    ];
    this.#process = new Process("/usr/bin/turnserver", options, this.#logFile, { within: networks.at("internet") });
  }

  get #logFile() {
    return path.join(this.#folder, "coturn.log");
  }

  log() {
    return readFileSync(this.#logFile, "utf8");
  }

  /** The log stays, under target/browser. */
  async stop(name) {
    await this.#process?.stop();
    const kept = path.join(ROOT, "target", "browser", "logs", name);
    mkdirSync(kept, { recursive: true });
    if (this.#process) copyFileSync(this.#logFile, path.join(kept, "coturn.log"));
    rmSync(this.#folder, { recursive: true });
  }
}
