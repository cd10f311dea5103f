import { describe, expect, it } from "vitest";
import type { Color, Instance } from "../src/annotation";
import { BLACK, fromHex, hex, sequenceColor, WHITE } from "../src/colors";
import { compare, matchInstances, toVertices } from "../src/difference";
import {
  blank,
  differences,
  hiddenSegments,
  paintResults,
  paintScratch,
  paintTruth,
  SCANNED,
} from "../src/paint";
import type { Picture } from "../src/paint";
import { bySegment, paintValues, paintView } from "../src/results";
import { indexTruth } from "../src/truth";
import { randomFrom } from "./random";

const dense = new Map([
  [10, 0],
  [11, 1],
  [12, 2],
  [13, 3],
]);
const item = (...segments: number[]): Instance => ({
  semantic: 5,
  clicks: new Map(segments.map((s) => [s, s])),
  name: "",
  color: null,
  note: "",
});
const instances = new Map([
  [0, item(10)],
  [1, item(11)],
]);
const canvas = { dense, instances, current: 1 };
const spread = {
  instance: Int32Array.of(0, 1, 1, 7),
  confidence: Uint8Array.of(255, 255, 100, 200),
};
const at = (picture: Picture, s: number): number[] => [...picture.color.slice(3 * s, 3 * s + 3)];

describe("the picture", () => {
  it("from scratch: clicks solid, the spread around them, nothing for what is gone", () => {
    const picture = paintScratch(canvas, spread);
    expect([...picture.style]).toEqual([1, 1, 2, SCANNED]);
    expect(at(picture, 2)).toEqual([...sequenceColor(1)]);
    expect(picture.confidence[2]).toBe(100);
    expect([...paintScratch(canvas, null).style]).toEqual([1, 1, SCANNED, SCANNED]);
  });

  it("with truth: labelled white, the current click black, the rest in colours", () => {
    const parts = (...segments: number[]): { segments: number[]; vertices: number }[] => [
      { segments, vertices: 9 },
    ];
    const of = (
      instance: number,
      ...segments: number[]
    ): {
      instance: number;
      semantic: number;
      vertices: number;
      largest: number;
      parts: { segments: number[]; vertices: number }[];
    } => ({
      instance,
      semantic: 1,
      vertices: 9,
      largest: 9,
      parts: parts(...segments),
    });
    const truth = indexTruth(
      { instances: [of(3, 10), of(4, 11, 12), of(5, 13)] },
      new Map(),
      new Map(),
    );
    const picture = paintTruth(canvas, truth);
    expect([0, 1, 2, 3].map((s) => at(picture, s))).toEqual([
      [...WHITE],
      [...BLACK],
      [...sequenceColor(4)],
      [...sequenceColor(5)],
    ]);
    expect(at(paintTruth({ ...canvas, current: null }, truth), 1)).toEqual([...WHITE]);
  });

  it("of results: white where no label is", () => {
    expect(at(paintResults(canvas, null), 3)).toEqual([...WHITE]);
    expect(at(paintResults(canvas, spread), 2)).toEqual([...sequenceColor(1)]);
  });

  it("hands over what differs, and then equals the next", () => {
    const [before, next] = [paintScratch(canvas, spread), paintResults(canvas, null)];
    const replayed = structuredClone(before);
    const changed = differences(
      before,
      next,
      (s, color, style, sure) => {
        replayed.color.set(color, 3 * s);
        replayed.style[s] = style;
        replayed.confidence[s] = Math.round(sure * 255);
      },
      () => {
        throw new Error("nothing is cleared here");
      },
    );
    expect(replayed).toEqual(next);
    expect(changed).toBe(2);
    expect(
      differences(
        next,
        next,
        () => {
          throw new Error();
        },
        () => {
          throw new Error();
        },
      ),
    ).toBe(0);
    let cleared = 0;
    differences(
      next,
      blank(4),
      () => {
        throw new Error();
      },
      () => cleared++,
    );
    expect(cleared).toBe(4);
  });

  it("hides instances with what they surely spread to, or all others", () => {
    expect([...hiddenSegments(canvas, spread, new Set([1]), null)]).toEqual([1]);
    expect([...hiddenSegments(canvas, spread, new Set([7]), null)]).toEqual([3]);
    expect([...hiddenSegments(canvas, null, new Set(), 0)]).toEqual([1, 2, 3]);
    expect(hiddenSegments(canvas, spread, new Set(), null).size).toBe(0);
  });
});

describe("the difference of two labellings", () => {
  const labels = (
    instance: number[],
    semantic: number[],
  ): { instance: Int32Array; semantic: Int32Array } => ({
    instance: Int32Array.from(instance),
    semantic: Int32Array.from(semantic),
  });

  it("tells its five kinds apart", () => {
    const a = labels([-1, 0, 0, 1, 1, 2, -1], [-1, 5, 5, 5, 5, 6, -1]);
    const b = labels([-1, 9, 9, 8, 9, 2, 4], [-1, 5, 5, 5, 5, 7, 5]);
    const { index, shares } = compare(a, b);
    expect([...index]).toEqual([0, 1, 1, 1, 3, 2, 4]);
    expect(shares[0]).toBeCloseTo(1 / 7);
    expect(shares.slice(1).reduce((sum, share) => sum + share)).toBeCloseTo(1);
  });

  it("agrees with itself under any renumbering, and is the same from both sides", () => {
    const next = randomFrom(5);
    const instance = Array.from({ length: 400 }, () => Math.floor(next() * 9) - 1);
    const semantic = instance.map((n) => (n < 0 ? -1 : n % 3));
    const a = labels(instance, semantic);
    const b = labels(
      instance.map((n) => (n < 0 ? -1 : 100 - 7 * n)),
      semantic,
    );
    expect(new Set(compare(a, b).index)).toEqual(new Set([0, 1]));
    const c = labels(
      instance.map(() => Math.floor(next() * 5)),
      instance.map(() => 1),
    );
    expect([...compare(a, c).index]).toEqual([...compare(c, a).index]);
  });

  it("matches one to one", () => {
    const partner = matchInstances(
      Int32Array.of(0, 0, 0, 1, 1, 2),
      Int32Array.of(5, 5, 6, 5, 5, 6),
    );
    expect([...partner]).toEqual([
      [0, 5],
      [2, 6],
    ]);
  });

  it("brings labels of segments to their vertices", () => {
    const found = toVertices(Uint32Array.of(1, 0, 1), Int32Array.of(-1, 4), (n) => n + 1);
    expect([...found.instance]).toEqual([4, -1, 4]);
    expect([...found.semantic]).toEqual([5, -1, 5]);
  });

  it("is painted with one colour a kind; a layer with one an instance", async () => {
    const a = labels([0, -1, 2], [1, -1, 1]);
    const material = {
      labels: () => Promise.resolve(a),
      instanceColor: (_: string, n: number): Color => [n, 0, 0],
      classColor: (): Color => [9, 9, 9],
    };
    const both = await paintView({ source: "x", against: "y", byClass: false }, material);
    expect([...both.picture.index]).toEqual([1, 0, 1]);
    expect(both.difference?.shares[1]).toBe(1);
    const { picture } = await paintView({ source: "x", against: null, byClass: true }, material);
    expect([...picture.colors.slice(4, 7)]).toEqual([9, 9, 9]);
    expect([...paintValues(a.instance, (n) => [n, 0, 0]).index]).toEqual([1, 0, 2]);
    expect(bySegment({ source: "spread", against: null, byClass: false })).toBe(true);
  });
});

describe("instance colours", () => {
  // Viénot, Brettel and Mollon (1999): how linear RGB looks without the long or middle cones.
  const sights = {
    full: [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
    protan: [
      [0.11238, 0.88762, 0],
      [0.11238, 0.88762, 0],
      [0.00401, -0.00401, 1],
    ],
    deutan: [
      [0.29275, 0.70725, 0],
      [0.29275, 0.70725, 0],
      [-0.02234, 0.02234, 1],
    ],
  };
  const linear = (v: number): number =>
    v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
  const lab = (color: Color, sight: number[][]): number[] => {
    const rgb = color.map(linear);
    const seen = sight.map((row) =>
      Math.max(0, row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]),
    );
    const xyz = [
      [0.4124, 0.3576, 0.1805],
      [0.2126, 0.7152, 0.0722],
      [0.0193, 0.1192, 0.9505],
    ]
      .map((row, i) => row.reduce((sum, k, j) => sum + k * seen[j], 0) / [0.9505, 1, 1.089][i])
      .map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116));
    return [116 * xyz[1] - 16, 500 * (xyz[0] - xyz[1]), 200 * (xyz[1] - xyz[2])];
  };
  const distance = (a: Color, b: Color, sight: number[][]): number =>
    Math.hypot(...lab(a, sight).map((x, i) => x - lab(b, sight)[i]));

  it("of neighbours are told apart with any sight", () => {
    for (const sight of Object.values(sights)) {
      for (let n = 0; n < 45; n++) {
        expect(distance(sequenceColor(n), sequenceColor(n + 1), sight), `${n}`).toBeGreaterThan(20);
      }
    }
  });

  it("are none of them the pointer's red", () => {
    for (let n = 0; n < 45; n++) {
      expect(distance(sequenceColor(n), [255, 40, 40], sights.full), `${n}`).toBeGreaterThan(40);
    }
  });

  it("go through hex unchanged", () => {
    for (let n = 0; n < 45; n++)
      expect(fromHex(hex(sequenceColor(n)))).toEqual([...sequenceColor(n)]);
  });
});
