// The first page: user and password, or a channel on AWS.

import * as api from "../station/api";
import { awsForm, type AwsChoice } from "./aws-form";
import { el, setText, textField } from "./dom";
import { planet } from "./icons";
import { insecureNotice } from "./insecure-notice";

export function signIn(
  note: string | null,
  onLogin: (login: api.Login) => void,
  onAws: (choice: AwsChoice) => void,
): HTMLElement {
  const user = textField("User", { name: "user", autocomplete: "username" });
  const password = textField("Password", { name: "password", type: "password", autocomplete: "current-password" });
  const error = el("p", { class: "form-error", role: "alert" }, note ?? "");
  const button = el("button", { class: "primary", type: "submit" }, "Sign in");

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    button.disabled = true;
    setText(error, "");
    try {
      onLogin(await api.login(user.input.value.trim(), password.input.value));
    } catch (failure) {
      setText(error, api.errorMessage(failure));
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
      el("p", { class: "muted" }, "Sign in to see and drive your robots."),
      insecureNotice(),
      el("form", { onsubmit: submit }, user.label, password.label, error, button),
      awsForm(onAws),
    ),
  );
}
