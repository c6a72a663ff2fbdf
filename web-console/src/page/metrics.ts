// Named values in a card: `metrics("Robot", ["Battery", …])` and later `show({Battery: "7.4 V"})`.

import { el, setText } from "./dom";

export interface Metrics<Name extends string> {
  element: HTMLElement;
  show(texts: Readonly<Record<Name, string>>): void;
}

export function metrics<const Name extends string>(title: string, names: readonly Name[]): Metrics<Name> {
  const values = new Map(names.map((name) => [name, el("dd", { class: "value" }, "–")]));
  const rows = [...values].map(([name, value]) => el("div", {}, el("dt", { class: "muted" }, name), value));
  return {
    element: el("section", { class: "card metrics" }, el("h2", {}, title), el("dl", {}, ...rows)),
    show(texts) {
      for (const [name, value] of values) setText(value, texts[name]);
    },
  };
}
