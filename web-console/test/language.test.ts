import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { chooseLanguage, LANGUAGES } from "../src/language";
import { de } from "../src/language/de";
import { en, type Texts } from "../src/language/en";
import { es } from "../src/language/es";
import { nl } from "../src/language/nl";

const all = { en, de, es, nl };
const keys = Object.keys(en) as (keyof Texts)[];

test("every language of the choice has its texts", () => {
  expect(Object.keys(all)).toEqual(Object.keys(LANGUAGES));
});

/** What a text says of blanks filled with «0», «1» and so on. */
function said(text: Texts[keyof Texts], blanks: number): string {
  return typeof text === "string" ? text : (text as (...args: string[]) => string)(...Array.from({ length: blanks }, (_, i) => `<${i}>`));
}

test.each(Object.entries(all))("%s lacks no text, and no text lacks a blank", (_, texts) => {
  expect(Object.keys(texts)).toEqual(keys);
  for (const key of keys) {
    const blanks = typeof en[key] === "string" ? 0 : (en[key] as () => string).length;
    const text = said(texts[key], blanks);
    expect(text.trim(), key).not.toBe("");
    for (let i = 0; i < blanks; i += 1) expect(text, key).toContain(`<${i}>`);
  }
});

test.each(Object.entries(all).slice(1))("%s is no copy of English", (_, texts) => {
  // Words that are the same in many languages.
  const same = keys.filter((key) => said(texts[key], 3) === said(en[key], 3));
  expect(same.length, same.join()).toBeLessThan(keys.length / 10);
});

test("the browser's first known language counts, unless one was chosen", () => {
  expect(chooseLanguage(null, ["fr-FR", "de-AT", "en"])).toBe("de");
  expect(chooseLanguage("nl", ["de"])).toBe("nl");
  expect(chooseLanguage("tlh", ["es-MX"])).toBe("es");
  expect(chooseLanguage(null, [])).toBe("en");
});

test("every text is said somewhere", () => {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts") && !file.startsWith("language/"));
  const code = sources.map((file) => readFileSync(`src/${file}`, "utf8")).join("\n");
  expect(keys.filter((key) => !new RegExp(`(texts\\.${key}|["']${key}["'])(?!\\w)`).test(code))).toEqual([]);
});
