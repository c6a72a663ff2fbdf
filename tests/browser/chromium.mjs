// A headless Chromium from the distribution, that talks to nobody but us.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export function launch(more = []) {
  const program = process.env.CHROMIUM ?? PROGRAMS.find((path) => existsSync(path));
  if (program === undefined) throw new Error("no Chromium: run scripts/setup --tests");
  return chromium.launch({
    executablePath: program,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
      ...more,
    ],
  });
}
