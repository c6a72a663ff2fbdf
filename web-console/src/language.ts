// In which language the page speaks. English is part of the page; another one is loaded before anything is shown,
// and where that fails English is there. `texts` and `locale` stay as they are until the page is loaded anew.

import { en, type Texts } from "./language/en";
import { readChoice, storeChoice } from "./stored";

/** By their own names, as whoever looks for theirs reads no other. */
export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español", nl: "Nederlands" } as const;

export type Language = keyof typeof LANGUAGES;

const LOADERS: Readonly<Record<Exclude<Language, "en">, () => Promise<Texts>>> = {
  de: async () => (await import("./language/de")).de,
  es: async () => (await import("./language/es")).es,
  nl: async () => (await import("./language/nl")).nl,
};

const KEY = "outpost.language";

export let texts: Texts = en;

/** For `Intl`: with the region of the browser's language, where that is the page's too. */
export let locale = "en";

let current: Language = "en";

export function currentLanguage(): Language {
  return current;
}

/** The one that was chosen, or else the first of the browser's that there is. Pure. */
export function chooseLanguage(chosen: string | null, wanted: readonly string[]): Language {
  const all = [chosen ?? "", ...wanted].map((tag) => tag.toLowerCase().split("-")[0]!);
  return (all.find((tag) => tag in LANGUAGES) as Language | undefined) ?? "en";
}

/** To be awaited before anything is shown. */
export async function loadLanguage(): Promise<void> {
  const wanted = navigator.languages;
  const language = chooseLanguage(readChoice(KEY), wanted);
  const loaded = language === "en" ? en : await LOADERS[language]().catch(() => null);
  current = loaded === null ? "en" : language;
  texts = loaded ?? en;
  locale = wanted.find((tag) => tag.toLowerCase().split("-")[0] === current) ?? current;
  document.documentElement.lang = current;
}

/** Remembers it and loads the page anew. */
export function setLanguage(language: Language): void {
  storeChoice(KEY, language);
  location.reload();
}
