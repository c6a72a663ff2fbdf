import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readReport, readTelemetry } from "../src/telemetry-shape";

const full = {
  online: true,
  version: "0.1.0",
  uptime_s: 7,
  clock_ms: 8,
  wheels: { left: 0.5, right: -0.5 },
  driver: { id: "anna-1f", user: "user-anna", via: "mqtt", age_ms: 3 },
  video: { viewers: 1, fps: 30, bitrate_kbps: 1000, key_frames: 2, encoders: ["x264enc"] },
  system: { cpu_temp_c: 50 },
  pose: { x: 1, y: 2, theta: 3 },
};

test("telemetry that is what it should be stays what it is", () => {
  expect(readTelemetry(full)).toEqual(full);
});

test("every part that a robot may report is known here", () => {
  const source = readFileSync(new URL("../src/wire.ts", import.meta.url), "utf8");
  const body = /export interface Telemetry \{([^]*?)\n\}/.exec(source)![1]!;
  const parts = [...body.matchAll(/^ {2}(\w+)\??:/gm)].map((found) => found[1]!);
  expect(parts.length).toBeGreaterThan(10);
  const shapes = readFileSync(new URL("../src/telemetry-shape.ts", import.meta.url), "utf8");
  for (const part of parts) expect(shapes).toMatch(new RegExp(`"?${part}\\??"?: `));
});

test("whatever stands in the place of a part, the others are shown and nothing throws", () => {
  const others: unknown[] = [null, 7, "7", true, [], {}, [[]], { toString: 1 }, NaN, 1e999, "x".repeat(1e5)];
  for (const part of Object.keys(full)) {
    for (const other of others) {
      const read = readTelemetry({ ...full, [part]: other });
      if (part === "online" && typeof other !== "boolean") expect(read).toBeNull();
      else expect(read).toMatchObject({ online: true });
      expect(JSON.stringify(read).length).toBeLessThan(2000);
      if (part !== "driver" && read !== null) expect(read.driver).toEqual(full.driver);
    }
  }
  for (const other of others) expect(readTelemetry(other)).toBeNull();
});

test("parts of parts are as little trusted", () => {
  const read = (part: object) => readTelemetry({ online: true, ...part });
  expect(read({ driver: { id: 7, via: "mqtt", age_ms: 3 } })).toEqual({ online: true });
  expect(read({ wheels: { left: "0.5", right: 0 } })).toEqual({ online: true });
  expect(read({ system: { cpu_temp_c: "hot", load1: 1 } })).toEqual({ online: true, system: { load1: 1 } });
  expect(read({ video: { ...full.video, encoders: [1, "x264enc", {}] } })?.video?.encoders).toEqual(["x264enc"]);
});

test("an event of the stream names its robot, or is none", () => {
  const report = { robot: "rover", online: true, received_ms: 7, telemetry: full };
  expect(readReport(report)).toEqual(report);
  expect(readReport({ ...report, telemetry: "x" })).toEqual({ ...report, telemetry: null });
  expect(readReport({ ...report, received_ms: null })).toMatchObject({ received_ms: null });
  for (const none of [null, [], "x", { robot: 7, online: true }]) expect(readReport(none)).toBeNull();
});
