/** Short messages over the page, announced to screen readers; they go by themselves. */
import { button, el, icon } from "./dom";

export type Tone = "info" | "good" | "warn";

const SHOWN_MS = 5000;
const MOST = 3;
let place: HTMLElement | undefined;

/** Say something for a moment. `action` adds a button. */
export function toast(
  text: string,
  tone: Tone = "info",
  action?: { label: string; run: () => void },
): void {
  const box = holder();
  // Of passing remarks only the last matters.
  if (action === undefined)
    box.querySelectorAll(".toast.info").forEach((old) => {
      old.remove();
    });
  const node = el("div", { class: `toast ${tone}` }, [
    tone === "info" ? null : icon(tone === "warn" ? "warn" : "check"),
    el("span", { class: "toast-text" }, text),
  ]);
  const close = (): void => {
    node.remove();
  };
  if (action !== undefined) {
    node.append(
      button({
        label: action.label,
        onClick: () => {
          close();
          action.run();
        },
      }),
    );
  }
  box.append(node);
  while (box.childElementCount > MOST) box.firstElementChild?.remove();
  setTimeout(close, action === undefined ? SHOWN_MS : 3 * SHOWN_MS);
}

/** Take all messages away. */
export function clearToasts(): void {
  holder().replaceChildren();
}

function holder(): HTMLElement {
  if (place === undefined) {
    place = el("div", {
      class: "toasts",
      role: "status",
      "aria-live": "polite",
      "data-part": "toasts",
    });
    document.body.append(place);
  }
  return place;
}
