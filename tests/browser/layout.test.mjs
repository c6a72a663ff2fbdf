// How the page looks and can be reached, at three widths in both colour schemes. The
// pictures are left under target/browser for people to look at.

import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { Outpost } from "./harness/outpost.mjs";
import { open, signIn } from "./harness/page.mjs";
import { ROOT } from "./harness/process.mjs";

const PICTURES = path.join(ROOT, "target", "browser");

/** What a display-agent would keep: here one red pixel. */
const DISPLAY = path.join(PICTURES, "display.png");
const RED_PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

/** Half a finger; smaller targets are missed (WCAG 2.5.8 asks for 24). */
const TARGET_PX = 24;

const SCREENS = [
  { name: "360", viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
  { name: "768", viewport: { width: 768, height: 1024 }, hasTouch: true },
  { name: "1440", viewport: { width: 1440, height: 900 } },
];

let outpost, browser, password;

before(async () => {
  mkdirSync(PICTURES, { recursive: true });
  outpost = await Outpost.start("layout", ["--display", DISPLAY]);
  await outpost.startRobot("rover", {
    video: { source: "test", width: 640, height: 480, fps: 30 },
    audio: { microphone: "test", speaker: "test" },
  });
  await outpost.startRobot("attic");
  password = await outpost.newUser("ada", "rover", "attic");
  for (const robot of ["rover", "attic"]) await outpost.sees(robot, await outpost.newKey(robot));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await outpost?.stop();
});

for (const { name, ...screen } of SCREENS) {
  for (const colorScheme of ["light", "dark"]) {
    test(`${name} pixels, ${colorScheme}: nothing is cut off, all can be hit`, async () => {
      const { page, context } = await open(browser, { ...screen, colorScheme });
      const shoot = (what, fullPage = false) =>
        page.screenshot({ path: path.join(PICTURES, `${what}-${name}-${colorScheme}.png`), fullPage });
      const fits = async (where) => {
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${where} is ${over} px too wide`);
        assert.deepEqual(await tooSmall(page), [], where);
      };

      await page.goto(outpost.url);
      await page.getByLabel("User").waitFor();
      await fits("sign-in");
      await shoot("sign-in");

      await signIn(page, outpost.url, "ada", password);
      await page.getByRole("link", { name: /rover/ }).waitFor();
      await fits("robots");
      await shoot("robots");

      await page.getByRole("link", { name: /rover/ }).click();
      await page.getByText("Connected to the robot", { exact: true }).first().waitFor();
      await page.locator("[data-picture=on]").waitFor();
      await page.locator(".video-note").waitFor({ state: "hidden" });
      await page.keyboard.down("ArrowUp");
      await page.getByText("+50 %").first().waitFor();
      await fits("robot-page");
      await shoot("robot-page");
      await shoot("robot-page-whole", true);
      await page.keyboard.up("ArrowUp");
      for (const control of ["Forward", "Turn left", "Turn right", "Backward", "Stop"]) {
        assert.ok(await inView(page, control), `${control} is below the fold`);
      }
      await context.close();
    });
  }
}

for (const [what, viewport, textSize] of [
  ["small", { width: 320, height: 560 }, 16],
  ["low", { width: 360, height: 560 }, 16],
  ["large-text", { width: 360, height: 640 }, 32],
  // What a screen of 1280×1024 has left at a zoom of 400 %.
  ["zoomed", { width: 320, height: 256 }, 16],
]) {
  test(`${what}: stop is always on the screen, arrows and picture while one drives`, async () => {
    const { page, context } = await open(browser, { viewport, hasTouch: true, isMobile: true });
    const devtools = await context.newCDPSession(page);
    await devtools.send("Page.setFontSizes", { fontSizes: { standard: textSize } });
    await signIn(page, outpost.url, "ada", password);
    await page.getByRole("link", { name: /rover/ }).click();
    await page.locator(".video-note").waitFor({ state: "hidden" });
    await page.screenshot({ path: path.join(PICTURES, `robot-page-${what}.png`) });
    for (const control of ["Forward", "Turn left", "Turn right", "Backward", "Stop"]) {
      assert.ok(await inView(page, control), `${control} is out of sight`);
    }
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `it is ${over} px too wide`);
    // One who drives sees where.
    const seen = await page.evaluate(() => {
      const [video, controls] = [".video-pane", ".controls"].map((of) => document.querySelector(of).getBoundingClientRect());
      return Math.min(video.bottom, controls.top) - Math.max(video.top, 0);
    });
    assert.ok(seen >= 60, `${seen} px of the picture are seen`);
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await page.locator(".stop-aside").waitFor();
    await page.screenshot({ path: path.join(PICTURES, `robot-page-${what}-below.png`) });
    await page.locator(".stop-aside").click();
    await page.getByText("stop", { exact: true }).waitFor();
    await context.close();
  });
}

test("a phone on its side shows picture and controls together, and so does a full screen", async () => {
  const viewport = { width: 740, height: 360 };
  const { page, context } = await open(browser, { viewport, hasTouch: true, isMobile: true });
  await signIn(page, outpost.url, "ada", password);
  await page.getByRole("link", { name: /rover/ }).click();
  await page.locator(".video-note").waitFor({ state: "hidden" });
  for (const shown of ["side", "full"]) {
    if (shown === "full") {
      await page.getByRole("button", { name: "Full screen" }).click();
      await page.waitForFunction(() => document.fullscreenElement !== null);
    }
    await page.screenshot({ path: path.join(PICTURES, `robot-page-${shown}.png`) });
    for (const control of ["Forward", "Turn left", "Turn right", "Backward", "Stop", "Turn the picture"]) {
      assert.ok(await inView(page, control), `${shown}: ${control} is out of sight`);
    }
    const slider = await page.getByRole("slider").boundingBox();
    assert.ok(slider.y + slider.height <= viewport.height, `${shown}: the speed limit is out of sight`);
  }
  await context.close();
});

test("every control has a name and is reached by the tabulator alone", async () => {
  const { page, context } = await open(browser, { viewport: { width: 1440, height: 900 } });
  await signIn(page, outpost.url, "ada", password);
  await page.getByRole("link", { name: /rover/ }).click();
  await page.getByRole("heading", { name: "rover" }).waitFor();
  const wanted = [
    ["link", "Outpost"],
    ["link", "All robots"],
    ["button", "Sign out"],
    ["button", "Turn the picture"],
    ["button", "Keep this picture"],
    ["button", "Full screen"],
    ["radio", "Arrows"],
    ["button", "Forward"],
    ["button", "Turn left"],
    ["button", "Turn right"],
    ["button", "Backward"],
    ["button", "Stop"],
    ["slider", "Speed limit"],
  ];
  const missing = new Set(wanted.map(([, name]) => name));
  await page.locator("body").focus();
  for (let presses = 0; presses < 40 && missing.size > 0; presses += 1) {
    await page.keyboard.press("Tab");
    for (const [role, name] of wanted) {
      const focused = page.getByRole(role, { name, exact: true }).and(page.locator(":focus"));
      if ((await focused.count()) > 0) missing.delete(name);
    }
    assert.equal(await withoutRing(page), null, "what has the focus shows it");
  }
  assert.deepEqual([...missing], []);
  await context.close();
});

test("the display on the desk is shown while there is one", async () => {
  writeFileSync(DISPLAY, Buffer.from(RED_PIXEL, "base64"));
  const { page, context } = await open(browser);
  await signIn(page, outpost.url, "ada", password);
  const picture = page.getByRole("img", { name: /Mars display/ });
  await picture.waitFor();
  assert.equal(await picture.evaluate((image) => image.naturalWidth), 1);
  rmSync(DISPLAY);
  await page.reload();
  const asked = page.waitForResponse((answer) => answer.url().endsWith("/display.png"));
  assert.equal((await asked).status(), 404);
  assert.equal(await picture.isVisible(), false);
  await context.close();
});

test("text stands out enough from what is behind it", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const { page, context } = await open(browser, { colorScheme });
    await page.goto(outpost.url);
    const ratios = await page.evaluate(contrasts);
    for (const [pair, ratio] of Object.entries(ratios)) {
      assert.ok(ratio >= 4.5, `${colorScheme}: ${pair} has only ${ratio.toFixed(2)}`);
    }
    await context.close();
  }
});

/** Names of the visible controls that a finger would miss. */
function tooSmall(page) {
  return page.evaluate((least) => {
    const controls = [...document.querySelectorAll("a, button, input, summary")];
    return controls
      .filter((control) => control.checkVisibility())
      .map((control) => ({ box: control.getBoundingClientRect(), text: control.outerHTML.slice(0, 80) }))
      .filter(({ box }) => box.width < least || box.height < least)
      .map(({ text }) => text);
  }, TARGET_PX);
}

/** What has the focus and does not show it; null if that is nothing. */
function withoutRing(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    // A radio is drawn by what stands after it.
    const ringed = element?.matches("[type=radio]") ? element.nextElementSibling : element;
    const bare = ringed !== document.body && getComputedStyle(ringed).outlineStyle === "none";
    return bare ? element.outerHTML.slice(0, 120) : null;
  });
}

async function inView(page, name) {
  const box = await page.getByRole("button", { name, exact: true }).boundingBox();
  return box.y >= 0 && box.y + box.height <= page.viewportSize().height;
}

/** WCAG 2's contrast of the text colours on the surfaces they stand on; runs in the page. */
function contrasts() {
  const style = getComputedStyle(document.documentElement);
  const luminance = (name) => {
    const hex = style.getPropertyValue(name).trim().slice(1);
    const [r, g, b] = [0, 2, 4]
      .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  const pairs = [
    ["--text", "--background"],
    ["--text", "--card"],
    ["--text", "--inset"],
    ["--muted", "--background"],
    ["--muted", "--card"],
    ["--accent", "--card"],
    ["--on-accent", "--accent"],
    ["--on-accent", "--accent-press"],
  ];
  return Object.fromEntries(pairs.map(([a, b]) => [`${a} on ${b}`, ratio(a, b)]));
}
