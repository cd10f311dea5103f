/**
 * The colours of the segments: an RGBA8 texture of one texel a segment.
 *
 * RGB is the painted colour; A tells how it is laid over the scan: 0 not at all, 255 opaque, and
 * 1 to 254 spread with a confidence of 0 to 1 (the shader mixes and hatches).
 */

/** Scanned colour, solid colour, or a colour spread from clicks elsewhere. */
export type PaintStyle = 0 | 1 | 2;

/** Texels in a row of the texture; the shaders find segment s at (s % 1024, s / 1024). */
export const ROW = 1024;

const SOLID = 255;

/** Rows of a texture that holds `texels` texels; at least one, as WebGL has no empty texture. */
export function rowsFor(texels: number): number {
  return Math.max(1, Math.ceil(texels / ROW));
}

/** Alpha byte of a style; `confidence` counts for style 2 alone and is brought into 0..1. */
export function encodeStyle(style: PaintStyle, confidence: number): number {
  if (style !== 2) return style === 1 ? SOLID : 0;
  const share = Number.isFinite(confidence) ? Math.min(1, Math.max(0, confidence)) : 0;
  return 1 + Math.round(share * 253);
}

export class Palette {
  /** RGBA of every segment, rows padded to 1024 texels. */
  readonly texels: Uint8Array;
  /** Called when a texel has changed; the viewer asks for a frame here. */
  changed: (() => void) | null = null;
  /** How many segments have a spread colour. */
  spread = 0;
  private readonly touched = new Set<number>();

  /** A palette of unpainted segments. */
  constructor(readonly segments: number) {
    this.texels = new Uint8Array(4 * ROW * rowsFor(segments));
  }

  /** Paint a segment in r, g, b (0..255, sRGB). A number that is no segment raises RangeError. */
  set(
    segment: number,
    r: number,
    g: number,
    b: number,
    style: PaintStyle,
    confidence = 1,
  ): void {
    if (!Number.isInteger(segment) || segment < 0 || segment >= this.segments) {
      throw new RangeError(`segment ${segment} is not one of the scan's ${this.segments}`);
    }
    this.write(segment, r, g, b, encodeStyle(style, confidence));
  }

  /** Show a segment in its scanned colour again. */
  clear(segment: number): void {
    this.set(segment, 0, 0, 0, 0);
  }

  /** Show every segment in its scanned colour. */
  reset(): void {
    for (let segment = 0; segment < this.segments; segment++) this.write(segment, 0, 0, 0, 0);
  }

  /** The segments changed since the last call, ascending. */
  drain(): number[] {
    const segments = [...this.touched].sort((a, b) => a - b);
    this.touched.clear();
    return segments;
  }

  private write(segment: number, r: number, g: number, b: number, a: number): void {
    const { texels } = this;
    const at = 4 * segment;
    const same =
      texels[at] === r && texels[at + 1] === g && texels[at + 2] === b && texels[at + 3] === a;
    if (same) return;
    this.spread += Number(isSpread(a)) - Number(isSpread(texels[at + 3]));
    texels[at] = r;
    texels[at + 1] = g;
    texels[at + 2] = b;
    texels[at + 3] = a;
    this.touched.add(segment);
    this.changed?.();
  }
}

function isSpread(alpha: number): boolean {
  return alpha > 0 && alpha < SOLID;
}

/** Runs of consecutive numbers in an ascending list, as [first, count] that never cross a row. */
export function runsOf(segments: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const segment of segments) {
    const last = runs.at(-1);
    if (last && segment === last[0] + last[1] && segment % ROW !== 0) last[1] += 1;
    else runs.push([segment, 1]);
  }
  return runs;
}
