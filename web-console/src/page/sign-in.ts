// The first page: user and password, or a channel on AWS.

import * as api from "../station/api";
import { awsForm, type AwsChoice } from "./aws-form";
import { el, setText, textField } from "./dom";
import { languageChoice } from "./language-choice";
import { planet } from "./icons";
import { insecureNotice } from "./insecure-notice";
import { texts } from "../language";

export function signIn(
  note: string | null,
  onLogin: (login: api.Login) => void,
  onAws: (choice: AwsChoice) => void,
): HTMLElement {
  const user = textField(texts.user, { name: "user", autocomplete: "username" });
  const password = textField(texts.password, { name: "password", type: "password", autocomplete: "current-password" });
  const show = el("input", { type: "checkbox", onchange: () => (password.input.type = show.checked ? "text" : "password") });
  const error = el("p", { class: "form-error", role: "alert" }, note ?? "");
  const button = el("button", { class: "primary", type: "submit" }, texts.signIn);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    button.disabled = true;
    setText(error, "");
    try {
      onLogin(await api.login(user.input.value.trim(), password.input.value));
    } catch (failure) {
      const refused = failure instanceof api.ApiError && failure.unauthorized;
      setText(error, refused ? texts.wrongPassword : api.errorMessage(failure));
      password.input.select();
    } finally {
      button.disabled = false;
    }
  };

  return el(
    "main",
    { class: "sign-in" },
    el(
      "div",
      { class: "card" },
      planet(),
      el("h1", {}, "Outpost"),
      el("p", { class: "muted" }, texts.signInToDrive),
      insecureNotice(),
      el("form", { onsubmit: submit }, user.label, password.label, el("label", { class: "tick" }, show, el("span", {}, texts.showPassword)), error, button),
      awsForm(onAws),
      languageChoice(),
    ),
  );
}
