// A viewer, or a sender, in a real Chromium: each call is one on `viewer` of page.js.

import { fileURLToPath } from "node:url";
import { launch } from "../../tests/browser/chromium.mjs";
import { serve } from "./calls.mjs";

// Addresses as they are: two browsers have to find each other without mDNS.
const browser = await launch(["--disable-features=WebRtcHideLocalIpsWithMdns"]);
const page = await browser.newPage({ viewport: { width: 1320, height: 800 } });
await page.addScriptTag({ path: fileURLToPath(new URL("page.js", import.meta.url)) });
await serve(browser.version(), (call, argument) =>
  page.evaluate(([call, argument]) => window.viewer[call](argument), [call, argument]),
);
await browser.close();
