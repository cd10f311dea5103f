/** The page on which a person signs in by name. */
import * as api from "../api";
import { el, setText } from "./dom";
import { themeButton } from "./theme";
import type { Session } from "../protocol";

/** The page; `entered` is called with the session. */
export function loginPage(entered: (session: Session) => void): HTMLElement {
  const name = el("input", {
    class: "field",
    name: "name",
    autocomplete: "username",
    required: true,
    maxlength: 80,
    autofocus: true,
  });
  const password = el("input", {
    class: "field",
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
    maxlength: 200,
  });
  const error = el("p", { class: "form-error", role: "alert" });
  const submit = el(
    "button",
    { class: "button primary wide", type: "submit", "data-act": "login" },
    "Sign in",
  );
  const form = el("form", { class: "login-card" }, [
    el("h1", {}, "SegGroup"),
    el("p", { class: "fine" }, "One click per object."),
    el("label", { class: "choice" }, [el("span", {}, "Name"), name]),
    el("label", { class: "choice" }, [el("span", {}, "Password"), password]),
    error,
    submit,
  ]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit.disabled = true;
    api.login({ name: name.value, password: password.value }).then(entered, (reason: unknown) => {
      submit.disabled = false;
      setText(error, reason instanceof Error ? reason.message : String(reason));
      password.select();
    });
  });
  return el("main", { class: "message-page", "data-part": "login" }, [form, themeButton()]);
}
