/** Colours of instances: told apart with any colour sight, and none of them the pointer's red. */
import type { Color, Instance } from "./annotation";

// Chosen and ordered so that neighbours, also in the lighter and darker turns, are far apart in
// CIELAB for full, protan and deutan sight (tests/paint.test.ts measures it).
const SEQUENCE: readonly Color[] = [
  [0, 114, 178],
  [0, 158, 115],
  [240, 228, 66],
  [165, 60, 150],
  [153, 153, 51],
  [204, 121, 167],
  [80, 95, 205],
  [230, 159, 0],
  [0, 190, 205],
  [110, 190, 90],
  [150, 230, 200],
  [150, 95, 40],
  [190, 174, 230],
  [255, 200, 120],
];
export const WHITE: Color = [255, 255, 255];
export const BLACK: Color = [16, 16, 20];

/** The colour of an instance number: the sequence, lighter and darker in turn as it repeats. */
export function sequenceColor(number: number): Color {
  const color = SEQUENCE[number % SEQUENCE.length];
  const turn = Math.floor(number / SEQUENCE.length) % 3;
  if (turn === 0) return color;
  const toward = turn === 1 ? 255 : 0;
  return color.map((value) => Math.round(value + (toward - value) * 0.35)) as unknown as Color;
}

/** The colour of an instance: its own where it has been given one. */
export function instanceColor(number: number, instance: Instance | undefined): Color {
  return instance?.color ?? sequenceColor(number);
}

/** `#rrggbb` of a colour. */
export function hex(color: Color): string {
  return `#${color.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** The colour of `#rrggbb`. */
export function fromHex(text: string): [number, number, number] {
  const value = Number.parseInt(text.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
