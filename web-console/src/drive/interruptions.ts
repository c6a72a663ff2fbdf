// All that can swallow the event by which a key, a button or a stick is let go. Each counts as
// letting go: the hand may still hold, but this page would not hear of its end.

/** Beside these, a page that stood still lets go: see `controller`. */
const OF_THE_WINDOW = [
  "blur",
  "pagehide",
  // Its dialog takes the keyboard.
  "beforeprint",
  // While something is dragged, from here or from outside, no key is heard.
  "dragstart",
  "dragenter",
  // A call comes in, or the browser makes the gesture its own.
  "pointercancel",
  // An input method takes the keys.
  "compositionstart",
  "gamepaddisconnected",
];

const OF_THE_DOCUMENT = ["visibilitychange", "freeze", "fullscreenchange", "pointerlockchange"];

/** Calls `release` at each of them until `until` is aborted. */
export function listenToInterruptions(release: () => void, until: AbortSignal): void {
  const signal = { signal: until };
  for (const event of OF_THE_WINDOW) addEventListener(event, release, signal);
  for (const event of OF_THE_DOCUMENT) document.addEventListener(event, release, signal);
  // A dialog or pop-up of the page tells only those above it who listen on the way down.
  const opens = (event: Event) => (event as ToggleEvent).newState === "open" && release();
  addEventListener("beforetoggle", opens, { signal: until, capture: true });
  // Let go by hand, a pointer loses its capture too, but then no button is pressed any more.
  addEventListener("lostpointercapture", (event) => event.buttons !== 0 && release(), signal);
  // Under a menu the page hears no key. Where it is prevented, none opens.
  addEventListener("contextmenu", (event) => event.defaultPrevented || release(), signal);
}
