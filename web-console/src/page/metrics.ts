// Named figures in a card: `readings("Robot", ["Battery", …])` and later `show({Battery: "7.4 V"})`.

import { el, say } from "./dom";

export interface Readings<Name extends string> {
  element: HTMLElement;
  show(figures: Readonly<Record<Name, string>>): void;
}

export function readings<const Name extends string>(title: string, names: readonly Name[]): Readings<Name> {
  const figures = new Map(names.map((name) => [name, el("dd", { class: "figure" }, "–")]));
  const rows = [...figures].map(([name, figure]) => el("div", {}, el("dt", { class: "quiet" }, name), figure));
  return {
    element: el("section", { class: "card readings" }, el("h2", {}, title), el("dl", {}, ...rows)),
    show(shown) {
      for (const [name, figure] of figures) say(figure, shown[name]);
    },
  };
}
