// A browser with a window on a screen of its own, and the hands of somebody who sits before it: what
// they do goes through the X server, as a keyboard's and a mouse's events do.

import { spawn, execFileSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { launch } from "../chromium.mjs";

export class Screen {
  /** A screen and a Chromium with a window on it. */
  static async start() {
    const screen = new Screen();
    screen.server = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp"], {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    const [number] = await once(createInterface({ input: screen.server.stdio[3] }), "line");
    screen.display = `:${number}`;
    screen.browser = await launch(["--window-position=0,0", "--window-size=1200,850"], { headless: false, env: screen.env });
    return screen;
  }

  get env() {
    return { ...process.env, DISPLAY: this.display };
  }

  /** Words of xdotool: `screen.hands("keydown", "w")`. */
  hands(...words) {
    return execFileSync("xdotool", words, { env: this.env, encoding: "utf8" }).trim();
  }

  /** Moves the mouse over the middle of an element. */
  async point(page, selector) {
    const [x, y] = await page.evaluate((selector) => {
      const box = document.querySelector(selector).getBoundingClientRect();
      const [left, top] = [screenX + (outerWidth - innerWidth) / 2, screenY + outerHeight - innerHeight];
      return [left + box.x + box.width / 2, top + box.y + box.height / 2].map(Math.round);
    }, selector);
    this.hands("mousemove", String(x), String(y));
  }

  async stop() {
    await this.browser?.close();
    this.server.kill();
    await once(this.server, "exit");
  }
}
