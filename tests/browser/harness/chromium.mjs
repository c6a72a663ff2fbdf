// A real Chromium, as the distribution has it.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/snap/bin/chromium"];

/** It talks to nobody but the page, needs no GPU, and plays video without being asked. */
const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

export function launch() {
  const executablePath = process.env.OUTPOST_CHROMIUM ?? PLACES.find(existsSync);
  if (executablePath === undefined) throw new Error(`no Chromium at any of ${PLACES.join(", ")}`);
  return chromium.launch({ executablePath, args: ARGS });
}

/** A page that fails the test when a script of it fails; gives its errors. */
export async function open(browser, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error));
  return { context, page, errors };
}

export async function signIn(page, url, user, password) {
  await page.goto(url);
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}
