// A camera that a test can unplug, for robots whose `video.source` is "libcamera".

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("camera.c", import.meta.url));

export class Camera {
  #folder = mkdtempSync(path.join(tmpdir(), "outpost-camera-"));

  /** Plugged in. */
  constructor() {
    const flags = execFileSync("pkg-config", ["--cflags", "--libs", "gstreamer-1.0"], { encoding: "utf8" });
    const plugin = path.join(this.#folder, "libunplugged.so");
    execFileSync("cc", ["-shared", "-fPIC", "-o", plugin, SOURCE, ...flags.trim().split(/\s+/)], { stdio: "pipe" });
    this.plugIn();
  }

  /** What a robot needs in its environment to have it; nothing of it is remembered elsewhere. */
  get env() {
    return { GST_PLUGIN_PATH: this.#folder, GST_REGISTRY: path.join(this.#folder, "registry"), OUTPOST_CAMERA: this.#plug };
  }

  plugIn() {
    writeFileSync(this.#plug, "");
  }

  unplug() {
    rmSync(this.#plug);
  }

  close() {
    rmSync(this.#folder, { recursive: true });
  }

  get #plug() {
    return path.join(this.#folder, "plugged-in");
  }
}
