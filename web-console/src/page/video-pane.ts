// The picture, and what is done with it: turn it, fill the screen, keep one frame.
// While there is no picture, a drawing holds its place and a line says why.

import { el, say } from "./dom";
import { landscape, symbol } from "./icons";

export interface Stage {
  element: HTMLElement;
  show(stream: MediaStream | null): void;
  /** When the newest frame was painted, by `performance.now`; null before the first. */
  readonly paintedMs: number | null;
  /** Empty hides the line. */
  note(text: string): void;
}

/** How a camera was screwed on does not change between visits. */
const TURN_KEY = "outpost.turn.";

/** `around` is what fills the screen: the picture alone could not be driven by. */
export function stage(robot: string, around: () => HTMLElement): Stage {
  const video = el("video", { autoplay: true, playsinline: true, "aria-label": `Camera of ${robot}` });
  // The attribute alone does not mute an element that a script made.
  video.muted = true;
  const line = el("p", { class: "stage-note", role: "status" });
  const turnKey = TURN_KEY + robot;
  const turn = (degrees: number) => {
    video.dataset["turn"] = String(degrees);
    localStorage.setItem(turnKey, String(degrees));
  };
  turn(Number(localStorage.getItem(turnKey) ?? 0) % 360 || 0);

  const tools = el(
    "div",
    { class: "stage-tools" },
    tool("Turn the picture", "turn", () => turn((Number(video.dataset["turn"]) + 90) % 360)),
    tool("Keep this picture", "keep", () => void keep(video, robot)),
    document.fullscreenEnabled ? tool("Full screen", "full", () => fullScreen(around())) : null,
  );
  const element = el("section", { class: "stage", "aria-label": "Camera" }, landscape(), video, line, tools);
  video.addEventListener("loadeddata", () => (element.dataset["picture"] = "on"));
  let paintedMs: number | null = null;
  const painted = (now: number) => {
    paintedMs = now;
    video.requestVideoFrameCallback(painted);
  };
  // Where a browser lacks it, the statistics tell once a second.
  if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(painted);
  return {
    element,
    get paintedMs() {
      return paintedMs;
    },
    show(stream) {
      // Between two connections the last frame stays: a standing picture says more than none.
      if (stream === null || video.srcObject === stream) return;
      paintedMs = null;
      video.srcObject = stream;
      void video.play().catch(() => {});
    },
    note(text) {
      say(line, text);
      line.hidden = text === "";
    },
  };
}

function tool(label: string, name: "turn" | "keep" | "full", onclick: () => void): HTMLElement {
  return el("button", { type: "button", "aria-label": label, title: label, onclick }, symbol(name));
}

function fullScreen(element: HTMLElement): void {
  const done = document.fullscreenElement === null ? element.requestFullscreen() : document.exitFullscreen();
  void done.catch(() => {});
}

/** Saves the frame as it is seen: turned. */
async function keep(video: HTMLVideoElement, robot: string): Promise<void> {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0) return;
  const degrees = Number(video.dataset["turn"]);
  const across = degrees % 180 !== 0;
  const canvas = el("canvas");
  canvas.width = across ? height : width;
  canvas.height = across ? width : height;
  const pen = canvas.getContext("2d");
  pen?.translate(canvas.width / 2, canvas.height / 2);
  pen?.rotate((degrees * Math.PI) / 180);
  pen?.drawImage(video, -width / 2, -height / 2);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) return;
  const href = URL.createObjectURL(blob);
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  el("a", { href, download: `${robot}-${stamp}.png` }).click();
  URL.revokeObjectURL(href);
}
