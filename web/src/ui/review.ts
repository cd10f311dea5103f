/** The reviewer's bar: accept a track, or send it back with words. */
import type { Editor } from "../editor";
import { askText } from "./dialog";
import { button, el } from "./dom";
import { toast } from "./toast";

/** The bar, shown to reviewers where there is something to review. */
export function reviewBar(editor: Editor): { node: HTMLElement; render: () => void } {
  const text = el("span", {});
  const accept = button({
    label: "Accept",
    act: "accept-track",
    icon: "check",
    class: "primary",
    onClick: () => void done(editor, { kind: "accept" }, "Accepted."),
  });
  const back = button({
    label: "Send back…",
    act: "send-back",
    onClick: () => void sendBack(editor),
  });
  const node = el("div", { class: "reviewbar", "data-part": "review" }, [text, back, accept]);
  const render = (): void => {
    const { status } = editor.state;
    const mine = editor.track.own;
    text.textContent =
      status === "accepted" ? "Accepted" : mine ? "Review" : `Review ${editor.track.annotator}`;
    accept.hidden = status === "accepted";
    const open = status === "submitted" || status === "accepted" || (!mine && status !== "new");
    node.hidden = editor.session.role === "annotator" || !open;
  };
  return { node, render };
}

async function sendBack(editor: Editor): Promise<void> {
  const text = await askText("What should be changed?", "", 2000, true, "Send back");
  if (text !== null) await done(editor, { kind: "send back", text }, "Sent back.");
}

async function done(
  editor: Editor,
  operation: { kind: "accept" } | { kind: "send back"; text: string },
  said: string,
): Promise<void> {
  if (await editor.review(operation)) toast(said, "good");
}
