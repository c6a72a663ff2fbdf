// An operator at our own page in a real Chromium: presses keys, and says how long after each press the first
// frame was painted in which the robot's world had moved.
//
// usage: node hand.mjs URL USER PASSWORD

import { launch } from "../../tests/browser/chromium.mjs";
import { open, signIn } from "../../tests/browser/harness/page.mjs";
import { connected } from "../../tests/browser/harness/scene.mjs";
import { serve } from "./calls.mjs";

/** To the left and back, so that the robot stays where it is. */
const KEYS = ["a", "d"];

const [url, user, password] = process.argv.slice(2);
const browser = await launch();
const { page } = await open(browser, { viewport: { width: 1320, height: 900 } });
await signIn(page, url, user, password);
await connected(page);
await page.evaluate(watchMotion);

const calls = {
  /** Milliseconds from each of `count` presses to the first frame that shows it. */
  async presses({ count }) {
    const took = [];
    for (let n = 0; n < count; n += 1) {
      const key = KEYS[n % KEYS.length];
      await page.evaluate(() => window.motion.rest());
      await page.evaluate(() => window.motion.expect());
      await page.keyboard.down(key);
      took.push(await page.evaluate(() => window.motion.seen()));
      await page.keyboard.up(key);
    }
    return took;
  },
};
await serve(browser.version(), (call, argument) => calls[call](argument));
await browser.close();

/** Runs in the page. */
function watchMotion() {
  // Small enough to be compared with each frame that comes.
  const [WIDTH, HEIGHT] = [160, 120];
  // Mean difference of a pixel's green, of 255: of two frames at rest, at most; of one that moved, at least.
  const AT_REST = 0.1;
  const MOVED = 0.5;
  const FRAMES_AT_REST = 15;

  const video = document.querySelector("video");
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let moved;

  const nextFrame = () => new Promise((painted) => video.requestVideoFrameCallback(() => painted()));

  function picture() {
    context.drawImage(video, 0, 0, WIDTH, HEIGHT);
    return context.getImageData(0, 0, WIDTH, HEIGHT).data.filter((_, at) => at % 4 === 1);
  }

  function difference(one, other) {
    let sum = 0;
    for (let at = 0; at < one.length; at += 1) sum += Math.abs(one[at] - other[at]);
    return sum / one.length;
  }

  async function motionAfter(pressed, before) {
    for (;;) {
      await nextFrame();
      const at = performance.now();
      if (difference(before, picture()) > MOVED) return at - (await pressed);
    }
  }

  window.motion = {
    /** Waits until the world stands still. */
    async rest() {
      for (let still = 0, last = picture(); still < FRAMES_AT_REST; ) {
        await nextFrame();
        const now = picture();
        still = difference(last, now) < AT_REST ? still + 1 : 0;
        last = now;
      }
    },

    /** Compares from now on; time begins with the next key, when the browser got it. */
    expect() {
      const pressed = new Promise((down) =>
        addEventListener("keydown", ({ timeStamp }) => down(timeStamp), { capture: true, once: true }),
      );
      moved = motionAfter(pressed, picture());
    },

    seen: () => moved,
  };
}
