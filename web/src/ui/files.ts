/** Import and export of a track's clicks and labels. */
import * as api from "../api";
import type { Editor } from "../editor";
import { saveFile } from "./banners";
import { confirm } from "./dialog";
import { el } from "./dom";
import { count } from "./format";
import type { Item } from "./menu";
import { toast } from "./toast";

const FORMATS: readonly [string, string, string][] = [
  ["clicks", "Clicks", ".json"],
  ["authors", "Clicks, the authors' form", ".json"],
  ["authors-scratch", "Clicks, the authors' from scratch", ".json"],
  ["aggregation", "ScanNet aggregation", ".json"],
  ["labels", "Labels per vertex", ".npz"],
  ["text", "Labels per vertex", ".txt"],
  ["ply", "Labelled mesh", ".ply"],
];

/** The menu of what can be read and written. */
export function fileItems(editor: Editor): Item[] {
  const own: Item[] = editor.track.own
    ? [
        {
          label: "Import…",
          act: "import",
          icon: "upload",
          disabled: !editor.track.editable,
          run: () => {
            choose(editor);
          },
        },
      ]
    : [];
  const exports = FORMATS.map(([format, label, hint]) => ({
    label: `Export ${label.charAt(0).toLowerCase()}${label.slice(1)}`.replace("scanNet", "ScanNet"),
    act: `export-${format}`,
    icon: "download" as const,
    hint,
    run: () => void exportTrack(editor, format),
  }));
  return [...own, ...exports];
}

async function exportTrack(editor: Editor, format: string): Promise<void> {
  const { track, info } = editor;
  const waiting = track.outbox.queue.drafts.length;
  if (waiting > 0) {
    toast(`${count(waiting, "operation")} not saved yet: export when all is saved.`, "warn");
    return;
  }
  try {
    const { blob, file } = await api.download(info.scene, track.annotator, format);
    saveFile(blob, file);
  } catch (error) {
    toast(`No export: ${error instanceof Error ? error.message : String(error)}`, "warn");
  }
}

function choose(editor: Editor): void {
  const input = el("input", {
    type: "file",
    accept: ".json,.npz,.txt,.ply",
    class: "away",
    "data-act": "import-file",
  });
  input.addEventListener("change", () => {
    const file = input.files?.item(0);
    input.remove();
    if (file !== null && file !== undefined) void importFile(editor, file);
  });
  input.addEventListener("cancel", () => {
    input.remove();
  });
  document.body.append(input);
  input.click();
}

/** Read a file of clicks or labels by the server, say what it holds, and take it over if the person agrees. */
export async function importFile(editor: Editor, file: File): Promise<void> {
  try {
    const read = /\.json$/i.test(file.name) ? api.readClicks : api.readLabels;
    const { clicks, notes } = await read(editor.info.scene, file);
    const instances = new Set(clicks.map(({ instance }) => instance)).size;
    const now = editor.instances.size;
    const objects = count(instances, "instance");
    const held = `${file.name} holds ${count(clicks.length, "click")} on ${objects}.`;
    const gone =
      now === 0 ? "" : ` They replace the ${count(now, "instance")} here; undo brings these back.`;
    const said = [held + gone, ...notes].join(" ");
    if (!(await confirm("Import these clicks?", said, "Import"))) return;
    editor.edit({ kind: "import", source: file.name.slice(0, 80), clicks });
  } catch (error) {
    toast(`Not imported: ${error instanceof Error ? error.message : String(error)}`, "warn");
  }
}
