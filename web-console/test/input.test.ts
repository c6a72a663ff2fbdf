import { expect, test } from "vitest";
import { Held } from "../src/drive/input";

test("nothing held is rest", () => {
  expect(new Held().twist).toBeNull();
});

test("one arrow is a full motion", () => {
  const held = new Held();
  held.press("ArrowLeft", "left");
  expect(held.twist).toEqual({ linear: 0, angular: 1 });
});

test("two arrows are a curve that no wheel has to clip", () => {
  const held = new Held();
  held.press("ArrowDown", "backwards");
  held.press("ArrowRight", "right");
  const { linear, angular } = held.twist!;
  expect(linear).toBeLessThan(0);
  expect(angular).toBeLessThan(0);
  expect(Math.abs(linear) + Math.abs(angular)).toBeLessThanOrEqual(1);
});

test("opposite arrows cancel each other", () => {
  const held = new Held();
  held.press("KeyW", "forward");
  held.press("KeyS", "backwards");
  expect(held.twist).toBeNull();
});

test("one of two keys for the same direction can be let go", () => {
  const held = new Held();
  held.press("KeyW", "forward");
  held.press("ArrowUp", "forward");
  held.release("KeyW");
  expect(held.twist).toEqual({ linear: 1, angular: 0 });
});

test("letting go of everything is rest", () => {
  const held = new Held();
  held.press("KeyW", "forward");
  held.tilt("stick", 0.5, 0.5);
  held.releaseAll();
  expect(held.twist).toBeNull();
  expect(held.directions.size).toBe(0);
});

test("a stick is proportional, up is forward and right is clockwise", () => {
  const held = new Held();
  held.tilt("stick", 0.5, 0.5);
  const half = held.twist!;
  expect(half.linear).toBeGreaterThan(0.3);
  expect(half.angular).toBeLessThan(-0.3);
  held.tilt("stick", 0, 1);
  expect(held.twist).toEqual({ linear: 1, angular: 0 });
});

test("a stick near its middle is at rest, and starts gently beyond", () => {
  const held = new Held();
  held.tilt("stick", 0.08, -0.08);
  expect(held.twist).toBeNull();
  held.tilt("stick", 0, 0.14);
  expect(held.twist!.linear).toBeLessThan(0.05);
});

test("a stick that reports no number is at rest", () => {
  const held = new Held();
  held.tilt("stick", Number.NaN, 1);
  expect(held.twist).toBeNull();
});

test("a stick past its edge is not faster than full", () => {
  const held = new Held();
  held.tilt("stick", 3, 4);
  const { linear, angular } = held.twist!;
  expect(Math.hypot(linear, angular)).toBeCloseTo(1, 2);
});

test("a stick in use wins over arrows", () => {
  const held = new Held();
  held.press("KeyW", "forward");
  held.tilt("gamepad", 0, -1);
  expect(held.twist!.linear).toBe(-1);
});
