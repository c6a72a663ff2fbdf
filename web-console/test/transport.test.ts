import { expect, test } from "vitest";
import { read } from "../src/drive/gamepad";
import { send, sendEverywhere } from "../src/drive/transport";
import type { Action } from "../src/wire";

const forward: Action = { action: "forward" };
const stop: Action = { action: "stop" };

function roads(drives: boolean, takes = true) {
  const went: string[] = [];
  return {
    went,
    direct: {
      drives,
      send: (action: Action) => {
        if (takes) went.push(`direct ${action.action}`);
        return takes;
      },
    },
    post: { post: (action: Action) => void went.push(`http ${action.action}`), clear: () => void went.push("clear") },
  };
}

test("a motion takes the data channel and nothing else", () => {
  const all = roads(true);
  expect(send(all, forward)).toBe("direct");
  expect(all.went).toEqual(["clear", "direct forward"]);
});

test("without a data channel it takes HTTP", () => {
  const all = roads(false);
  expect(send(all, forward)).toBe("http");
  expect(all.went).toEqual(["http forward"]);
});

test("a motion that a full data channel does not take is not sent at all", () => {
  const all = roads(true, false);
  send(all, forward);
  expect(all.went).toEqual(["clear"]);
});

test("a stop that a full data channel does not take goes over HTTP", () => {
  const all = roads(true, false);
  send(all, stop);
  expect(all.went).toEqual(["clear", "http stop"]);
});

test("a pressed stop takes every road", () => {
  const all = roads(true);
  sendEverywhere(all, stop);
  expect(all.went).toEqual(["direct stop", "http stop"]);
});

test("without any road nothing is promised", () => {
  expect(send({ ...roads(false), post: null }, forward)).toBe("none");
});

const pad = (axes: number[], ...pressed: number[]) => ({
  axes,
  buttons: Array.from({ length: 17 }, (_, button) => ({ pressed: pressed.includes(button) })),
});

test("a gamepad's stick pushed up is forward", () => {
  expect(read(pad([0.25, -1]))).toEqual({ x: 0.25, y: 1, stop: false });
});

test("a gamepad's cross is a stick at its edge", () => {
  expect(read(pad([0, 0], 12))).toMatchObject({ x: 0, y: 1 });
  expect(read(pad([0, 0], 14))).toMatchObject({ x: -1, y: 0 });
});

test("a gamepad's east button stops", () => {
  expect(read(pad([0, 0], 1)).stop).toBe(true);
});

test("a gamepad with nothing on it is at rest", () => {
  expect(read({ axes: [], buttons: [] })).toEqual({ x: 0, y: 0, stop: false });
});
