// In which language the page speaks.

import { currentLanguage, LANGUAGES, setLanguage, texts, type Language } from "../language";
import { el } from "./dom";

export function languageChoice(): HTMLElement {
  const names = Object.entries(LANGUAGES) as [Language, string][];
  const options = names.map(([language, name]) => el("option", { value: language, lang: language, selected: language === currentLanguage() }, name));
  const select = el("select", { onchange: () => setLanguage(select.value as Language) }, ...options);
  return el("label", { class: "language muted" }, el("span", {}, texts.language), select);
}
