import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Input, type Direction, type Twist } from "../src/drive/input";
import { newClientId } from "../src/drive/client-id";
import { motion, Scheduler } from "../src/drive/scheduler";
import { readMessage, type Action, type Request } from "../src/wire";

interface Example {
  payload: Record<string, unknown>;
  twist: [number, number];
}

const examples = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../wire/examples/${name}.json`, import.meta.url), "utf8"));

const { accepted } = examples("actions") as { accepted: Example[] };

const { viewer_to_robot: requests, robot_to_viewer: messages } = examples("data_channel") as {
  viewer_to_robot: { accepted: { text: string }[] };
  robot_to_viewer: { sent: { text: string; driver: string | null }[]; ignored: string[] };
};

const robotClock = { steady: 0, robot: 2 ** 52, unix: 1763690000123.4 };
const serverClock = { ...robotClock, robot: null };
const directions: Direction[] = ["forward", "backwards", "left", "right"];

/** Every twist that can be held: all sets of arrows, and a stick all around its field. */
function everyTwist(): Twist[] {
  const held = Array.from({ length: 16 }, (_, set) => {
    const input = new Input();
    directions.forEach((direction, bit) => (set >> bit) & 1 && input.press(direction, direction));
    return input.twist;
  });
  const places = Array.from({ length: 25 }, (_, i) => i / 12 - 1);
  const tilted = places.flatMap((x) =>
    places.map((y) => {
      const input = new Input();
      input.setAxes("stick", x * 1.3, y * 1.3);
      return input.twist;
    }),
  );
  return [...held, ...tilted].filter((twist) => twist !== null);
}

function newScheduler(): Scheduler {
  return new Scheduler(newClientId("someone with a very long name, ".repeat(9), 0xffffffff));
}

/** Every action the page can produce, with the twist it was made from. */
function everyAction(): { action: Action; twist: Twist }[] {
  const moved = everyTwist().flatMap((twist) =>
    [0.1, 0.5, 1].map((speed) => ({ action: newScheduler().next(twist, speed, robotClock)!, twist })),
  );
  const rests = [robotClock, serverClock].flatMap((now) => {
    const scheduler = newScheduler();
    scheduler.next({ linear: 1, angular: 0 }, 1, now);
    return [scheduler.next(null, 1, now)!, newScheduler().halt(now)];
  });
  return [...moved, ...rests.map((action) => ({ action, twist: { linear: 0, angular: 0 } }))];
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
    expect(Number.isSafeInteger(action.seq) && Number.isSafeInteger(action.clock_ms ?? action.sent_at)).toBe(true);
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

test("every message of the robot is read whole", () => {
  for (const { text, driver } of messages.sent) {
    const message = readMessage(text);
    expect(message, text).toEqual(JSON.parse(text));
    if (message?.driver !== undefined) expect(message.driver.name).toBe(driver);
  }
});

test("what is no message of the robot is ignored, and in a message what does not fit", () => {
  for (const text of messages.ignored) expect(readMessage(text) ?? {}, text).toEqual({});
  expect(readMessage("[1]")).toBeNull();
  expect(readMessage('{"pong":1,"driver":"anna"}')).toEqual({ pong: 1 });
  expect(readMessage(new ArrayBuffer(8))).toBeNull();
  expect(readMessage('{"pong":1,"mood":"good"}')?.pong).toBe(1);
});

test("what the page asks of the robot is among the accepted requests", () => {
  const asked: Request[] = [{ ping: 1 }, { release: true }];
  const texts = requests.accepted.map(({ text }) => text);
  for (const request of asked) expect(texts).toContain(JSON.stringify(request));
});
