/**
 * A scene being annotated, without its panels: what is current, what a click does, what is
 * painted. The panels read it and call it; after every change it calls its listeners.
 */
import * as api from "./api";
import { clicksOf, nextInstance, owners } from "./annotation";
import type { Annotation, Instances } from "./annotation";
import { search, slots, used } from "./classes";
import type { Recent } from "./classes";
import type { Difference } from "./difference";
import type { ScanGeometry } from "./geometry";
import { decide } from "./rules";
import type { Keys, Mode } from "./rules";
import { Guide } from "./guide";
import { Live } from "./live";
import { Easel } from "./easel";
import type { Spread } from "./paint";
import type {
  ClassItem,
  Edit,
  Method,
  Operation,
  SceneInfo,
  Session,
  Suggestion,
} from "./protocol";
import { CLICKS, SPREAD } from "./results";
import type { View } from "./results";
import { recall, remember } from "./settings";
import type { Track } from "./track";
import { indexTruth, labelled, majority, segmentSizes } from "./truth";
import type { TruthIndex } from "./truth";
import type { Pick, Viewer } from "./viewer";

/** What the editor asks of the page around it. */
export interface Page {
  say(text: string, tone?: "info" | "good" | "warn"): void;
  /** Let the person choose a class at the pointer; null where they decline. */
  chooseClass(): Promise<number | null>;
}

// A second click within this time makes a double click.
const DOUBLE_MS = 700;

export class Editor {
  mode: Mode = "scratch";
  current: number | null = null;
  semantic: number | null;
  recents: Recent[];
  hover: Pick | null = null;
  hidden: ReadonlySet<number> = new Set<number>();
  alone: number | null = null;
  spreadOn: boolean = recall("spread", true);
  truth: TruthIndex | null = null;
  view: View = { source: CLICKS, against: null, byClass: false };
  readonly guide = new Guide();
  /** The suggestion outlined in the picture, until the next click. */
  marked: Suggestion | null = null;
  readonly live: Live;
  readonly classes: ReadonlyMap<number, ClassItem>;
  readonly dense: ReadonlyMap<number, number>;
  owner: ReadonlyMap<number, number> = new Map();
  private readonly listeners = new Set<() => void>();
  private readonly easel: Easel;
  private seen: Instances | null = null;
  /** The last click that labelled: what was current before it, and how many edits then stood. */
  private clicked: { current: number | null; done: number; until: number } | null = null;
  /** Called when `hover` has changed, which is too often for the other listeners. */
  onPoint: () => void = () => undefined;
  private readonly stopListening: () => void;

  constructor(
    readonly session: Session,
    readonly info: SceneInfo,
    readonly geometry: ScanGeometry,
    readonly viewer: Viewer,
    readonly track: Track,
    private readonly page: Page,
  ) {
    this.classes = new Map(session.classes.map((item) => [item.id, item]));
    this.recents = slots(session.classes, recall<Recent[]>("recents", []));
    const last = recall<number | null>("semantic", null);
    this.semantic = last !== null && this.classes.has(last) && track.own ? last : null;
    this.dense = new Map(Array.from(geometry.segmentIds, (id, s) => [id, s] as const));
    this.easel = new Easel(this, (text) => {
      page.say(text, "warn");
    });
    if (!track.own) {
      this.mode = "results";
      this.view = { ...this.view, source: SPREAD };
    }
    this.live = new Live(
      (request) => api.preview(info.scene, request),
      previewMethod(session),
      () => {
        this.refresh();
      },
    );
    this.stopListening = track.listen(() => {
      this.refresh();
    });
    this.refresh();
  }

  /** Stop: nothing is painted or asked for from now on. The track goes on by itself. */
  dispose(): void {
    this.stopListening();
    this.live.close();
    this.listeners.clear();
  }

  /** `listener` is called after every change. */
  listen(listener: () => void): void {
    this.listeners.add(listener);
  }

  get state(): Annotation {
    return this.track.outbox.queue.local;
  }

  get instances(): Instances {
    return this.state.instances;
  }

  /** The name of a class, also of one that is not in the list. */
  className(semantic: number): string {
    return this.classes.get(semantic)?.name ?? (semantic < 0 ? "no class" : `class ${semantic}`);
  }

  /** An instance in words: its own name, or its class and number. */
  label = (number: number): string => {
    const item = this.instances.get(number);
    if (item === undefined) return `instance ${number}`;
    return item.name === "" ? `${this.className(item.semantic)} ${number}` : item.name;
  };

  /** The comparison that is shown, if any. */
  get difference(): Difference | null {
    return this.easel.difference;
  }

  /** What the last preview says. */
  get spread(): Spread | null {
    return this.live.latest;
  }

  // --- clicks and operations --------------------------------------------------------------------

  /** A click on the scan. */
  async click(pick: Pick, keys: Keys): Promise<void> {
    const segment = this.geometry.segmentIds[pick.segment];
    const next = nextInstance(this.state);
    const { mode, instances, owner, current, semantic, truth, label } = this;
    const now = { mode, instances, owner, current, semantic, next, truth, label };
    const decision = decide(now, pick.vertex, segment, keys);
    if (decision.kind === "say") this.page.say(decision.text);
    else if (decision.kind === "pick up") {
      this.pickUp(decision.current);
      this.page.say(decision.text);
    } else if (decision.kind === "choose class") {
      this.viewer.setMark({ segment: pick.segment, vertex: pick.vertex });
      const chosen = await this.page.chooseClass();
      this.showMark();
      if (chosen === null) return;
      this.chooseClass(chosen);
      await this.click(pick, keys);
    } else if (this.allowed()) {
      const before = this.current;
      this.current = decision.current;
      this.setMark(null);
      if (decision.text !== undefined) this.page.say(decision.text);
      const { operation } = decision;
      if (operation.kind === "click" && mode === "scratch") this.recentClass(operation.semantic);
      this.track.push(operation);
      const until = performance.now() + DOUBLE_MS;
      this.clicked = { current: before, done: this.state.done.length, until };
    }
  }

  /** The click was the first of a double click, which does not label: take back what it did. */
  takeBackClick(): void {
    const { clicked: last, state } = this;
    this.clicked = null;
    if (last === null || state.done.length !== last.done || performance.now() > last.until) return;
    this.track.push({ kind: "undo" });
    this.current = last.current;
    this.refresh();
  }

  /** What is under the pointer, or under the cross at the centre. */
  point(pick: Pick | null): void {
    this.hover = pick;
    this.onPoint();
  }

  /** The annotator has finished the scene. */
  submit(): void {
    if (this.allowed()) this.track.push({ kind: "submit" });
  }

  /** Do an edit, where edits are allowed now. */
  edit(operation: Edit): boolean {
    if (!this.allowed()) return false;
    this.track.push(operation);
    return true;
  }

  /** Write a reviewer's word or note past the queue. Returns whether the server took it. */
  async review(operation: Operation): Promise<boolean> {
    try {
      await this.track.review(operation);
      return true;
    } catch (error) {
      this.page.say(`Not saved: ${message(error)}`, "warn");
      return false;
    }
  }

  undo(): void {
    if (this.state.done.length === 0) this.page.say("Nothing to undo.");
    else if (this.allowed()) this.track.push({ kind: "undo" });
  }

  redo(): void {
    if (this.state.undone.length === 0) this.page.say("Nothing to redo.");
    else if (this.allowed()) this.track.push({ kind: "redo" });
  }

  private allowed(): boolean {
    const why = this.track.closed;
    if (why !== null) this.page.say(why, "warn");
    return why === null;
  }

  /** Make an instance current, and its class the class of the next click. */
  pickUp(instance: number): void {
    const item = this.instances.get(instance);
    if (item === undefined) return;
    this.current = instance;
    if (this.classes.has(item.semantic)) this.semantic = item.semantic;
    this.refresh();
  }

  /** The current instance is complete. */
  endCurrent(): void {
    this.current = null;
    this.refresh();
  }

  // --- classes ----------------------------------------------------------------------------------

  chooseClass(semantic: number): void {
    this.semantic = semantic;
    remember("semantic", semantic);
    this.recentClass(semantic);
    this.page.say(`Class: ${this.className(semantic)}.`);
    this.refresh();
  }

  /** The class of a digit key, 1 to 9; null where the list is shorter. */
  digitClass(digit: number): number | null {
    const order = this.recents.map(({ id }) => id);
    return search(this.session.classes, "", order).at(digit - 1)?.item.id ?? null;
  }

  private recentClass(semantic: number): void {
    this.recents = used(this.recents, semantic);
    remember("recents", this.recents);
  }

  // --- what is seen -----------------------------------------------------------------------------

  /** Change the mode; the truth is fetched when it is first needed. */
  async setMode(mode: Mode): Promise<void> {
    if (mode === "truth" && this.truth === null) {
      try {
        this.truth = await this.loadTruth();
      } catch (error) {
        this.page.say(`The truth cannot be shown: ${message(error)}`, "warn");
        return;
      }
    }
    this.mode = mode;
    if (mode === "results") this.setMark(null);
    this.refresh();
  }

  setSpread(on: boolean): void {
    this.spreadOn = on;
    remember("spread", on);
    this.page.say(on ? "Spread labels are shown." : "Spread labels are not shown.");
    this.refresh();
  }

  /** Spread the clicks by another method. */
  setMethod(method: Method): void {
    remember("method", method);
    this.live.setMethod(method);
    this.askLive();
  }

  /** Why clicks of an instance are probably wrong, a sentence each. */
  doubts(instance: number): string[] {
    const found = this.live.latest?.doubtful ?? [];
    return found.filter((click) => click.instance === instance).map((click) => click.reason);
  }

  setHidden(instance: number, hide: boolean): void {
    const hidden = new Set(this.hidden);
    if (hide) hidden.add(instance);
    else hidden.delete(instance);
    this.hidden = hidden;
    this.refresh();
  }

  setAlone(instance: number | null): void {
    this.alone = instance;
    this.refresh();
  }

  /** Everything is shown again. */
  showAll(): void {
    this.hidden = new Set();
    this.setAlone(null);
  }

  setView(changes: Partial<View>): void {
    this.view = { ...this.view, ...changes };
    this.refresh();
  }

  /** Completed true instances: all labelled ones but the current; and how many there are. */
  progress(): { done: number; of: number } | null {
    if (this.truth === null) return null;
    const found = labelled(this.truth, this.instances);
    const open = [...found.values()].some((number) => number === this.current) ? 1 : 0;
    return { done: found.size - open, of: this.truth.items.size };
  }

  private async loadTruth(): Promise<TruthIndex> {
    const { scene } = this.info;
    const [truth, layer] = await Promise.all([api.truth(scene), this.easel.layer("truth")]);
    const { segments, segmentIds } = this.geometry;
    const most = majority(segments, segmentIds, layer.instance);
    return indexTruth(truth, segmentSizes(segments, segmentIds), most);
  }

  /** After any change: paint it, ask for a new preview where clicks changed, tell the panels. */
  refresh(): void {
    if (this.current !== null && !this.instances.has(this.current)) this.current = null;
    if (this.seen !== this.instances) {
      this.seen = this.instances;
      this.owner = owners(this.instances);
      if (this.marked !== null && this.isClicked(this.marked.segment)) this.setMark(null);
      this.askLive();
    }
    this.easel.paint();
    this.tell();
  }

  /** Tell the panels of a change that needs no painting. */
  tell(): void {
    for (const listener of this.listeners) listener();
  }

  private askLive(): void {
    this.live.update(clicksOf(this.instances), this.guide.passedOver());
  }

  // --- where to click next ----------------------------------------------------------------------

  /** The suggestions still open, in the server's order. */
  suggestions(): Suggestion[] {
    return this.guide.open(this.live.latest?.suggestions ?? [], this.isClicked);
  }

  /** Fly to the next suggestion; the one shown before, if it has no click, is declined. */
  nextSuggestion(): void {
    const before = this.guide.passedOver().length;
    const next = this.guide.next(this.live.latest?.suggestions ?? [], this.isClicked);
    if (this.guide.passedOver().length > before) this.askLive();
    if (next !== null) this.flyTo(next);
    else {
      this.page.say("No more suggestions for these clicks.");
      this.setMark(null);
      this.refresh();
    }
  }

  /** Fly back to the suggestion before. */
  previousSuggestion(): void {
    const before = this.guide.previous();
    if (before !== null) this.flyTo(before);
    else this.page.say("No suggestion before this one.");
  }

  /** Fly to a suggestion, outlined from now on. */
  flyTo(suggestion: Suggestion): void {
    const { vertex, segment, reason } = suggestion;
    this.reveal(vertex);
    void this.viewer.flyTo(vertex, this.dense.get(segment));
    this.setMark(suggestion);
    this.page.say(`Outlined: ${reason}.`);
    this.refresh();
  }

  /** Undo what keeps a vertex from being seen. */
  private reveal(vertex: number): void {
    if (this.viewer.shows(vertex)) return;
    this.viewer.setCut(null);
    this.showAll();
  }

  /** Outline a suggestion's segment in the picture, or none. */
  setMark(suggestion: Suggestion | null): void {
    if (this.marked === suggestion) return;
    this.marked = suggestion;
    this.showMark();
    this.tell();
  }

  private showMark(): void {
    const { marked } = this;
    const segment = marked === null ? undefined : this.dense.get(marked.segment);
    this.viewer.setMark(segment === undefined ? null : { segment, vertex: marked!.vertex });
  }

  /** Fly to an instance's first click. */
  flyToInstance(number: number): void {
    const first = [...(this.instances.get(number)?.clicks ?? [])].at(0);
    if (first === undefined) return;
    this.reveal(first[1]);
    void this.viewer.flyTo(first[1], this.dense.get(first[0]));
  }

  private readonly isClicked = (segment: number): boolean => this.owner.has(segment);
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** How clicks can be spread here. */
export function previewMethods(session: Session): Method[] {
  return session.network ? ["assign", "walk", "network"] : ["assign", "walk"];
}

/** What the person chose, else the user's own network where one was given. */
function previewMethod(session: Session): Method {
  const chosen = recall<Method | null>("method", null);
  if (chosen !== null && previewMethods(session).includes(chosen)) return chosen;
  return session.network ? "network" : session.method;
}
