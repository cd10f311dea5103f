/** The right panel: class, instances, results and suggestions. */
import type { Editor } from "../editor";
import { hex } from "../colors";
import { KINDS } from "../difference";
import { CLICKS, KIND_COLORS, sourceName, SPREAD } from "../results";
import type { Suggestion } from "../protocol";
import { percent } from "../truth";
import { classPicker } from "./classpicker";
import { button, chip, el, setText } from "./dom";
import { instanceSection } from "./instances";
import type { ListPage } from "./instances";

export interface Panel {
  readonly node: HTMLElement;
  readonly render: () => void;
  focusSearch(): void;
}

/** The panel of an editor. */
export function panel(editor: Editor, page: ListPage): Panel {
  const classes = classSection(editor, page);
  const instances = instanceSection(editor, page);
  const results = resultSection(editor);
  const suggestions = suggestionSection(editor);
  const parts = [classes, results, instances, suggestions];
  const node = el("aside", { class: "panel", "aria-label": "Labels", "data-part": "panel" }, [
    ...parts.map((part) => part.node),
  ]);
  return {
    node,
    render() {
      for (const part of parts) part.render();
      classes.node.hidden = editor.mode !== "scratch" || !editor.track.own;
      results.node.hidden = editor.mode !== "results";
      suggestions.node.hidden = editor.mode === "results";
    },
    focusSearch: classes.focus,
  };
}

/** Suggestions in the panel; `N` goes through all. */
const SHOWN = 3;

interface Section {
  readonly node: HTMLElement;
  readonly render: () => void;
}

function classSection(editor: Editor, page: ListPage): Section & { focus: () => void } {
  const now = el("span", { class: "class-now", "data-part": "class-now" });
  const picker = classPicker(
    editor.session.classes,
    (id) => {
      editor.chooseClass(id);
      page.focusCanvas();
    },
    () => {
      page.focusCanvas();
    },
  );
  const node = el("section", { class: "section classes" }, [
    el("header", {}, [el("h2", {}, "Class"), now]),
    picker.node,
  ]);
  let shown: number | null | undefined;
  const render = (): void => {
    const { semantic } = editor;
    picker.update(
      editor.recents.map(({ id }) => id),
      semantic,
    );
    if (semantic === shown) return;
    shown = semantic;
    if (semantic === null) now.replaceChildren("none chosen");
    else {
      const color = editor.classes.get(semantic)?.color ?? [128, 128, 128];
      now.replaceChildren(chip(hex(color)), editor.className(semantic));
    }
  };
  return {
    node,
    render,
    focus: () => {
      picker.focus();
    },
  };
}

function suggestionSection(editor: Editor): Section {
  const list = el("ol", { class: "suggestions", "data-part": "suggestions" });
  const note = el("p", { class: "fine", "data-part": "live-note" });
  const next = button({
    label: "Next",
    act: "next-suggestion",
    title: "Fly to the next suggestion (N)",
    class: "small",
    onClick: () => {
      editor.nextSuggestion();
    },
  });
  const node = el("section", { class: "section" }, [
    el("header", {}, [el("h2", {}, "Click next"), next]),
    list,
    note,
  ]);
  let shown = "";
  const render = (): void => {
    const { live } = editor;
    setText(note, live.error === null ? "" : `No propagation now: ${live.error}`);
    const open = editor.suggestions().slice(0, SHOWN);
    const state = JSON.stringify([open, editor.marked?.segment]);
    if (state === shown) return;
    shown = state;
    list.replaceChildren(...open.map((item) => suggestionRow(editor, item)));
    if (open.length === 0) list.append(el("li", { class: "empty" }, "No suggestions."));
  };
  return { node, render };
}

function suggestionRow(editor: Editor, suggestion: Suggestion): HTMLElement {
  const current = editor.marked?.segment === suggestion.segment;
  const node = el(
    "button",
    {
      type: "button",
      class: "suggestion",
      "data-act": "suggestion",
      "aria-current": current ? "true" : null,
    },
    [
      el("span", { class: "reason" }, suggestion.reason),
      el(
        "span",
        { class: "gain", title: "Share of the scan that this click is expected to settle" },
        `+${percent(suggestion.gain)}`,
      ),
    ],
  );
  node.addEventListener("click", () => {
    editor.guide.choose(suggestion);
    editor.flyTo(suggestion);
  });
  return el("li", {}, [node]);
}

function resultSection(editor: Editor): Section {
  const layers = editor.info.layers.filter((name) => name !== CLICKS && name !== SPREAD);
  const sources = [CLICKS, SPREAD, ...layers];
  const source = choice("Show", "source", sources, (value) => {
    editor.setView({ source: value });
  });
  const against = choice("Compare with", "against", ["", ...sources], (value) => {
    editor.setView({ against: value === "" ? null : value });
  });
  const color = el("input", { type: "checkbox", "data-act": "by-class" });
  color.addEventListener("change", () => {
    editor.setView({ byClass: color.checked });
  });
  const byClass = el("label", { class: "check" }, [color, "Colour by class"]);
  const legend = el("ul", { class: "legend", "data-part": "legend" });
  const header = el("header", {}, [el("h2", {}, "Results")]);
  const node = el("section", { class: "section" }, [
    header,
    source.node,
    against.node,
    byClass,
    legend,
  ]);
  const render = (): void => {
    const { view } = editor;
    source.field.value = view.source;
    against.field.value = view.against ?? "";
    color.checked = view.byClass;
    byClass.hidden = view.against !== null;
    const shares = editor.difference?.shares ?? [];
    legend.replaceChildren(...shares.map((share, kind) => legendRow(kind, share)));
  };
  return { node, render };
}

function legendRow(kind: number, share: number): HTMLElement {
  const of = kind === 0 ? "Share of all vertices" : "Share of the vertices that either labels";
  return el("li", { "data-kind": KINDS[kind] }, [
    chip(hex(KIND_COLORS[kind])),
    el("span", {}, KINDS[kind]),
    el("span", { class: "share", title: of }, percent(share)),
  ]);
}

function choice(
  label: string,
  act: string,
  values: readonly string[],
  changed: (value: string) => void,
): { node: HTMLElement; field: HTMLSelectElement } {
  const field = el("select", { class: "field", "data-act": act });
  for (const value of values) {
    field.append(el("option", { value }, value === "" ? "nothing" : sourceName(value)));
  }
  field.addEventListener("change", () => {
    changed(field.value);
  });
  return { node: el("label", { class: "choice" }, [el("span", {}, label), field]), field };
}
