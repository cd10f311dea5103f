/**
 * From where to look at a place: the pose of a flight to a vertex and its segment.
 */

import {
  along,
  between,
  type Box,
  dot,
  FIELD,
  length,
  minus,
  outward,
  type Pose,
  type Vector,
} from "./camera";

/** Segments larger than this (radius, metres) are looked at about the vertex, not the middle. */
const LARGE = 1.2;

/** From how far a small segment is looked at, metres: what is about it must show as well. */
const NEAREST = 1.4;

/** Shares of the wanted distance that are tried in turn. */
const SHARES = [1, 0.6, 0.35, 0.2];

/**
 * A pose from which the vertex is seen, and its segment fills a good part of the view.
 *
 * Of the directions about the surface's normal, on both sides, those are taken from which `seen`
 * holds; among them the one nearest to the normal, to the present view and from above. Where none
 * is free at the full distance the eye comes nearer.
 */
export function approach(
  vertex: Vector,
  normal: Vector,
  segment: Box | null,
  pose: Pose,
  seen: (eye: Vector) => boolean,
): Pose {
  const radius = segment ? length(minus(segment.max, segment.min)) / 2 : 0;
  const middle = segment ? along(segment.min, minus(segment.max, segment.min), 0.5) : vertex;
  const target = radius > LARGE ? vertex : middle;
  const wanted = Math.max(NEAREST, (1.5 * Math.min(radius, 2 * LARGE)) / Math.sin(FIELD / 2));
  const now = outward(pose);
  const ranked = directions(normal, now)
    .map((direction) => ({ direction, worth: worthOf(direction, normal, now) }))
    .sort((a, b) => b.worth - a.worth)
    .map(({ direction }) => direction);
  for (const share of SHARES) {
    const eyes = ranked.map((direction) => along(target, direction, wanted * share));
    const eye = eyes.find(seen);
    if (eye) return between(eye, target, pose.azimuth);
  }
  return between(along(target, now, wanted), target, pose.azimuth);
}

function worthOf(direction: Vector, normal: Vector, now: Vector): number {
  const below = Math.min(0, direction[2] - 0.25);
  return 0.9 * Math.abs(dot(direction, normal)) + 0.6 * dot(direction, now) + 0.8 * below;
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
