/**
 * What the canvas derives from a scan: its box, the boxes of its segments and its normals.
 *
 * Vertices that are no numbers are passed over.
 */

import { type Box, type Vector } from "./camera";

/**
 * Boxes of the segments, 6 numbers each (low x y z, high x y z); those of a segment without a
 * vertex are empty: low above high. A face counts whole for the segment of its last corner, by
 * which it is drawn.
 */
export function segmentBoxes(
  positions: Float32Array,
  faces: Uint32Array,
  segments: Uint32Array,
  count: number,
): Float32Array {
  const boxes = new Float32Array(6 * count);
  for (let i = 0; i < boxes.length; i++) boxes[i] = i % 6 < 3 ? Infinity : -Infinity;
  for (let vertex = 0; vertex < segments.length; vertex++) {
    widen(boxes, segments[vertex], positions, vertex);
  }
  for (let i = 0; i < faces.length; i += 3) {
    const segment = segments[faces[i + 2]];
    if (segments[faces[i]] !== segment) widen(boxes, segment, positions, faces[i]);
    if (segments[faces[i + 1]] !== segment) widen(boxes, segment, positions, faces[i + 1]);
  }
  return boxes;
}

function widen(boxes: Float32Array, segment: number, positions: Float32Array, vertex: number) {
  for (let axis = 0; axis < 3; axis++) {
    const value = positions[3 * vertex + axis];
    const low = 6 * segment + axis;
    if (value < boxes[low]) boxes[low] = value;
    if (value > boxes[low + 3]) boxes[low + 3] = value;
  }
}

/** The box of one segment, or null where it has no vertex. */
export function boxOf(boxes: Float32Array, segment: number): Box | null {
  const [x0, y0, z0, x1, y1, z1] = boxes.subarray(6 * segment, 6 * segment + 6);
  const whole = x0 <= x1 && y0 <= y1 && z0 <= z1 && Number.isFinite(x1 - x0 + (y1 - y0) + z1 - z0);
  return whole ? { min: [x0, y0, z0], max: [x1, y1, z1] } : null;
}

/** The box about all segments; a unit box at the origin where there is nothing. */
export function wholeBox(boxes: Float32Array): Box {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let segment = 0; segment < boxes.length / 6; segment++) {
    const box = boxOf(boxes, segment);
    if (!box) continue;
    for (let axis = 0; axis < 3; axis++) {
      low[axis] = Math.min(low[axis], box.min[axis]);
      high[axis] = Math.max(high[axis], box.max[axis]);
    }
  }
  if (low[0] > high[0]) return { min: [-0.5, -0.5, -0.5], max: [0.5, 0.5, 0.5] };
  return { min: vector(low), max: vector(high) };
}

/** Vertices spread evenly over the file's order that stand for the scan where it is framed. */
export function sampleOf(positions: Float32Array, most = 3000): Vector[] {
  const count = positions.length / 3;
  const stride = Math.max(1, Math.ceil(count / most));
  const points: Vector[] = [];
  for (let vertex = 0; vertex < count; vertex += stride) {
    const [x, y, z] = positions.subarray(3 * vertex, 3 * vertex + 3);
    if (Number.isFinite(x + y + z)) points.push([x, y, z]);
  }
  return points;
}

/**
 * Normals of a mesh's vertices, 4 bytes each (xyz in -127..127, 0): the sum of the faces' normals,
 * weighed by area. A vertex without a face has none (0, 0, 0).
 */
export function vertexNormals(positions: Float32Array, faces: Uint32Array): Int8Array {
  const sums = new Float32Array(positions.length);
  for (let i = 0; i < faces.length; i += 3) {
    const [a, b, c] = [3 * faces[i], 3 * faces[i + 1], 3 * faces[i + 2]];
    const ux = positions[b] - positions[a];
    const uy = positions[b + 1] - positions[a + 1];
    const uz = positions[b + 2] - positions[a + 2];
    const vx = positions[c] - positions[a];
    const vy = positions[c + 1] - positions[a + 1];
    const vz = positions[c + 2] - positions[a + 2];
    const x = uy * vz - uz * vy;
    const y = uz * vx - ux * vz;
    const z = ux * vy - uy * vx;
    for (let corner = 0; corner < 3; corner++) {
      const at = 3 * faces[i + corner];
      sums[at] += x;
      sums[at + 1] += y;
      sums[at + 2] += z;
    }
  }
  return packNormals(sums);
}

/**
 * How surely normals point into the room, 0 to 1: the mean cosine between them and the way to the
 * middle, some three times enlarged. In a room most surfaces face its middle, the backs of the
 * furniture do not; normals without a common side, or to the outside, give 0.
 */
export function inwardness(
  positions: Float32Array,
  normals: Int8Array,
  [x, y, z]: Vector,
  most = 3000,
): number {
  const count = positions.length / 3;
  const stride = Math.max(1, Math.ceil(count / most));
  let [sum, weight] = [0, 0];
  for (let vertex = 0; vertex < count; vertex += stride) {
    const dx = x - positions[3 * vertex];
    const dy = y - positions[3 * vertex + 1];
    const dz = z - positions[3 * vertex + 2];
    const size = 127 * Math.hypot(dx, dy, dz);
    if (!(size > 0 && size < Infinity)) continue;
    const at = 4 * vertex;
    sum += (dx * normals[at] + dy * normals[at + 1] + dz * normals[at + 2]) / size;
    weight += 1;
  }
  return weight === 0 ? 0 : Math.min(1, Math.max(0, (3 * sum) / weight));
}

function packNormals(sums: Float32Array): Int8Array {
  const normals = new Int8Array((4 * sums.length) / 3);
  for (let i = 0, at = 0; i < sums.length; i += 3, at += 4) {
    const size = Math.sqrt(sums[i] ** 2 + sums[i + 1] ** 2 + sums[i + 2] ** 2);
    if (!(size > 0 && size < Infinity)) continue;
    normals[at] = Math.round((127 * sums[i]) / size);
    normals[at + 1] = Math.round((127 * sums[i + 1]) / size);
    normals[at + 2] = Math.round((127 * sums[i + 2]) / size);
  }
  return normals;
}

function vector(values: readonly number[]): Vector {
  return [values[0], values[1], values[2]];
}
