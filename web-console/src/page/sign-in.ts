// The first page: user and password.

import * as api from "../station/api";
import { el, say } from "./dom";
import { planet } from "./drawings";

export function signIn(note: string | null, done: (login: api.Login) => void): HTMLElement {
  const user = field("user", "User", "text", "username");
  const password = field("password", "Password", "password", "current-password");
  const trouble = el("p", { class: "trouble", role: "alert" }, note ?? "");
  const button = el("button", { class: "primary", type: "submit" }, "Sign in");

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    button.disabled = true;
    say(trouble, "");
    try {
      done(await api.login(user.input.value.trim(), password.input.value));
    } catch (error) {
      say(trouble, api.inWords(error));
      password.input.select();
    } finally {
      button.disabled = false;
    }
  };

  return el(
    "main",
    { class: "sign-in" },
    el(
      "form",
      { class: "card", onsubmit: submit },
      planet(),
      el("h1", {}, "Outpost"),
      el("p", { class: "quiet" }, "Sign in to see and drive your robots."),
      user.label,
      password.label,
      trouble,
      button,
    ),
  );
}

function field(name: string, text: string, type: string, autocomplete: string) {
  const input = el("input", { name, type, autocomplete, required: true, autocapitalize: "none", spellcheck: "false" });
  return { input, label: el("label", { class: "field" }, el("span", {}, text), input) };
}
