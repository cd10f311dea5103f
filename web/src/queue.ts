/**
 * What has been done and what of it the server has: the pure core of saving.
 *
 * A queue holds the server's log as far as it is known (folded) and the drafts that the server has
 * not acknowledged. What the person sees is the fold of both. Drafts leave the queue only when the
 * server's log holds their id, or when the server refuses them; then they are kept to be shown.
 */
import { EMPTY, named, replay } from "./annotation";
import type { Annotation } from "./annotation";
import type { Draft, Entry, Operation, Write } from "./protocol";

/** A draft that the server will not take, and why. */
export interface Refused {
  readonly draft: Draft;
  readonly reason: string;
}

/**
 * `confirmed`: fold of the server's entries; `local`: with the drafts on top of it. `activeMs` and
 * `firstClick` (ms since 1970, null before it) are of the server's entries.
 */
export interface Queue {
  readonly author: string;
  readonly confirmed: Annotation;
  readonly drafts: readonly Draft[];
  readonly refused: readonly Refused[];
  readonly local: Annotation;
  readonly activeMs: number;
  readonly firstClick: number | null;
}

/** A queue on a server's log, with drafts kept from before that may be in that log already. */
export function openQueue(
  author: string,
  entries: Entry[],
  kept: Draft[],
  refused: Refused[],
): Queue {
  const empty = { author, confirmed: EMPTY, drafts: [], refused, local: EMPTY };
  const read = absorb({ ...empty, activeMs: 0, firstClick: null }, entries);
  const known = new Set(entries.map((entry) => entry.id));
  return withDrafts(
    read,
    kept.filter((draft) => !known.has(draft.id)),
  );
}

/** The queue with one more draft at its end. */
export function add(queue: Queue, draft: Draft): Queue {
  const local = replay([entryOf(queue, draft, queue.local.head + 1)], queue.local);
  return { ...queue, drafts: [...queue.drafts, draft], local };
}

/** Whether entries between what is known and `entries` are missing. */
export function gap(queue: Queue, entries: readonly Entry[]): boolean {
  return entries.length > 0 && entries[0].seq > queue.confirmed.head + 1;
}

/**
 * The queue after entries of the server's log, without gap: ours among them leave the drafts, and
 * the drafts left are put on top. An instance of ours whose number another has taken meanwhile
 * gets a new number, in all drafts.
 */
export function absorb(queue: Queue, entries: readonly Entry[]): Queue {
  const fresh = entries.filter((entry) => entry.seq > queue.confirmed.head);
  if (fresh.length === 0) return queue;
  const ours = new Set(queue.drafts.map((draft) => draft.id));
  const foreign = fresh.filter((entry) => !ours.has(entry.id));
  const known = new Set(fresh.map((entry) => entry.id));
  const left = queue.drafts.filter((draft) => !known.has(draft.id));
  const next = {
    ...queue,
    confirmed: replay(fresh, queue.confirmed),
    activeMs: queue.activeMs + fresh.reduce((sum, entry) => sum + entry.active_ms, 0),
    firstClick: queue.firstClick ?? fresh.find((entry) => clicked(entry.operation))?.at ?? null,
  };
  return withDrafts(next, renumbered(queue, foreign, left));
}

/** The queue without a draft that the server refuses, which is kept aside. */
export function refuse(queue: Queue, id: string, reason: string): Queue {
  const draft = queue.drafts.find((item) => item.id === id);
  if (draft === undefined) return queue;
  const refused = [...queue.refused, { draft, reason }];
  return withDrafts(
    { ...queue, refused },
    queue.drafts.filter((item) => item !== draft),
  );
}

/** What to send next: the first drafts in order, at most `limit`; null when all is saved. */
export function nextWrite(queue: Queue, client: string, limit: number): Write | null {
  if (queue.drafts.length === 0) return null;
  return { client, base: queue.confirmed.head, drafts: queue.drafts.slice(0, limit) };
}

/** Active milliseconds on the track, the drafts' included. */
export function activeTime(queue: Queue): number {
  return queue.activeMs + queue.drafts.reduce((sum, draft) => sum + draft.active_ms, 0);
}

/** When the first click was made (ms since 1970), by the entries and the drafts. */
export function firstClick(queue: Queue): number | null {
  return queue.firstClick ?? queue.drafts.find((draft) => clicked(draft.operation))?.at ?? null;
}

function clicked(operation: Operation): boolean {
  return operation.kind === "click";
}

function withDrafts(queue: Queue, drafts: readonly Draft[]): Queue {
  const head = queue.confirmed.head;
  const entries = drafts.map((draft, i) => entryOf(queue, draft, head + 1 + i));
  return { ...queue, drafts, local: replay(entries, queue.confirmed) };
}

/** A draft as the entry that the server will make of it. */
function entryOf(queue: Queue, draft: Draft, seq: number): Entry {
  return { ...draft, seq, author: queue.author, received: draft.at };
}

/**
 * `drafts` with new numbers for the instances they made and `foreign` entries made too. An import
 * replaces everything, so that drafts from an import on speak of its instances and stay.
 */
function renumbered(
  queue: Queue,
  foreign: readonly Entry[],
  drafts: readonly Draft[],
): readonly Draft[] {
  const taken = new Set(foreign.flatMap((entry) => named(entry.operation)));
  const old = used(queue.confirmed);
  const end = drafts.findIndex((draft) => draft.operation.kind === "import");
  const movable = end < 0 ? drafts : drafts.slice(0, end);
  const mine = new Set(movable.flatMap((draft) => named(draft.operation)));
  const everything = [...old, ...taken, ...drafts.flatMap((draft) => named(draft.operation))];
  let free = everything.reduce((highest, number) => Math.max(highest, number), -1) + 1;
  const map = new Map<number, number>();
  for (const number of mine) if (taken.has(number) && !old.has(number)) map.set(number, free++);
  if (map.size === 0) return drafts;
  return drafts.map((draft, i) => {
    if (end >= 0 && i >= end) return draft;
    return { ...draft, operation: renumber(draft.operation, map) };
  });
}

function used(state: Annotation): Set<number> {
  return new Set([...state.done, ...state.undone].flatMap((entry) => named(entry.operation)));
}

function renumber(operation: Operation, map: ReadonlyMap<number, number>): Operation {
  if (!("instance" in operation)) return operation;
  const instance = map.get(operation.instance) ?? operation.instance;
  if (operation.kind !== "merge") return { ...operation, instance };
  return { ...operation, instance, into: map.get(operation.into) ?? operation.into };
}
