import { expect, test } from "vitest";
import { driverLine, type DriverFacts } from "../src/page/driver-line";
import { motionLock, veiled, type LockFacts } from "../src/page/motion-lock";
import { RobotReports } from "../src/page/robot-reports";
import type { Report, Telemetry } from "../src/wire";

const telemetry = (over: Partial<Telemetry> = {}): Telemetry => ({ online: true, clock_ms: 1, wheels: { left: 0, right: 0 }, ...over });
const facts: DriverFacts = { me: "ada-0000000a", user: "ada", telemetry: telemetry(), told: null, heldBackBy: null, heldMs: 0 };
const anna = { id: "anna-00000001", user: "user-Anna", via: "mqtt", age_ms: 4 } as const;

test.each<[string, Partial<DriverFacts>, string | null]>([
  ["nothing is known", { telemetry: null }, null],
  ["of a robot of an old version over HTTP nothing is known", { telemetry: { online: true } }, null],
  ["nobody", {}, "Nobody drives"],
  ["you, over HTTP", { telemetry: telemetry({ driver: { ...anna, id: facts.me } }) }, "You drive"],
  ["you, by data channel", { told: { you: true, name: facts.me } }, "You drive"],
  ["another", { telemetry: telemetry({ driver: anna }) }, "Anna drives; press Stop to take over"],
  ["another, of whom only the id is known", { told: { you: false, name: "bert-0000000b" } }, "bert drives; press Stop to take over"],
  ["what the channel says is fresher", { telemetry: telemetry({ driver: anna }), told: { you: false, name: null } }, "Nobody drives"],
  ["all who name no sender", { telemetry: telemetry({ driver: { id: "mqtt", via: "mqtt", age_ms: 1 } }) }, "a program drives; press Stop to take over"],
  ["a key of the station's", { telemetry: telemetry({ driver: { id: "patrol", user: "key-4", via: "mqtt", age_ms: 1 } }) }, "key 4 drives; press Stop to take over"],
  ["you, in another window", { telemetry: telemetry({ driver: { ...anna, user: "user-ada" } }) }, "You drive in another window; press Stop to drive here"],
  ["one who only calls itself by your name", { telemetry: telemetry({ driver: { ...anna, id: "ada-00000009", user: "user-bert" } }) }, "bert drives; press Stop to take over"],
  ["you stopped another, from another window", { telemetry: telemetry({ stopped_by: { id: "ada-00000009", user: "user-ada", via: "mqtt" } }) }, "Stopped by you; press to drive"],
  ["held back by another's stop", { heldBackBy: "bert", telemetry: telemetry({ driver: anna }) }, "Stopped by bert: let go, then press again"],
  ["stopped by another, and let go", { telemetry: telemetry({ stopped_by: { id: "bert-0000000b", via: "mqtt" } }) }, "Stopped by bert; press to drive"],
  ["you stopped another", { telemetry: telemetry({ stopped_by: { id: facts.me, via: "mqtt" } }) }, "Stopped by you; press to drive"],
  ["held, and refused", { heldMs: 2_001 }, "Nobody drives: let go, then press again"],
])("who drives: %s", (_, over, text) => {
  expect(driverLine({ ...facts, ...over })?.text ?? null).toBe(text);
});

test("it is you who drives if the robot says so, and never by another's name", () => {
  expect(driverLine({ ...facts, told: { you: true, name: facts.me } })?.tone).toBe("you");
  expect(driverLine({ ...facts, telemetry: telemetry({ driver: { ...anna, user: "user-ada" } }) })?.tone).toBe("others");
});

const seen: LockFacts = { reached: true, stillMs: 30, withoutPicture: false };

test.each<[string, Partial<LockFacts>, string | null, boolean]>([
  ["with a picture that moves", {}, null, false],
  ["with a picture that has stood still for a second", { stillMs: 1_000 }, null, false],
  ["with one that has for longer", { stillMs: 1_001 }, "No driving: the picture has stood still for 1 s", true],
  ["without a picture", { stillMs: null }, "No driving: there is no picture", true],
  ["without a picture, as the operator said", { stillMs: null, withoutPicture: true }, null, false],
  ["with one that stands still, as the operator said", { stillMs: 9_000, withoutPicture: true }, null, false],
  ["out of reach, whatever the operator said", { reached: false, withoutPicture: true }, "No driving: the robot cannot be reached", false],
])("driving %s", (_, over, text, mayOverride) => {
  const lock = motionLock({ ...seen, ...over });
  expect(lock?.text ?? null).toBe(text);
  expect(lock?.mayOverride ?? false).toBe(mayOverride);
});

test("a picture is veiled after half a second without a frame", () => {
  expect([null, 0, 500, 501].map(veiled)).toEqual([false, false, false, true]);
});

/** A robot that reports to the station every `pause`, last at `now`. */
function reporting(pause: number, count: number, lose: (index: number) => boolean = () => false) {
  const reports = new RobotReports();
  let now = 0;
  for (let index = 0; index < count; index += 1) {
    now = index * pause;
    if (!lose(index)) reports.fromStation(report({ received_ms: 1_700_000_000_000 + now }), now);
  }
  return { reports, now };
}

const report = (over: Partial<Report> = {}): Report => ({ robot: "rover", online: true, received_ms: 1, telemetry: telemetry(), ...over });

test.each<[string, ReturnType<typeof reporting>, number]>([
  ["before it is known how often it reports", reporting(1_000, 1), 1_800],
  ["once a second", reporting(1_000, 20), 1_800],
  ["ten times a second", reporting(100, 20), 1_800],
  ["once a second, and a third of it lost", reporting(1_000, 21, (index) => index % 3 === 1), 1_800],
  ["every ten seconds, as its owner wants it", reporting(10_000, 3), 10_800],
])("a robot that reports %s is silent after two seconds, or its usual pause", (_, { reports, now }, limit) => {
  expect(reports.stationSilentMs(now + limit)).toBeNull();
  expect(reports.stationSilentMs(now + limit + 1)).toBe(limit + 1);
  expect(reports.heard(now + limit, true)).toBe(true);
  expect(reports.heard(now + limit + 1, true)).toBe(false);
  expect(reports.heard(now, false)).toBe(false);
});

test("reports of news are soon, and say nothing about the usual pause", () => {
  const { reports, now } = reporting(5_000, 4);
  for (let ms = 100; ms < 3_000; ms += 100) {
    const wheels = { left: ms / 1e4, right: 0 };
    reports.fromStation(report({ received_ms: 1_700_000_000_000 + now + ms, telemetry: telemetry({ wheels }) }), now + ms);
  }
  expect(reports.stationSilentMs(now + 2_900 + 5_800)).toBeNull();
});

test("a report that the station tells again is no sign of life", () => {
  const { reports, now } = reporting(1_000, 5);
  reports.fromStation(report({ received_ms: 1_700_000_000_000 + now }), now + 1_700);
  expect(reports.stationSilentMs(now + 1_801)).not.toBeNull();
});

test("ten messages a second make a channel: without any for a second and a half it is silent", () => {
  const reports = new RobotReports();
  expect(reports.channelSilentMs(5)).toBeNull();
  reports.channelOpened(0);
  reports.fromChannel({ telemetry: telemetry({ uptime_s: 7 }) }, 400);
  reports.fromChannel({ pong: 1 }, 1_000);
  expect(reports.telemetry(2_500)?.uptime_s).toBe(7);
  expect(reports.channelSilentMs(2_500)).toBeNull();
  expect(reports.channelSilentMs(2_501)).toBe(1_501);
  expect(reports.heard(2_501, true)).toBe(false);
  expect(reports.telemetry(2_501)).toBeNull();
});

test("what comes by data channel is fresher; once it is silent or closed the station's word counts", () => {
  const reports = new RobotReports();
  reports.fromStation(report({ telemetry: telemetry({ uptime_s: 1 }) }), 0);
  reports.fromChannel({ telemetry: telemetry({ uptime_s: 2 }), driver: { you: false, name: "bert" } }, 0);
  expect(reports.telemetry(100)?.uptime_s).toBe(2);
  expect(reports.told(1_500)?.name).toBe("bert");
  expect(reports.told(1_501), "of who drives nothing is known any more").toBeNull();
  expect(reports.telemetry(1_600)?.uptime_s).toBe(1);
  reports.channelClosed();
  expect([reports.telemetry(100)?.uptime_s, reports.told(100)]).toEqual([1, null]);
  reports.fromStation(report({ online: false, received_ms: 2 }), 200);
  expect(reports.telemetry(200)).toBeNull();
});
