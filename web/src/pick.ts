/**
 * What lies under the pointer: a ray through a bounding volume hierarchy of faces or points.
 *
 * On a mesh the vertex is the nearest, by true distance, of the three of the first face hit; on a
 * cloud it is a point within a cone about the ray. Faces and points above the height cut or of
 * hidden segments are as if absent: the next one behind is taken.
 */

import { BufferAttribute, BufferGeometry, DoubleSide, type Intersection, type Ray } from "three";
import { MeshBVH, PointsBVH, SKIP_GENERATION } from "three-mesh-bvh";

/** Positions (3 per vertex), faces (3 per face; none for a cloud) and segment of every vertex. */
export interface Surface {
  readonly positions: Float32Array;
  readonly faces: Uint32Array;
  readonly segments: Uint32Array;
}

/** What picks pass over: whatever is higher than `cut` (metres) and the hidden segments. */
export interface Filter {
  readonly cut: number | null;
  readonly hidden: ReadonlySet<number>;
}

/**
 * Which points of a cloud count: those no farther from the ray than `radius` (metres, the drawn
 * disc's) or `slope` times the distance along the ray (the pointer's own breadth), the larger.
 */
export interface Aperture {
  readonly slope: number;
  readonly radius: number;
}

export interface Hit {
  readonly vertex: number;
  readonly segment: number;
  readonly position: [number, number, number];
  /** From the ray's origin, metres. */
  readonly distance: number;
}

/** An index as the worker sends it: the nodes, and the order of the faces or points in them. */
export interface PackedIndex {
  readonly roots: ArrayBuffer[];
  readonly order: Uint32Array | Uint16Array;
}

export type RayIndex =
  | { readonly kind: "mesh"; readonly bvh: MeshBVH }
  | { readonly kind: "cloud"; readonly bvh: PointsBVH };

declare module "three-mesh-bvh" {
  /** An option it exports and does not declare: make the hierarchy's object without its nodes. */
  export const SKIP_GENERATION: unique symbol;
  export interface BVHOptions {
    [SKIP_GENERATION]?: boolean;
  }
}

/** The fields of a hierarchy that three-mesh-bvh has and does not declare. */
interface Innards {
  _roots: ArrayBuffer[];
  _indirectBuffer: Uint32Array | Uint16Array;
}

/** Build the index of a scan; null where it has no face and no point. Takes no copy. */
export function packIndex(positions: Float32Array, faces: Uint32Array): PackedIndex | null {
  if (positions.length === 0) return null;
  const geometry = geometryOf(finite(positions), faces);
  // Indirect: the faces keep their order, which the drawn index buffer shares.
  const options = { indirect: true, verbose: false };
  const bvh = faces.length > 0 ? new MeshBVH(geometry, options) : new PointsBVH(geometry, options);
  const { _roots, _indirectBuffer } = bvh as unknown as Innards;
  return { roots: _roots, order: _indirectBuffer };
}

/** The index over the page's own arrays, of what `packIndex` made in the worker. */
export function unpackIndex(packed: PackedIndex, surface: Surface): RayIndex {
  const geometry = geometryOf(surface.positions, surface.faces);
  const options = { indirect: true, [SKIP_GENERATION]: true };
  const innards: Innards = { _roots: packed.roots, _indirectBuffer: packed.order };
  if (surface.faces.length > 0) {
    return { kind: "mesh", bvh: Object.assign(new MeshBVH(geometry, options), innards) };
  }
  return { kind: "cloud", bvh: Object.assign(new PointsBVH(geometry, options), innards) };
}

/** The first thing along the ray, or null; the aperture counts for clouds alone. */
export function pick(
  index: RayIndex,
  surface: Surface,
  ray: Ray,
  filter: Filter,
  aperture: Aperture,
): Hit | null {
  return index.kind === "mesh"
    ? pickFace(index.bvh, surface, ray, filter)
    : pickPoint(index.bvh, surface, ray, filter, aperture);
}

function pickFace(bvh: MeshBVH, surface: Surface, ray: Ray, filter: Filter): Hit | null {
  // A face with a corner that is no number is met at no distance.
  const hits = bvh.raycast(ray, DoubleSide).filter((hit) => hit.distance < Infinity);
  hits.sort((a, b) => a.distance - b.distance || faceOf(a) - faceOf(b));
  for (const { point, distance, faceIndex } of hits) {
    if (filter.cut !== null && point.z > filter.cut) continue;
    const vertex = nearestCorner(surface, faceIndex!, point.x, point.y, point.z);
    const segment = surface.segments[vertex];
    if (filter.hidden.has(segment)) continue;
    return { vertex, segment, position: [point.x, point.y, point.z], distance };
  }
  return null;
}

/** The vertex of a face that is nearest to a point; the first of those equally near. */
export function nearestCorner(
  surface: Pick<Surface, "positions" | "faces">,
  face: number,
  x: number,
  y: number,
  z: number,
): number {
  let nearest = -1;
  let least = Infinity;
  for (let corner = 0; corner < 3; corner++) {
    const vertex = surface.faces[3 * face + corner];
    const dx = surface.positions[3 * vertex] - x;
    const dy = surface.positions[3 * vertex + 1] - y;
    const dz = surface.positions[3 * vertex + 2] - z;
    const distance = dx * dx + dy * dy + dz * dz;
    if (distance < least) [nearest, least] = [vertex, distance];
  }
  return nearest;
}

/** How much farther than the foremost point, in breadths of the aperture, the surface reaches. */
const DEPTH = 3;

/**
 * The point of the foremost surface that is nearest to the ray: of the points in the aperture,
 * those at most `DEPTH` breadths behind the foremost make that surface.
 */
function pickPoint(
  bvh: PointsBVH,
  surface: Surface,
  ray: Ray,
  filter: Filter,
  aperture: Aperture,
): Hit | null {
  const admit = admission(surface, ray, filter, aperture);
  const foremost = walk(bvh, ray, aperture, Infinity, (vertex) => admit(vertex)?.depth ?? Infinity);
  if (foremost.vertex < 0) return null;
  const limit = surfaceEnd(foremost.value, aperture);
  const { vertex } = walk(bvh, ray, aperture, limit, (candidate) => {
    const place = admit(candidate);
    return place && place.depth <= limit ? place.away : Infinity;
  });
  const position = at(surface.positions, vertex);
  return { vertex, segment: surface.segments[vertex], position, distance: admit(vertex)!.depth };
}

/** How far along the ray the surface reaches whose foremost point is at `depth`. */
export function surfaceEnd(depth: number, aperture: Aperture): number {
  return depth + DEPTH * Math.max(aperture.slope * depth, aperture.radius);
}

/**
 * Where a point is as the ray sees it: its depth along the ray, and its distance from the ray over
 * that depth; null for a point that does not count.
 */
export function admission(surface: Surface, ray: Ray, filter: Filter, aperture: Aperture) {
  const { positions, segments } = surface;
  const { origin: o, direction: d } = ray;
  return (vertex: number): { depth: number; away: number } | null => {
    const x = positions[3 * vertex] - o.x;
    const y = positions[3 * vertex + 1] - o.y;
    const z = positions[3 * vertex + 2] - o.z;
    const depth = x * d.x + y * d.y + z * d.z;
    if (!(depth > 0)) return null;
    const away = Math.hypot(x - depth * d.x, y - depth * d.y, z - depth * d.z);
    if (!(away <= Math.max(aperture.slope * depth, aperture.radius))) return null;
    if (filter.cut !== null && positions[3 * vertex + 2] > filter.cut) return null;
    return filter.hidden.has(segments[vertex]) ? null : { depth, away: away / depth };
  };
}

/**
 * The vertex of least value among those no deeper than `limit`, the lowest of equals, or -1. With
 * no limit the value is the depth itself, and boxes behind the best are passed over.
 */
function walk(
  bvh: PointsBVH,
  ray: Ray,
  aperture: Aperture,
  limit: number,
  valueOf: (vertex: number) => number,
): { vertex: number; value: number } {
  const best = { vertex: -1, value: Infinity };
  const { origin: o, direction: d } = ray;
  const order = (bvh as unknown as Innards)._indirectBuffer;
  bvh.shapecast({
    intersectsBounds: (box) => {
      // The aperture against the sphere about the box; never too narrow.
      const x = (box.min.x + box.max.x) / 2 - o.x;
      const y = (box.min.y + box.max.y) / 2 - o.y;
      const z = (box.min.z + box.max.z) / 2 - o.z;
      const radius = box.min.distanceTo(box.max) / 2 + 1e-6;
      const depth = x * d.x + y * d.y + z * d.z;
      const farthest = limit === Infinity ? best.value : limit;
      if (depth + radius <= 0 || depth - radius > farthest) return false;
      const away = Math.hypot(x - depth * d.x, y - depth * d.y, z - depth * d.z);
      return away - radius <= Math.max(aperture.slope * (depth + radius), aperture.radius);
    },
    boundsTraverseOrder: (box) => box.distanceToPoint(o),
    intersectsRange: (offset, count) => {
      for (let i = offset; i < offset + count; i++) {
        const vertex = order[i];
        const value = valueOf(vertex);
        const better = value < best.value || (value === best.value && vertex < best.vertex);
        if (better) [best.vertex, best.value] = [vertex, value];
      }
      return false;
    },
  });
  return best;
}

function at(positions: Float32Array, vertex: number): [number, number, number] {
  return [positions[3 * vertex], positions[3 * vertex + 1], positions[3 * vertex + 2]];
}

function faceOf(hit: Intersection): number {
  return hit.faceIndex ?? -1;
}

function geometryOf(positions: Float32Array, faces: Uint32Array): BufferGeometry {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(positions, 3));
  if (faces.length > 0) geometry.setIndex(new BufferAttribute(faces, 1));
  return geometry;
}

/**
 * The positions with those that are no numbers moved onto one that is: a hierarchy with such a box
 * would lose what else is in it. Nothing is met there, as the page's own arrays keep them.
 */
function finite(positions: Float32Array): Float32Array {
  if (positions.every(Number.isFinite)) return positions;
  const result = positions.slice();
  let [x, y, z] = [0, 0, 0];
  for (let i = 0; i < result.length; i += 3) {
    const whole = Number.isFinite(result[i] + result[i + 1] + result[i + 2]);
    if (whole) [x, y, z] = [result[i], result[i + 1], result[i + 2]];
    else result.set([x, y, z], i);
  }
  return result;
}
