/** Elements made by script. Text goes in as text nodes, never as markup. */

export type Child = Node | string | null;
type Attributes = Record<string, string | number | boolean | null | undefined>;

/** An element with attributes (false, null, undefined: absent; true: empty) and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  children: readonly Child[] | string = [],
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  if (typeof children === "string") node.textContent = children;
  else node.append(...children.filter((child) => child !== null));
  return node;
}

/** Set an attribute by the rules of `el`. */
export function setAttribute(node: Element, name: string, value: Attributes[string]): void {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** Set an element's text where it differs, so that a screen reader hears real changes alone. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

// Strokes on a 24 by 24 grid.
const ICONS = {
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  down: "M6 9l6 6 6-6",
  check: "M4 12.5l5.5 5.5L20 7",
  close: "M6 6l12 12M18 6L6 18",
  help: "M9 9a3 3 0 1 1 4 2.7c-.8.4-1 1-1 1.8v.7M12 17.6v.2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  sun:
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2" +
    "M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5",
  undo: "M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3",
  eye:
    "M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12" +
    "M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6",
  hidden:
    "M4 4l16 16M9.5 6c.8-.3 1.6-.5 2.5-.5 6.4 0 10 6.5 10 6.5a17 17 0 0 1-3 3.6" +
    "M6.5 7.8A16.5 16.5 0 0 0 2 12s3.6 6.5 10 6.5c1.5 0 2.9-.4 4.1-.9",
  alone: "M12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M12 3v3M12 18v3M3 12h3M18 12h3",
  dots: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  note: "M5 4h14v11l-5 5H5zM14 20v-5h5M8 8.5h8M8 12h5",
  upload: "M12 16V5M7.5 9L12 4.5 16.5 9M4 16v4h16v-4",
  download: "M12 4v11M7.5 11.5L12 16l4.5-4.5M4 16v4h16v-4",
  home: "M4 11l8-7 8 7M6 9.5V20h12V9.5",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.5 15.5L21 21",
  panel: "M3.5 5h17v14h-17zM14.5 5v14",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  chart: "M4 20h16M7 17v-6M12 17V5M17 17v-9",
  target: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7",
  warn: "M12 4L2.5 20h19zM12 10v4.5M12 17.2v.2",
  user: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4.5 20c.6-4 3.7-6 7.5-6s6.9 2 7.5 6",
  exit: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
} as const;
export type IconName = keyof typeof ICONS;

/** A decorative icon in the text's colour. */
export function icon(name: IconName): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export interface ButtonOptions {
  readonly act?: string;
  readonly icon?: IconName;
  readonly label: string;
  readonly title?: string;
  /** The label is for screen readers and the tooltip alone. */
  readonly quiet?: boolean;
  readonly class?: string;
  readonly onClick: (event: MouseEvent) => void;
}

/** A button; `act` names it for automation. */
export function button(options: ButtonOptions): HTMLButtonElement {
  const { label, quiet, act } = options;
  const node = el("button", {
    type: "button",
    class: ["button", quiet === true ? "quiet" : "", options.class ?? ""].join(" ").trim(),
    "data-act": act,
    title: options.title ?? (quiet === true ? label : null),
    "aria-label": quiet === true ? label : null,
  });
  if (options.icon !== undefined) node.append(icon(options.icon));
  if (quiet !== true) node.append(el("span", {}, label));
  node.addEventListener("click", options.onClick);
  return node;
}

/** A small coloured square. */
export function chip(color: string, className = "chip"): HTMLElement {
  const node = el("span", { class: className, "aria-hidden": "true" });
  node.style.backgroundColor = color;
  return node;
}

/** Whether keys belong to a field and not to the page. */
export function inField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement)
    return target.type !== "range" && target.type !== "checkbox";
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
