/** Two labellings of the same vertices compared, for the mode "Results". */
import type { LayerLabels } from "./api";

/** What a vertex can be in a comparison; the order is that of the legend. */
export const KINDS = [
  "neither",
  "agree",
  "class differs",
  "instance differs",
  "only in one",
] as const;
export type Kind = (typeof KINDS)[number];

/** `index`: the kind of every vertex, as its place in `KINDS`; `shares`: of the labelled ones. */
export interface Difference {
  readonly index: Uint32Array;
  readonly shares: readonly number[];
}

/**
 * Compare vertex by vertex. Instances are matched one to one, the pair with most common vertices
 * first. Shares are of the vertices that either labels; that of "neither" is of all vertices.
 */
export function compare(a: LayerLabels, b: LayerLabels): Difference {
  const partner = matchInstances(a.instance, b.instance);
  const count = a.instance.length;
  const index = new Uint32Array(count);
  const counts = [0, 0, 0, 0, 0];
  for (let v = 0; v < count; v++) {
    const [first, second] = [a.instance[v], b.instance[v]];
    if (first < 0 || second < 0) index[v] = first < 0 && second < 0 ? 0 : 4;
    else if (a.semantic[v] !== b.semantic[v]) index[v] = 2;
    else index[v] = partner.get(first) === second ? 1 : 3;
    counts[index[v]]++;
  }
  const labelled = count - counts[0];
  const shares = counts.map((n, kind) => n / Math.max(kind === 0 ? count : labelled, 1));
  return { index, shares };
}

/** The instance of `b` that each instance of `a` is matched with. */
export function matchInstances(a: Int32Array, b: Int32Array): Map<number, number> {
  const common = new Map<number, Map<number, number>>();
  for (let v = 0; v < a.length; v++) {
    if (a[v] < 0 || b[v] < 0) continue;
    let row = common.get(a[v]);
    if (row === undefined) common.set(a[v], (row = new Map<number, number>()));
    row.set(b[v], (row.get(b[v]) ?? 0) + 1);
  }
  const pairs = [...common].flatMap(([first, row]) =>
    Array.from(row, ([second, size]) => ({ first, second, size })),
  );
  pairs.sort((p, q) => q.size - p.size || p.first - q.first || p.second - q.second);
  const partner = new Map<number, number>();
  const given = new Set<number>();
  for (const { first, second } of pairs) {
    if (partner.has(first) || given.has(second)) continue;
    partner.set(first, second);
    given.add(second);
  }
  return partner;
}

/** Labels of segments (dense order; -1 for none) as labels of vertices. */
export function toVertices(
  segments: Uint32Array,
  instance: Int32Array,
  classOf: (instance: number) => number,
): LayerLabels {
  const labels = {
    instance: new Int32Array(segments.length),
    semantic: new Int32Array(segments.length),
  };
  const semantic = Int32Array.from(instance, (number) => (number < 0 ? -1 : classOf(number)));
  for (let v = 0; v < segments.length; v++) {
    labels.instance[v] = instance[segments[v]];
    labels.semantic[v] = semantic[segments[v]];
  }
  return labels;
}
