/** What stands in the way of saving, or what a reviewer asks for: shown until it is over. */
import type { Editor } from "../editor";
import { button, el, icon } from "./dom";
import { count } from "./format";

interface Banner {
  readonly key: string;
  readonly tone: "warn" | "info";
  readonly text: string;
  readonly actions: readonly HTMLElement[];
}

/** The banners of an editor, and the function that brings them up to date. */
export function banners(editor: Editor): { node: HTMLElement; render: () => void } {
  const list = el("div", { class: "banner-list", role: "status", "aria-live": "polite" });
  const node = el("div", { class: "banners", "data-part": "banners" }, [list]);
  let shown = "";
  let read = "";
  const close = (text: string) => (): void => {
    read = text;
    render();
  };
  const render = (): void => {
    const words = review(editor);
    const said = words === "" || words === read ? null : information(words, close(words));
    const all = [saving(editor), refused(editor), said].filter((banner) => banner !== null);
    const state = JSON.stringify(all.map(({ key, text }) => [key, text]));
    if (state === shown) return;
    shown = state;
    list.replaceChildren(...all.map(bannerNode));
  };
  return { node, render };
}

function bannerNode({ key, tone, text, actions }: Banner): HTMLElement {
  const mark = icon(tone === "warn" ? "warn" : "note");
  return el("div", { class: `banner ${tone}`, "data-banner": key }, [
    mark,
    el("p", {}, text),
    ...actions,
  ]);
}

function saving(editor: Editor): Banner | null {
  const { outbox, own } = editor.track;
  const kept = outbox.queue.drafts.length;
  const keep =
    kept === 0
      ? ""
      : ` ${count(kept, "operation")} of yours ${kept === 1 ? "is" : "are"} kept here.`;
  const again = button({
    label: "Try now",
    act: "retry",
    onClick: () => {
      outbox.retry();
    },
  });
  switch (outbox.saving.kind) {
    case "leased":
      return own ? leased(editor, keep) : null;
    case "offline":
      return warn(
        "offline",
        `The server does not answer.${keep} Work on: all is sent when it is back.`,
        again,
      );
    case "full":
      return warn("full", `The server cannot save: ${outbox.saving.detail}${keep}`, again);
    case "blocked":
      return warn("blocked", `The server refuses to save: ${outbox.saving.detail}${keep}`, again);
    case "accepted":
      return warn(
        "accepted-kept",
        `The scene was accepted meanwhile.${keep} They are sent if it is sent back.`,
      );
    case "signed out": {
      const signIn = button({
        label: "Sign in",
        act: "sign-in",
        onClick: () => {
          location.reload();
        },
      });
      return warn("signed-out", `You are signed out.${keep}`, signIn);
    }
    default:
      return null;
  }
}

function warn(key: string, text: string, ...actions: HTMLElement[]): Banner {
  return { key, tone: "warn", text, actions };
}

function leased(editor: Editor, keep: string): Banner {
  const { track, session } = editor;
  const lease = track.outbox.saving.kind === "leased" ? track.outbox.saving.lease : null;
  const holder = lease?.holder ?? null;
  const self = holder === null || holder === session.user;
  const who = self
    ? "This scene is open in another window of yours."
    : `${holder} is working on this scene.`;
  const over = button({
    label: "Take over",
    act: "take-over",
    onClick: () => void track.lease(true).catch(() => undefined),
  });
  return warn("leased", `${who} You can look; to edit, take it over.${keep}`, over);
}

function refused(editor: Editor): Banner | null {
  const { refused: all } = editor.track.outbox.queue;
  const last = all.at(-1);
  if (last === undefined) return null;
  const what = count(all.length, "operation");
  const text = `The server refused ${what}, the last with: ${last.reason}`;
  const file = button({
    label: "Download them",
    act: "download-refused",
    onClick: () => {
      save(editor);
    },
  });
  const away = button({
    label: "Dismiss",
    act: "dismiss-refused",
    onClick: () => {
      editor.track.outbox.forgetRefused();
    },
  });
  return warn("refused", text, file, away);
}

function save(editor: Editor): void {
  const text = JSON.stringify(editor.track.outbox.queue.refused, null, 2);
  saveFile(new Blob([text], { type: "application/json" }), `${editor.info.scene}-refused.json`);
}

/** What a review says of the track; empty where there is none. */
function review(editor: Editor): string {
  const { status, review: text } = editor.state;
  if (status === "accepted") return "This track is accepted: it takes no edits.";
  if (status !== "sent back") return "";
  return text === "" ? "A reviewer sent this scene back." : `A reviewer sent this back: ${text}`;
}

function information(text: string, close: () => void): Banner {
  const away = button({
    label: "Close",
    icon: "close",
    quiet: true,
    act: "close-banner",
    onClick: close,
  });
  return { key: "review", tone: "info", text, actions: [away] };
}

/** Give the person a file made in the page. */
export function saveFile(blob: Blob, name: string): void {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 10_000);
}
