// A headless Chromium from the distribution, that talks to nobody but us.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** `more` are further arguments, `options` Playwright's own. */
export function launch(more = [], options = {}) {
  return start(chromiumHere(), more, options);
}

/** One that is started by `words`: within a network namespace, for example. */
export async function launchWithin(words) {
  const folder = mkdtempSync(path.join(tmpdir(), "outpost-chromium-"));
  const program = path.join(folder, "chromium");
  writeFileSync(program, `#!/bin/sh\nexec ${words.join(" ")} ${chromiumHere()} "$@"\n`, { mode: 0o755 });
  try {
    return await start(program);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function chromiumHere() {
  const program = process.env.CHROMIUM ?? PROGRAMS.find((path) => existsSync(path));
  if (program === undefined) throw new Error("no Chromium: run scripts/setup --tests");
  return program;
}

function start(program, more = [], options = {}) {
  return chromium.launch({
    ...options,
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
