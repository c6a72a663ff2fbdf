// Who drove, in words.

import { expect, test } from "vitest";
import { sentence } from "../src/page/drives-card";
import type { DriveEntry, Sender } from "../src/wire";

const ada: Sender = { id: "ada-1f", user: "user-ada", via: "data-channel" };
const program: Sender = { id: "mqtt", via: "mqtt" };

test.each<[Omit<DriveEntry, "at_ms">, string]>([
  [{ event: "began", driver: ada }, "ada drives, by data channel"],
  [{ event: "took-over", driver: program, from: ada }, "a program took over from ada, by the station"],
  [{ event: "stopped", driver: program, by: ada }, "a program was stopped by ada"],
  [{ event: "stopped", driver: program }, "a program was stopped by somebody"],
  [{ event: "ended", driver: ada }, "ada ended"],
  [{ event: "lost", driver: ada }, "The robot was lost; ada was driving"],
  [{ event: "paused" as DriveEntry["event"], driver: ada }, "ada: paused"],
])("%o", (entry, said) => {
  expect(sentence({ at_ms: 0, ...entry })).toBe(said);
});
