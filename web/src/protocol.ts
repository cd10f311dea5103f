// Made from src/seggroup/server/protocol.py by `make protocol`: do not edit.

export type Role = "annotator" | "reviewer" | "admin";

export type Status = "new" | "started" | "submitted" | "accepted" | "sent back";

export type Method = "assign" | "walk" | "network";

export type Edit = Click | Unclick | Classify | Rename | Recolor | Note | Merge | Delete | Import;

export type Operation = Click | Unclick | Classify | Rename | Recolor | Note | Merge | Delete | Import | Undo | Redo | Submit | Accept | SendBack;

/**
 * Label a segment: makes the instance, or adds the segment to it.
 *
 * A segment of another instance passes over to this one; a second click in a segment of the
 * same instance moves the clicked vertex. The class is that of the instance once it exists.
 */
export interface Click {
  kind: "click";
  vertex: number;
  segment: number;
  instance: number;
  semantic: number;
}

/**
 * Take a segment's click away; an instance without clicks is gone.
 */
export interface Unclick {
  kind: "unclick";
  segment: number;
}

/**
 * Give an instance another class.
 */
export interface Classify {
  kind: "classify";
  instance: number;
  semantic: number;
}

/**
 * Name an instance; an empty name takes its name away.
 */
export interface Rename {
  kind: "rename";
  instance: number;
  name: string;
}

/**
 * Give an instance a colour (sRGB) in place of its own.
 */
export interface Recolor {
  kind: "recolor";
  instance: number;
  color: [number, number, number];
}

/**
 * Write a note on an instance; an empty text takes it away.
 */
export interface Note {
  kind: "note";
  instance: number;
  text: string;
}

/**
 * Give the clicks of an instance to another, which keeps its class, name and colour.
 */
export interface Merge {
  kind: "merge";
  instance: number;
  into: number;
}

/**
 * Take all clicks of an instance away.
 */
export interface Delete {
  kind: "delete";
  instance: number;
}

/**
 * A click of an imported file.
 */
export interface ImportedClick {
  vertex: number;
  segment: number;
  instance: number;
  semantic: number;
}

/**
 * Take over the clicks of a file, in place of what is there.
 */
export interface Import {
  kind: "import";
  source: string;
  clicks: ImportedClick[];
}

/**
 * Take back the last edit that is not taken back.
 */
export interface Undo {
  kind: "undo";
}

/**
 * Do again the edit that was taken back last; any edit in between ends this.
 */
export interface Redo {
  kind: "redo";
}

/**
 * The annotator has finished the scene.
 */
export interface Submit {
  kind: "submit";
}

/**
 * A reviewer accepts the track; it takes no edits until it is sent back.
 */
export interface Accept {
  kind: "accept";
}

/**
 * A reviewer asks for more work, and says which.
 */
export interface SendBack {
  kind: "send back";
  text: string;
}

/**
 * An operation as a client sends it.
 *
 * id        : made by the client; the same id twice is one entry, so that resending is safe
 * at        : when it was done, by the client's clock
 * active_ms : active time since the client's previous operation on this track: pauses longer
 * than the session's `idle_ms` count as `idle_ms`
 */
export interface Draft {
  id: string;
  at: number;
  active_ms: number;
  operation: Operation;
}

/**
 * A line of a track's log. `seq` counts from 1 without gaps; `received`: server's clock.
 */
export interface Entry {
  seq: number;
  id: string;
  author: string;
  at: number;
  active_ms: number;
  received: number;
  operation: Operation;
}

/**
 * Entries after the asked-for one. `head`: seq of the last; 0 for an empty track.
 */
export interface Log {
  head: number;
  status: Status;
  entries: Entry[];
}

/**
 * Append drafts. `client`: the tab that holds the lease; `base`: the head it has seen.
 */
export interface Write {
  client: string;
  base: number;
  drafts: Draft[];
}

/**
 * Committed: the entries the server made of the drafts, in their order.
 */
export interface Written {
  head: number;
  status: Status;
  entries: Entry[];
}

/**
 * Ask for, or go on with, the lease of a track. `take_over` ends another tab's lease.
 */
export interface LeaseRequest {
  client: string;
  take_over?: boolean;
}

/**
 * Who may write. `holder`: None when nobody; `expires_in_ms`: asked again well before.
 */
export interface Lease {
  yours: boolean;
  holder: string | null;
  expires_in_ms: number;
}

/**
 * A class of the list: `color` is sRGB; `synonyms` are for the search.
 */
export interface ClassItem {
  id: number;
  name: string;
  color: [number, number, number];
  synonyms: string[];
}

/**
 * Who is signed in, and what the page needs everywhere.
 *
 * users    : whether people sign in by name (several people); else one person by the token
 * method   : of a preview that names none
 * database : its own name, so that what a browser keeps unsent never reaches another one
 */
export interface Session {
  user: string;
  role: Role;
  users: boolean;
  classes: ClassItem[];
  idle_ms: number;
  lease_ms: number;
  method: Method;
  network: boolean;
  version: string;
  database: string;
}

/**
 * What a person signs in with.
 */
export interface Credentials {
  name: string;
  password: string;
}

/**
 * A track in the list of scenes. `holder`: who has the lease now.
 */
export interface TrackSummary {
  annotator: string;
  status: Status;
  head: number;
  instances: number;
  clicks: number;
  active_seconds: number;
  holder: string | null;
  review: string;
}

/**
 * A scene in the list. `instances`: in the truth, None where there is none.
 */
export interface SceneSummary {
  scene: string;
  tracks: TrackSummary[];
  instances: number | null;
}

/**
 * A scan, opened. `layers`: names of labels that can be shown; "truth" is one of them.
 *
 * up : the axis that points up in the file
 */
export interface SceneInfo {
  scene: string;
  vertices: number;
  faces: number;
  segments: number;
  instances: number | null;
  layers: string[];
  low: [number, number, number];
  high: [number, number, number];
  notes: string[];
}

/**
 * A connected part of a true instance: its segments, the largest first.
 */
export interface Part {
  segments: number[];
  vertices: number;
}

/**
 * A true instance. `largest`: vertices of its largest segment; parts: largest first.
 */
export interface TrueInstance {
  instance: number;
  semantic: number;
  vertices: number;
  largest: number;
  parts: Part[];
}

/**
 * The true instances; a segment counts for the instance most of its vertices have.
 */
export interface Truth {
  instances: TrueInstance[];
}

/**
 * Spread these clicks; nothing is saved. `method`: the session's where none is named; the
 * network takes longer.
 *
 * declined : segments that are not to be suggested, nor what they stand for
 * doubts   : whether to say which clicks are probably wrong, which takes longer; assign alone can
 */
export interface PreviewRequest {
  clicks: ImportedClick[];
  method?: "assign" | "walk" | "network" | null;
  declined?: number[] | null;
  doubts?: boolean;
}

/**
 * A place to click next.
 *
 * gain   : expected share of the scan's vertices whose label this click settles
 * reason : in words, for the annotator
 */
export interface Suggestion {
  vertex: number;
  segment: number;
  gain: number;
  reason: string;
}

/**
 * A click that is probably wrong, and why, in words; nothing was overruled.
 */
export interface DoubtfulClick {
  vertex: number;
  segment: number;
  instance: number;
  reason: string;
}

/**
 * What comes with a preview's arrays (`arrays.ts`): `instance` int32 and `confidence` uint8
 * (255 = sure), one a segment in dense order; -1 where nothing is known.
 *
 * doubtful : where they were asked for, the likeliest first
 */
export interface PreviewHead {
  method: Method;
  milliseconds: number;
  suggestions: Suggestion[];
  doubtful: DoubtfulClick[];
}

/**
 * What comes with a layer's arrays: `instance` int32, `semantic` int32, one a vertex.
 */
export interface LayerHead {
  layer: string;
}

/**
 * The clicks of an uploaded file, to be imported by an operation; nothing is saved yet.
 */
export interface ReadClicks {
  clicks: ImportedClick[];
  notes: string[];
}

/**
 * Two tracks of a scene compared.
 *
 * instances : adjusted Rand index of the spread labels' instances over the vertices
 * classes   : share of vertices with one class in both
 */
export interface AgreementPair {
  first: string;
  second: string;
  instances: number;
  classes: number;
}

/**
 * All pairs of tracks of a scene that have clicks.
 */
export interface Agreement {
  scene: string;
  pairs: AgreementPair[];
}

/**
 * How long a track took.
 *
 * active_seconds       : by the idle rule
 * first_click_seconds  : the paper's: from the first click to the submission (or last entry)
 * seconds_per_instance : active seconds / instances; None without instances
 */
export interface TrackStats {
  scene: string;
  annotator: string;
  status: Status;
  instances: number;
  clicks: number;
  undone: number;
  active_seconds: number;
  first_click_seconds: number;
  seconds_per_instance: number | null;
}

/**
 * Of all tracks; minutes per scene are means over tracks with clicks.
 */
export interface Stats {
  tracks: TrackStats[];
  minutes_per_scene: number | null;
  paper_minutes_per_scene: number | null;
}

/**
 * An error by RFC 9457 (`application/problem+json`), with our extensions.
 *
 * type   : "about:blank", or one of "stale", "leased", "accepted", "other-segments", "full",
 * "token" (not signed in, where one comes in by a printed address and not by name)
 * missed : for "stale": the entries after the client's base
 * lease  : for "leased": who has it
 */
export interface Problem {
  title: string;
  status: number;
  detail: string;
  type?: string;
  missed?: Entry[] | null;
  lease?: Lease | null;
}
