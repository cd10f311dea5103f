/** Which colour every segment has, in each mode. Arrays are in the dense order of segments. */
import { BLACK, WHITE, instanceColor, sequenceColor } from "./colors";
import { trueOf } from "./truth";
import type { TruthIndex } from "./truth";
import type { Color, Instances } from "./annotation";

/** What a preview says of every segment: instance (-1 for none) and confidence 0..255. */
export interface Spread {
  readonly instance: Int32Array;
  readonly confidence: Uint8Array;
}

/** A picture: 3 colour bytes, a style (255: as scanned) and a confidence 0..255 a segment. */
export interface Picture {
  readonly color: Uint8Array;
  readonly style: Uint8Array;
  readonly confidence: Uint8Array;
}

export const SCANNED = 255;
export type SetSegment = (segment: number, color: Color, style: 1 | 2, confidence: number) => void;

/** What all modes paint from. `dense`: the dense number of a segment id. */
export interface Canvas {
  readonly dense: ReadonlyMap<number, number>;
  readonly instances: Instances;
  readonly current: number | null;
}

/** The picture of nothing labelled. */
export function blank(segments: number): Picture {
  return {
    color: new Uint8Array(3 * segments),
    style: new Uint8Array(segments).fill(SCANNED),
    confidence: new Uint8Array(segments),
  };
}

/** Mode 1: the clicked segments in their instances' colours, around them what they spread to. */
export function paintScratch(canvas: Canvas, spread: Spread | null): Picture {
  const picture = blank(canvas.dense.size);
  if (spread !== null) paintSpread(picture, canvas.instances, spread);
  paintClicks(picture, canvas);
  return picture;
}

/**
 * Mode 2: true instances in different colours; labelled ones white, but the current one keeps its
 * colour and its clicked segments are black.
 */
export function paintTruth(canvas: Canvas, truth: TruthIndex): Picture {
  const picture = blank(canvas.dense.size);
  const done = new Set([...canvas.instances.values()].map((item) => trueOf(truth, item)));
  const now = canvas.current === null ? undefined : canvas.instances.get(canvas.current);
  const current = now === undefined ? null : trueOf(truth, now);
  for (const [segment, t] of truth.of) {
    const color = done.has(t) && t !== current ? WHITE : sequenceColor(t);
    put(picture, canvas.dense.get(segment), color, 1, 255);
  }
  for (const [number, item] of canvas.instances) {
    const color = number === canvas.current ? BLACK : WHITE;
    for (const segment of item.clicks.keys())
      put(picture, canvas.dense.get(segment), color, 1, 255);
  }
  return picture;
}

/** Mode 3: the clicked segments, or all that they spread to, in colour and the rest white. */
export function paintResults(canvas: Canvas, spread: Spread | null): Picture {
  const picture = blank(canvas.dense.size);
  for (let s = 0; s < canvas.dense.size; s++) put(picture, s, WHITE, 1, 255);
  if (spread !== null) {
    for (let s = 0; s < spread.instance.length; s++) {
      const number = spread.instance[s];
      if (number >= 0) put(picture, s, instanceColor(number, canvas.instances.get(number)), 1, 255);
    }
  }
  paintClicks(picture, canvas);
  return picture;
}

function paintSpread(picture: Picture, instances: Instances, spread: Spread): void {
  for (let s = 0; s < spread.instance.length; s++) {
    const item = instances.get(spread.instance[s]);
    if (item === undefined) continue; // the preview is older than the deletion of its instance
    put(picture, s, instanceColor(spread.instance[s], item), 2, spread.confidence[s]);
  }
}

function paintClicks(picture: Picture, { dense, instances }: Canvas): void {
  for (const [number, item] of instances) {
    const color = instanceColor(number, item);
    for (const segment of item.clicks.keys()) put(picture, dense.get(segment), color, 1, 255);
  }
}

function put(
  picture: Picture,
  s: number | undefined,
  color: Color,
  style: 1 | 2,
  sure: number,
): void {
  if (s === undefined) return;
  picture.color.set(color, 3 * s);
  picture.style[s] = style;
  picture.confidence[s] = sure;
}

/** Hand over the segments in which `next` differs from `before`. Returns how many there were. */
export function differences(
  before: Picture,
  next: Picture,
  set: SetSegment,
  clear: (segment: number) => void,
): number {
  let changed = 0;
  for (let s = 0; s < next.style.length; s++) {
    if (same(before, next, s)) continue;
    changed++;
    const style = next.style[s];
    if (style === SCANNED) clear(s);
    else set(s, at(next, s), style as 1 | 2, next.confidence[s] / 255);
  }
  return changed;
}

function at(picture: Picture, s: number): Color {
  return [picture.color[3 * s], picture.color[3 * s + 1], picture.color[3 * s + 2]];
}

function same(a: Picture, b: Picture, s: number): boolean {
  if (a.style[s] !== b.style[s] || a.confidence[s] !== b.confidence[s]) return false;
  const [p, q] = [a.color, b.color];
  return (
    p[3 * s] === q[3 * s] && p[3 * s + 1] === q[3 * s + 1] && p[3 * s + 2] === q[3 * s + 2]
  );
}

/**
 * The dense segments to hide: those of hidden instances, or with `alone` all but that one's.
 * What an instance spreads to with confidence of a half goes with it.
 */
export function hiddenSegments(
  canvas: Canvas,
  spread: Spread | null,
  hidden: ReadonlySet<number>,
  alone: number | null,
): Set<number> {
  const found = new Set<number>();
  if (alone === null && hidden.size === 0) return found;
  const owner = new Int32Array(canvas.dense.size).fill(-1);
  spread?.instance.forEach((number, s) => {
    if (spread.confidence[s] >= 128) owner[s] = number;
  });
  for (const [number, item] of canvas.instances) {
    for (const segment of item.clicks.keys()) owner[canvas.dense.get(segment) ?? -1] = number;
  }
  owner.forEach((number, s) => {
    if (alone === null ? hidden.has(number) : number !== alone) found.add(s);
  });
  return found;
}
