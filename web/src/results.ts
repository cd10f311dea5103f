/** The mode "Results": which labels are shown, and the difference between any two. */
import type { LayerLabels } from "./api";
import { WHITE } from "./colors";
import { compare, KINDS } from "./difference";
import type { Difference } from "./difference";
import type { Color } from "./annotation";

/** Labels to look at: the clicked segments, what they spread to, or a layer by its name. */
export type Source = string;
export const CLICKS: Source = "clicks";
export const SPREAD: Source = "spread";

/** A colour index of every vertex and its RGBA table, as the viewer takes it. */
export interface VertexPicture {
  readonly index: Uint32Array;
  readonly colors: Uint8Array;
}

/** What is looked at: one source, or with `against` the difference of two. */
export interface View {
  readonly source: Source;
  readonly against: Source | null;
  readonly byClass: boolean;
}

/** What the pictures are made from; a change of any part makes a new picture. */
export interface Material {
  readonly labels: (source: Source) => Promise<LayerLabels>;
  readonly instanceColor: (source: Source, instance: number) => Color;
  readonly classColor: (semantic: number) => Color;
}

export const KIND_COLORS: readonly Color[] = [
  [238, 240, 243],
  [150, 156, 165],
  [204, 51, 63],
  [238, 142, 34],
  [246, 214, 74],
];

/** How a source is called on the page. */
export function sourceName(source: Source): string {
  if (source === CLICKS) return "Clicked segments";
  if (source === SPREAD) return "Spread labels";
  return source === "truth" ? "Truth" : source;
}

/** Whether a view is painted segment by segment, and needs no colours of vertices. */
export function bySegment({ source, against, byClass }: View): boolean {
  return against === null && !byClass && (source === CLICKS || source === SPREAD);
}

/** The picture of a view; `difference` where it compares. */
export async function paintView(
  view: View,
  material: Material,
): Promise<{ picture: VertexPicture; difference: Difference | null }> {
  const { source, against, byClass } = view;
  const first = await material.labels(source);
  if (against !== null) {
    const difference = compare(first, await material.labels(against));
    const colors = Uint8Array.from(KINDS.flatMap((_, kind) => [...KIND_COLORS[kind], 255]));
    return { picture: { index: difference.index, colors }, difference };
  }
  const picture = byClass
    ? paintValues(first.semantic, material.classColor)
    : paintValues(first.instance, (number) => material.instanceColor(source, number));
  return { picture, difference: null };
}

/** Every value in its colour; negative ones in white. */
export function paintValues(values: Int32Array, colorOf: (value: number) => Color): VertexPicture {
  const rows = new Map<number, number>();
  const colors: number[] = [...WHITE, 255];
  const index = new Uint32Array(values.length);
  for (let v = 0; v < values.length; v++) {
    const value = values[v];
    if (value < 0) continue;
    let row = rows.get(value);
    if (row === undefined) {
      row = rows.size + 1;
      rows.set(value, row);
      colors.push(...colorOf(value), 255);
    }
    index[v] = row;
  }
  return { index, colors: Uint8Array.from(colors) };
}
