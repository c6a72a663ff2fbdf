// Named values in a card: `metrics("robot", ["battery", …])` and later `show({battery: "7.4 V"})`.

import { texts } from "../language";
import type { Texts } from "../language/en";
import { el, setText } from "./dom";

/** A text without a blank in it. */
type Word = { [Key in keyof Texts]: Texts[Key] extends string ? Key : never }[keyof Texts];

export interface Metrics<Name extends string> {
  element: HTMLElement;
  show(values: Readonly<Record<Name, string>>): void;
}

export function metrics<const Name extends Word>(title: Word, names: readonly Name[]): Metrics<Name> {
  const values = new Map(names.map((name) => [name, el("dd", { class: "value" }, "–")]));
  const rows = [...values].map(([name, value]) => el("div", {}, el("dt", { class: "muted" }, texts[name]), value));
  return {
    element: el("section", { class: "card metrics" }, el("h2", {}, texts[title]), el("dl", {}, ...rows)),
    show(shown) {
      for (const [name, value] of values) setText(value, shown[name]);
    },
  };
}
