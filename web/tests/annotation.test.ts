import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { apply, clicksOf, EMPTY, nextInstance, owners, replay } from "../src/annotation";
import type { Annotation } from "../src/annotation";
import type { Entry, Operation, Status } from "../src/protocol";
import { entries, randomOperations } from "./logs";

interface GoldenInstance {
  semantic: number;
  clicks: [number, number][];
  name: string;
  color: [number, number, number] | null;
  note: string;
}
interface GoldenState {
  head: number;
  status: Status;
  review: string;
  instances: [number, GoldenInstance][];
  undoable: number;
  redoable: number;
}

/** A state in the form of the golden file. */
function plainState(state: Annotation): GoldenState {
  const instances = Array.from(state.instances, ([number, item]) => {
    const color = item.color === null ? null : ([...item.color] as [number, number, number]);
    return [number, { ...item, color, clicks: [...item.clicks] }] as [number, GoldenInstance];
  });
  const { head, status, review, done, undone } = state;
  return { head, status, review, instances, undoable: done.length, redoable: undone.length };
}

const path = new URL("golden-logs.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as { entries: Entry[]; state: GoldenState }[];

describe("the fold", () => {
  it.each(golden.map((log, i) => [i, log] as const))(
    "equals the server's on golden log %i",
    (_, log) => {
      expect(plainState(replay(log.entries))).toEqual(log.state);
    },
  );

  it.each([1, 2, 3, 4, 5])("in parts equals the fold of the whole (%i)", (seed) => {
    const all = entries(randomOperations(seed, 60));
    for (const cut of [0, 1, 17, 59, 60]) {
      expect(replay(all.slice(cut), replay(all.slice(0, cut)))).toEqual(replay(all));
    }
  });

  it.each([1, 2, 3])("is brought back by as many redos as undos (%i)", (seed) => {
    const edits = randomOperations(seed, 40).filter(
      ({ kind }) => kind !== "undo" && kind !== "redo",
    );
    const before = replay(entries(edits));
    const n = before.done.length;
    const undos: Operation[] = Array.from({ length: n }, () => ({ kind: "undo" }));
    const redos: Operation[] = Array.from({ length: n }, () => ({ kind: "redo" }));
    expect(replay(entries([...edits, ...undos])).instances).toEqual(EMPTY.instances);
    expect(replay(entries([...edits, ...undos, ...redos])).instances).toEqual(before.instances);
  });

  it.each([6, 7, 8])("gives a segment to one instance at most (%i)", (seed) => {
    const { instances } = replay(entries(randomOperations(seed, 80)));
    const clicked = [...instances.values()].flatMap(({ clicks }) => [...clicks.keys()]);
    expect(new Set(clicked).size).toBe(clicked.length);
    expect(owners(instances).size).toBe(clicked.length);
    expect([...instances.values()].every(({ clicks }) => clicks.size > 0)).toBe(true);
  });

  it("leaves what it was given as it was", () => {
    const before = replay(entries(randomOperations(9, 30)));
    const copy = structuredClone(plainState(before));
    replay(entries(randomOperations(10, 30)), before);
    expect(plainState(before)).toEqual(copy);
  });
});

describe("examples", () => {
  const click = (vertex: number, segment: number, instance: number, semantic = 5): Operation => ({
    kind: "click",
    vertex,
    segment,
    instance,
    semantic,
  });

  it("moves a click within its segment and keeps its place", () => {
    const { instances } = replay(entries([click(1, 10, 0), click(2, 20, 0), click(3, 10, 0)]));
    expect([...instances.get(0)!.clicks]).toEqual([
      [10, 3],
      [20, 2],
    ]);
  });

  it("passes a segment over, and an instance without clicks is gone", () => {
    const { instances } = replay(entries([click(1, 10, 0), click(1, 10, 1, 7)]));
    expect([...instances.keys()]).toEqual([1]);
    expect(instances.get(1)!.semantic).toBe(7);
  });

  it("never gives a number out again that an undo could bring back", () => {
    const state = replay(entries([click(1, 10, 0), click(2, 20, 1), { kind: "undo" }]));
    expect(nextInstance(state)).toBe(2);
    expect(nextInstance(EMPTY)).toBe(0);
  });

  it("lists clicks by number, not by age", () => {
    const { instances } = replay(entries([click(1, 10, 4), click(2, 20, 1), click(3, 30, 4)]));
    expect(clicksOf(instances).map(({ vertex }) => vertex)).toEqual([2, 1, 3]);
  });

  it("changes nothing for an instance that is not there", () => {
    const instances = apply(new Map(), { kind: "rename", instance: 3, name: "x" });
    expect(instances.size).toBe(0);
  });
});
