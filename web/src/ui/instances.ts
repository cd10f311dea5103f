/** The list of instances: colour, number, name, clicks, and what can be done with each. */
import type { Instance } from "../annotation";
import { fromHex, hex, instanceColor } from "../colors";
import type { Editor } from "../editor";
import { button, el, icon, setText } from "./dom";
import type { IconName } from "./dom";
import { ask, askText, confirm } from "./dialog";
import { count } from "./format";
import { menu } from "./menu";
import type { Item } from "./menu";

/** What the list needs besides the editor: a class chosen near an element. */
export interface ListPage {
  chooseClassAt(anchor: HTMLElement): Promise<number | null>;
  focusCanvas(): void;
}

/** The section, and the function that brings it up to date. */
export function instanceSection(
  editor: Editor,
  page: ListPage,
): { node: HTMLElement; render: () => void } {
  const title = el("h2", {}, "Instances");
  const all = button({
    label: "Show all",
    act: "show-all",
    class: "small",
    onClick: () => {
      editor.showAll();
    },
  });
  const list = el("ul", {
    class: "instances",
    "data-part": "instances",
    "aria-label": "Instances",
  });
  const node = el("section", { class: "section grow" }, [el("header", {}, [title, all]), list]);
  let shown = "";
  const render = (): void => {
    const rows = [...editor.instances].sort(([a], [b]) => a - b);
    const { current, hidden, alone } = editor;
    const state = JSON.stringify([
      rows.map(([n, item]) => [
        n,
        { ...item, clicks: item.clicks.size },
        hidden.has(n),
        editor.doubts(n),
      ]),
      [current, alone, editor.track.editable],
    ]);
    if (state === shown) return;
    shown = state;
    setText(title, rows.length === 0 ? "Instances" : `Instances (${rows.length})`);
    all.hidden = hidden.size === 0 && alone === null;
    const focused = focusKey(list);
    list.replaceChildren(...rows.map(([n, item]) => instanceRow(editor, page, n, item)));
    if (rows.length === 0) list.append(emptyRow(editor));
    if (focused !== null) list.querySelector<HTMLElement>(focused)?.focus({ preventScroll: true });
    list.querySelector(".current")?.scrollIntoView({ block: "nearest" });
  };
  list.addEventListener("keydown", moveFocus);
  return { node, render };
}

function emptyRow(editor: Editor): HTMLElement {
  const text = editor.track.own
    ? "None yet: choose a class, then click an object once."
    : "This track has no clicks.";
  return el("li", { class: "empty" }, text);
}

/** A selector of the element of the list that has the focus. */
function focusKey(list: HTMLElement): string | null {
  const active = document.activeElement;
  if (active === null || !list.contains(active)) return null;
  const row = active.closest("[data-instance]")?.getAttribute("data-instance");
  const act = active.getAttribute("data-act");
  return row === undefined ? null : `[data-instance="${row}"] [data-act="${act}"]`;
}

function moveFocus(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = (event.target as Element).closest("li");
  if (step === undefined || row === null || (event.target as Element).matches("input")) return;
  const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
  next?.querySelector<HTMLElement>("[data-act='pick-up']")?.focus();
  event.preventDefault();
  event.stopPropagation();
}

function instanceRow(editor: Editor, page: ListPage, n: number, item: Instance): HTMLElement {
  const label = editor.label(n);
  const hidden = editor.hidden.has(n) || (editor.alone !== null && editor.alone !== n);
  const current = editor.current === n;
  const doubts = editor.doubts(n);
  const main = el(
    "button",
    {
      type: "button",
      class: "instance-main",
      "data-act": "pick-up",
      "aria-current": current ? "true" : null,
    },
    [
      el("span", { class: "number" }, String(n)),
      el("span", { class: "names" }, [
        el(
          "span",
          { class: "name" },
          item.name === "" ? editor.className(item.semantic) : item.name,
        ),
        item.name === ""
          ? null
          : el("span", { class: "class-by" }, editor.className(item.semantic)),
      ]),
      item.note === "" ? null : mark("note-mark", "note", `Note: ${item.note}`),
      doubts.length === 0 ? null : mark("doubt-mark", "warn", `Doubtful: ${doubts.join("; ")}`),
      el(
        "span",
        { class: "clicks", title: count(item.clicks.size, "click") },
        String(item.clicks.size),
      ),
    ],
  );
  main.addEventListener("click", () => {
    editor.pickUp(n);
  });
  main.addEventListener("dblclick", () => void rename(editor, n));
  main.addEventListener("keydown", (event) => {
    rowKey(event, editor, n);
  });
  const more = button({
    label: `More about ${label}`,
    icon: "dots",
    quiet: true,
    act: "instance-menu",
    onClick: () => {
      menu(more, items(editor, page, more, n));
    },
  });
  const classes = ["instance", current ? "current" : "", hidden ? "away" : ""].join(" ").trim();
  const row = el("li", { class: classes, "data-instance": n }, [
    swatch(editor, n, item, label),
    main,
    hideButton(editor, n, label),
    more,
  ]);
  row.addEventListener("pointerenter", () => {
    point(editor, item);
  });
  row.addEventListener("pointerleave", () => {
    editor.viewer.setHover(null);
  });
  return row;
}

function mark(kind: string, name: IconName, text: string): HTMLElement {
  return el("span", { class: kind, title: text, role: "img", "aria-label": text }, [icon(name)]);
}

function point(editor: Editor, item: Instance): void {
  const [segment] = item.clicks.keys();
  editor.viewer.setHover(editor.dense.get(segment) ?? null);
}

function rowKey(event: KeyboardEvent, editor: Editor, n: number): void {
  if (event.key === "F2") void rename(editor, n);
  else if (event.key === "Delete" && event.shiftKey) void remove(editor, n);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function swatch(editor: Editor, n: number, item: Instance, label: string): HTMLElement {
  const input = el("input", {
    type: "color",
    class: "swatch",
    "aria-label": `Colour of ${label}`,
    title: "Change the colour",
    "data-act": "recolor",
    disabled: !editor.track.editable,
  });
  input.value = hex(instanceColor(n, item));
  input.addEventListener("change", () => {
    editor.edit({ kind: "recolor", instance: n, color: fromHex(input.value) });
  });
  return input;
}

function hideButton(editor: Editor, n: number, label: string): HTMLElement {
  const hidden = editor.hidden.has(n);
  const node = button({
    label: hidden ? `Show ${label}` : `Hide ${label}`,
    icon: hidden ? "hidden" : "eye",
    quiet: true,
    act: "hide",
    onClick: () => {
      editor.setHidden(n, !hidden);
    },
  });
  node.setAttribute("aria-pressed", String(hidden));
  return node;
}

function items(editor: Editor, page: ListPage, anchor: HTMLElement, n: number): Item[] {
  const closed = !editor.track.editable;
  const alone = editor.alone === n;
  return [
    {
      label: "Fly to it",
      act: "fly",
      icon: "target",
      run: () => {
        editor.flyToInstance(n);
      },
    },
    {
      label: alone ? "Show the others again" : "Show it alone",
      act: "alone",
      icon: "alone",
      run: () => {
        editor.setAlone(alone ? null : n);
      },
    },
    {
      label: "Rename…",
      act: "rename",
      hint: "F2",
      disabled: closed,
      run: () => void rename(editor, n),
    },
    {
      label: "Change the class…",
      act: "classify",
      disabled: closed,
      run: () => void classify(editor, page, anchor, n),
    },
    {
      label: "Note…",
      act: "note",
      icon: "note",
      disabled: closed,
      run: () => void note(editor, n),
    },
    {
      label: "Merge into…",
      act: "merge",
      disabled: closed || editor.instances.size < 2,
      run: () => void mergeInto(editor, n),
    },
    {
      label: "Delete",
      act: "delete",
      icon: "close",
      hint: "Shift+Del",
      danger: true,
      disabled: closed,
      run: () => {
        editor.edit({ kind: "delete", instance: n });
      },
    },
  ];
}

/** Ask for an instance's name. */
export async function rename(editor: Editor, n: number): Promise<void> {
  const item = editor.instances.get(n);
  if (item === undefined || !editor.track.editable) return;
  const name = await askText(`Name of ${editor.label(n)}`, item.name, 80);
  if (name !== null && name !== item.name) editor.edit({ kind: "rename", instance: n, name });
}

/** Ask whether to delete an instance, and do so. It can be undone. */
export async function remove(editor: Editor, n: number): Promise<void> {
  const item = editor.instances.get(n);
  if (item === undefined || !editor.track.editable) return;
  const text = `${count(item.clicks.size, "click")} will be taken away; undo brings all back.`;
  if (await confirm(`Delete ${editor.label(n)}?`, text, "Delete", true)) {
    editor.edit({ kind: "delete", instance: n });
  }
}

async function classify(
  editor: Editor,
  page: ListPage,
  anchor: HTMLElement,
  n: number,
): Promise<void> {
  const semantic = await page.chooseClassAt(anchor);
  if (semantic !== null) editor.edit({ kind: "classify", instance: n, semantic });
}

async function note(editor: Editor, n: number): Promise<void> {
  const before = editor.instances.get(n)?.note ?? "";
  const text = await askText(`Note on ${editor.label(n)}`, before, 2000, true);
  if (text === null || text === before) return;
  editor.edit({ kind: "note", instance: n, text });
}

async function mergeInto(editor: Editor, n: number): Promise<void> {
  const others = [...editor.instances.keys()].filter((other) => other !== n).sort((a, b) => a - b);
  const select = el("select", { class: "field", "aria-label": "Into", autofocus: true });
  for (const other of others) {
    const named = editor.instances.get(other)?.name !== "";
    const same = editor.instances.get(other)?.semantic === editor.instances.get(n)?.semantic;
    const option = el(
      "option",
      { value: other, selected: false },
      named ? `${editor.label(other)} (${other})` : editor.label(other),
    );
    if (same) select.prepend(option);
    else select.append(option);
  }
  select.selectedIndex = 0;
  const text = el("p", {}, "Its clicks go to the other instance, which keeps its class and name.");
  const into = await ask({
    title: `Merge ${editor.label(n)} into`,
    body: [text, select],
    accept: "Merge",
    value: () => select.value,
  });
  if (into === null) return;
  editor.edit({ kind: "merge", instance: n, into: Number(into) });
  editor.pickUp(Number(into));
}
