// Three lanes over the last minutes: wheels; round trip and age of the picture; bitrate. One canvas, drawn whole.

import { el } from "./dom";
import { ceiling, History, SPAN_MS, type Sample } from "./history";
import { locale, texts } from "../language";

export interface Plot {
  element: HTMLElement;
  add(sample: Sample): void;
}

interface Lane {
  title: string;
  lines: { of: keyof Sample; colour: string }[];
  low: number;
  high: (samples: readonly Sample[]) => number;
  unit: string;
}

const lanes = (): readonly Lane[] => [
  {
    title: texts.plotWheels,
    lines: [
      { of: "left", colour: "--accent" },
      { of: "right", colour: "--muted" },
    ],
    low: -1,
    high: () => 1,
    unit: "",
  },
  {
    title: texts.plotTimes,
    lines: [
      { of: "roundTripMs", colour: "--accent" },
      { of: "pictureAgeMs", colour: "--muted" },
    ],
    low: 0,
    high: (samples) => ceiling(samples.flatMap(({ roundTripMs, pictureAgeMs }) => [roundTripMs, pictureAgeMs]), 5),
    unit: "ms",
  },
  {
    title: texts.bitrate,
    lines: [{ of: "kbps", colour: "--accent" }],
    low: 0,
    high: (samples) => ceiling(samples.map((sample) => sample.kbps), 500),
    unit: "kbit/s",
  },
];

const LANES = 3;
const LANE_PX = 62;
const TITLE_PX = 18;

/** A longer gap between samples is a gap in the line. */
const GAP_MS = 3_000;

export function plot(): Plot {
  const history = new History();
  const canvas = el("canvas", {
    class: "plot",
    role: "img",
    "aria-label": texts.plotHelp,
  });
  canvas.style.height = `${LANES * LANE_PX}px`;
  return {
    element: el("section", { class: "card wide" }, el("h2", {}, texts.lastMinutes), canvas),
    add(sample) {
      history.add(sample);
      if (canvas.clientWidth > 0) draw(canvas, history.samples, sample.atMs);
    },
  };
}

function draw(canvas: HTMLCanvasElement, samples: readonly Sample[], nowMs: number): void {
  const scale = devicePixelRatio;
  const width = canvas.clientWidth;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(LANES * LANE_PX * scale);
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  context.font = `12px ${style.fontFamily}`;
  lanes().forEach((lane, index) => {
    context.save();
    context.translate(0, index * LANE_PX);
    drawLane(context, lane, samples, nowMs, width, (name) => style.getPropertyValue(name));
    context.restore();
  });
}

function drawLane(
  context: CanvasRenderingContext2D,
  lane: Lane,
  samples: readonly Sample[],
  nowMs: number,
  width: number,
  colour: (name: string) => string,
): void {
  const high = lane.high(samples);
  const bottom = LANE_PX - 6;
  const x = (atMs: number) => width * (1 - (nowMs - atMs) / SPAN_MS);
  const y = (value: number) => bottom - ((value - lane.low) / (high - lane.low)) * (bottom - TITLE_PX - 2);
  context.fillStyle = colour("--muted");
  context.textAlign = "left";
  context.fillText(lane.title, 0, 11);
  context.textAlign = "right";
  if (lane.unit !== "") context.fillText(`${high.toLocaleString(locale)} ${lane.unit}`, width, 11);
  context.strokeStyle = colour("--border");
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(0, y(0));
  context.lineTo(width, y(0));
  context.stroke();
  for (const line of lane.lines) {
    context.strokeStyle = colour(line.colour);
    context.lineWidth = 1.5;
    context.beginPath();
    let last = -Infinity;
    for (const sample of samples) {
      const value = sample[line.of];
      if (value === undefined) continue;
      if (sample.atMs - last > GAP_MS) context.moveTo(x(sample.atMs), y(value));
      else context.lineTo(x(sample.atMs), y(value));
      last = sample.atMs;
    }
    context.stroke();
  }
}
