/** The page: who is signed in, which page the address names, and what stands in its place. */
import * as api from "./api";
import type { Session } from "./protocol";
import { sendKept, watchPage } from "./track";
import type { Editor } from "./editor";
import type { Viewer } from "./viewer";
import { NoWebGL } from "./viewer";
import { stage } from "./stage";
import { editorPage } from "./ui/editorpage";
import { el } from "./ui/dom";
import { count } from "./ui/format";
import { loginPage } from "./ui/login";
import { addressPage, messagePage } from "./ui/message";
import { scenesPage } from "./ui/scenes";
import { statsPage } from "./ui/stats";
import { useTheme } from "./ui/theme";
import { toast } from "./ui/toast";
import { stateOf } from "./automation";

declare global {
  interface Window {
    seggroup: { readonly viewer: Viewer; state(): unknown };
  }
}

const app = document.querySelector<HTMLElement>("#app")!;
let leave: () => void = () => undefined;
let editor: () => Editor | null = () => null;
let visit = 0;

window.seggroup = {
  get viewer() {
    return stage().viewer;
  },
  state: () => stateOf(editor()),
};

function show(node: HTMLElement): void {
  app.replaceChildren(node);
}

/** Leave what is shown and go to the page that the address names. */
async function route(session: Session): Promise<void> {
  const here = ++visit;
  leave();
  leave = () => undefined;
  editor = () => null;
  const [kind, ...names] = location.hash.replace(/^#\/?/, "").split("/").map(decode);
  if (kind === "scene" && names.length > 0) {
    openScene(session, names[0], names.at(1) ?? session.user);
    return;
  }
  try {
    const node = await (kind === "stats" ? statsPage(session) : scenesPage(session));
    if (here === visit) show(node);
  } catch (error) {
    if (here === visit) failed(error);
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function openScene(session: Session, scene: string, annotator: string): void {
  try {
    const page = editorPage(session, scene, annotator, failed);
    editor = page.editor;
    leave = page.leave;
    show(page.node);
  } catch (error) {
    failed(error);
  }
}

/** Say what went wrong in place of the page. */
function failed(error: unknown): void {
  leave();
  leave = () => undefined;
  const again = {
    label: "Try again",
    run: () => {
      location.reload();
    },
  };
  if (error instanceof NoWebGL) {
    show(
      messagePage(
        "This browser shows no WebGL 2",
        [
          "The scan is drawn with WebGL 2, which is missing or switched off here.",
          "Use a current Firefox, Chrome, Edge or Safari with hardware acceleration on.",
        ],
        again,
      ),
    );
  } else if (error instanceof api.ApiError && error.problem.status === 401) location.reload();
  else if (error instanceof api.Unreachable) {
    show(
      messagePage(
        "The server does not answer",
        [
          "It may have been stopped, or the network is away.",
          "What you did and it has not saved is kept in this browser, and is sent when it is back.",
        ],
        again,
      ),
    );
  } else {
    const text = error instanceof Error ? error.message : String(error);
    show(messagePage("This page does not open", [text], again));
  }
}

function enter(session: Session): void {
  window.addEventListener("hashchange", () => void route(session));
  void begin(session);
}

/** With a single scene, the list has nothing to choose from. */
async function begin(session: Session): Promise<void> {
  if (/^#?\/?$/.test(location.hash)) {
    const scenes = await api.scenes().catch(() => []);
    if (scenes.length === 1)
      history.replaceState(null, "", `#/scene/${encodeURIComponent(scenes[0].scene)}`);
  }
  void route(session);
  sendKept(session).then(
    (kept) => {
      if (kept.length > 0) toast(`Sending what was kept here for ${count(kept.length, "scene")}.`);
    },
    () => undefined, // the server is gone: the page says so
  );
}

async function start(): Promise<void> {
  useTheme();
  watchPage();
  show(el("div", { class: "starting" }));
  try {
    enter(await api.session());
  } catch (error) {
    const strange = error instanceof api.ApiError && error.problem.status === 401;
    if (!strange) failed(error);
    else show(error.problem.type === "token" ? addressPage() : loginPage(enter));
  }
}

void start();
