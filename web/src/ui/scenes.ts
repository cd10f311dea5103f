/** The list of scenes: status, progress, who works where, agreement; search and filter. */
import * as api from "../api";
import { plain } from "../classes";
import type { SceneSummary, Session, Status, TrackSummary } from "../protocol";
import { recall, remember } from "../settings";
import { percent } from "../truth";
import { button, el, icon, setText } from "./dom";
import { count, duration, statusClass } from "./format";
import { page } from "./frame";

type Filter = "all" | Status;
const FILTERS: readonly Filter[] = ["all", "new", "started", "submitted", "sent back", "accepted"];

/** The address of a scene, or of somebody's track on it. */
export function sceneLink(scene: string, annotator?: string): string {
  const rest = annotator === undefined ? "" : `/${encodeURIComponent(annotator)}`;
  return `#/scene/${encodeURIComponent(scene)}${rest}`;
}

/** Where a person stands with a scene: their own track's status, else for reviewers the last's. */
export function statusOf(scene: SceneSummary, user: string): Status {
  const own = scene.tracks.find((track) => track.annotator === user);
  return own?.status ?? "new";
}

/** The first scene, after `after` in the list and round, on which `user` still has work. */
export function nextOpen(
  scenes: readonly SceneSummary[],
  user: string,
  after?: string,
): string | null {
  const start = scenes.findIndex(({ scene }) => scene === after) + 1;
  const round = [...scenes.slice(start), ...scenes.slice(0, start)];
  const open = round.find((scene) => {
    const status = statusOf(scene, user);
    return scene.scene !== after && status !== "submitted" && status !== "accepted";
  });
  return open?.scene ?? null;
}

/** The address of the first submitted track of somebody else; null where there is none. */
export function nextReview(scenes: readonly SceneSummary[], user: string): string | null {
  for (const { scene, tracks } of scenes) {
    const track = tracks.find((one) => one.annotator !== user && one.status === "submitted");
    if (track !== undefined) return sceneLink(scene, track.annotator);
  }
  return null;
}

/** The page with all scenes. */
export async function scenesPage(session: Session): Promise<HTMLElement> {
  const scenes = await api.scenes();
  document.title = "Scenes - SegGroup";
  const shared = scenes.some(({ tracks }) => tracks.some((t) => t.annotator !== session.user));
  const list = el("ul", { class: shared ? "scenes" : "scenes alone", "data-part": "scenes" });
  const counted = el("span", { class: "fine", role: "status" });
  const search = el("input", {
    type: "search",
    class: "field",
    placeholder: "Search scenes and people",
    "aria-label": "Search scenes and people",
    "data-act": "scene-search",
  });
  let filter = recall<Filter>("filter", "all");
  const rows = scenes.map((scene) => ({ scene, node: sceneRow(scene, session) }));
  const watch = watchAgreement(rows);
  const show = (): void => {
    const wanted = plain(search.value);
    const fits = rows.filter(({ scene }) => matches(scene, session.user, filter, wanted));
    list.replaceChildren(headRow(), ...fits.map(({ node }) => node));
    setText(
      counted,
      fits.length === scenes.length
        ? count(scenes.length, "scene")
        : `${fits.length} of ${count(scenes.length, "scene")}`,
    );
    if (fits.length === 0) list.append(el("li", { class: "empty" }, "No scene fits."));
    watch();
  };
  search.addEventListener("input", show);
  const filters = filterRow(scenes, session.user, filter, (next) => {
    filter = next;
    remember("filter", next);
    show();
  });
  show();
  const head = el("div", { class: "list-head" }, [
    el("h1", {}, "Scenes"),
    counted,
    el("span", { class: "space" }),
    reviewButton(scenes, session),
    nextButton(scenes, session),
  ]);
  return page(session, "scenes", [
    head,
    el("div", { class: "list-tools" }, [search, filters]),
    list,
  ]);
}

function matches(scene: SceneSummary, user: string, filter: Filter, wanted: string): boolean {
  if (filter !== "all") {
    const any = scene.tracks.some((track) => track.status === filter);
    if (statusOf(scene, user) !== filter && !any) return false;
  }
  const text = plain([scene.scene, ...scene.tracks.map((track) => track.annotator)].join(" "));
  return text.includes(wanted);
}

function reviewButton(scenes: readonly SceneSummary[], session: Session): HTMLElement | null {
  const link = session.role === "annotator" ? null : nextReview(scenes, session.user);
  if (link === null) return null;
  return el("a", { class: "button", href: link, "data-act": "next-review" }, [
    icon("eye"),
    "Next to review",
  ]);
}

function nextButton(scenes: readonly SceneSummary[], session: Session): HTMLElement {
  const next = nextOpen(scenes, session.user);
  return button({
    label: next === null ? "All scenes are done" : "Next open scene",
    act: "next-open",
    icon: next === null ? "check" : "right",
    class: next === null ? "" : "primary",
    onClick: () => {
      if (next !== null) location.hash = sceneLink(next);
    },
  });
}

function filterRow(
  scenes: readonly SceneSummary[],
  user: string,
  now: Filter,
  choose: (filter: Filter) => void,
): HTMLElement {
  const row = el("div", { class: "segmented", role: "radiogroup", "aria-label": "Status" });
  for (const filter of FILTERS) {
    const n = scenes.filter((scene) => matches(scene, user, filter, "")).length;
    if (n === 0 && filter !== "all" && filter !== now) continue;
    const choice = el(
      "button",
      {
        type: "button",
        role: "radio",
        "aria-checked": String(filter === now),
        "data-filter": filter,
      },
      `${filter} ${n}`,
    );
    choice.addEventListener("click", () => {
      for (const other of row.children)
        other.setAttribute("aria-checked", String(other === choice));
      choose(filter);
    });
    row.append(choice);
  }
  return row;
}

const HEADS = ["Scene", "Status", "Objects", "Active time", "Others", "Agreement"] as const;

/** The row over the columns; what no scene has is left out of all rows by the list's class. */
function headRow(): HTMLElement {
  const cells = HEADS.map((text) => el("span", {}, text));
  return el("li", { class: "scene scene-heads", "aria-hidden": "true" }, cells);
}

function sceneRow(scene: SceneSummary, session: Session): HTMLElement {
  const status = statusOf(scene, session.user);
  const own = scene.tracks.find((track) => track.annotator === session.user);
  const others = scene.tracks.filter((track) => track !== own);
  const time = own === undefined || own.active_seconds === 0 ? "" : duration(own.active_seconds);
  const link = el("a", { class: "scene-link", href: sceneLink(scene.scene) }, scene.scene);
  return el("li", { class: "scene", "data-scene": scene.scene }, [
    el("span", { class: "scene-cell" }, [link, held(own, session.user)]),
    el("span", { class: statusClass(status) }, status),
    progress(scene, own),
    el("span", { class: "fine time" }, time),
    el(
      "span",
      { class: "people" },
      others.map((track) => person(scene, track)),
    ),
    el("span", { class: "agreement", "data-part": "agreement" }),
    own?.review
      ? el("span", { class: "review-text", title: own.review }, [icon("note"), own.review])
      : null,
  ]);
}

function progress(scene: SceneSummary, own: TrackSummary | undefined): HTMLElement {
  const done = own?.instances ?? 0;
  const of = scene.instances;
  const text = of === null ? (done === 0 ? "" : String(done)) : `${done} of ${of}`;
  const bar = el("meter", {
    min: 0,
    max: Math.max(of ?? 1, 1),
    value: of === null ? 0 : Math.min(done, of),
    "aria-label": "Objects labelled",
  });
  return el("span", { class: "progress" }, [of === null ? null : bar, el("span", {}, text)]);
}

function person(scene: SceneSummary, track: TrackSummary): HTMLElement {
  const done = `${count(track.instances, "object")}, ${count(track.clicks, "click")}`;
  const title = `${track.annotator}: ${track.status}, ${done}`;
  const works =
    track.holder === null
      ? null
      : el("span", { title: `${track.holder} is working on it` }, [icon("lock")]);
  return el("a", { class: "person", href: sceneLink(scene.scene, track.annotator), title }, [
    el("span", { class: `dot ${statusClass(track.status)}` }),
    track.annotator,
    works,
  ]);
}

/** A lock where the person's own track is open, with what it means. */
function held(own: TrackSummary | undefined, user: string): HTMLElement | null {
  if (own === undefined || own.holder === null) return null;
  const who = own.holder === user ? "open in a window" : `open by ${own.holder}`;
  return el("span", { class: "fine held" }, [icon("lock"), who]);
}

/** Ask for the agreement of scenes with two tracks, when they come into view. */
function watchAgreement(rows: readonly { scene: SceneSummary; node: HTMLElement }[]): () => void {
  const wanted = new Map(
    rows
      .filter(({ scene }) => worked(scene) >= 2)
      .map(({ scene, node }) => [node as Element, scene.scene]),
  );
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const scene = wanted.get(target);
      if (!isIntersecting || scene === undefined) continue;
      observer.unobserve(target);
      wanted.delete(target);
      void showAgreement(target, scene);
    }
  });
  return () => {
    for (const node of wanted.keys()) observer.observe(node);
  };
}

function worked(scene: SceneSummary): number {
  return scene.tracks.filter((track) => track.clicks > 0).length;
}

async function showAgreement(row: Element, scene: string): Promise<void> {
  const place = row.querySelector(".agreement");
  try {
    const { pairs } = await api.agreement(scene);
    if (place === null || pairs.length === 0) return;
    const mean = pairs.reduce((sum, pair) => sum + pair.instances, 0) / pairs.length;
    setText(place, mean.toFixed(2));
    const lines = pairs.map(
      (p) =>
        `${p.first} and ${p.second}: ` +
        `instances ${p.instances.toFixed(2)}, classes ${percent(p.classes)}`,
    );
    place.setAttribute("title", lines.join("\n"));
  } catch {
    // The list is useful without it.
  }
}
