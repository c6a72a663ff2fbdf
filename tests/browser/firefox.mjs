// A headless Firefox from the distribution, driven by WebDriver BiDi.

import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";

const PROGRAMS = ["/usr/bin/firefox-esr", "/usr/bin/firefox"];

/** Without updates, and without the plugin for H.264 that it would fetch. */
const QUIET = { "app.update.enabled": false, "media.gmp-manager.updateEnabled": false, "media.autoplay.default": 0 };

/** Camera and microphone that are none, for pages that show and talk. */
const FAKE = { "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true };

export function launchFirefox() {
  const program = process.env.FIREFOX ?? PROGRAMS.find((path) => existsSync(path));
  if (program === undefined) throw new Error("no Firefox: run scripts/setup --tests");
  return puppeteer.launch({ browser: "firefox", executablePath: program, headless: true, acceptInsecureCerts: true, extraPrefsFirefox: { ...QUIET, ...FAKE } });
}
