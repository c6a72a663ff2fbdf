// Taps and clicks: long enough to be seen, and never longer than anything that stops.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ButtonPress, CLICK_MS, TAP_MS } from "../src/drive/button-press";
import { Input } from "../src/drive/input";

let input: Input;
let press: ButtonPress;

beforeEach(() => {
  vi.useFakeTimers();
  input = new Input();
  press = new ButtonPress(input, () => performance.now());
});

afterEach(() => void vi.useRealTimers());

const held = () => [...input.directions];

test("a tap of no time at all lasts as long as a tap", () => {
  press.down("finger", "forward");
  press.up("finger");
  vi.advanceTimersByTime(TAP_MS - 1);
  expect(held()).toEqual(["forward"]);
  vi.advanceTimersByTime(1);
  expect(held()).toEqual([]);
});

test("a long press ends with its release", () => {
  press.down("finger", "left");
  vi.advanceTimersByTime(TAP_MS);
  press.up("finger");
  expect(held()).toEqual([]);
});

test("a click without a press is one pulse", () => {
  press.click("click", "right");
  vi.advanceTimersByTime(CLICK_MS - 1);
  expect(held()).toEqual(["right"]);
  vi.advanceTimersByTime(1);
  expect(held()).toEqual([]);
});

test("clicks one after the other drive on", () => {
  press.click("click", "forward");
  vi.advanceTimersByTime(CLICK_MS / 2);
  press.click("click", "forward");
  vi.advanceTimersByTime(CLICK_MS - 1);
  expect(held()).toEqual(["forward"]);
  vi.advanceTimersByTime(1);
  expect(held()).toEqual([]);
});

test("what ends every hold ends a tap, and its timer brings nothing back", () => {
  press.down("finger", "forward");
  press.up("finger");
  input.releaseAll();
  expect(held()).toEqual([]);
  vi.advanceTimersByTime(TAP_MS);
  expect(held()).toEqual([]);
});

test("a finger that slides away ends at once", () => {
  press.down("finger", "forward");
  press.cancel("finger");
  expect(held()).toEqual([]);
});

test("a second press of the same finger is not ended by the first one's timer", () => {
  press.down("finger", "forward");
  press.up("finger");
  vi.advanceTimersByTime(TAP_MS / 2);
  press.down("finger", "forward");
  vi.advanceTimersByTime(TAP_MS);
  expect(held()).toEqual(["forward"]);
});

test("a release that was never pressed does nothing", () => {
  press.up("finger");
  vi.runAllTimers();
  expect(held()).toEqual([]);
});
