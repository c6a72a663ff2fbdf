import { expect, test } from "vitest";
import { Input } from "../src/drive/input";

test("nothing held is rest", () => {
  expect(new Input().twist).toBeNull();
});

test("one arrow is a full motion", () => {
  const input = new Input();
  input.press("ArrowLeft", "left");
  expect(input.twist).toEqual({ linear: 0, angular: 1 });
});

test("two arrows are a curve that no wheel has to clip", () => {
  const input = new Input();
  input.press("ArrowDown", "backwards");
  input.press("ArrowRight", "right");
  const { linear, angular } = input.twist!;
  expect(linear).toBeLessThan(0);
  expect(angular).toBeLessThan(0);
  expect(Math.abs(linear) + Math.abs(angular)).toBeLessThanOrEqual(1);
});

test("opposite arrows cancel each other", () => {
  const input = new Input();
  input.press("KeyW", "forward");
  input.press("KeyS", "backwards");
  expect(input.twist).toBeNull();
});

test("one of two keys for the same direction can be let go", () => {
  const input = new Input();
  input.press("KeyW", "forward");
  input.press("ArrowUp", "forward");
  input.release("KeyW");
  expect(input.twist).toEqual({ linear: 1, angular: 0 });
});

test("letting go of everything is rest", () => {
  const input = new Input();
  input.press("KeyW", "forward");
  input.setAxes("stick", 0.5, 0.5);
  input.releaseAll();
  expect(input.twist).toBeNull();
  expect(input.directions.size).toBe(0);
});

test("a stick is proportional, up is forward and right is clockwise", () => {
  const input = new Input();
  input.setAxes("stick", 0.5, 0.5);
  const half = input.twist!;
  expect(half.linear).toBeGreaterThan(0.3);
  expect(half.angular).toBeLessThan(-0.3);
  input.setAxes("stick", 0, 1);
  expect(input.twist).toEqual({ linear: 1, angular: 0 });
});

test("a stick near its middle is at rest, and starts gently beyond", () => {
  const input = new Input();
  input.setAxes("stick", 0.08, -0.08);
  expect(input.twist).toBeNull();
  input.setAxes("stick", 0, 0.14);
  expect(input.twist!.linear).toBeLessThan(0.05);
});

test("a stick that reports no number is at rest", () => {
  const input = new Input();
  input.setAxes("stick", Number.NaN, 1);
  expect(input.twist).toBeNull();
});

test("a stick past its edge is not faster than full", () => {
  const input = new Input();
  input.setAxes("stick", 3, 4);
  const { linear, angular } = input.twist!;
  expect(Math.hypot(linear, angular)).toBeCloseTo(1, 2);
});

test("a stick in use wins over arrows", () => {
  const input = new Input();
  input.press("KeyW", "forward");
  input.setAxes("gamepad", 0, -1);
  expect(input.twist!.linear).toBe(-1);
});
