import { expect, test } from "vitest";
import { gathered, pathProblem, type Kind } from "../src/video/path-problem";

const RELAYS = ["turn:192.0.2.1:3478?transport=udp", "turns:station:8443?transport=tcp", "turn:station:8443?transport=tcp"];
const OPEN: Kind[] = ["host", "srflx", "relay-udp"];

test.each<[Kind[], Kind[], string]>([
  [OPEN, OPEN, "no way to the robot through its network and this one"],
  [["host"], OPEN, "no way to the robot: UDP is blocked here, and no relay can be reached from here (192.0.2.1:3478, station:8443)"],
  [["host", "relay-tcp"], OPEN, "no way to the robot: UDP is blocked here"],
  [["host", "srflx"], OPEN, "no way to the robot: no relay can be reached from here (192.0.2.1:3478, station:8443)"],
  [OPEN, ["host"], "no way to the robot: the robot's network lets it reach no relay and no STUN server"],
  [["host", "relay-tcp"], [], "no way to the robot: UDP is blocked here; the robot's network lets it reach no relay and no STUN server"],
])("an end with %j and a robot with %j", (own, robots, words) => {
  expect(pathProblem({ own, robots }, RELAYS)).toBe(words);
});

test("a station without a relay is said to have none", () => {
  expect(pathProblem({ own: ["host"], robots: OPEN }, [])).toBe("no way to the robot: UDP is blocked here, and there is no relay");
});

test("addresses are told by their kinds, and relays by what leads to them", () => {
  const report = [
    { type: "local-candidate", candidateType: "host" },
    { type: "local-candidate", candidateType: "relay", relayProtocol: "tls" },
    { type: "local-candidate", candidateType: "relay", relayProtocol: "udp" },
    { type: "remote-candidate", candidateType: "prflx" },
    // Which way the robot reaches its relay, it does not say.
    { type: "remote-candidate", candidateType: "relay" },
    { type: "transport" },
  ];
  expect(gathered(report)).toEqual({ own: ["host", "relay-tcp", "relay-udp"], robots: ["srflx", "relay-udp"] });
});
