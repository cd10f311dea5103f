/**
 * The light stand-in for a scan while the camera moves: vertices clustered on a voxel grid.
 *
 * Each occupied voxel is represented by one of its own vertices, so that the stand-in is an index
 * buffer over the scan's vertex buffers and costs no other memory.
 */

/** At most so many triangles or points are drawn while the camera moves. */
export const BUDGET = 50_000;

/** Voxels that a sheet passes through over the voxels that would tile it, on average. */
const CROSSING = 1.5;

/** Three numbers below this make one key below 2^53. */
const MOST_VOXELS = 200_000;

/**
 * Indices of the stand-in, 3 per triangle of a mesh or 1 per point of a cloud, at most `budget`
 * triangles or points; null for a scan within the budget, which needs none.
 */
export function buildProxy(
  positions: Float32Array,
  faces: Uint32Array,
  budget = BUDGET,
): Uint32Array | null {
  const cloud = faces.length === 0;
  const count = cloud ? positions.length / 3 : faces.length / 3;
  if (count <= budget) return null;
  let cell = firstCell(positions, budget);
  for (;;) {
    const leaders = cluster(positions, cell);
    const indices = cloud ? distinct(leaders) : collapse(faces, leaders);
    const drawn = indices ? indices.length / (cloud ? 1 : 3) : 4 * budget;
    if (indices && drawn <= budget) return indices;
    // Surfaces: the number falls with the square of the cell.
    cell *= Math.max(1.05, 1.02 * Math.sqrt(drawn / budget));
  }
}

/**
 * For every vertex the vertex that stands for its voxel: the first one in it. Vertices that are no
 * numbers stand for themselves.
 */
export function cluster(positions: Float32Array, cell: number): Uint32Array {
  const count = positions.length / 3;
  const leaders = new Uint32Array(count);
  const low = lowest(positions);
  const table = new Leaders(count);
  for (let vertex = 0; vertex < count; vertex++) {
    const x = Math.floor((positions[3 * vertex] - low[0]) / cell);
    const y = Math.floor((positions[3 * vertex + 1] - low[1]) / cell);
    const z = Math.floor((positions[3 * vertex + 2] - low[2]) / cell);
    leaders[vertex] = Number.isFinite(x + y + z) ? table.leader(x, y, z, vertex) : vertex;
  }
  return leaders;
}

/** An open hash table from voxel to vertex; the voxel is kept whole, so none is mistaken. */
class Leaders {
  private readonly mask: number;
  private readonly vertices: Int32Array;
  private readonly voxels: Int32Array;

  constructor(count: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * count + 2));
    this.mask = size - 1;
    this.vertices = new Int32Array(size).fill(-1);
    this.voxels = new Int32Array(3 * size);
  }

  /** The vertex first seen in the voxel, or `vertex`, which is then the first. */
  leader(x: number, y: number, z: number, vertex: number): number {
    const { mask, vertices, voxels } = this;
    const hash = Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(z, 83492791);
    let slot = (hash ^ (hash >>> 15)) & mask;
    while (vertices[slot] >= 0) {
      const at = 3 * slot;
      if (voxels[at] === x && voxels[at + 1] === y && voxels[at + 2] === z) return vertices[slot];
      slot = (slot + 1) & mask;
    }
    vertices[slot] = vertex;
    voxels.set([x, y, z], 3 * slot);
    return vertex;
  }
}

/**
 * The triangles that still have three different corners, each once whatever its winding; null where
 * there are too many voxels for the keys that tell this, far beyond any budget.
 */
function collapse(faces: Uint32Array, leaders: Uint32Array): Uint32Array | null {
  const dense = new Uint32Array(leaders.length);
  let voxels = 0;
  leaders.forEach((leader, vertex) => {
    if (leader === vertex) dense[vertex] = voxels++;
  });
  if (voxels > MOST_VOXELS) return null;
  const kept: number[] = [];
  const seen = new Set<number>();
  for (let i = 0; i < faces.length; i += 3) {
    const a = leaders[faces[i]];
    const b = leaders[faces[i + 1]];
    const c = leaders[faces[i + 2]];
    if (a === b || b === c || a === c) continue;
    const key = keyOf(dense[a], dense[b], dense[c], voxels);
    if (seen.has(key)) continue;
    seen.add(key);
    kept.push(a, b, c);
  }
  return Uint32Array.from(kept);
}

/** One number for three below `base`, in any order. */
function keyOf(a: number, b: number, c: number, base: number): number {
  const low = Math.min(a, b, c);
  const high = Math.max(a, b, c);
  return (low * base + (a + b + c - low - high)) * base + high;
}

function distinct(leaders: Uint32Array): Uint32Array {
  return leaders.filter((leader, vertex) => leader === vertex);
}

/**
 * Typical distance (metres) between neighbours in a cloud, from the number of voxels that its
 * surfaces pass through; 0 for fewer than two points.
 */
export function spacingOf(positions: Float32Array): number {
  const count = positions.length / 3;
  const low = lowest(positions);
  const high = lowest(positions.map((value) => -value));
  const diagonal = Math.hypot(low[0] + high[0], low[1] + high[1], low[2] + high[2]);
  if (count < 2 || !(diagonal > 0)) return 0;
  // Voxels of a dozen points each or more, lest gaps between points count as gaps in the surface.
  const cell = Math.max(diagonal / 120, (4 * diagonal) / Math.sqrt(count));
  const area = (distinct(cluster(positions, cell)).length * cell * cell) / CROSSING;
  return Math.min(Math.sqrt(area / count), diagonal / 10);
}

/** A cell below the one wanted: that of a flat sheet as large as the box's two largest sides. */
function firstCell(positions: Float32Array, budget: number): number {
  const low = lowest(positions);
  const high = lowest(positions.map((value) => -value));
  const sides = low.map((value, axis) => -high[axis] - value).sort((a, b) => b - a);
  return Math.max(1e-6, Math.sqrt((2 * sides[0] * sides[1]) / budget));
}

function lowest(positions: Float32Array): [number, number, number] {
  const low: [number, number, number] = [Infinity, Infinity, Infinity];
  for (let i = 0; i < positions.length; i++) {
    if (positions[i] < low[i % 3] && Number.isFinite(positions[i])) low[i % 3] = positions[i];
  }
  return low;
}
