// A viewer, or a sender, in a real Chromium that `bench-video` holds in its hand: each line on stdin is a
// call on `viewer` of page.js, each line on stdout what it gave. The end of stdin ends it.

import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { launch } from "../../tests/browser/chromium.mjs";

// Addresses as they are: two browsers have to find each other without mDNS.
const browser = await launch(["--disable-features=WebRtcHideLocalIpsWithMdns"]);
const page = await browser.newPage({ viewport: { width: 1320, height: 800 } });
await page.addScriptTag({ path: fileURLToPath(new URL("page.js", import.meta.url)) });
console.log(JSON.stringify({ gave: browser.version() }));

for await (const line of createInterface({ input: process.stdin })) {
  const { call, argument } = JSON.parse(line);
  const answer = await page
    .evaluate(([call, argument]) => window.viewer[call](argument), [call, argument])
    .then((gave) => ({ gave: gave ?? null }))
    .catch((error) => ({ failed: error.message }));
  console.log(JSON.stringify(answer));
}
await browser.close();
