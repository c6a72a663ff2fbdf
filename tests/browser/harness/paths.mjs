// By which path a page's call goes, and that orders come through by it.

import { eventually } from "./eventually.mjs";
import { driver, figure, mayDrive } from "./page.mjs";

/** A key drives, and the page says that its orders go by the relay. */
export async function drives(page, robot) {
  await mayDrive(page);
  // Whoever drove before keeps the robot for a moment.
  await driver(page, /Nobody drives|You drive/);
  // A page that has just connected may stand still for a moment more, and then lets go of a key.
  await eventually("a key drives", async () => {
    const before = robot.wheels.writes().length;
    await page.keyboard.down("ArrowUp");
    const moving = () => robot.wheels.writes().slice(before).some(({ left }) => left > 0);
    for (let looks = 0; looks < 20 && !moving(); looks += 1) await page.waitForTimeout(50);
    if (!moving()) await page.keyboard.up("ArrowUp");
    return moving();
  });
  await eventually("the page says so", async () => (await figure(page, "Actions go")) === "by relay");
  await page.keyboard.up("ArrowUp");
  await robot.wheels.rest();
}

/** The chosen pair: the kind of each end, by which protocol the page speaks to its relay, bytes that came. */
export function selected(page) {
  return page.evaluate(async () => {
    const stats = await window.calls.at(-1).getStats();
    const transport = [...stats.values()].find(({ type }) => type === "transport");
    const pair = stats.get(transport.selectedCandidatePairId);
    const kind = (id) => (stats.get(id).relayProtocol ? "relay" : stats.get(id).candidateType);
    const { relayProtocol } = stats.get(pair.localCandidateId);
    return { local: kind(pair.localCandidateId), remote: kind(pair.remoteCandidateId), relayProtocol, received: transport.bytesReceived };
  });
}
