/**
 * Where the camera stands: a pose on a sphere about a pivot, z up, and the moves between poses.
 *
 * All functions are pure; angles are radians, lengths metres, drags CSS pixels. The elevation stays
 * short of the poles, so that up is never lost.
 */

import { type PerspectiveCamera } from "three";

export type Vector = readonly [number, number, number];

export interface Pose {
  /** The point the camera looks at and turns about. */
  readonly target: Vector;
  readonly distance: number;
  readonly azimuth: number;
  readonly elevation: number;
}

/** An axis-aligned box. */
export interface Box {
  readonly min: Vector;
  readonly max: Vector;
}

export type Side = "top" | "front" | "left" | "right";

/** Vertical field of view. */
export const FIELD = (50 * Math.PI) / 180;

const STEEPEST = Math.PI / 2 - 1e-3;
const ORIGIN: Vector = [0, 0, 0];
const CLOSEST = 0.02;
const FARTHEST = 1e4;
const SIDES: Record<Side, readonly [number, number]> = {
  top: [-Math.PI / 2, STEEPEST],
  front: [-Math.PI / 2, 0],
  left: [Math.PI, 0],
  right: [0, 0],
};

/** Unit vector from the target to the eye. */
export function outward(pose: Pose): Vector {
  const level = Math.cos(pose.elevation);
  return [
    level * Math.cos(pose.azimuth),
    level * Math.sin(pose.azimuth),
    Math.sin(pose.elevation),
  ];
}

/** Where the eye is. */
export function eyeOf(pose: Pose): Vector {
  return along(pose.target, outward(pose), pose.distance);
}

/** Turn about the target by a drag; a drag over the height of the view is half a turn. */
export function orbit(pose: Pose, dx: number, dy: number, height: number): Pose {
  const turn = Math.PI / Math.max(1, height);
  return {
    ...pose,
    azimuth: pose.azimuth - dx * turn,
    elevation: clamp(pose.elevation + dy * turn, -STEEPEST, STEEPEST),
  };
}

/** Shift eye and target in the plane of the view, so that the target follows the pointer. */
export function pan(pose: Pose, dx: number, dy: number, height: number): Pose {
  const scale = (2 * pose.distance * Math.tan(FIELD / 2)) / Math.max(1, height);
  const { right, up } = basis(pose);
  const target = along(along(pose.target, right, -dx * scale), up, dy * scale);
  return { ...pose, target };
}

/**
 * Come `factor` times as near to `point` (below 1 nearer) without turning, so that it keeps its
 * place in the picture.
 */
export function zoomTo(pose: Pose, point: Vector, factor: number): Pose {
  const distance = clamp(pose.distance * factor, CLOSEST, FARTHEST);
  const share = distance / pose.distance;
  return { ...pose, distance, target: mix(point, pose.target, share) };
}

/** Look at `point` from where the eye is, and turn about it from now on. */
export function pivotTo(pose: Pose, point: Vector): Pose {
  return between(eyeOf(pose), point, pose.azimuth);
}

/** The pose of an eye that looks at `target`; the azimuth is kept where it is straight above. */
export function between(eye: Vector, target: Vector, azimuth: number): Pose {
  const [x, y, z] = minus(eye, target);
  const level = Math.hypot(x, y);
  const distance = Math.max(Math.hypot(level, z), CLOSEST);
  const straight = level < 1e-9 * distance;
  return {
    target,
    distance,
    azimuth: straight ? azimuth : Math.atan2(y, x),
    elevation: clamp(Math.atan2(z, level), -STEEPEST, STEEPEST),
  };
}

/** All points from a corner above. */
export function homePose(points: readonly Vector[], aspect: number): Pose {
  return fit(points, aspect, (-3 * Math.PI) / 4, (40 * Math.PI) / 180);
}

/** All points from above, in front (-y), the left (-x) or the right (+x). */
export function sidePose(points: readonly Vector[], aspect: number, side: Side): Pose {
  return fit(points, aspect, ...SIDES[side]);
}

/**
 * The pose in the given direction from which the points (one at least) just fill the view. In
 * perspective the near ones spread farther, so that the middle of the picture is not their middle:
 * a few rounds of centring and stepping back settle it.
 */
export function fit(
  points: readonly Vector[],
  aspect: number,
  azimuth: number,
  elevation: number,
): Pose {
  const center = points.reduce((sum, point) => along(sum, point, 1 / points.length), ORIGIN);
  const radius = points.reduce((most, point) => Math.max(most, length(minus(point, center))), 0);
  const distance = Math.max(CLOSEST, radius / Math.sin(FIELD / 2) / Math.min(1, aspect));
  let pose: Pose = { target: center, distance, azimuth, elevation };
  for (let round = 0; round < 8; round++) pose = fitOnce(points, aspect, pose);
  return { ...pose, distance: 1.05 * pose.distance };
}

function fitOnce(points: readonly Vector[], aspect: number, pose: Pose): Pose {
  const { right, up } = basis(pose);
  const out = outward(pose);
  const tangent = Math.tan(FIELD / 2);
  let [left, end, low, high, nearest] = [Infinity, -Infinity, Infinity, -Infinity, -Infinity];
  for (const point of points) {
    const offset = minus(point, pose.target);
    const before = dot(offset, out);
    const x = dot(offset, right) / (pose.distance - before);
    const y = dot(offset, up) / (pose.distance - before);
    [left, end] = [Math.min(left, x), Math.max(end, x)];
    [low, high] = [Math.min(low, y), Math.max(high, y)];
    nearest = Math.max(nearest, before);
  }
  const reach = Math.max((end - left) / (2 * aspect * tangent), (high - low) / (2 * tangent));
  const shifted = along(pose.target, right, ((left + end) / 2) * pose.distance);
  const target = along(shifted, up, ((low + high) / 2) * pose.distance);
  // The eye stays before the nearest point, whatever the step.
  const step = (pose.distance - nearest) * Math.max(reach, 0.1);
  return { ...pose, target, distance: Math.max(nearest + step, CLOSEST) };
}

/**
 * The pose a share `t` (0..1) of the way from one to another, eased, by the shorter way round. The
 * distance runs geometrically, so that a flight over a large change of scale keeps its pace.
 */
export function tween(from: Pose, to: Pose, t: number): Pose {
  const share = t >= 1 ? 1 : t * t * (3 - 2 * t);
  const turn = Math.PI * 2;
  const swing = to.azimuth - from.azimuth;
  const shorter = swing - turn * Math.round(swing / turn);
  return {
    target: mix(from.target, to.target, share),
    distance: from.distance * (to.distance / from.distance) ** share,
    azimuth: from.azimuth + shorter * share,
    elevation: from.elevation + (to.elevation - from.elevation) * share,
  };
}

/**
 * Put a three.js camera in the pose. Near and far enclose the sphere about the box; within it,
 * near is a 4000th of far, which leaves a 24-bit depth buffer some 2 mm at the far wall of a room.
 */
export function place(camera: PerspectiveCamera, pose: Pose, box: Box, aspect: number): void {
  const center = mix(box.min, box.max, 0.5);
  const radius = Math.max(1e-3, length(minus(box.max, box.min)) / 2);
  const away = length(minus(eyeOf(pose), center));
  camera.fov = (FIELD * 180) / Math.PI;
  camera.aspect = aspect;
  camera.far = away + radius * 1.05;
  camera.near = Math.max((away - radius) * 0.95, camera.far / 4000);
  camera.up.set(0, 0, 1);
  camera.position.set(...eyeOf(pose));
  camera.lookAt(...pose.target);
  camera.updateProjectionMatrix();
  camera.updateMatrixWorld();
}

/** The eight corners of a box. */
export function corners(box: Box): Vector[] {
  const ends = [box.min, box.max];
  return [0, 1, 2, 3, 4, 5, 6, 7].map((i) => [
    ends[i & 1][0],
    ends[(i >> 1) & 1][1],
    ends[(i >> 2) & 1][2],
  ]);
}

/** Right and up of the view, unit vectors. */
function basis(pose: Pose): { right: Vector; up: Vector } {
  const [ca, sa] = [Math.cos(pose.azimuth), Math.sin(pose.azimuth)];
  const [ce, se] = [Math.cos(pose.elevation), Math.sin(pose.elevation)];
  return { right: [-sa, ca, 0], up: [-se * ca, -se * sa, ce] };
}

export function along(from: Vector, direction: Vector, reach: number): Vector {
  const [x, y, z] = direction;
  return [from[0] + reach * x, from[1] + reach * y, from[2] + reach * z];
}

export function minus(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function length(a: Vector): number {
  return Math.hypot(a[0], a[1], a[2]);
}

function mix(a: Vector, b: Vector, share: number): Vector {
  return along(a, minus(b, a), share);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
