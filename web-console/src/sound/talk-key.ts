// T talks while it is held, wherever the focus is but in a text field. By place on the keyboard, as the
// keys that drive.

import type { Talk } from "./talk";

const TALK_KEY = "KeyT";

/** Listens until `until` is aborted. */
export function listenToTalkKey(talk: Talk, until: AbortSignal): void {
  const down = (event: KeyboardEvent) => {
    const isCommand = event.ctrlKey || event.metaKey || event.altKey;
    if (event.code !== TALK_KEY || event.repeat || isCommand || isText(event.target)) return;
    talk.press();
  };
  addEventListener("keydown", down, { signal: until });
  addEventListener("keyup", (event) => event.code === TALK_KEY && talk.release(), { signal: until });
}

function isText(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.type !== "range" && target.type !== "radio";
}
