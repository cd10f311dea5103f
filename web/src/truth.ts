/** The true instances, as the mode "With truth" asks for them. Segments are file ids. */
import type { Instance, Instances } from "./annotation";
import type { Truth, TrueInstance } from "./protocol";

/** `of`: the true instance of a segment. `sizes`: vertices of a segment. */
export interface TruthIndex {
  readonly items: ReadonlyMap<number, TrueInstance>;
  readonly of: ReadonlyMap<number, number>;
  readonly sizes: ReadonlyMap<number, number>;
}

/** How far a true instance is labelled. `share`: of the clicked segment in its largest one. */
export interface PartReport {
  readonly share: number;
  readonly parts: number;
  readonly lacking: number;
}

/**
 * The index of a truth. `majority`: the true instance that most of a segment's vertices have, for
 * small segments, which no part of the truth lists.
 */
export function indexTruth(
  truth: Truth,
  sizes: ReadonlyMap<number, number>,
  majority: ReadonlyMap<number, number>,
): TruthIndex {
  const items = new Map(truth.instances.map((item) => [item.instance, item]));
  const of = new Map([...majority].filter(([, instance]) => items.has(instance)));
  for (const item of truth.instances) {
    for (const part of item.parts)
      for (const segment of part.segments) of.set(segment, item.instance);
  }
  return { items, of, sizes };
}

/** How many vertices each segment has, by segment id. */
export function segmentSizes(segments: Uint32Array, segmentIds: Int32Array): Map<number, number> {
  const counts = new Uint32Array(segmentIds.length);
  for (const segment of segments) counts[segment]++;
  return new Map(Array.from(counts, (count, segment) => [segmentIds[segment], count] as const));
}

/**
 * The value that most vertices of a segment have, by segment id; a tie goes to the smaller value,
 * and segments where -1 has most are left out.
 */
export function majority(
  segments: Uint32Array,
  segmentIds: Int32Array,
  values: Int32Array,
): Map<number, number> {
  const counts = new Map<number, Map<number, number>>();
  for (let v = 0; v < segments.length; v++) {
    let count = counts.get(segments[v]);
    if (count === undefined) counts.set(segments[v], (count = new Map<number, number>()));
    count.set(values[v], (count.get(values[v]) ?? 0) + 1);
  }
  const most = new Map<number, number>();
  for (const [segment, count] of counts) {
    const [value] = [...count].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0];
    if (value >= 0) most.set(segmentIds[segment], value);
  }
  return most;
}

/** The true instance that an annotated one stands for: that of its first click in one. */
export function trueOf(index: TruthIndex, instance: Instance): number | null {
  for (const segment of instance.clicks.keys()) {
    const found = index.of.get(segment);
    if (found !== undefined) return found;
  }
  return null;
}

/** The annotated instance of every true instance that has one. */
export function labelled(index: TruthIndex, instances: Instances): Map<number, number> {
  const found = new Map<number, number>();
  for (const [number, instance] of instances) {
    const t = trueOf(index, instance);
    if (t !== null && !found.has(t)) found.set(t, number);
  }
  return found;
}

/** The parts of a true instance in which none of `clicked` lies. */
export function lackingParts(item: TrueInstance, clicked: ReadonlySet<number>): number {
  return item.parts.filter((part) => !part.segments.some((s) => clicked.has(s))).length;
}

/** What to say of a click in `segment` of true instance `t`, given all its clicked segments. */
export function partReport(
  index: TruthIndex,
  t: number,
  segment: number,
  clicked: ReadonlySet<number>,
): PartReport {
  const item = index.items.get(t)!;
  const share = (index.sizes.get(segment) ?? 0) / Math.max(item.largest, 1);
  return { share, parts: item.parts.length, lacking: lackingParts(item, clicked) };
}

/** The report in words. */
export function partWords(report: PartReport): string {
  const share = `Clicked segment is ${percent(report.share)} of the instance's largest`;
  if (report.parts < 2) return `${share}.`;
  if (report.lacking === 0) return `${share}; each of its ${report.parts} parts has a click.`;
  const lack = report.lacking === 1 ? "lacks" : "lack";
  return `${share}; ${report.lacking} of ${report.parts} parts still ${lack} a click.`;
}

/** `63 %`, and never 0 % or 100 % of what is not that. */
export function percent(share: number): string {
  if (share > 0 && share < 0.01) return "<1 %";
  if (share < 1 && share > 0.99) return "99 %";
  return `${Math.round(share * 100)} %`;
}
