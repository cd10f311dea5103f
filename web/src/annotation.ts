/**
 * The state of a track: the fold of its log. Twin of `src/seggroup/server/annotation.py`.
 *
 * Edits stand on a stack; an undo moves the last to a second stack, a redo moves it back, an edit
 * empties the second. Every log has a state: an edit of an instance that is not there changes
 * nothing. Nothing here is changed in place.
 */
import type { Edit, Entry, ImportedClick, Operation, Status } from "./protocol";

export type Color = readonly [number, number, number];

/** An annotated instance. `clicks`: segment id to clicked vertex, in the order of clicking. */
export interface Instance {
  readonly semantic: number;
  readonly clicks: ReadonlyMap<number, number>;
  readonly name: string;
  readonly color: Color | null;
  readonly note: string;
}

/** The instances by number, in the order in which they were made. */
export type Instances = ReadonlyMap<number, Instance>;

/**
 * A track's state. `done`, `undone`: the edits that count, and those that a redo brings back (the
 * next one last). `review`: what the reviewer wrote when the track was sent back.
 */
export interface Annotation {
  readonly head: number;
  readonly status: Status;
  readonly review: string;
  readonly instances: Instances;
  readonly done: readonly Entry[];
  readonly undone: readonly Entry[];
}

export const EMPTY: Annotation = {
  head: 0,
  status: "new",
  review: "",
  instances: new Map(),
  done: [],
  undone: [],
};

/** The state after `entries`, from `start`. */
export function replay(entries: Iterable<Entry>, start: Annotation = EMPTY): Annotation {
  let state = start;
  for (const entry of entries) state = { ...step(state, entry), head: entry.seq };
  return state;
}

function step(state: Annotation, entry: Entry): Annotation {
  const operation = entry.operation;
  switch (operation.kind) {
    case "submit":
      return { ...state, status: "submitted" };
    case "accept":
      return { ...state, status: "accepted", review: "" };
    case "send back":
      return { ...state, status: "sent back", review: operation.text };
    case "undo":
      return undo(state);
    case "redo":
      return redo(state);
    default: {
      const instances = apply(state.instances, operation);
      return { ...begun(state), instances, done: [...state.done, entry], undone: [] };
    }
  }
}

function undo(state: Annotation): Annotation {
  const last = state.done.at(-1);
  if (last === undefined) return state;
  const done = state.done.slice(0, -1);
  const undone = [...state.undone, last];
  return { ...begun(state), instances: fold(done), done, undone };
}

function redo(state: Annotation): Annotation {
  const last = state.undone.at(-1);
  if (last === undefined) return state;
  const instances = apply(state.instances, edit(last));
  return {
    ...begun(state),
    instances,
    done: [...state.done, last],
    undone: state.undone.slice(0, -1),
  };
}

/** A new or submitted track is being worked on again; one sent back stays so. */
function begun(state: Annotation): Annotation {
  return state.status === "sent back" ? state : { ...state, status: "started" };
}

function fold(done: readonly Entry[]): Instances {
  let instances: Instances = new Map();
  for (const entry of done) instances = apply(instances, edit(entry));
  return instances;
}

/** The stacks hold edits alone. */
function edit(entry: Entry): Edit {
  return entry.operation as Edit;
}

/** The instances after one edit; the given ones are left as they are. */
export function apply(instances: Instances, operation: Edit): Instances {
  switch (operation.kind) {
    case "click":
      return click(instances, operation);
    case "unclick":
      return without(instances, operation.segment);
    case "import":
      return operation.clicks.reduce(click, new Map<number, Instance>());
    case "delete":
      return omit(instances, operation.instance);
    case "merge":
      return merge(instances, operation.instance, operation.into);
    case "classify":
      return change(instances, operation.instance, { semantic: operation.semantic });
    case "rename":
      return change(instances, operation.instance, { name: operation.name });
    case "recolor":
      return change(instances, operation.instance, { color: operation.color });
    case "note":
      return change(instances, operation.instance, { note: operation.text });
  }
}

function click(instances: Instances, row: ImportedClick): Instances {
  const before = instances.get(row.instance)?.clicks.has(row.segment) ?? false;
  const kept = before ? instances : without(instances, row.segment);
  const old = kept.get(row.instance);
  const clicks = new Map(old?.clicks).set(row.segment, row.vertex);
  const plain = { semantic: row.semantic, name: "", color: null, note: "" };
  return new Map(kept).set(row.instance, { ...(old ?? plain), clicks });
}

function without(instances: Instances, segment: number): Instances {
  const left = new Map<number, Instance>();
  for (const [number, instance] of instances) {
    const clicks = new Map(instance.clicks);
    if (!clicks.delete(segment)) left.set(number, instance);
    else if (clicks.size > 0) left.set(number, { ...instance, clicks });
  }
  return left;
}

function omit(instances: Instances, number: number): Map<number, Instance> {
  const left = new Map(instances);
  left.delete(number);
  return left;
}

function merge(instances: Instances, number: number, into: number): Instances {
  const from = instances.get(number);
  const target = instances.get(into);
  if (number === into || from === undefined || target === undefined) return instances;
  const clicks = new Map([...target.clicks, ...from.clicks]);
  return omit(instances, number).set(into, { ...target, clicks });
}

function change(instances: Instances, number: number, changes: Partial<Instance>): Instances {
  const old = instances.get(number);
  if (old === undefined) return instances;
  return new Map(instances).set(number, { ...old, ...changes });
}

/** The instance of every clicked segment, by segment id. */
export function owners(instances: Instances): Map<number, number> {
  const owner = new Map<number, number>();
  for (const [number, instance] of instances) {
    for (const segment of instance.clicks.keys()) owner.set(segment, number);
  }
  return owner;
}

/** The instance numbers that an operation names. */
export function named(operation: Operation): number[] {
  if (operation.kind === "import") return operation.clicks.map((row) => row.instance);
  if (operation.kind === "merge") return [operation.instance, operation.into];
  return "instance" in operation ? [operation.instance] : [];
}

/** A number that no instance has had, also none that an undo or a redo could bring back. */
export function nextInstance(state: Annotation): number {
  let highest = -1;
  for (const entry of [...state.done, ...state.undone]) {
    for (const number of named(entry.operation)) highest = Math.max(highest, number);
  }
  return highest + 1;
}

/** All clicks, instance by instance in ascending number, in the order of clicking. */
export function clicksOf(instances: Instances): ImportedClick[] {
  const numbers = [...instances.keys()].sort((a, b) => a - b);
  return numbers.flatMap((number) => {
    const { semantic, clicks } = instances.get(number)!;
    return Array.from(clicks, ([segment, vertex]) => ({
      vertex,
      segment,
      instance: number,
      semantic,
    }));
  });
}
