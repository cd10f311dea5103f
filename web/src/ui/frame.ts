/** The head that the pages besides the editor share. */
import * as api from "../api";
import type { Session } from "../protocol";
import { button, el, icon } from "./dom";
import type { Child } from "./dom";
import { themeButton } from "./theme";

/** A page with its head and a body. */
export function page(
  session: Session,
  at: "scenes" | "stats",
  body: readonly Child[],
): HTMLElement {
  const link = (name: "scenes" | "stats", label: string, href: string): HTMLElement =>
    el("a", { href, class: "nav", "aria-current": at === name ? "page" : null }, [
      icon(name === "scenes" ? "list" : "chart"),
      label,
    ]);
  const out = button({
    label: "Sign out",
    icon: "exit",
    quiet: true,
    act: "logout",
    onClick: () =>
      void api.logout().finally(() => {
        location.reload();
      }),
  });
  const head = el("header", { class: "topbar" }, [
    el("strong", { class: "brand" }, "SegGroup"),
    el("nav", { "aria-label": "Pages" }, [
      link("scenes", "Scenes", "#/"),
      link("stats", "Statistics", "#/stats"),
    ]),
    el("span", { class: "space" }),
    el("span", { class: "whose" }, [icon("user"), `${session.user} (${session.role})`]),
    themeButton(),
    session.users ? out : null,
  ]);
  return el("div", { class: "page" }, [head, el("main", { class: "page-body" }, body)]);
}
