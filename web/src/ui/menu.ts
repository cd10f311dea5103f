/** Small windows at a point of the page: menus, and the class palette at the pointer. */
import { el, icon } from "./dom";
import type { IconName } from "./dom";

export interface Item {
  readonly label: string;
  readonly act: string;
  readonly icon?: IconName;
  readonly hint?: string;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly run: () => void;
}

let closeOpen: (() => void) | null = null;

/** Close the small window that is open. Returns whether there was one. */
export function closePopover(): boolean {
  const close = closeOpen;
  close?.();
  return close !== null;
}

/**
 * Show `content` near a point (CSS pixels of the page), within the window. It closes on Esc, on a
 * press outside and by the returned function; `closed` is called then.
 */
export function popover(
  content: HTMLElement,
  x: number,
  y: number,
  closed?: () => void,
): () => void {
  closePopover();
  const before = document.activeElement;
  const node = el("div", { class: "popover", "data-part": "popover" }, [content]);
  const close = (): void => {
    if (closeOpen !== close) return;
    closeOpen = null;
    const focused = node.contains(document.activeElement);
    document.removeEventListener("pointerdown", outside, true);
    node.remove();
    if (focused && before instanceof HTMLElement) before.focus({ preventScroll: true });
    closed?.();
  };
  const outside = (event: Event): void => {
    if (!node.contains(event.target as Node)) close();
  };
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  node.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !node.contains(relatedTarget)) close();
  });
  document.body.append(node);
  const box = node.getBoundingClientRect();
  node.style.left = `${Math.max(8, Math.min(x, innerWidth - box.width - 8))}px`;
  node.style.top = `${Math.max(8, Math.min(y, innerHeight - box.height - 8))}px`;
  document.addEventListener("pointerdown", outside, true);
  closeOpen = close;
  return close;
}

/** Show a menu under an element. Arrow keys move, Enter chooses. */
export function menu(anchor: HTMLElement, items: readonly Item[]): void {
  const list = el("div", { class: "menu", role: "menu" });
  const box = anchor.getBoundingClientRect();
  for (const item of items) list.append(entry(item));
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const all = [...list.querySelectorAll<HTMLButtonElement>("button:not(:disabled)")];
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    all[(at + step + all.length) % all.length].focus();
  });
  anchor.setAttribute("aria-expanded", "true");
  popover(list, box.left, box.bottom + 4, () => {
    anchor.removeAttribute("aria-expanded");
  });
  list.querySelector<HTMLButtonElement>("button:not(:disabled)")?.focus();
}

function entry(item: Item): HTMLElement {
  const node = el(
    "button",
    {
      type: "button",
      role: "menuitem",
      class: item.danger === true ? "menu-item danger" : "menu-item",
      "data-act": item.act,
      disabled: item.disabled ?? false,
    },
    [
      item.icon === undefined ? null : icon(item.icon),
      el("span", { class: "menu-label" }, item.label),
      item.hint === undefined ? null : el("kbd", {}, item.hint),
    ],
  );
  node.addEventListener("click", () => {
    closePopover();
    item.run();
  });
  return node;
}
