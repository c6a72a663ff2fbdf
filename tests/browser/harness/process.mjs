// Real processes of this workspace, with their logs.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Where the binaries are: `OUTPOST_BIN`, or what `cargo build` makes. Others have a whole path. */
export function program(name) {
  return path.resolve(process.env.OUTPOST_BIN ?? path.join(ROOT, "target", "debug"), name);
}

/** How long a process may take to end when asked; then it is killed. */
const STOP_MS = 5_000;

export class Process {
  /**
   * stderr, and stdout too unless `stdout` is "pipe", go to the file `log`. It is started by
   * the words `within`, if there are any.
   */
  constructor(name, args, log, { stdout = "log", env = {}, within = [] } = {}) {
    const file = openSync(log, "a");
    this.name = name;
    this.log = log;
    const [first, ...rest] = [...within, program(name), ...args];
    this.child = spawn(first, rest, {
      stdio: ["ignore", stdout === "pipe" ? "pipe" : file, file],
      env: { ...process.env, ...env },
    });
    closeSync(file);
    this.ended = once(this.child, "exit");
    // A program that is not there is told by whoever waits for it.
    this.child.on("error", (error) => (this.error = error));
  }

  get running() {
    return this.child.exitCode === null && this.child.signalCode === null && this.error === undefined;
  }

  /** The end of the log, for the message of a failed test. */
  tail(lines = 25) {
    return readFileSync(this.log, "utf8").split("\n").slice(-lines).join("\n");
  }

  /** As an operator ends it. */
  async stop() {
    if (!this.running) return;
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), STOP_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** As a crash ends it. */
  async kill() {
    if (!this.running) return;
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** Runs a program to its end and gives what it printed. */
export async function output(name, args) {
  const child = spawn(program(name), args, { stdio: ["ignore", "pipe", "pipe"] });
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (part) => (printed.stdout += part));
  child.stderr.on("data", (part) => (printed.stderr += part));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${name} ${args.join(" ")} ended with ${code}: ${printed.stderr}`);
  return printed.stdout.trim();
}
