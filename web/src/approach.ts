/**
 * From where to look at a place: the pose of a flight to a vertex and its segment.
 */

import {
  along,
  between,
  type Box,
  corners,
  dot,
  FIELD,
  length,
  minus,
  outward,
  type Pose,
  type Vector,
} from "./camera";

/** Segments larger than this (radius, metres) are not shown whole. */
const LARGE = 2.4;

/** From how far a small segment is looked at, metres: what is about it must show as well. */
const NEAREST = 2.2;

/** Shares of the wanted distance that are tried; nearer is worse, as less shows about the place. */
const SHARES = [1, 0.75, 0.55, 0.4, 0.28, 0.2];
const NEARER = 1.2;

/** What it is worth to see all points of the segment. */
const WHOLE = 0.8;

/** How far out of the scan's box, seen from above, an eye still counts as within, metres. */
const BRIM = 0.4;

/** What is looked at. */
export interface Place {
  readonly vertex: Vector;
  /** Of the surface there; zero where it is not known. */
  readonly normal: Vector;
  /** The box of the segment, and some of its points. */
  readonly box: Box | null;
  readonly points: readonly Vector[];
}

/** The scan about it. */
export interface Surroundings {
  readonly box: Box;
  /** The middle of its mass. */
  readonly middle: Vector;
  /** How surely normals point into the room, 0 (not at all) to 1; see inwardness. */
  readonly inward: number;
}

interface Candidate {
  readonly eye: Vector;
  readonly worth: number;
}

/**
 * A pose from which the place is seen, with what is about it; the vertex is in the middle of the
 * view, where the keyboard clicks.
 *
 * Directions about the surface's normal, on both sides and at several distances, are ranked: the
 * room's inside is better than its outside, the front of a surface than its back, a view from
 * somewhat above than a level or a steep one, a small turn than a large one; and it is good to see
 * many of the points. The best is taken from which `seen` holds for the vertex.
 */
export function approach(
  place: Place,
  scan: Surroundings,
  pose: Pose,
  seen: (eye: Vector, point: Vector) => boolean,
): Pose {
  const { vertex, box } = place;
  const reach = box ? Math.max(...corners(box).map((end) => length(minus(end, vertex)))) : 0;
  const wanted = Math.max(NEAREST, (1.3 * Math.min(reach, LARGE)) / Math.sin(FIELD / 2));
  const ranked = candidates(place, scan, wanted, outward(pose));
  const eye = bestSeen(ranked, place, seen) ?? along(vertex, outward(pose), wanted);
  return between(eye, vertex, pose.azimuth);
}

function candidates(
  { vertex, normal }: Place,
  scan: Surroundings,
  wanted: number,
  now: Vector,
): Candidate[] {
  const found: Candidate[] = [];
  for (const direction of directions(normal, now)) {
    const worth = worthOf(direction, normal, now, scan, vertex);
    for (const share of SHARES) {
      const eye = along(vertex, direction, wanted * share);
      const out = within(eye, scan.box) ? 0 : 0.6;
      found.push({ eye, worth: worth - NEARER * (1 - share) - out });
    }
  }
  return found.sort((a, b) => b.worth - a.worth);
}

/** The best eye that sees the vertex; null where none does. */
function bestSeen(
  ranked: readonly Candidate[],
  { vertex, points }: Place,
  seen: (eye: Vector, point: Vector) => boolean,
): Vector | null {
  let [best, most]: [Vector | null, number] = [null, -Infinity];
  for (const { eye, worth } of ranked) {
    if (worth + WHOLE <= most) break; // none that follows can be better
    if (!seen(eye, vertex)) continue;
    const count = points.filter((point) => seen(eye, point)).length;
    const value = worth + (WHOLE * count) / Math.max(1, points.length);
    if (value > most) [best, most] = [eye, value];
  }
  return best;
}

function worthOf(
  direction: Vector,
  normal: Vector,
  now: Vector,
  { box, middle, inward }: Surroundings,
  vertex: Vector,
): number {
  const facing = dot(direction, normal);
  const front = inward * facing + (1 - inward) * Math.abs(facing);
  const toMiddle = minus(middle, vertex);
  const half = 0.5 * Math.hypot(box.max[0] - box.min[0], box.max[1] - box.min[1]);
  const inside = (direction[0] * toMiddle[0] + direction[1] * toMiddle[1]) / Math.max(half, 0.1);
  const [low, steep] = [Math.min(0, direction[2] - 0.3), Math.max(0, direction[2] - 0.75)];
  return 0.8 * front + inside + 0.35 * dot(direction, now) + 1.2 * low - 2 * steep;
}

function within([x, y]: Vector, { min, max }: Box): boolean {
  return x > min[0] - BRIM && x < max[0] + BRIM && y > min[1] - BRIM && y < max[1] + BRIM;
}

/** Unit vectors about the normal and its opposite, and the present direction. */
function directions(normal: Vector, now: Vector): Vector[] {
  const axis = length(normal) > 0.5 ? normal : now;
  const helper: Vector = Math.abs(axis[2]) < 0.9 ? [0, 0, 1] : [1, 0, 0];
  const side = unit(cross(axis, helper));
  const up = cross(side, axis);
  const found: Vector[] = [now];
  for (const sign of [1, -1]) {
    const pole: Vector = [sign * axis[0], sign * axis[1], sign * axis[2]];
    found.push(pole);
    for (const tilt of [0.5, 1.1, 2.2]) {
      for (let step = 0; step < 8; step++) {
        const [c, s] = [Math.cos((step * Math.PI) / 4), Math.sin((step * Math.PI) / 4)];
        found.push(unit(along(along(pole, side, tilt * c), up, tilt * s)));
      }
    }
  }
  return found;
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function unit(a: Vector): Vector {
  const size = length(a) || 1;
  return [a[0] / size, a[1] / size, a[2] / size];
}
