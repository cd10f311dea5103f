import { Ray, Triangle, Vector3 } from "three";
import { describe, expect, it } from "vitest";
import {
  admission,
  type Aperture,
  type Filter,
  type Hit,
  nearestCorner,
  packIndex,
  pick,
  type RayIndex,
  type Surface,
  surfaceEnd,
  unpackIndex,
} from "../src/pick";
import { randomFrom } from "./random";

const OPEN: Filter = { cut: null, hidden: new Set() };
const NARROW: Aperture = { slope: 0.004, radius: 0 };

/** A soup of triangles about a unit cube, some of them slivers, and segments of neighbours. */
function soup(seed: number, faces: number): Surface {
  const random = randomFrom(seed);
  const positions = new Float32Array(9 * faces);
  for (let face = 0; face < faces; face++) {
    const at = [random(), random(), random()];
    const size = 0.02 + 0.3 * random() ** 3;
    for (let i = 0; i < 9; i++) positions[9 * face + i] = at[i % 3] + size * (random() - 0.5);
  }
  return {
    positions,
    faces: Uint32Array.from({ length: 3 * faces }, (_, i) => i),
    segments: Uint32Array.from({ length: 3 * faces }, (_, i) => Math.floor(i / 4) % 37),
  };
}

/** A wavy sheet of shared vertices, as a scan is. */
function sheet(seed: number, side: number): Surface {
  const random = randomFrom(seed);
  const positions: number[] = [];
  const faces: number[] = [];
  for (let i = 0; i < side; i++) {
    for (let j = 0; j < side; j++) {
      positions.push(i / side, j / side, 0.3 * Math.sin((9 * i) / side) + 0.01 * random());
      const v = i * side + j;
      if (i > 0 && j > 0) faces.push(v, v - 1, v - side, v - side, v - 1, v - side - 1);
    }
  }
  return {
    positions: Float32Array.from(positions),
    faces: Uint32Array.from(faces),
    segments: Uint32Array.from({ length: side * side }, (_, v) => Math.floor(v / 7)),
  };
}

function cloud(seed: number, points: number): Surface {
  const random = randomFrom(seed);
  return {
    positions: Float32Array.from({ length: 3 * points }, () => random()),
    faces: new Uint32Array(),
    segments: Uint32Array.from({ length: points }, () => Math.floor(20 * random())),
  };
}

function indexOf(surface: Surface): RayIndex {
  return unpackIndex(packIndex(surface.positions.slice(), surface.faces.slice())!, surface);
}

function rayInto(random: () => number): Ray {
  const origin = new Vector3(random(), random(), random()).subScalar(0.5).multiplyScalar(4);
  const target = new Vector3(random(), random(), random());
  return new Ray(origin, target.sub(origin).normalize());
}

/** Every triangle in turn, by three's own test. */
function pickEveryFace(surface: Surface, ray: Ray, filter: Filter): Hit[] {
  const hits: Hit[] = [];
  const { positions, faces, segments } = surface;
  const corner = (i: number): Vector3 => new Vector3().fromArray(positions, 3 * faces[i]);
  for (let face = 0; face < faces.length / 3; face++) {
    const triangle = new Triangle(corner(3 * face), corner(3 * face + 1), corner(3 * face + 2));
    const point = new Vector3();
    const met = ray.intersectTriangle(triangle.a, triangle.b, triangle.c, false, point);
    if (!met || (filter.cut !== null && point.z > filter.cut)) continue;
    const lengths = [triangle.a, triangle.b, triangle.c].map((at) => at.distanceToSquared(point));
    const vertex = faces[3 * face + lengths.indexOf(Math.min(...lengths))];
    const segment = segments[vertex];
    if (filter.hidden.has(segment)) continue;
    const distance = ray.origin.distanceTo(point);
    hits.push({ vertex, segment, position: point.toArray(), distance });
  }
  return hits.sort((a, b) => a.distance - b.distance);
}

/** Every point in turn. */
function pickEveryPoint(surface: Surface, ray: Ray, filter: Filter, aperture: Aperture): number {
  const admit = admission(surface, ray, filter, aperture);
  const all = Array.from(surface.segments, (_, vertex) => ({ vertex, ...(admit(vertex) ?? {}) }));
  const met = all.filter((one) => one.depth !== undefined);
  if (met.length === 0) return -1;
  const end = surfaceEnd(Math.min(...met.map((one) => one.depth!)), aperture);
  const front = met.filter((one) => one.depth! <= end);
  return front.reduce((a, b) => (b.away! < a.away! ? b : a)).vertex;
}

describe("picking on a mesh agrees with a search of every triangle", () => {
  const filters: [string, Filter][] = [
    ["everything", OPEN],
    ["below a height cut", { cut: 0.5, hidden: new Set() }],
    ["without hidden segments", { cut: null, hidden: new Set([1, 2, 3, 5, 8, 13, 21, 34]) }],
    ["both", { cut: 0.6, hidden: new Set([0, 4, 9]) }],
  ];
  it.each(filters)("%s", (_, filter) => {
    let met = 0;
    for (const surface of [soup(1, 700), sheet(2, 30)]) {
      const index = indexOf(surface);
      const random = randomFrom(3);
      for (let i = 0; i < 1500; i++) {
        const ray = rayInto(random);
        const hit = pick(index, surface, ray, filter, NARROW);
        const every = pickEveryFace(surface, ray, filter);
        if (every.length === 0) {
          expect(hit).toBeNull();
          continue;
        }
        met += 1;
        // Two faces met on their common edge are equally near: either will do.
        const nearest = every.filter((one) => one.distance === every[0].distance);
        expect(nearest.map((one) => one.vertex)).toContain(hit!.vertex);
        expect(hit!.segment).toBe(surface.segments[hit!.vertex]);
        expect(hit!.position[2]).toBeLessThanOrEqual(filter.cut ?? Infinity);
      }
    }
    expect(met).toBeGreaterThan(300);
  });
});

describe("picking on a cloud agrees with a search of every point", () => {
  const cases: [string, Filter, Aperture][] = [
    ["narrow", OPEN, NARROW],
    ["wide", OPEN, { slope: 0.03, radius: 0 }],
    ["drawn as discs", OPEN, { slope: 0.002, radius: 0.02 }],
    ["cut and hidden", { cut: 0.5, hidden: new Set([1, 2, 3, 4]) }, { slope: 0.02, radius: 0 }],
  ];
  it.each(cases)("%s", (_, filter, aperture) => {
    const surface = cloud(4, 3000);
    const index = indexOf(surface);
    const random = randomFrom(5);
    let met = 0;
    for (let i = 0; i < 1500; i++) {
      const ray = rayInto(random);
      const hit = pick(index, surface, ray, filter, aperture);
      expect(hit?.vertex ?? -1).toBe(pickEveryPoint(surface, ray, filter, aperture));
      if (hit) met += 1;
    }
    expect(met).toBeGreaterThan(200);
  });
});

describe("odd scans", () => {
  const down = new Ray(new Vector3(0.2, 0.25, 5), new Vector3(0, 0, -1));

  it("have no index where there is nothing", () => {
    expect(packIndex(new Float32Array(), new Uint32Array())).toBeNull();
  });

  it("are picked around vertices that are no numbers", () => {
    const surface = {
      positions: Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, NaN, 1, 0, 1, Infinity, 0),
      faces: Uint32Array.of(0, 1, 3, 0, 1, 2, 2, 3, 4),
      segments: Uint32Array.of(7, 8, 9, 10, 11),
    };
    const hit = pick(indexOf(surface), surface, down, OPEN, NARROW);
    expect(hit).toMatchObject({ vertex: 0, segment: 7, distance: 5 });
    const points = { ...surface, faces: new Uint32Array() };
    const near = { slope: 0.1, radius: 0 };
    expect(pick(indexOf(points), points, down, OPEN, near)).toMatchObject({ vertex: 0 });
  });

  it("give nothing for a ray that is no ray", () => {
    const surface = sheet(1, 10);
    const astray = new Ray(new Vector3(NaN, 0, 0), new Vector3(0, 0, NaN));
    expect(pick(indexOf(surface), surface, astray, OPEN, NARROW)).toBeNull();
    const points = { ...surface, faces: new Uint32Array() };
    expect(pick(indexOf(points), points, astray, OPEN, NARROW)).toBeNull();
  });

  it("keep a face without extent out of the way", () => {
    const surface = {
      positions: Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0),
      faces: Uint32Array.of(0, 0, 0, 0, 1, 2, 1, 1, 2),
      segments: Uint32Array.of(0, 1, 2),
    };
    expect(pick(indexOf(surface), surface, down, OPEN, NARROW)?.vertex).toBe(0);
  });
});

it("takes the nearest corner by true distance, not by the largest share of the face", () => {
  // In a long thin triangle the hit's largest barycentric share is that of a corner farther off.
  const surface = {
    positions: Float32Array.of(0, 0, 0, 10, 0, 0, 0, 1, 0),
    faces: Uint32Array.of(0, 1, 2),
  };
  expect(nearestCorner(surface, 0, 5.6, 0.02, 0)).toBe(1);
  expect(nearestCorner(surface, 0, 3.6, 0.6, 0)).toBe(0 + 2);
});

it("picks the ceiling, or the floor under it once the ceiling is cut off or hidden", () => {
  const square = (z: number): number[] => [0, 0, z, 1, 0, z, 0, 1, z];
  const surface = {
    positions: Float32Array.from([...square(0), ...square(2.5)]),
    faces: Uint32Array.of(0, 1, 2, 3, 4, 5),
    segments: Uint32Array.of(0, 0, 0, 1, 1, 1),
  };
  const index = indexOf(surface);
  const ray = new Ray(new Vector3(0.2, 0.2, 9), new Vector3(0, 0, -1));
  const segment = (filter: Filter) => pick(index, surface, ray, filter, NARROW)?.segment;
  expect(segment(OPEN)).toBe(1);
  expect(segment({ cut: 2.4, hidden: new Set() })).toBe(0);
  expect(segment({ cut: null, hidden: new Set([1]) })).toBe(0);
  expect(segment({ cut: 2.4, hidden: new Set([0]) })).toBeUndefined();
});
