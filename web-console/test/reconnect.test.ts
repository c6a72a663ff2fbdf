import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { backoff, ReconnectLoop, type Waiting } from "../src/reconnect";

const window = new EventTarget();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
  vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A running loop whose attempts the test ends. */
function running(ended: (why: unknown) => string | null = String) {
  const ends: ((why: string) => void)[] = [];
  const waits: Waiting[] = [];
  const loop = new ReconnectLoop({
    attempt: () => new Promise<string>((end) => ends.push(end)),
    ended,
    waiting: (state) => waits.push(state),
  });
  const over = loop.run();
  const end = async (why: string) => {
    ends.at(-1)!(why);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { loop, waits, end, over, attempts: () => ends.length };
}

test("waits grow, differ between pages, and stay bearable", () => {
  expect(backoff(1, 0)).toBeLessThan(backoff(2, 0));
  expect(backoff(3, 0)).not.toBe(backoff(3, 0.9));
  expect(backoff(60, 0.999)).toBeLessThanOrEqual(8000);
  expect(backoff(1, 0)).toBeGreaterThan(0);
});

test("an attempt that ends is followed by another, after a wait that says why", async () => {
  const { waits, end, attempts } = running();
  await end("cut");
  expect(waits).toMatchObject([{ is: "waiting", why: "cut" }]);
  expect(attempts()).toBe(1);
  await vi.advanceTimersByTimeAsync(waits[0]!.untilMs - Date.now());
  expect(attempts()).toBe(2);
});

test("waits grow with failures in a row, and a success makes them short again", async () => {
  const { loop, waits, end } = running();
  const lengths: number[] = [];
  for (let i = 0; i < 6; i += 1) {
    if (i === 5) loop.succeeded();
    await end("cut");
    lengths.push(waits.at(-1)!.untilMs - Date.now());
    loop.retryNow();
    await vi.advanceTimersByTimeAsync(0);
  }
  expect(lengths[4]).toBeGreaterThan(lengths[0]!);
  expect(lengths[5]).toBeLessThanOrEqual(400);
});

test("a network that is back, or whoever knows better, ends the wait", async () => {
  const { loop, end, attempts } = running();
  await end("cut");
  window.dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(0);
  expect(attempts()).toBe(2);
  await end("cut");
  loop.retryNow();
  await vi.advanceTimersByTimeAsync(0);
  expect(attempts()).toBe(3);
});

test("where there is nothing to connect to it waits to be woken", async () => {
  const { loop, waits, end, attempts } = running(() => null);
  await end("off");
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect([attempts(), waits.length]).toEqual([1, 0]);
  loop.retryNow();
  await vi.advanceTimersByTimeAsync(0);
  expect(attempts()).toBe(2);
});

test("once closed it is over, whether it waits or connects", async () => {
  const waiting = running();
  await waiting.end("cut");
  waiting.loop.close();
  await waiting.over;
  const connecting = running();
  connecting.loop.close();
  await connecting.end("late");
  await connecting.over;
  expect([waiting.attempts(), connecting.attempts(), connecting.waits.length]).toEqual([1, 1, 0]);
});
