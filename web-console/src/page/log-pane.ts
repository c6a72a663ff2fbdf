// The log as a drawer: its newest line is always seen, the others on request.

import type { Line, Log } from "../log";
import { el, say } from "./dom";

export function logPane(log: Log): HTMLElement {
  const newest = el("span", { class: "log-newest quiet" });
  const list = el("ol", { class: "log-lines", tabindex: "0", "aria-label": "Log, oldest first" });
  const add = (line: Line) => {
    say(newest, line.text);
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(el("li", {}, el("time", { class: "quiet figure" }, clockTime(line.atMs)), ` ${line.text}`));
    while (list.childElementCount > log.lines.length) list.firstElementChild?.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  };
  log.lines.forEach(add);
  log.onLine(add);
  const copy = el("button", { type: "button", class: "plain" }, "Copy");
  copy.addEventListener("click", () => {
    const text = log.lines.map((line) => `${new Date(line.atMs).toISOString()} ${line.text}`).join("\n");
    void navigator.clipboard.writeText(text).then(() => say(copy, "Copied"), () => say(copy, "Not allowed"));
  });
  return el(
    "details",
    { class: "card log", ontoggle: () => (list.scrollTop = list.scrollHeight) },
    el("summary", {}, el("h2", {}, "Log"), newest),
    list,
    copy,
  );
}

function clockTime(ms: number): string {
  return new Date(ms).toLocaleTimeString("en-GB");
}
