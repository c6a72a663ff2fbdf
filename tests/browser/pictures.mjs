// Pictures of the page in every state, on screens of six sizes, light and dark, for people to look at:
// `node pictures.mjs` leaves them in target/browser/states, and of each size a sheet of all.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { driver, open, signIn } from "./harness/page.mjs";
import { ROOT } from "./harness/process.mjs";
import { CAMERA, Scene } from "./harness/scene.mjs";

const FOLDER = path.join(ROOT, "target", "browser", "states");
const SCREENS = [[320, 560], [360, 560], [390, 664], [768, 1024], [1440, 900], [3840, 2160]];

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
const scene = await Scene.start("pictures", { robot: { video: { ...CAMERA.video, viewers_max: 2 } } });
const taken = [];

/** The page as it is now, on every screen. */
async function shoot(page, state) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of SCREENS) {
      await page.setViewportSize({ width, height });
      const file = `${state}-${width}x${height}-${colorScheme}.png`;
      await page.screenshot({ path: path.join(FOLDER, file), timeout: 20_000 });
      taken.push({ file, width, height, colorScheme, state });
    }
  }
  console.log(state);
}

async function states() {
  const { url } = scene.outpost;
  const first = (await open(scene.browser)).page;
  await first.goto(url);
  await first.getByLabel("User").waitFor();
  await shoot(first, "01-sign-in");

  const ada = await scene.watching("ada");
  await shoot(ada, "02-ready");
  await ada.getByRole("radio", { name: "Tap" }).evaluate((element) => element.click());
  await ada.getByRole("button", { name: "Go on", exact: true }).waitFor();
  await shoot(ada, "03-tap");
  await ada.getByRole("radio", { name: "Arrows" }).evaluate((element) => element.click());
  const bert = await scene.watching("bert");
  await ada.keyboard.down("KeyW");
  await driver(ada, "You drive");
  await shoot(ada, "04-driving");
  await ada.keyboard.down("KeyW");
  await driver(bert, "ada drives");
  await shoot(bert, "05-another-drives");
  await bert.getByRole("button", { name: "Stop", exact: true }).first().click();
  await driver(ada, "Stopped by bert");
  await shoot(ada, "06-stopped-by-another");
  await ada.keyboard.up("KeyW");

  const third = (await open(scene.browser)).page;
  await signIn(third, url, "ada", scene.passwords.ada);
  await third.getByText(/too many viewers/).first().waitFor();
  await shoot(third, "07-full");
  await third.close();

  scene.robot.agent.child.kill("SIGSTOP");
  await ada.getByText(/No driving/).first().waitFor();
  await shoot(ada, "08-frozen");
  scene.robot.agent.child.kill("SIGCONT");
  await ada.locator('.controls[data-locked="false"]').waitFor();
  await scene.robot.agent.kill();
  await ada.getByText(/offline, seen|fell silent|next try/).first().waitFor();
  await shoot(ada, "09-lost-robot");
  await scene.outpost.startRobot("attic", { video: { source: "off" } });
  const carl = await scene.outpost.newUser("carl", "rover", "attic");
  const off = (await open(scene.browser)).page;
  await signIn(off, url, "carl", carl);
  await off.getByRole("link", { name: "attic Online" }).waitFor();
  await shoot(off, "12-list");
  await off.getByRole("link", { name: "attic Online" }).click();
  await off.getByText("camera is off").first().waitFor();
  await shoot(off, "10-camera-off");
  await scene.outpost.killStation();
  await off.getByText(/Reconnecting/).first().waitFor();
  await shoot(off, "11-lost-station");
}

/** All pictures of one size beside each other. */
async function sheet(width, height, colorScheme) {
  const of = taken.filter((picture) => picture.width === width && picture.colorScheme === colorScheme);
  const scale = Math.min(1, 420 / width);
  const figures = of.map(({ file, state }) => {
    const data = readFileSync(path.join(FOLDER, file)).toString("base64");
    return `<figure style="margin:4px"><figcaption>${state}</figcaption><img src="data:image/png;base64,${data}" width="${width * scale}"></figure>`;
  });
  const html = path.join(FOLDER, "sheet.html");
  writeFileSync(html, `<body style="display:flex;flex-wrap:wrap;background:#888;font:14px sans-serif">${figures.join("")}</body>`);
  const { page } = await open(scene.browser, { viewport: { width: 1740, height: 900 } });
  await page.goto(`file://${html}`);
  await page.screenshot({ path: path.join(FOLDER, `sheet-${width}x${height}-${colorScheme}.png`), fullPage: true });
  await page.close();
}

try {
  await states();
} finally {
  for (const [width, height] of SCREENS) for (const scheme of ["light", "dark"]) await sheet(width, height, scheme);
  await scene.stop();
}
