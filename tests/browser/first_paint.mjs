// How long until the sign-in page is painted on a slow 3G path (400 kbit/s, 400 ms there and back), as Chromium's own
// developer tools slow it down: `node first_paint.mjs` prints the milliseconds of five loads with nothing kept.

import { launch } from "./chromium.mjs";
import { Outpost } from "./harness/outpost.mjs";

const SLOW_3G = { offline: false, latency: 400, downloadThroughput: 400_000 / 8, uploadThroughput: 400_000 / 8 };
const LOADS = 5;

const outpost = await Outpost.start("first-paint");
const browser = await launch();
try {
  const times = [];
  for (let load = 0; load < LOADS; load++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    await devtools.send("Network.enable");
    await devtools.send("Network.emulateNetworkConditions", SLOW_3G);
    await page.goto(outpost.url);
    await page.getByLabel("User").waitFor();
    times.push(await page.evaluate(() => Math.round(performance.getEntriesByName("first-contentful-paint")[0].startTime)));
    await context.close();
  }
  console.log(JSON.stringify({ first_paint_ms: times.sort((a, b) => a - b) }));
} finally {
  await browser.close();
  await outpost.stop();
}
