/** How long the work takes: a row a track, and minutes per scene beside the paper's measure. */
import * as api from "../api";
import type { Session, Stats, TrackStats } from "../protocol";
import { el } from "./dom";
import { count, duration, statusClass } from "./format";
import { page } from "./frame";
import { sceneLink } from "./scenes";

/** The page of statistics. */
export async function statsPage(session: Session): Promise<HTMLElement> {
  const stats = await api.stats();
  document.title = "Statistics - SegGroup";
  const tracks = [...stats.tracks].sort(
    (a, b) =>
      a.scene.localeCompare(b.scene, "en", { numeric: true }) ||
      a.annotator.localeCompare(b.annotator),
  );
  return page(session, "stats", [el("h1", {}, "Statistics"), figures(stats), table(tracks)]);
}

function figures(stats: Stats): HTMLElement {
  const worked = stats.tracks.filter((track) => track.instances > 0);
  const seconds = worked.reduce((sum, track) => sum + track.active_seconds, 0);
  const instances = worked.reduce((sum, track) => sum + track.instances, 0);
  const each = instances === 0 ? "–" : `${(seconds / instances).toFixed(1)} s`;
  return el("div", { class: "figures" }, [
    figure("Active time per scene", minutes(stats.minutes_per_scene), "pauses count little"),
    figure(
      "First click to finish",
      minutes(stats.paper_minutes_per_scene),
      "per scene, the paper's measure",
    ),
    figure("Per object", each, "active time"),
    figure("Objects", String(instances), `in ${count(worked.length, "track")}`),
  ]);
}

function minutes(value: number | null): string {
  return value === null ? "–" : duration(60 * value);
}

function figure(title: string, value: string, note: string): HTMLElement {
  return el("div", { class: "figure" }, [
    el("span", { class: "figure-title" }, title),
    el("strong", {}, value),
    el("span", { class: "fine" }, note),
  ]);
}

const HEADS = [
  "Scene",
  "Annotator",
  "Status",
  "Objects",
  "Clicks",
  "Undone",
  "Active",
  "First click to finish",
  "Per object",
];

function table(tracks: readonly TrackStats[]): HTMLElement {
  if (tracks.length === 0) return el("p", { class: "empty" }, "Nobody has clicked yet.");
  const head = el(
    "tr",
    {},
    HEADS.map((text, i) => el("th", { scope: "col", class: i > 2 ? "num" : null }, text)),
  );
  const rows = tracks.map((track) => {
    const each = track.seconds_per_instance;
    const numbers = [
      String(track.instances),
      String(track.clicks),
      String(track.undone),
      duration(track.active_seconds),
      duration(track.first_click_seconds),
      each === null ? "–" : `${each.toFixed(1)} s`,
    ];
    const href = sceneLink(track.scene, track.annotator);
    return el("tr", {}, [
      el("td", {}, [el("a", { href }, track.scene)]),
      el("td", {}, track.annotator),
      el("td", {}, [el("span", { class: statusClass(track.status) }, track.status)]),
      ...numbers.map((text) => el("td", { class: "num" }, text)),
    ]);
  });
  return el("div", { class: "table-box" }, [
    el("table", { class: "table", "data-part": "stats" }, [
      el("thead", {}, [head]),
      el("tbody", {}, rows),
    ]),
  ]);
}
