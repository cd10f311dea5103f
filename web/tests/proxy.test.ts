import { expect, it } from "vitest";
import { buildProxy, cluster, spacingOf } from "../src/proxy";
import { randomFrom } from "./random";

/** A wavy sheet of side x side vertices, 10 m wide. */
function sheet(side: number): { positions: Float32Array; faces: Uint32Array } {
  const positions: number[] = [];
  const faces: number[] = [];
  for (let i = 0; i < side; i++) {
    for (let j = 0; j < side; j++) {
      positions.push((10 * i) / side, (10 * j) / side, Math.sin((9 * i) / side));
      const v = i * side + j;
      if (i > 0 && j > 0) faces.push(v, v - 1, v - side, v - side, v - 1, v - side - 1);
    }
  }
  return { positions: Float32Array.from(positions), faces: Uint32Array.from(faces) };
}

function areaOf(positions: Float32Array, faces: Uint32Array): number {
  let area = 0;
  for (let i = 0; i < faces.length; i += 3) {
    const [a, b, c] = [0, 1, 2].map((k) => {
      const at = 3 * faces[i + k];
      return [positions[at], positions[at + 1], positions[at + 2]];
    });
    const u = b.map((value, k) => value - a[k]);
    const v = c.map((value, k) => value - a[k]);
    const x = u[1] * v[2] - u[2] * v[1];
    const y = u[2] * v[0] - u[0] * v[2];
    const z = u[0] * v[1] - u[1] * v[0];
    area += Math.hypot(x, y, z) / 2;
  }
  return area;
}

it("clusters as a table of voxels does", () => {
  const random = randomFrom(1);
  const positions = Float32Array.from({ length: 3 * 4000 }, () => 3 * random() - 1);
  const low = [0, 1, 2].map((k) => Math.min(...positions.filter((_, i) => i % 3 === k)));
  const first = new Map<string, number>();
  const expected = Array.from({ length: 4000 }, (_, vertex) => {
    const voxel = low.map((value, k) => Math.floor((positions[3 * vertex + k] - value) / 0.21));
    const key = voxel.join();
    if (!first.has(key)) first.set(key, vertex);
    return first.get(key)!;
  });
  expect([...cluster(positions, 0.21)]).toEqual(expected);
});

it("stays within the budget, uses the scan's own vertices and keeps its area", () => {
  const { positions, faces } = sheet(160);
  const proxy = buildProxy(positions, faces, 3000)!;
  expect(proxy.length % 3).toBe(0);
  expect(proxy.length / 3).toBeLessThanOrEqual(3000);
  expect(proxy.length / 3).toBeGreaterThan(1000);
  expect(Math.max(...proxy)).toBeLessThan(positions.length / 3);
  const share = areaOf(positions, proxy) / areaOf(positions, faces);
  expect(share).toBeGreaterThan(0.9);
  expect(share).toBeLessThan(1.1);
});

it("repeats no triangle and keeps none without extent", () => {
  const { positions, faces } = sheet(120);
  const proxy = buildProxy(positions, faces, 2000)!;
  const keys = Array.from({ length: proxy.length / 3 }, (_, i) =>
    [...proxy.subarray(3 * i, 3 * i + 3)].sort((a, b) => a - b),
  );
  expect(new Set(keys.map(String)).size).toBe(keys.length);
  expect(keys.every(([a, b, c]) => a < b && b < c)).toBe(true);
});

it("thins a cloud to points of its own", () => {
  const { positions } = sheet(160);
  const proxy = buildProxy(positions, new Uint32Array(), 2000)!;
  expect(proxy.length).toBeLessThanOrEqual(2000);
  expect(proxy.length).toBeGreaterThan(700);
  expect(new Set(proxy).size).toBe(proxy.length);
});

it("makes none for a small scan or an empty one", () => {
  const { positions, faces } = sheet(20);
  expect(buildProxy(positions, faces, 1000)).toBeNull();
  expect(buildProxy(positions, new Uint32Array(), 400)).toBeNull();
  expect(buildProxy(new Float32Array(), new Uint32Array())).toBeNull();
});

it("passes over vertices that are no numbers", () => {
  const { positions, faces } = sheet(100);
  positions.set([NaN, 0, 0], 300);
  positions.set([Infinity, 0, 0], 600);
  const proxy = buildProxy(positions, faces, 2000)!;
  expect(proxy.length / 3).toBeLessThanOrEqual(2000);
  expect(proxy.length / 3).toBeGreaterThan(500);
});

it("ends where every vertex is in one place", () => {
  const positions = new Float32Array(3 * 500).fill(2);
  const faces = Uint32Array.from({ length: 3 * 498 }, (_, i) => Math.floor(i / 3) + (i % 3));
  expect(buildProxy(positions, faces, 100)!.length).toBe(0);
  expect(buildProxy(positions, new Uint32Array(), 100)!.length).toBe(1);
});

it("tells how far apart a cloud's points are", () => {
  const random = randomFrom(2);
  const plane = Float32Array.from({ length: 3 * 40_000 }, (_, i) => (i % 3 < 2 ? random() * 8 : 0));
  const spacing = spacingOf(plane);
  // One point to each square of that side.
  expect(spacing).toBeGreaterThan(0.6 * (8 / 200));
  expect(spacing).toBeLessThan(1.6 * (8 / 200));
  expect(spacingOf(new Float32Array())).toBe(0);
  expect(spacingOf(Float32Array.of(1, 2, 3))).toBe(0);
});
