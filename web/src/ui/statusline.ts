/** The bottom line: what a click does now, and what lies under the pointer. */
import type { Editor } from "../editor";
import { lackingParts, percent, trueOf } from "../truth";
import type { Pick } from "../viewer";
import { el, setText } from "./dom";

export interface StatusLine {
  readonly node: HTMLElement;
  readonly render: () => void;
}

/** The line of an editor. */
export function statusLine(editor: Editor): StatusLine {
  const hint = el("span", { class: "hint", "data-part": "hint" });
  const under = el("span", { class: "under", "data-part": "under" });
  const where = el("span", { class: "where", "data-part": "position" });
  const segment = el("span", { class: "where", "data-part": "segment" });
  const node = el("footer", { class: "statusline" }, [hint, under, where, segment]);
  const render = (): void => {
    const { hover } = editor;
    setText(hint, hintOf(editor));
    setText(under, hover === null ? "" : underPointer(editor, hover));
    setText(where, hover === null ? "" : hover.position.map((x) => x.toFixed(3)).join("  "));
    setText(segment, hover === null ? "" : `segment ${editor.geometry.segmentIds[hover.segment]}`);
  };
  return { node, render };
}

function hintOf(editor: Editor): string {
  const { mode } = editor;
  if (!editor.track.own) return `Looking at ${editor.track.annotator}'s track.`;
  if (mode !== "results" && editor.track.closed !== null) return editor.track.closed;
  if (mode === "results") return "Results: drag turns the scan, Ctrl+click picks an instance up.";
  const outlined = editor.marked === null ? "" : "Outlined: a good next click; N passes it over. ";
  return outlined + (mode === "truth" ? truthHint(editor) : scratchHint(editor));
}

function scratchHint(editor: Editor): string {
  const { current } = editor;
  const parts = current === null ? "" : ` Shift+click adds a part to ${editor.label(current)}.`;
  if (editor.semantic === null) return `Click an object, then choose its class.${parts}`;
  return `Click labels a new ${editor.className(editor.semantic)}.${parts}`;
}

function truthHint(editor: Editor): string {
  const { truth, current, instances } = editor;
  const progress = editor.progress();
  const done = progress === null ? "" : `${progress.done} of ${progress.of} completed. `;
  const item = current === null ? undefined : instances.get(current);
  const t = truth === null || item === undefined ? null : trueOf(truth, item);
  if (truth === null || item === undefined || t === null)
    return `${done}Click any coloured object once.`;
  const lacking = lackingParts(truth.items.get(t)!, new Set(item.clicks.keys()));
  const name = editor.label(current!);
  if (lacking === 0) return `${done}${name} is complete: click the next.`;
  return `${done}${name} lacks a click in ${lacking} of ${truth.items.get(t)!.parts.length} parts.`;
}

function underPointer(editor: Editor, hover: Pick): string {
  const id = editor.geometry.segmentIds[hover.segment];
  const owner = editor.owner.get(id);
  const words = owner === undefined ? spreadWords(editor, hover) : editor.label(owner);
  if (editor.mode !== "truth" || editor.truth === null) return words;
  const t = editor.truth.of.get(id);
  if (t === undefined) return "truth: nothing here";
  return `truth: ${editor.className(editor.truth.items.get(t)!.semantic)}, instance ${t}`;
}

function spreadWords(editor: Editor, hover: Pick): string {
  const { spread } = editor;
  const shown = editor.spreadOn || editor.mode === "results";
  if (spread === null || !shown || spread.instance[hover.segment] < 0) return "no label";
  const name = editor.label(spread.instance[hover.segment]);
  return `spread: ${name}, ${percent(spread.confidence[hover.segment] / 255)} sure`;
}
