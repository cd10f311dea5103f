/** Logs for tests: random operations by a seed, and entries of a server. */
import type { Entry, Operation } from "../src/protocol";
import { randomFrom } from "./random";

/** Operations on a few instances and segments, so that they meet; also on missing ones. */
export function randomOperations(seed: number, count: number): Operation[] {
  const next = randomFrom(seed);
  const pick = (n: number): number => Math.floor(next() * n);
  const click = (): Operation => ({
    kind: "click",
    vertex: pick(99),
    segment: pick(8),
    instance: pick(5),
    semantic: pick(40),
  });
  const makers: (() => Operation)[] = [
    click,
    click,
    click,
    () => ({ kind: "unclick", segment: pick(8) }),
    () => ({ kind: "classify", instance: pick(5), semantic: pick(40) }),
    () => ({ kind: "rename", instance: pick(5), name: `n${pick(9)}` }),
    () => ({ kind: "recolor", instance: pick(5), color: [pick(256), pick(256), pick(256)] }),
    () => ({ kind: "note", instance: pick(5), text: `t${pick(9)}` }),
    () => ({ kind: "merge", instance: pick(5), into: pick(5) }),
    () => ({ kind: "delete", instance: pick(5) }),
    () => ({
      kind: "import",
      source: "f",
      clicks: [{ vertex: pick(99), segment: pick(8), instance: pick(5), semantic: 1 }],
    }),
    () => ({ kind: "undo" }),
    () => ({ kind: "redo" }),
  ];
  return Array.from({ length: count }, () => makers[pick(makers.length)]());
}

/** The entries that a server makes of operations, numbered from 1. */
export function entries(operations: readonly Operation[]): Entry[] {
  return operations.map((operation, i) => ({
    seq: i + 1,
    id: `entry-${i}`,
    author: "ada",
    at: 1000 * i,
    active_ms: 10,
    received: 1000 * i,
    operation,
  }));
}
