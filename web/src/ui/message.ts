/** A page that says one thing: WebGL 2 is missing, the server is gone, a scene does not open. */
import { button, el, icon } from "./dom";
import type { Child } from "./dom";
import { themeButton } from "./theme";

/** What is said where people come in by the address that the program prints, and not by name. */
export function addressPage(): HTMLElement {
  const card = el("div", { class: "message-card" }, [
    icon("lock"),
    el("h1", {}, "Open the printed address"),
    el("p", {}, [
      "This browser is not let in yet. Open the newest address that ",
      el("code", {}, "seggroup annotate"),
      " printed where it runs.",
    ]),
    el("p", { class: "fine" }, [
      "Each address opens one browser, once; when it has been used, the next one is printed at " +
        "the same place. Where no address is in sight, stop the program with Ctrl+C and start " +
        "it again: nothing that was saved is lost.",
    ]),
  ]);
  return centred([card, themeButton()], "address");
}

function centred(children: readonly Child[], part: string): HTMLElement {
  return el("main", { class: "message-page", "data-part": part }, children);
}

/** The page, with an action where there is something to do. */
export function messagePage(
  title: string,
  texts: readonly string[],
  action?: { label: string; run: () => void },
): HTMLElement {
  const again =
    action === undefined
      ? null
      : button({
          label: action.label,
          act: "message-action",
          class: "primary",
          onClick: action.run,
        });
  const home = el("a", { class: "button", href: "#/" }, "All scenes");
  const card = el("div", { class: "message-card" }, [
    icon("warn"),
    el("h1", {}, title),
    ...texts.map((text) => el("p", {}, text)),
    el("div", { class: "row" }, [again, home, el("span", { class: "space" }), themeButton()]),
  ]);
  return centred([card], "message");
}
