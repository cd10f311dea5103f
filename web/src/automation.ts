/** What `window.seggroup.state()` tells scripts that drive the page: plain data. */
import type { Editor } from "./editor";
import { unsent } from "./track";

/** The editor's state, or null where no scene is open. */
export function stateOf(editor: Editor | null): object | null {
  if (editor === null) return null;
  const { state, track, live, info, mode, current, semantic, view } = editor;
  const instances = [...state.instances].map(
    ([instance, { semantic: kind, clicks, name, color, note }]) => ({
      instance,
      semantic: kind,
      name,
      color,
      note,
      clicks: [...clicks],
    }),
  );
  const { confirmed, drafts, refused } = track.outbox.queue;
  return {
    scene: info.scene,
    annotator: track.annotator,
    own: track.own,
    mode,
    current,
    semantic,
    view,
    status: state.status,
    head: confirmed.head,
    drafts: drafts.length,
    refused: refused.length,
    unsent: unsent(),
    saving: track.outbox.saving.kind,
    undoable: state.done.length,
    redoable: state.undone.length,
    instances,
    progress: editor.progress(),
    preview:
      live.latest === null
        ? null
        : {
            method: live.latest.method,
            milliseconds: live.latest.milliseconds,
            doubtful: live.latest.doubtful,
            roundTripMs: live.roundTripMs,
          },
    suggestions: editor.suggestions(),
    suggestion: editor.guide.shown,
    hover: editor.hover,
  };
}
