/** A page that says one thing: WebGL 2 is missing, the server is gone, a scene does not open. */
import { button, el, icon } from "./dom";
import { themeButton } from "./theme";

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
  return el("main", { class: "message-page", "data-part": "message" }, [
    el("div", { class: "message-card" }, [
      icon("warn"),
      el("h1", {}, title),
      ...texts.map((text) => el("p", {}, text)),
      el("div", { class: "row" }, [again, home, el("span", { class: "space" }), themeButton()]),
    ]),
  ]);
}
