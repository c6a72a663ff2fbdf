// A viewer, or a sender, in a real Chromium: each call is one on `viewer` of page.js. Its arguments are Chromium's, and
// further scripts for the page.

import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { launch } from "../../tests/browser/chromium.mjs";
import { serve } from "./calls.mjs";

const [flags, scripts] = [true, false].map((wanted) => process.argv.slice(2).filter((argument) => argument.startsWith("--") === wanted));
// A page from this machine may open the microphone, an empty one may not.
const server = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html>"));
await new Promise((listens) => server.listen(0, "127.0.0.1", listens));
// Addresses as they are: two browsers have to find each other without mDNS.
const browser = await launch(["--disable-features=WebRtcHideLocalIpsWithMdns", ...flags]);
const page = await browser.newPage({ viewport: { width: 1320, height: 800 } });
await page.goto(`http://127.0.0.1:${server.address().port}/`);
for (const path of [fileURLToPath(new URL("page.js", import.meta.url)), ...scripts]) await page.addScriptTag({ path });
await serve(browser.version(), (call, argument) =>
  page.evaluate(([call, argument]) => window.viewer[call](argument), [call, argument]),
);
await browser.close();
server.close();
