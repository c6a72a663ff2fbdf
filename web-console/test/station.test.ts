import { afterEach, expect, test, vi } from "vitest";
import { ServerClock } from "../src/station/clock";
import { reportParser, TelemetryStream } from "../src/station/telemetry";
import type { Report } from "../src/wire";

const first = { robot: "rover", online: true, received_ms: 1, telemetry: null };
const second = { ...first, robot: "a: b", online: false };
const stream =
  `: hello\n\nevent: telemetry\ndata: ${JSON.stringify(first).replace(",", ",\ndata: ")}\n\n` +
  `data: no telemetry\n\nevent:telemetry\r\ndata:${JSON.stringify(second)}\r\n\r\n`;

test("reports are read wherever the stream is cut, and nothing else in it is one", () => {
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const read: Report[] = [];
    const parse = reportParser((report) => read.push(report));
    parse(stream.slice(0, cut));
    parse(stream.slice(cut));
    expect(read, `cut at ${cut}`).toEqual([first, second]);
  }
});

test("an event without end is refused rather than buffered", () => {
  const line = "x".repeat(70_000);
  expect(() => reportParser(() => {})(line)).toThrow(/exceeded/);
  expect(() => reportParser(() => {})(`data: ${line}\n`)).toThrow(/exceeded/);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a page that nobody sees holds no stream, and has one again as soon as it is shown", async () => {
  vi.useFakeTimers();
  const window = new EventTarget();
  vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
  vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
  const page = Object.assign(new EventTarget(), { hidden: false });
  vi.stubGlobal("document", page);
  let open = 0;
  vi.stubGlobal("fetch", async (_: string, { signal }: { signal: AbortSignal }) => {
    open += 1;
    const start = (controller: ReadableStreamDefaultController) =>
      signal.addEventListener("abort", () => {
        open -= 1;
        controller.error(signal.reason);
      });
    return new Response(new ReadableStream({ start }));
  });
  const show = async (hidden: boolean) => {
    page.hidden = hidden;
    page.dispatchEvent(new Event("visibilitychange"));
    await vi.advanceTimersByTimeAsync(0);
  };
  const stream = new TelemetryStream({ token: "t", onReport: () => {}, onState: () => {} });
  stream.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(open).toBe(1);
  await show(true);
  expect(open).toBe(0);
  window.dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(open).toBe(0);
  await show(false);
  expect(open).toBe(1);
  stream.close();
  expect(open).toBe(0);
});

test("a browser whose clock is wrong learns the server's time", () => {
  const clock = new ServerClock();
  expect(clock.corrected(1000)).toBe(1000);
  clock.addSample(1_000_000, 400, 600);
  expect(clock.corrected(500)).toBe(1_000_000);
});

test("the quickest answer decides, and old ones are forgotten", () => {
  const clock = new ServerClock();
  clock.addSample(10_000, 0, 10);
  clock.addSample(10_900, 0, 2000);
  expect(clock.offsetMs).toBe(9995);
  for (let i = 0; i < 8; i += 1) clock.addSample(10_900, 0, 2000);
  expect(clock.offsetMs).toBe(9900);
});
