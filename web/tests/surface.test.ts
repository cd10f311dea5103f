import { expect, it } from "vitest";
import {
  boxOf,
  inwardness,
  sampleOf,
  segmentBoxes,
  vertexNormals,
  wholeBox,
} from "../src/surface";
import { randomFrom } from "./random";

it("boxes hold their segments' vertices and the faces drawn in their number", () => {
  const random = randomFrom(1);
  const positions = Float32Array.from({ length: 300 }, () => random());
  const faces = Uint32Array.from({ length: 90 }, () => Math.floor(100 * random()));
  const segments = Uint32Array.from({ length: 100 }, () => Math.floor(6 * random()));
  const boxes = segmentBoxes(positions, faces, segments, 7);
  for (let segment = 0; segment < 6; segment++) {
    const own = [...segments.keys()].filter((vertex) => segments[vertex] === segment);
    for (let i = 0; i < 90; i += 3) {
      if (segments[faces[i + 2]] === segment) own.push(...faces.subarray(i, i + 3));
    }
    const box = boxOf(boxes, segment)!;
    for (let axis = 0; axis < 3; axis++) {
      const values = own.map((vertex) => positions[3 * vertex + axis]);
      expect(box.min[axis]).toBe(Math.min(...values));
      expect(box.max[axis]).toBe(Math.max(...values));
    }
  }
  expect(boxOf(boxes, 6)).toBeNull();
  const whole = wholeBox(boxes);
  expect(whole.min[0]).toBe(Math.min(...positions.filter((_, i) => i % 3 === 0)));
});

it("an empty scan has a box to look at", () => {
  const box = wholeBox(segmentBoxes(new Float32Array(), new Uint32Array(), new Uint32Array(), 0));
  expect(box.max[0] - box.min[0]).toBe(1);
});

it("vertices that are no numbers leave the box as it is", () => {
  const positions = Float32Array.of(0, 0, 0, 1, 2, 3, NaN, NaN, NaN);
  const boxes = segmentBoxes(positions, new Uint32Array(), Uint32Array.of(0, 0, 0), 1);
  expect(boxOf(boxes, 0)).toEqual({ min: [0, 0, 0], max: [1, 2, 3] });
});

it("normals stand on the faces, weighed by area", () => {
  const positions = Float32Array.of(0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 9, 9, 9);
  const normals = vertexNormals(positions, Uint32Array.of(0, 1, 2, 0, 2, 3));
  expect([...normals.subarray(4, 8)]).toEqual([0, 0, 127, 0]);
  expect([...normals.subarray(12, 16)]).toEqual([127, 0, 0, 0]);
  // Vertex 0: an area of 2 facing up and of 1 facing along x.
  const [x, , z] = normals.subarray(0, 3);
  expect(z / x).toBeCloseTo(2, 1);
  expect([...normals.subarray(16, 20)]).toEqual([0, 0, 0, 0]);
});

it("a sample is of the scan's own vertices, spread over it, without those that are no numbers", () => {
  const positions = Float32Array.from({ length: 30_000 }, (_, i) => Math.floor(i / 3));
  positions[0] = NaN;
  const sample = sampleOf(positions, 1000);
  expect(sample.length).toBe(999);
  expect(sample.every(([x, y, z]) => x === y && y === z && x % 10 === 0)).toBe(true);
  expect(sampleOf(positions.subarray(3, 12))).toEqual([
    [1, 1, 1],
    [2, 2, 2],
    [3, 3, 3],
  ]);
  expect(sampleOf(new Float32Array())).toEqual([]);
});

it("tells normals into the room from those out of it and from none", () => {
  const random = randomFrom(3);
  const ways = Array.from({ length: 400 }, () => [random() - 0.5, random() - 0.5, random() - 0.5]);
  const positions = Float32Array.from(ways.flatMap((way) => way.map((x) => 4 * x + 1)));
  const normals = (turn: (i: number) => number): Int8Array =>
    Int8Array.from(ways.flatMap((way, i) => [...way.map((x) => 127 * turn(i) * x), 0]));
  const middle = [1, 1, 1] as const;
  expect(inwardness(positions, normals(() => -1), middle)).toBe(1);
  expect(inwardness(positions, normals(() => 1), middle)).toBe(0);
  expect(inwardness(positions, normals((i) => (i % 2) * 2 - 1), middle)).toBeLessThan(0.3);
  expect(inwardness(positions, new Int8Array(1600), middle)).toBe(0);
  expect(inwardness(new Float32Array(), new Int8Array(), middle)).toBe(0);
});
