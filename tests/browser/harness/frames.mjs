// How long a picture stands still, and whether it is the picture's fault.

import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { eventually } from "./eventually.mjs";

/** A picture may stand still for so long, whatever happens beside it. */
const STILL_MS = 500;

/** A machine that keeps this page or this test from running for so long proves nothing. */
const STARVED_MS = 250;

/** How often that is believed. */
const TRIES = 4;

/** Frames painted after an event before it counts as over. */
const FRAMES_AFTER = 45;

/**
 * Lets `event` happen while `page` watches, and fails if the picture stood still. Where the
 * machine has kept this very page or this test from running meanwhile, it happens again.
 * Gives the longest time between two frames.
 */
export async function keepsMoving(page, event) {
  for (let tries = 1; ; tries += 1) {
    const { stillMs, starvedMs } = await observed(page, event);
    if (stillMs <= STILL_MS) return Math.round(stillMs);
    const words = `the picture stood still for ${Math.round(stillMs)} ms; the page itself for ${Math.round(starvedMs)} ms`;
    assert.ok(starvedMs > STARVED_MS, words);
    assert.ok(tries < TRIES, `${words}, again and again: this machine is too busy to tell`);
  }
}

async function observed(page, event) {
  const own = monitorEventLoopDelay({ resolution: 10 });
  await page.evaluate(note);
  const painted = () => page.evaluate(() => window.noted.frames);
  await eventually("frames are painted", async () => (await painted()) > 1);
  own.enable();
  await event();
  const before = await painted();
  await eventually("frames are painted afterwards", async () => (await painted()) > before + FRAMES_AFTER);
  own.disable();
  const { stillMs, starvedMs } = await page.evaluate(() => window.noted.end());
  return { stillMs, starvedMs: Math.max(starvedMs, own.max / 1e6) };
}

/**
 * Runs in the page: notes the longest time between two frames of the video, and between two
 * of the page itself, which are made by the same threads.
 */
function note() {
  const video = document.querySelector("video");
  const gaps = () => {
    let last;
    return { longest: 0, at(now) { this.longest = Math.max(this.longest, now - (last ?? now)); last = now; } };
  };
  const [picture, own] = [gaps(), gaps()];
  const noted = { frames: 0 };
  const painted = () => {
    if (window.noted !== noted) return;
    noted.frames += 1;
    picture.at(performance.now());
    video.requestVideoFrameCallback(painted);
  };
  const pulse = () => {
    if (window.noted !== noted) return;
    own.at(performance.now());
    requestAnimationFrame(pulse);
  };
  noted.end = () => {
    window.noted = null;
    // What has not come yet is late by so much already.
    if (noted.frames > 0) picture.at(performance.now());
    return { stillMs: picture.longest, starvedMs: own.longest };
  };
  window.noted = noted;
  video.requestVideoFrameCallback(painted);
  requestAnimationFrame(pulse);
}
