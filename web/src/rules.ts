/** What a click on the scan means: pure, one rule a key and mode. Segments are file ids. */
import { labelled, partReport, partWords } from "./truth";
import type { TruthIndex } from "./truth";
import type { Instances } from "./annotation";
import type { Operation } from "./protocol";

export type Mode = "scratch" | "truth" | "results";

export interface Keys {
  readonly shift: boolean;
  readonly alt: boolean;
  readonly ctrl: boolean;
}

/**
 * What the rules look at. `next`: a free instance number. `label`: an instance in words, e.g.
 * "chair 3".
 */
export interface Situation {
  readonly mode: Mode;
  readonly instances: Instances;
  readonly owner: ReadonlyMap<number, number>;
  readonly current: number | null;
  readonly semantic: number | null;
  readonly next: number;
  readonly truth: TruthIndex | null;
  readonly label: (instance: number) => string;
}

/** An operation to do, the instance that is current afterwards, and what to say. */
interface Do {
  readonly kind: "do";
  readonly operation: Operation;
  readonly current: number | null;
  readonly text?: string;
}

/** What follows from a click. */
export type Decision =
  | Do
  | { readonly kind: "pick up"; readonly current: number; readonly text: string }
  | { readonly kind: "choose class" }
  | { readonly kind: "say"; readonly text: string };

/** The decision on a click at `vertex` in `segment`. */
export function decide(now: Situation, vertex: number, segment: number, keys: Keys): Decision {
  if (keys.ctrl) return pickUp(now, segment);
  if (now.mode === "results") return say("Results are only looked at: change the mode to click.");
  if (keys.alt) return takeAway(now, segment);
  if (keys.shift) return addPart(now, vertex, segment);
  return now.mode === "truth" ? labelTrue(now, vertex, segment) : labelNew(now, vertex, segment);
}

function say(text: string): Decision {
  return { kind: "say", text };
}

function pickUp(now: Situation, segment: number): Decision {
  const current = now.owner.get(segment);
  if (current === undefined) return say("No click is here: there is no instance to pick up.");
  return { kind: "pick up", current, text: `Picked up ${now.label(current)}.` };
}

function takeAway(now: Situation, segment: number): Decision {
  const owner = now.owner.get(segment);
  if (owner === undefined) return say("No click is here: there is nothing to take away.");
  const last = now.instances.get(owner)!.clicks.size === 1;
  const current = last && now.current === owner ? null : now.current;
  const text = last
    ? `Took away ${now.label(owner)}.`
    : `Took the segment from ${now.label(owner)}.`;
  return { kind: "do", operation: { kind: "unclick", segment }, current, text };
}

function addPart(now: Situation, vertex: number, segment: number): Decision {
  const instance = now.current;
  const item = instance === null ? undefined : now.instances.get(instance);
  if (instance === null || item === undefined) {
    return say("No instance is current: click an object first, or Ctrl+click one to pick it up.");
  }
  const from = now.owner.get(segment);
  const done = click(vertex, segment, instance, item.semantic);
  if (from === undefined) return done;
  const text = from === instance ? "Moved the click." : `The segment was ${now.label(from)}'s.`;
  return { ...done, text };
}

function labelNew(now: Situation, vertex: number, segment: number): Decision {
  const owner = now.owner.get(segment);
  if (owner !== undefined) return taken(now, owner);
  if (now.semantic === null) return { kind: "choose class" };
  return click(vertex, segment, now.next, now.semantic);
}

function taken(now: Situation, owner: number): Decision {
  const ways = "Ctrl+click picks it up, Alt+click takes the segment away.";
  return say(`This is ${now.label(owner)}. ${ways}`);
}

/** The truth tells the instance and its class; the number is the truth's where it is free. */
function labelTrue(now: Situation, vertex: number, segment: number): Decision {
  const t = now.truth?.of.get(segment);
  if (now.truth === null || t === undefined) return say("The truth has no instance here.");
  const owner = now.owner.get(segment);
  if (owner !== undefined) return taken(now, owner);
  const item = now.truth.items.get(t)!;
  const existing = labelled(now.truth, now.instances).get(t);
  const before = new Set(existing === undefined ? [] : now.instances.get(existing)!.clicks.keys());
  const part = item.parts.find(({ segments }) => segments.includes(segment));
  const filled = part?.segments.some((other) => before.has(other)) ?? true;
  if (existing !== undefined && filled) {
    const ways = "Ctrl+click picks it up, Shift+click adds a segment.";
    return say(`${now.label(existing)} has a click here. ${ways}`);
  }
  const instance = existing ?? (now.instances.has(t) ? now.next : t);
  const report = partReport(now.truth, t, segment, before.add(segment));
  return { ...click(vertex, segment, instance, item.semantic), text: partWords(report) };
}

function click(vertex: number, segment: number, instance: number, semantic: number): Do {
  const operation = { kind: "click" as const, vertex, segment, instance, semantic };
  return { kind: "do", operation, current: instance };
}
