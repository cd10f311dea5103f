/** Dark and light: the system's choice until the person makes one. */
import { recall, remember } from "../settings";
import { button, icon } from "./dom";

export type Theme = "dark" | "light";

const listeners = new Set<() => void>();

/** The theme in use. */
export function theme(): Theme {
  const system = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  return recall<Theme | null>("theme", null) ?? system;
}

/** Put the theme on the page, and again when the system changes. */
export function useTheme(): void {
  apply();
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", apply);
}

/** `listener` is called after every change of theme; returns what ends this. */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The button that changes the theme. */
export function themeButton(): HTMLButtonElement {
  const node = button({
    label: "Change between dark and light",
    icon: "sun",
    quiet: true,
    act: "theme",
    onClick: () => {
      remember("theme", theme() === "dark" ? "light" : "dark");
      apply();
      show();
    },
  });
  const show = (): void => {
    node.replaceChildren(icon(theme() === "dark" ? "sun" : "moon"));
  };
  show();
  return node;
}

/** A colour of the style sheet, by the name of its variable. */
export function themeColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function apply(): void {
  document.documentElement.dataset.theme = theme();
  for (const listener of listeners) listener();
}
