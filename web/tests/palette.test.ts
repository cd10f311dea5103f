import { expect, it } from "vitest";
import { encodeStyle, Palette, ROW, rowsFor, runsOf } from "../src/palette";
import { randomFrom } from "./random";

it("holds what was set last, and tells each change once", () => {
  const palette = new Palette(3000);
  const random = randomFrom(1);
  const expected = new Map<number, number[]>();
  const touched = new Set<number>();
  for (let i = 0; i < 5000; i++) {
    const segment = Math.floor(3000 * random());
    const [r, g, b] = [random(), random(), random()].map((part) => Math.floor(256 * part));
    const style = Math.floor(3 * random()) as 0 | 1 | 2;
    palette.set(segment, r, g, b, style, 0.5);
    expected.set(segment, [r, g, b, encodeStyle(style, 0.5)]);
    touched.add(segment);
    if (i % 500 === 0) {
      expect(palette.drain()).toEqual([...touched].sort((a, b) => a - b));
      touched.clear();
    }
  }
  for (const [segment, texel] of expected) {
    expect([...palette.texels.subarray(4 * segment, 4 * segment + 4)]).toEqual(texel);
  }
  const spread = [...expected.values()].filter((texel) => texel[3] > 0 && texel[3] < 255);
  expect(palette.spread).toBe(spread.length);
  palette.reset();
  expect(palette.spread).toBe(0);
  expect(palette.texels.every((byte) => byte === 0)).toBe(true);
});

it("asks for no frame where nothing changes", () => {
  const palette = new Palette(10);
  let asked = 0;
  palette.changed = () => (asked += 1);
  palette.set(3, 1, 2, 3, 1);
  palette.set(3, 1, 2, 3, 1);
  expect(asked).toBe(1);
  palette.clear(3);
  palette.clear(4);
  expect(asked).toBe(2);
  expect(palette.drain()).toEqual([3]);
  expect(palette.drain()).toEqual([]);
});

it("keeps styles apart at every confidence", () => {
  expect(encodeStyle(0, 1)).toBe(0);
  expect(encodeStyle(1, 0)).toBe(255);
  let last = 0;
  for (const confidence of [0, 0.1, 0.5, 0.9, 1]) {
    const alpha = encodeStyle(2, confidence);
    expect(alpha).toBeGreaterThan(last);
    expect(alpha).toBeLessThan(255);
    expect((alpha - 1) / 253).toBeCloseTo(confidence, 2);
    last = alpha;
  }
  expect(encodeStyle(2, NaN)).toBe(1);
  expect(encodeStyle(2, 7)).toBe(254);
});

it("refuses a segment that the scan has not", () => {
  const palette = new Palette(5);
  for (const segment of [-1, 5, 1.5, NaN]) {
    expect(() => { palette.set(segment, 0, 0, 0, 1); }).toThrow(RangeError);
  }
  expect(new Palette(0).texels.length).toBe(4 * ROW);
});

it("fills rows and breaks runs at them", () => {
  expect([0, 1, ROW, ROW + 1].map(rowsFor)).toEqual([1, 1, 1, 2]);
  expect(runsOf([])).toEqual([]);
  expect(runsOf([1, 2, 3, 7, ROW - 1, ROW, ROW + 1])).toEqual([
    [1, 3],
    [7, 1],
    [ROW - 1, 1],
    [ROW, 2],
  ]);
});
