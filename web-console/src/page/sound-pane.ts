// The buttons of sound: listen, off until it is pressed as browsers want it, and talk while held.

import { el, setText } from "./dom";
import { soundIcon } from "./icons";
import type { SoundState } from "./sound-state";
import { texts } from "../language";

export interface SoundPane {
  element: HTMLElement;
  /** Whether the operator wants to hear the robot. */
  readonly listening: boolean;
  setStream(stream: MediaStream | null): void;
  /** Null hides it. */
  show(state: SoundState | null): void;
}

const TALK_LABELS = { off: "holdToTalk", opening: "openingMicrophone", on: "talking" } as const;

export function soundPane(robot: string, listen: (on: boolean) => void, talk: (on: boolean) => void): SoundPane {
  const audio = el("audio", { autoplay: true, "aria-label": texts.soundOf(robot) });
  audio.muted = true;
  let listening = false;
  const listenLabel = el("span", {}, texts.listen);
  const onListen = () => {
    listening = !listening;
    audio.muted = !listening;
    // Within the click: a browser plays sound only by a hand.
    if (listening) void audio.play().catch(() => {});
    listenButton.setAttribute("aria-pressed", String(listening));
    setText(listenLabel, listening ? texts.listening : texts.listen);
    listen(listening);
  };
  const listenButton = el("button", { type: "button", "aria-pressed": "false", onclick: onListen }, soundIcon("listen"), listenLabel);
  const talkLabel = el("span", {}, texts[TALK_LABELS.off]);
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    talkButton.setPointerCapture(event.pointerId);
    talk(true);
  };
  const up = () => talk(false);
  const talkButton = el(
    "button",
    {
      type: "button",
      class: "talk",
      title: texts.holdToTalkHelp,
      onpointerdown: down,
      onpointerup: up,
      onlostpointercapture: up,
      onblur: up,
      onkeydown: (event: KeyboardEvent) => event.code === "Enter" && !event.repeat && talk(true),
      onkeyup: (event: KeyboardEvent) => event.code === "Enter" && up(),
    },
    soundIcon("talk"),
    talkLabel,
  );
  const note = el("p", { class: "muted", role: "status" });
  const element = el(
    "div",
    { class: "sound", role: "group", "aria-label": texts.sound, hidden: true },
    audio,
    el("div", { class: "sound-buttons" }, listenButton, talkButton),
    note,
  );
  return {
    element,
    get listening() {
      return listening;
    },
    setStream(stream) {
      if (stream !== null) audio.srcObject = stream;
    },
    show(state) {
      element.hidden = state === null;
      if (state === null) return;
      listenButton.disabled = !state.canListen && !listening;
      talkButton.disabled = !state.canTalk && state.talk === "off";
      talkButton.setAttribute("aria-pressed", String(state.talk === "on"));
      setText(talkLabel, texts[TALK_LABELS[state.talk]]);
      setText(note, state.note);
      note.hidden = state.note === "";
    },
  };
}
