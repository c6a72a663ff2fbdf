import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Held, type Direction, type Twist } from "../src/drive/input";
import { motion, newSender, Pilot } from "../src/drive/scheduler";
import type { Action } from "../src/wire";

interface Example {
  payload: Record<string, unknown>;
  twist: [number, number];
}

const { accepted } = JSON.parse(
  readFileSync(new URL("../../wire/examples/actions.json", import.meta.url), "utf8"),
) as { accepted: Example[] };

const now = { steady: 0, unix: 1763690000123.4 };
const directions: Direction[] = ["forward", "backwards", "left", "right"];

/** Every twist that hands can hold: all sets of arrows, and a stick all around its field. */
function everyTwist(): Twist[] {
  const held = Array.from({ length: 16 }, (_, set) => {
    const hands = new Held();
    directions.forEach((direction, bit) => (set >> bit) & 1 && hands.press(direction, direction));
    return hands.twist;
  });
  const places = Array.from({ length: 25 }, (_, i) => i / 12 - 1);
  const tilted = places.flatMap((x) =>
    places.map((y) => {
      const hands = new Held();
      hands.tilt("stick", x * 1.3, y * 1.3);
      return hands.twist;
    }),
  );
  return [...held, ...tilted].filter((twist) => twist !== null);
}

/** Every action the page can produce, with the twist it was made from. */
function everyAction(): { action: Action; twist: Twist }[] {
  const moved = everyTwist().flatMap((twist) =>
    [0.1, 0.5, 1].map((speed) => {
      const pilot = new Pilot(newSender("someone with a very long name, ".repeat(9), 0xffffffff));
      return { action: pilot.next(twist, speed, now)!, twist };
    }),
  );
  return [...moved, { action: new Pilot("page").halt(now), twist: { linear: 0, angular: 0 } }];
}

test("every action is like an accepted example: its word, its fields and their types", () => {
  for (const { action } of everyAction()) {
    const alike = accepted.filter(({ payload }) => payload["action"] === action.action);
    expect(alike, action.action).not.toHaveLength(0);
    for (const [field, value] of Object.entries(action)) {
      const types = accepted.flatMap(({ payload }) =>
        field in payload && payload["action"] !== "stop" ? [typeof payload[field]] : [],
      );
      if (field === "action") continue;
      expect(types, `${field} is in no accepted example`).toContain(typeof value);
    }
  }
});

test("an action without numbers means what the example of that word means", () => {
  for (const { action, twist } of everyAction()) {
    const example = accepted.find(({ payload }) => payload["action"] === action.action)!;
    const meant = action.action === "drive" ? [action.linear, action.angular] : example.twist;
    expect(meant).toEqual([twist.linear, twist.angular]);
  }
});

test("every number is in the range that the robot accepts", () => {
  for (const { action } of everyAction()) {
    for (const part of [action.linear ?? 0, action.angular ?? 0]) expect(Math.abs(part)).toBeLessThanOrEqual(1);
    if (action.speed !== undefined) expect(action.speed > 0 && action.speed <= 1).toBe(true);
    expect(Number.isSafeInteger(action.seq) && Number.isSafeInteger(action.sent_at)).toBe(true);
    expect(new TextEncoder().encode(action.sender).length).toBeLessThanOrEqual(64);
    expect(JSON.stringify(action).length).toBeLessThan(1024);
  }
});

test("a drive action has both parts, and no other action has either", () => {
  for (const { action } of everyAction()) {
    const drives = action.action === "drive";
    expect([("linear" in action), ("angular" in action)]).toEqual([drives, drives]);
  }
});

test("a full arrow is the sample's word", () => {
  expect(motion({ linear: 1, angular: 0 })).toEqual({ action: "forward" });
  expect(motion({ linear: 0, angular: -1 })).toEqual({ action: "right" });
});
