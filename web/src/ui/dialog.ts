/** Questions to the person, in the browser's own modal dialog: it keeps the focus and knows Esc. */
import { button, el } from "./dom";
import type { Child } from "./dom";

interface Options {
  readonly title: string;
  readonly body: readonly Child[];
  readonly accept?: string;
  readonly danger?: boolean;
  readonly class?: string;
  /** What `accept` gives; the dialog stays open where this is null. */
  readonly value?: () => string | null;
}

/** Show a dialog; the value of `accept`, or null where it was closed otherwise. */
export function ask(options: Options): Promise<string | null> {
  return new Promise((resolve) => {
    const node = el("dialog", {
      class: `dialog ${options.class ?? ""}`.trim(),
      "data-part": "dialog",
    });
    const before = document.activeElement;
    let answer: string | null = null;
    const form = el("form", { method: "dialog" });
    const heading = el("h2", { id: "dialog-title" }, options.title);
    node.setAttribute("aria-labelledby", "dialog-title");
    const body = el("div", { class: "dialog-body" }, options.body);
    // What is only read is scrolled by keys, from its beginning.
    if (options.accept === undefined) {
      body.tabIndex = 0;
      body.autofocus = true;
    }
    form.append(heading, body, buttons(node, options));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const value = options.value === undefined ? "" : options.value();
      if (value === null) return;
      answer = value;
      node.close();
    });
    node.addEventListener("close", () => {
      node.remove();
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
      resolve(answer);
    });
    node.addEventListener("click", (event) => {
      if (event.target === node) node.close();
    });
    node.append(form);
    document.body.append(node);
    node.showModal();
  });
}

function buttons(node: HTMLDialogElement, options: Options): HTMLElement {
  const close = (): void => {
    node.close();
  };
  const row = el("div", { class: "dialog-buttons" });
  const label = options.accept === undefined ? "Close" : "Cancel";
  row.append(button({ label, act: "cancel", onClick: close }));
  if (options.accept === undefined) return row;
  const tone = options.danger === true ? "danger" : "primary";
  row.append(
    el("button", { type: "submit", class: `button ${tone}`, "data-act": "accept" }, options.accept),
  );
  return row;
}

/** Ask for a line or, with `long`, several; `accept` is on the button. Null where cancelled. */
export function askText(
  title: string,
  value: string,
  most: number,
  long = false,
  accept = "Save",
): Promise<string | null> {
  const field = long ? el("textarea", { rows: 5 }) : el("input", { type: "text" });
  field.value = value;
  field.maxLength = most;
  field.className = "field";
  field.setAttribute("aria-label", title);
  field.setAttribute("autofocus", "");
  return ask({ title, body: [field], accept, value: () => field.value.trim() });
}

/** Ask whether to do something. */
export async function confirm(
  title: string,
  text: string,
  accept: string,
  danger = false,
): Promise<boolean> {
  return (await ask({ title, body: [el("p", {}, text)], accept, danger })) !== null;
}
