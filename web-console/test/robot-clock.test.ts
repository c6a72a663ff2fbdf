import { expect, test } from "vitest";
import { RobotClock } from "../src/drive/robot-clock";

/** The robot's clock is this far ahead of ours in most tests. */
const AHEAD = 70_000_000;

/** A clock that has heard reports, each given by when it was written and by when it came. */
function heard(...reports: [writtenAt: number, cameAt: number][]): RobotClock {
  const clock = new RobotClock();
  clock.report(AHEAD - 3, -3);
  for (const [writtenAt, cameAt] of reports) clock.report(AHEAD + writtenAt, cameAt);
  return clock;
}

/** How far behind the robot's clock it is, in milliseconds. */
const behind = (clock: RobotClock, now: number) => AHEAD + now - (clock.at(now) ?? NaN);

test("it knows nothing before a report, and of the first not how old it is", () => {
  const clock = new RobotClock();
  expect(clock.at(0)).toBeNull();
  clock.report(5_000, 100);
  expect(clock.at(200)).toBeNull();
  clock.report(6_000, 1_100);
  expect(clock.at(1_150)).toBe(6_050);
});

test.each<[string, [number, number][], number]>([
  ["one report is behind by its way", [[0, 40]], 40],
  ["the quickest report decides, also when later ones are slow", [[0, 200], [1000, 1020], [2000, 2190]], 20],
  ["a report of the slower road takes nothing from the quicker", [[0, 5], [1000, 1120], [1100, 1105], [2000, 2110]], 5],
  ["a burst after a stall of eight seconds does not count", [[0, 10], [1000, 9000], [2000, 9001], [3000, 9002], [8900, 9003]], 10],
  ["the quickest is forgotten after ten seconds", [[0, 10], [10_100, 10_200]], 100],
])("%s", (_, reports, ms) => {
  const clock = heard(...reports);
  expect(behind(clock, 20_000)).toBe(ms);
});

test("of a report that is sent again and again only the first time counts", () => {
  const clock = heard([0, 10], [1000, 1010]);
  for (let now = 1100; now < 6000; now += 100) clock.report(AHEAD + 1000, now);
  expect(behind(clock, 6000)).toBe(10);
});

test("a robot that slept is believed once all reports say so for more than a second", () => {
  const clock = heard([0, 10], [1000, 1010]);
  const slept = (now: number) => clock.report(AHEAD + now - 30_000, now);
  slept(2000);
  slept(3000);
  expect(behind(clock, 3000)).toBe(10);
  slept(3001);
  expect(behind(clock, 3001)).toBe(30_000);
});

test("a robot that was restarted is believed, whichever way its clock went", () => {
  for (const start of [5, AHEAD * 2]) {
    const clock = heard([0, 10]);
    for (const age of [0, 1000, 2000]) clock.report(start + age, 60_000 + age);
    expect(clock.at(62_500)).toBe(start + 2500);
  }
});

test("without any report for long the last estimate stays", () => {
  expect(behind(heard([0, 10]), 3_600_000)).toBe(10);
});

test("what is no clock is no report, and a stamp is a whole number that JSON keeps", () => {
  const clock = new RobotClock();
  for (const none of [undefined, NaN, -1, 1.5, Infinity, 2 ** 53]) clock.report(none, 0);
  expect(clock.at(0)).toBeNull();
  clock.report(2 ** 53 - 1000, 0);
  clock.report(2 ** 53 - 100, 900.5);
  expect(Number.isSafeInteger(clock.at(950))).toBe(true);
  expect(clock.at(2000)).toBeNull();
});

/** A seeded sequence of numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

test("for any delays, losses and stalls it is never ahead, and behind by no more than the quickest of ten seconds", () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const next = random(seed);
    const clock = heard();
    const sent: { written: number; came: number }[] = [];
    const [least, spread, stall] = [next() * 80, next() * 200, next() < 0.5 ? next() * 6000 : 0];
    for (let written = 0; written < 30_000; written += next() < 0.3 ? 100 : 1000) {
      const stalled = written > 10_000 && written < 10_000 + stall ? 10_000 + stall - written : 0;
      if (next() < 0.9) sent.push({ written, came: written + stalled + least + next() * spread });
    }
    sent.sort((a, b) => a.came - b.came);
    sent.forEach(({ written, came }, index) => {
      clock.report(AHEAD + written, came);
      const quickest = Math.min(...sent.slice(0, index + 1).filter((one) => came - one.came <= 10_000).map((one) => one.came - one.written));
      expect(behind(clock, came), `seed ${seed}`).toBeGreaterThanOrEqual(0);
      expect(behind(clock, came), `seed ${seed}`).toBeLessThanOrEqual(quickest + 250 + 1);
    });
  }
});
