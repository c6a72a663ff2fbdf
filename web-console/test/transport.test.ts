import { expect, test } from "vitest";
import { send, broadcast } from "../src/drive/transport";
import type { Action } from "../src/wire";

const forward: Action = { action: "forward" };
const stop: Action = { action: "stop" };

function transports(canSend: boolean, takes = true) {
  const went: string[] = [];
  return {
    went,
    dataChannel: {
      canSend,
      send: (action: Action) => {
        if (takes) went.push(`data-channel ${action.action}`);
        return takes;
      },
    },
    http: { post: (action: Action) => void went.push(`http ${action.action}`), clear: () => void went.push("clear") },
  };
}

test("a motion takes the data channel and nothing else", () => {
  const all = transports(true);
  expect(send(all, forward)).toBe("data-channel");
  expect(all.went).toEqual(["clear", "data-channel forward"]);
});

test("without a data channel it takes HTTP", () => {
  const all = transports(false);
  expect(send(all, forward)).toBe("http");
  expect(all.went).toEqual(["http forward"]);
});

test("a motion that a full data channel does not take is not sent at all", () => {
  const all = transports(true, false);
  send(all, forward);
  expect(all.went).toEqual(["clear"]);
});

test("rest that a full data channel does not take goes over HTTP", () => {
  for (const rest of [stop, { action: "drive", linear: 0, angular: 0 } as const]) {
    const all = transports(true, false);
    send(all, rest);
    expect(all.went).toEqual(["clear", `http ${rest.action}`]);
  }
});

test("a pressed stop takes every transport", () => {
  const all = transports(true);
  broadcast(all, stop);
  expect(all.went).toEqual(["data-channel stop", "http stop"]);
});

test("without any transport nothing is promised", () => {
  expect(send({ ...transports(false), http: null }, forward)).toBe("none");
});
