// The log, folded: its newest entry is always seen, the others on request.

import type { Log, LogEntry } from "../log";
import { el, setText } from "./dom";
import { locale, texts } from "../language";

export function logPane(log: Log): HTMLElement {
  const newest = el("span", { class: "log-newest muted" });
  const list = el("ol", { class: "log-entries", tabindex: "0", "aria-label": texts.logHelp });
  const add = (entry: LogEntry) => {
    setText(newest, entry.text);
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(el("li", {}, el("time", { class: "muted value" }, clockTime(entry.atMs)), ` ${entry.text}`));
    while (list.childElementCount > log.entries.length) list.firstElementChild?.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  };
  log.entries.forEach(add);
  log.onEntry(add);
  const copy = el("button", { type: "button", class: "plain" }, texts.copy);
  copy.addEventListener("click", () => {
    const text = log.entries.map(({ atMs, text }) => `${new Date(atMs).toISOString()} ${text}`).join("\n");
    // Without HTTPS there is no clipboard at all.
    const copied = Promise.resolve().then(() => navigator.clipboard.writeText(text));
    void copied.then(() => setText(copy, texts.copied), () => setText(copy, texts.notAllowed));
  });
  return el(
    "details",
    { class: "card log", ontoggle: () => (list.scrollTop = list.scrollHeight) },
    el("summary", {}, el("h2", {}, texts.log), newest),
    list,
    copy,
  );
}

function clockTime(ms: number): string {
  return new Date(ms).toLocaleTimeString(locale);
}
