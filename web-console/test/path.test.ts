// The line on the map, and what is said of it.

import { expect, test } from "vitest";
import { sentence } from "../src/page/map-card";
import { Path, scaleBar } from "../src/page/path";
import { readPose } from "../src/wire";

const pose = (x: number, y: number) => ({ x, y, theta: 0 });

test("a robot at rest draws nothing more, one that drives draws a line", () => {
  const path = new Path();
  for (const x of [0, 0.05, 0.12]) path.add(pose(x, 0));
  expect(path.points).toEqual([{ x: 0, y: 0 }, { x: 0.12, y: 0 }]);
});

test("a robot that began anew begins a new line", () => {
  const path = new Path();
  [0, 1, 2, 3].forEach((x) => path.add(pose(x, 0)));
  path.add(pose(-3, 0));
  expect(path.points).toEqual([{ x: -3, y: 0 }]);
});

test("an hour of driving stays a short list from start to end", () => {
  const path = new Path();
  for (let i = 0; i < 10_000; i++) path.add(pose(Math.cos(i / 10), i));
  expect(path.points.length).toBeLessThanOrEqual(2_000);
  expect(path.points[0]).toEqual({ x: 1, y: 0 });
  expect(path.points.at(-1)?.y).toBeGreaterThan(9_980);
});

test("the map shows all of the line, and never less than a room", () => {
  const path = new Path();
  path.add(pose(0, 0));
  expect(path.extent(pose(0, 0))).toEqual({ x: 0, y: 0, reach: 2 });
  path.add(pose(2, 0));
  path.add(pose(2, -2.5));
  path.add(pose(2, -5));
  path.add(pose(2, -7.5));
  path.add(pose(2, -10));
  const { x, y, reach } = path.extent(pose(2, -10));
  expect([x, y]).toEqual([1, -5]);
  expect(reach).toBeCloseTo(5.75);
});

test.each([
  [0.7, 0.5],
  [1, 1],
  [4.9, 2],
  [7, 5],
  [25, 20],
])("a bar of at most %d m is %d m", (most, bar) => {
  expect(scaleBar(most)).toBeCloseTo(bar);
});

test("where it is, in words", () => {
  expect(sentence(pose(1.24, -0.3))).toBe("The robot is 1.2 metres ahead and 0.3 metres right of where it started");
  expect(sentence(pose(-2, 4))).toBe("The robot is 2.0 metres behind and 4.0 metres left of where it started");
});

test.each([1, null, "pose", { x: 1 }, { x: "1", y: 0, theta: 0 }, { x: 1, y: null, theta: 0 }, { x: Infinity, y: 0, theta: 0 }])(
  "what is no pose is left out: %o",
  (value) => {
    expect(readPose(value)).toBe(undefined);
  },
);
