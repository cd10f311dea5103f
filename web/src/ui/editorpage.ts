/** The page on which a scene is annotated: loads it, and puts the parts around the canvas. */
import * as api from "../api";
import { slots } from "../classes";
import type { Recent } from "../classes";
import { Editor } from "../editor";
import type { Page } from "../editor";
import { loadGeometry } from "../geometry";
import type { Session } from "../protocol";
import { recall, remember } from "../settings";
import { clearStage, stage } from "../stage";
import type { Stage } from "../stage";
import { Track } from "../track";
import type { Pick } from "../viewer";
import { banners } from "./banners";
import { classPicker } from "./classpicker";
import { commands } from "./commands";
import { crosshair } from "./crosshair";
import { el, inField } from "./dom";
import { fileItems } from "./files";
import { showHelp } from "./help";
import { commandOf, keyOf } from "./keys";
import type { Command } from "./keys";
import { loading } from "./loading";
import { closePopover, popover } from "./menu";
import { panel } from "./panel";
import { reviewBar } from "./review";
import { nextOpen, sceneLink } from "./scenes";
import { statusLine } from "./statusline";
import { onTheme, themeColor } from "./theme";
import { clearToasts, toast } from "./toast";
import { topBar } from "./topbar";
import { viewCard } from "./viewcard";

/** A page in place: its element, what automation sees, and how to leave it. */
export interface OpenPage {
  readonly node: HTMLElement;
  readonly editor: () => Editor | null;
  readonly leave: () => void;
}

/**
 * Open a scene on `root`'s place. The scan is drawn as soon as it is there; the panels follow when
 * the track is read. Throws `NoWebGL`; `failed` is called where the scene does not open.
 */
export function editorPage(
  session: Session,
  scene: string,
  annotator: string,
  failed: (error: unknown) => void,
): OpenPage {
  const place = stage();
  const leaving = new AbortController();
  const wait = loading(scene);
  const view = el("div", { class: "view" }, [place.canvas, wait.node]);
  const node = el("div", { class: "editor no-panel" }, [view]);
  let editor: Editor | null = null;
  let track: Track | null = null;
  const background = (): void => {
    place.viewer.setBackground(themeColor("--canvas"));
  };
  const offTheme = onTheme(background);
  background();

  const open = async (): Promise<void> => {
    const geometry = loadGeometry(api.geometryUrl(scene), wait.progress, leaving.signal).then(
      (scan) => {
        if (leaving.signal.aborted) return scan;
        place.viewer.load(scan);
        wait.node.remove();
        return scan;
      },
    );
    const opening = Track.open(session, scene, annotator);
    void opening.then(
      (opened) => {
        if (leaving.signal.aborted) opened.leave();
        else track = opened;
      },
      () => undefined,
    );
    const [scan, info, opened] = await Promise.all([geometry, api.scene(scene), opening]);
    if (leaving.signal.aborted) return;
    const page = pageOf(session, node, place, leaving.signal);
    editor = new Editor(session, info, scan, place.viewer, opened, page);
    furnish(editor, node, view, place, leaving.signal);
  };
  open().catch((error: unknown) => {
    if (!leaving.signal.aborted) failed(error);
  });
  return {
    node,
    editor: () => editor,
    leave() {
      leaving.abort();
      offTheme();
      closePopover();
      clearToasts();
      editor?.dispose();
      track?.leave();
      clearStage();
    },
  };
}

/** How the editor speaks to the person. */
function pageOf(session: Session, node: HTMLElement, { canvas }: Stage, signal: AbortSignal): Page {
  const pointer = { x: 0, y: 0 };
  canvas.addEventListener(
    "pointermove",
    ({ clientX, clientY }) => {
      Object.assign(pointer, { x: clientX, y: clientY });
    },
    { signal },
  );
  return {
    say: (text, tone) => {
      toast(text, tone);
    },
    chooseClass() {
      const cross = node.querySelector<HTMLElement>(".crosshair");
      const box = canvas.getBoundingClientRect();
      const centre = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
      const { x, y } = cross?.hidden === false ? centre : pointer;
      return chooseAt(session, x + 8, y + 8);
    },
  };
}

/** The class palette in a small window at a point of the page. */
function chooseAt(session: Session, x: number, y: number): Promise<number | null> {
  return new Promise((resolve) => {
    const picker = classPicker(session.classes, (id) => {
      resolve(id);
      close();
    });
    const recents = slots(session.classes, recall<Recent[]>("recents", []));
    picker.update(
      recents.map(({ id }) => id),
      null,
    );
    const close = popover(picker.node, x, y, () => {
      resolve(null);
    });
    picker.focus();
  });
}

/** Put bar, panel, card and line around the canvas, and connect canvas and keys. */
function furnish(
  editor: Editor,
  node: HTMLElement,
  view: HTMLElement,
  place: Stage,
  signal: AbortSignal,
): void {
  const { session } = editor;
  const narrow = matchMedia("(max-width: 1100px)").matches;
  const showPanel = (on: boolean): void => {
    node.classList.toggle("no-panel", !on);
  };
  const step = (direction: 1 | -1): void => void go(editor, direction);
  const side = panel(editor, {
    chooseClassAt(anchor) {
      const box = anchor.getBoundingClientRect();
      return chooseAt(session, box.left - 240, box.bottom);
    },
    focusCanvas: () => {
      place.canvas.focus({ preventScroll: true });
    },
  });
  const card = viewCard(editor);
  const cross = crosshair(editor, place.canvas, signal);
  const line = statusLine(editor);
  const over = banners(editor);
  const review = reviewBar(editor);
  const all: Command[] = commands(editor, {
    card,
    cross,
    help: () => void showHelp(all),
    search() {
      showPanel(true);
      side.focusSearch();
    },
    escape() {
      closePopover();
      clearToasts();
    },
    step,
  });
  const bar = topBar(editor, {
    step,
    help: () => void showHelp(all),
    togglePanel() {
      const on = node.classList.contains("no-panel");
      remember("panel", on);
      showPanel(on);
    },
    finish: () => void finish(editor),
    fileItems: () => fileItems(editor),
  });
  showPanel(recall("panel", !narrow));
  node.prepend(bar.node);
  node.append(side.node, line.node);
  over.node.prepend(review.node);
  view.append(over.node, card.node, cross.node);
  for (const text of editor.info.notes) toast(text);

  let asked = false;
  const render = (): void => {
    asked = false;
    for (const part of [bar, side, card, line, over, review]) part.render();
  };
  // The scan's colours come first: the panels follow when the frame is out.
  const later = (): void => {
    if (!asked) requestAnimationFrame(() => setTimeout(render));
    asked = true;
  };
  editor.listen(later);
  editor.onPoint = line.render;
  render();
  const clock = setInterval(bar.tick, 1000);
  signal.addEventListener("abort", () => {
    clearInterval(clock);
  });
  connectCanvas(editor, place);
  connectKeys(all, editor, place, signal);
  place.canvas.focus({ preventScroll: true });
}

function connectCanvas(editor: Editor, place: Stage): void {
  place.listener = {
    hover: (pick: Pick | null) => {
      editor.point(pick);
    },
    click: (pick, keys) => void editor.click(pick, keys),
    pivot: () => {
      closePopover();
      editor.takeBackClick();
    },
    indexed: () => {
      place.canvas.dataset.ready = "true";
    },
    lost: () => {
      toast("The graphics card has gone: the picture comes back by itself.", "warn");
    },
    restored: () => {
      clearToasts();
    },
  };
}

function connectKeys(
  all: readonly Command[],
  editor: Editor,
  place: Stage,
  signal: AbortSignal,
): void {
  const { viewer } = editor;
  const release = (): void => {
    viewer.hold(null);
  };
  const down = (event: KeyboardEvent): void => {
    if (inField(event.target) || document.querySelector("dialog[open]") !== null) return;
    const { activeElement } = document;
    const onCanvas = activeElement === place.canvas || activeElement === document.body;
    const command = commandOf(all, event, onCanvas);
    if (command === undefined) return;
    event.preventDefault();
    const held = keyOf(event) === "Space" || keyOf(event) === "Q";
    if (!(held && event.repeat)) command.run(event);
  };
  const up = (event: KeyboardEvent): void => {
    if (event.key === " " || event.key.toLowerCase() === "q") release();
  };
  document.addEventListener("keydown", down, { signal });
  document.addEventListener("keyup", up, { signal });
  window.addEventListener("blur", release, { signal });
  // A mouse click on a button, or in a menu, leaves the keys with the scan.
  const leaveButton = (event: MouseEvent): void => {
    const target = event.target instanceof Element ? event.target.closest("button") : null;
    const away = document.querySelector("dialog[open], .popover") !== null;
    if (target === null || event.detail === 0 || away) return;
    if (target === document.activeElement || target.matches(".menu-item")) {
      place.canvas.focus({ preventScroll: true });
    }
  };
  document.addEventListener("click", leaveButton, { signal });
}

async function finish(editor: Editor): Promise<void> {
  editor.endCurrent();
  editor.submit();
  const { session, info } = editor;
  const next = nextOpen(await api.scenes().catch(() => []), session.user, info.scene);
  if (next === null) toast("Submitted.", "good");
  else
    toast("Submitted.", "good", {
      label: `Next: ${next}`,
      run: () => {
        location.hash = sceneLink(next);
      },
    });
}

async function go(editor: Editor, direction: 1 | -1): Promise<void> {
  try {
    const names = (await api.scenes()).map(({ scene }) => scene);
    const next = names.at(names.indexOf(editor.info.scene) + direction);
    const end = names.indexOf(editor.info.scene) + direction;
    if (next === undefined || end < 0)
      toast(direction > 0 ? "This is the last scene." : "This is the first scene.");
    else location.hash = sceneLink(next);
  } catch {
    toast("The server does not answer: the list of scenes is not known.", "warn");
  }
}
