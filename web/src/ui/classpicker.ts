/** The class palette: a search field over a list; digits, arrow keys and Enter choose. */
import { search } from "../classes";
import type { Found } from "../classes";
import type { ClassItem } from "../protocol";
import { hex } from "../colors";
import { chip, el, setAttribute } from "./dom";

export interface ClassPicker {
  readonly node: HTMLElement;
  /** Show the classes again: the recents or the chosen class have changed. */
  update(recents: readonly number[], chosen: number | null): void;
  focus(): void;
}

let made = 0;

/**
 * A palette of `classes`; `choose` is called with the class's id, `escape` when Esc has emptied the
 * search. Without `escape`, Esc is left to what is around the palette.
 */
export function classPicker(
  classes: readonly ClassItem[],
  choose: (id: number) => void,
  escape?: () => void,
): ClassPicker {
  const id = `classes-${made++}`;
  const field = el("input", {
    type: "text",
    class: "field",
    role: "combobox",
    placeholder: "Search classes",
    "aria-label": "Search classes",
    "aria-controls": id,
    "aria-expanded": "true",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
    "data-part": "class-search",
  });
  const list = el("ul", {
    class: "class-list",
    role: "listbox",
    id,
    "aria-label": "Classes",
    // It scrolls, but is gone through from the field: no stop of the Tab key.
    tabindex: -1,
  });
  const node = el("div", { class: "class-picker" }, [field, list]);
  let [recents, chosen, marked]: [readonly number[], number | null, number] = [[], null, 0];
  let found: Found[] = [];

  const take = (at: number): void => {
    if (at >= found.length) return;
    field.value = "";
    choose(found[at].item.id);
  };
  const mark = (at: number): void => {
    marked = Math.max(0, Math.min(at, found.length - 1));
    list.querySelectorAll("li").forEach((row, i) => {
      setAttribute(row, "data-marked", i === marked);
    });
    const row = list.children.item(marked);
    setAttribute(field, "aria-activedescendant", row?.id);
    if (document.activeElement === field) row?.scrollIntoView({ block: "nearest" });
  };
  const show = (): void => {
    found = search(classes, field.value, recents);
    const plainList = field.value === "";
    list.replaceChildren(
      ...found.map((item, i) => classRow(id, item, i, plainList, item.item.id === chosen)),
    );
    if (found.length === 0)
      list.append(el("li", { class: "empty", role: "presentation" }, "No class fits."));
    mark(0);
  };
  field.addEventListener("input", show);
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined) mark(marked + step);
    else if (event.key === "Enter") take(marked);
    else if (event.key === "Escape" && escape !== undefined) {
      field.value = "";
      show();
      escape();
    } else if (field.value === "" && /^[1-9]$/.test(event.key)) take(Number(event.key) - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  list.addEventListener("click", (event) => {
    const row = (event.target as Element).closest("li[data-class]");
    if (row !== null) take([...list.children].indexOf(row));
  });
  show();
  return {
    node,
    update(newRecents, newChosen) {
      if (newChosen === chosen && newRecents.join() === recents.join()) return;
      [recents, chosen] = [newRecents, newChosen];
      show();
    },
    focus() {
      field.focus({ preventScroll: true });
      field.select();
    },
  };
}

function classRow(
  id: string,
  found: Found,
  i: number,
  digits: boolean,
  chosen: boolean,
): HTMLElement {
  const { item, by } = found;
  return el(
    "li",
    { role: "option", id: `${id}-${i}`, "data-class": item.id, "aria-selected": String(chosen) },
    [
      chip(hex(item.color)),
      el("span", { class: "class-name" }, item.name),
      by === item.name ? null : el("span", { class: "class-by" }, by),
      digits && i < 9 ? el("kbd", {}, String(i + 1)) : null,
    ],
  );
}
