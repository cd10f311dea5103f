/** The editor's top bar: scene, mode, time, saving, and what is done with the whole track. */
import type { Editor } from "../editor";
import type { Mode } from "../rules";
import { unsent } from "../track";
import { button, el, icon, setAttribute, setText } from "./dom";
import type { IconName } from "./dom";
import { count, pace, savingWords, statusClass } from "./format";
import { menu } from "./menu";
import type { Item } from "./menu";
import { themeButton } from "./theme";

export interface TopBarPage {
  step(direction: 1 | -1): void;
  help(): void;
  togglePanel(): void;
  finish(): void;
  fileItems(): Item[];
}

export interface TopBar {
  readonly node: HTMLElement;
  readonly render: () => void;
  readonly tick: () => void;
}

/** The bar of an editor. */
export function topBar(editor: Editor, page: TopBarPage): TopBar {
  const { info, track } = editor;
  const modes = modeSwitch(editor);
  const status = el("span", { "data-part": "status" });
  const each = el("span", { class: "time", "data-part": "pace", title: "Active time per object" });
  const whole = el("span", {
    class: "time whole",
    "data-part": "time",
    title: "Active time; pauses count little",
  });
  const progress = el("span", { class: "time", "data-part": "progress" });
  const save = el("span", {
    class: "save",
    role: "status",
    "aria-live": "polite",
    "data-part": "save",
  });
  const undo = quick("Undo (Ctrl+Z)", "undo", () => {
    editor.undo();
  });
  const redo = quick("Redo (Ctrl+Shift+Z)", "redo", () => {
    editor.redo();
  });
  const files = quick(
    "Import and export",
    "files",
    () => {
      menu(files, page.fileItems());
    },
    "download",
  );
  const finish = button({
    label: "Finish",
    act: "submit",
    icon: "check",
    class: "primary",
    title: "Submit the scene for review",
    onClick: () => {
      page.finish();
    },
  });
  const help = quick("Help (?)", "help", () => {
    page.help();
  });
  const side = quick("Show or hide the panel", "panel", () => {
    page.togglePanel();
  });
  const node = el("header", { class: "topbar" }, [
    el(
      "a",
      {
        class: "button quiet",
        href: "#/",
        title: "All scenes",
        "aria-label": "All scenes",
        "data-act": "scenes",
      },
      [icon("list")],
    ),
    sceneName(editor, page),
    track.own ? null : el("span", { class: "whose" }, [icon("user"), track.annotator]),
    status,
    modes.node,
    el("span", { class: "space" }),
    progress,
    each,
    whole,
    save,
    ...(track.own ? [undo, redo] : []),
    files,
    help,
    themeButton(),
    side,
    ...(track.own ? [finish] : []),
  ]);
  const tick = (): void => {
    if (!track.own) return;
    const words = pace(track.outbox.queue, track.activity.peek(performance.now()));
    setText(each, words.each);
    setText(whole, words.whole);
  };
  const render = (): void => {
    const state = editor.state;
    const words = savingWords(track.outbox.saving, unsent());
    setText(save, track.own ? words.text : "");
    save.className = `save ${words.tone}`;
    status.className = statusClass(state.status);
    setText(status, state.status);
    status.title = state.status;
    undo.disabled = state.done.length === 0 || !track.editable;
    redo.disabled = state.undone.length === 0 || !track.editable;
    finish.disabled = !track.editable || state.status === "submitted" || state.instances.size === 0;
    setText(progress, progressWords(editor));
    modes.render();
    tick();
  };
  document.title = `${info.scene} - SegGroup`;
  return { node, render, tick };
}

function quick(
  label: string,
  name: string,
  onClick: () => void,
  picture?: IconName,
): HTMLButtonElement {
  return button({ label, icon: picture ?? (name as IconName), quiet: true, act: name, onClick });
}

function sceneName(editor: Editor, page: TopBarPage): HTMLElement {
  const { info } = editor;
  const size = `${count(info.vertices, "vertex", "vertices")}, ${count(info.segments, "segment")}`;
  return el("span", { class: "scene-name" }, [
    button({
      label: "Previous scene (Page Up)",
      icon: "left",
      quiet: true,
      act: "previous",
      onClick: () => {
        page.step(-1);
      },
    }),
    el("strong", { title: `${info.scene}: ${size}`, "data-part": "scene" }, info.scene),
    button({
      label: "Next scene (Page Down)",
      icon: "right",
      quiet: true,
      act: "next",
      onClick: () => {
        page.step(1);
      },
    }),
  ]);
}

function progressWords(editor: Editor): string {
  const progress = editor.mode === "truth" ? editor.progress() : null;
  return progress === null ? "" : `${progress.done} of ${progress.of}`;
}

const MODES: readonly [Mode, string, string][] = [
  ["scratch", "From scratch", "Click objects in the scan's own colours"],
  ["truth", "With truth", "Click true instances, shown in colours"],
  ["results", "Results", "Look at clicks, spread labels, layers and differences"],
];

function modeSwitch(editor: Editor): { node: HTMLElement; render: () => void } {
  const node = el("div", { class: "segmented", role: "radiogroup", "aria-label": "Mode" });
  const buttons = new Map<Mode, HTMLElement>();
  for (const [mode, label, title] of MODES) {
    if (mode === "truth" && editor.info.instances === null) continue;
    if (mode !== "results" && !editor.track.own) continue;
    const choice = el(
      "button",
      { type: "button", role: "radio", title, "data-act": `mode-${mode}` },
      label,
    );
    choice.addEventListener("click", () => void editor.setMode(mode));
    buttons.set(mode, choice);
    node.append(choice);
  }
  node.hidden = buttons.size < 2;
  const render = (): void => {
    for (const [mode, choice] of buttons)
      setAttribute(choice, "aria-checked", String(mode === editor.mode));
  };
  return { node, render };
}
