// The page in the language of its reader.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { Outpost } from "./harness/outpost.mjs";
import { open } from "./harness/page.mjs";

let outpost, browser;

before(async () => {
  outpost = await Outpost.start("language");
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await outpost?.stop();
});

test("the browser's language is the page's, and only that one is loaded", async () => {
  const { page, context } = await open(browser, { locale: "de-AT" });
  const scripts = [];
  page.on("request", (request) => request.resourceType() === "script" && scripts.push(new URL(request.url()).pathname));
  await page.goto(outpost.url);
  await page.getByRole("button", { name: "Anmelden" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  assert.deepEqual(scripts.map((script) => script.match(/(\w+)-/)[1]).sort(), ["de", "index"]);
  await context.close();
});

test("another language can be chosen, and is remembered", async () => {
  const { page, context } = await open(browser, { locale: "en-GB" });
  await page.goto(outpost.url);
  await page.getByRole("combobox", { name: "Language" }).selectOption("Nederlands");
  await page.getByRole("button", { name: "Aanmelden" }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Aanmelden" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "nl");
  await context.close();
});

test("where a language cannot be loaded, English is there", async () => {
  const { page, context } = await open(browser, { locale: "es" });
  await page.route(/\/es-[^/]+\.js$/, (route) => route.abort());
  await page.goto(outpost.url);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  await context.close();
});
