// The video, and what is done with it: turn it, fill the screen, save one frame.
// While there is none, a drawing holds its place and a note says why. A veil tells a picture that
// stands still from one that moves.

import { readChoice, storeChoice } from "../stored";
import { el, setText } from "./dom";
import { landscape, toolIcon } from "./icons";
import type { Lock } from "./motion-lock";
import { newestFrame } from "./newest-frame";
import { texts } from "../language";

export interface VideoPane {
  element: HTMLElement;
  setStream(stream: MediaStream | null): void;
  /** When the newest frame was painted, by `performance.now`; null before the first. */
  readonly paintedMs: number | null;
  /** How old that frame was then; undefined while unknown. */
  readonly ageMs: number | undefined;
  /** Nobody sees it: nothing is decoded. */
  setHidden(hidden: boolean): void;
  /** Empty hides it. */
  setNote(text: string): void;
  /** Over a picture that is a thing of the past; and why the robot is not driven, if it is not. */
  setVeil(veiled: boolean, lock: Lock | null): void;
}

/** How a camera was screwed on does not change between visits. */
const TURN_KEY = "outpost.turn.";

/**
 * `around` is what fills the screen: by the video alone nobody could drive. `driveWithout` is called
 * when the operator says that they drive without a picture.
 */
export function videoPane(robot: string, around: () => HTMLElement, driveWithout: () => void): VideoPane {
  const video = el("video", { autoplay: true, playsinline: true, "aria-label": texts.cameraOf(robot) });
  // The attribute alone does not mute an element that a script made.
  video.muted = true;
  const kept = el("canvas", { "aria-hidden": "true" });
  const note = el("p", { class: "video-note", role: "status" });
  const turnKey = TURN_KEY + robot;
  const turn = (degrees: number) => {
    video.dataset["turn"] = kept.dataset["turn"] = String(degrees);
    storeChoice(turnKey, String(degrees));
  };
  turn(Number(readChoice(turnKey) ?? 0) % 360 || 0);

  const tools = el(
    "div",
    { class: "video-tools" },
    tool(texts.turnPicture, "turn", () => turn((Number(video.dataset["turn"]) + 90) % 360)),
    tool(texts.keepPicture, "save", () => void saveFrame(video, robot)),
    tool(texts.fullScreen, "full", () => fullScreen(around())),
  );
  const reason = el("p", { role: "status" });
  const override = el("button", { type: "button", onclick: driveWithout }, texts.driveWithoutPicture);
  const veil = el("div", { class: "video-veil" }, reason, override);
  const play = el("button", { type: "button", class: "video-play", hidden: true, onclick: () => start() }, texts.tapToShow);
  const element = el("section", { class: "video-pane", "aria-label": texts.cameraTitle }, landscape(), video, kept, veil, play, note, tools);
  const start = () =>
    void video.play().then(
      () => (play.hidden = true),
      // Another stream came meanwhile, or the browser wants a hand before it plays anything.
      (error: unknown) => (play.hidden = !(error instanceof DOMException && error.name === "NotAllowedError")),
    );
  video.addEventListener("loadeddata", () => (element.dataset["picture"] = "on"));
  const newest = newestFrame(video);
  // Since when there is a stream, and when the last frame of the one before was painted: at the end of a stream
  // browsers paint a black one.
  let liveFrom = Infinity;
  let lastMs: number | null = null;
  const isLive = () => newest.paintedMs !== null && newest.paintedMs >= liveFrom;
  const keep = () => {
    if (video.videoWidth === 0 || element.dataset["kept"] === "on") return;
    [kept.width, kept.height] = [video.videoWidth, video.videoHeight];
    kept.getContext("2d")?.drawImage(video, 0, 0);
    element.dataset["kept"] = "on";
  };
  return {
    element,
    get paintedMs() {
      return isLive() ? newest.paintedMs : lastMs;
    },
    get ageMs() {
      return newest.ageMs;
    },
    setStream(stream) {
      // Between two connections the last frame stays: a standing picture says more than none.
      if (stream === null) {
        [lastMs, liveFrom] = [isLive() ? newest.paintedMs : lastMs, Infinity];
        return keep();
      }
      if (video.srcObject === stream) return;
      liveFrom = performance.now();
      video.srcObject = stream;
      start();
    },
    setHidden(hidden) {
      if (hidden) video.pause();
      else if (video.srcObject !== null) start();
    },
    setVeil(veiled, lock) {
      if (veiled) keep();
      else if (isLive()) element.dataset["kept"] = "off";
      element.dataset["veil"] = veiled ? "on" : "off";
      veil.hidden = lock === null;
      setText(reason, lock?.text ?? "");
      override.hidden = !lock?.mayOverride;
    },
    setNote(text) {
      setText(note, text);
      note.hidden = text === "";
    },
  };
}

function tool(label: string, name: "turn" | "save" | "full", onclick: () => void): HTMLElement {
  return el("button", { type: "button", "aria-label": label, title: label, onclick }, toolIcon(name));
}

function fullScreen(element: HTMLElement): void {
  if (!document.fullscreenEnabled) {
    element.dataset["full"] = element.dataset["full"] === "on" ? "off" : "on";
    return;
  }
  const done = document.fullscreenElement === null ? element.requestFullscreen() : document.exitFullscreen();
  void done.catch(() => {});
}

/** Saves the frame as it is seen: turned. */
async function saveFrame(video: HTMLVideoElement, robot: string): Promise<void> {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0) return;
  const degrees = Number(video.dataset["turn"]);
  const across = degrees % 180 !== 0;
  const canvas = el("canvas");
  canvas.width = across ? height : width;
  canvas.height = across ? width : height;
  const context = canvas.getContext("2d");
  context?.translate(canvas.width / 2, canvas.height / 2);
  context?.rotate((degrees * Math.PI) / 180);
  context?.drawImage(video, -width / 2, -height / 2);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) return;
  const href = URL.createObjectURL(blob);
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  el("a", { href, download: `${robot}-${stamp}.png` }).click();
  URL.revokeObjectURL(href);
}
