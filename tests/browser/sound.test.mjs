// Sound both ways in a real browser: its microphone plays a known tone, the robot's is a test tone, and the
// robot's speaker is a file.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { eventually } from "./harness/eventually.mjs";
import { driver } from "./harness/page.mjs";
import { Scene } from "./harness/scene.mjs";
import { level, purity, samples, toneFile } from "./harness/tones.mjs";

const SPOKEN_HZ = 700;
/** Of the robot's test tone. */
const HEARD_HZ = 440;

const folder = mkdtempSync(path.join(tmpdir(), "outpost-sound-"));
const spoken = path.join(folder, "spoken.wav");
const speaker = path.join(folder, "speaker.wav");

let scene;
before(async () => {
  writeFileSync(spoken, toneFile(SPOKEN_HZ, 0.3));
  const audio = { microphone: "test", speaker: `file:${speaker}`, noise_suppression: false, gain_control: false, chime: false };
  scene = await Scene.start("sound", { robot: { audio } });
  await scene.browser.close();
  scene.browser = await launch(["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${spoken}`]);
});
afterEach(() => scene.clear());
after(async () => {
  await scene?.stop();
  rmSync(folder, { recursive: true });
});

/** The newest that the speaker has played. */
const played = (seconds) => samples(readFileSync(speaker)).slice(-48_000 * seconds);

const talker = async () => (await scene.telemetry()).audio.talker;

/** The level of a tone in what the page plays, as a part of full scale, at its loudest within two seconds. */
function heard(page, hertz) {
  return page.evaluate(async (hertz) => {
    const audio = document.querySelector("audio");
    if (audio.muted || audio.paused) return 0;
    window.context ??= new AudioContext({ sampleRate: 48_000 });
    await window.context.resume();
    const analyser = window.context.createAnalyser();
    analyser.fftSize = 8192;
    analyser.smoothingTimeConstant = 0;
    const source = window.context.createMediaStreamSource(audio.srcObject);
    source.connect(analyser);
    const spectrum = new Float32Array(analyser.frequencyBinCount);
    const bin = Math.round((hertz * analyser.fftSize) / 48_000);
    let loudest = -Infinity;
    for (const end = performance.now() + 2_000; performance.now() < end; await new Promise((done) => setTimeout(done, 20))) {
      analyser.getFloatFrequencyData(spectrum);
      loudest = Math.max(loudest, ...spectrum.slice(bin - 2, bin + 3));
    }
    source.disconnect();
    return 10 ** (loudest / 20);
  }, hertz);
}

test("the page hears the robot once its operator wants to, and the robot counts them", async () => {
  const page = await scene.watching();
  const listen = page.getByRole("button", { name: "Listen" });
  await listen.waitFor();
  assert.equal(await heard(page, HEARD_HZ), 0);
  assert.equal((await scene.telemetry()).audio.listeners, 0);
  await listen.click();
  await eventually("somebody listens", async () => (await scene.telemetry()).audio.listeners === 1);
  await eventually("the tone is heard", async () => (await heard(page, HEARD_HZ)) > 0.03);
  assert.ok((await heard(page, 1_000)) < 0.01, "another tone is heard");
  await page.getByRole("button", { name: "Listening" }).click();
  await eventually("nobody listens", async () => (await scene.telemetry()).audio.listeners === 0);
});

test("the robot speaks what is said while the button is held, and nothing after", async () => {
  const page = await scene.watching();
  const talk = page.getByRole("button", { name: "Hold to talk" });
  await talk.waitFor();
  assert.ok(level(played(1)) < 0.001, "nobody talks yet");
  await talk.hover();
  await page.mouse.down();
  await page.getByRole("button", { name: "Talking" }).waitFor();
  await eventually("ada talks", async () => (await talker())?.startsWith("ada"));
  await driver(page, "You drive");
  await eventually("the tone comes out", () => purity(played(0.5), SPOKEN_HZ) > 0.8);
  const loud = level(played(0.5));
  assert.ok(loud > 0.05 && loud < 0.5, `level ${loud}`);
  await page.mouse.up();
  await eventually("nobody talks", async () => (await talker()) === undefined);
  await eventually("silence", () => level(played(0.5)) < 0.001);
});

test("who does not drive is not heard, whatever their browser sends", async () => {
  const ada = await scene.watching("ada");
  const bert = await scene.watching("bert");
  await ada.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await driver(bert, "ada drives");
  await bert.getByText("ada drives: only who drives can talk").waitFor();
  assert.ok(await bert.getByRole("button", { name: "Hold to talk" }).isDisabled());
  // A page that does not care.
  await bert.keyboard.down("KeyT");
  await bert.waitForTimeout(2_000);
  assert.equal(await talker(), undefined);
  assert.ok(level(played(1)) < 0.001);
  await ada.keyboard.up("ArrowUp");
  await scene.robot.wheels.rest();
  // Nobody drives any more, so whoever talks does.
  await eventually("bert is heard", async () => (await talker())?.startsWith("bert"));
  await bert.keyboard.up("KeyT");
});

test("on a phone, upright and on its side, the stop is where it is without sound", async () => {
  const page = await scene.watching();
  await page.getByRole("button", { name: "Hold to talk" }).waitFor();
  for (const [width, height] of [[360, 780], [780, 360]]) {
    await page.setViewportSize({ width, height });
    const whole = async (name) => {
      const { x, y, ...box } = await page.getByRole("button", { name, exact: true }).boundingBox();
      const right = x + box.width;
      const bottom = y + box.height;
      assert.ok(x >= 0 && right <= width && y >= 0 && bottom <= height, `${name} at ${width}: ${x}–${right}, ${y}–${bottom}`);
    };
    await whole("Stop");
    await whole("Hold to talk");
  }
});

test("the robot drives while its driver talks", async () => {
  const page = await scene.watching();
  await page.keyboard.down("KeyT");
  await eventually("ada talks", async () => (await talker())?.startsWith("ada"));
  await page.keyboard.down("ArrowUp");
  await scene.robot.wheels.forward();
  await page.keyboard.up("ArrowUp");
  await scene.robot.wheels.rest();
  await page.keyboard.up("KeyT");
});
