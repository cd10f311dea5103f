import { PerspectiveCamera, Vector3 } from "three";
import { describe, expect, it } from "vitest";
import { approach } from "../src/approach";
import {
  along,
  type Box,
  corners,
  eyeOf,
  homePose,
  length,
  minus,
  orbit,
  pan,
  pivotTo,
  place,
  type Pose,
  sidePose,
  tween,
  type Vector,
  zoomTo,
} from "../src/camera";
import { randomFrom } from "./random";

const ROOM: Box = { min: [-1, 2, 0], max: [7, 8, 2.6] };

function seen(pose: Pose, point: Vector, aspect = 1.6): Vector3 {
  const camera = new PerspectiveCamera();
  place(camera, pose, ROOM, aspect);
  return new Vector3(...point).project(camera);
}

function poses(count: number): Pose[] {
  const random = randomFrom(1);
  return Array.from({ length: count }, () => ({
    target: [8 * random(), 8 * random(), 3 * random()] as const,
    distance: 0.5 + 9 * random(),
    azimuth: 7 * (random() - 0.5),
    elevation: 3 * (random() - 0.5),
  }));
}

function close(a: Vector, b: Vector, digits = 6): void {
  for (let axis = 0; axis < 3; axis++) expect(a[axis]).toBeCloseTo(b[axis], digits);
}

describe("fitting", () => {
  it.each([0.4, 1, 1.6, 3])("shows the whole box and fills the view, aspect %d", (aspect) => {
    const sides = (["top", "front", "left", "right"] as const).map((side) =>
      sidePose(corners(ROOM), aspect, side),
    );
    for (const pose of [homePose(corners(ROOM), aspect), ...sides]) {
      const ends = corners(ROOM).map((corner) => seen(pose, corner, aspect));
      const [xs, ys] = [ends.map((end) => end.x), ends.map((end) => end.y)];
      const reach = Math.max(...[...xs, ...ys].map(Math.abs));
      expect(reach).toBeLessThanOrEqual(1);
      expect(reach).toBeGreaterThan(0.85);
      // In the middle of the view, both ways.
      expect(Math.abs(Math.max(...xs) + Math.min(...xs))).toBeLessThan(0.05);
      expect(Math.abs(Math.max(...ys) + Math.min(...ys))).toBeLessThan(0.05);
    }
  });

  it("survives a box without extent", () => {
    const point: Box = { min: [1, 1, 1], max: [1, 1, 1] };
    expect(Number.isFinite(homePose(corners(point), 1.5).distance)).toBe(true);
  });

  it("puts up at the top, and right on the right", () => {
    const front = sidePose(corners(ROOM), 1.6, "front");
    expect(seen(front, [3, 5, 2.6]).y).toBeGreaterThan(seen(front, [3, 5, 0]).y);
    expect(seen(front, [7, 5, 1]).x).toBeGreaterThan(seen(front, [-1, 5, 1]).x);
    const top = sidePose(corners(ROOM), 1.6, "top");
    expect(seen(top, [3, 8, 0]).y).toBeGreaterThan(seen(top, [3, 2, 0]).y);
    expect(seen(top, [7, 5, 0]).x).toBeGreaterThan(seen(top, [-1, 5, 0]).x);
  });
});

describe("moves", () => {
  it("orbit keeps the target and the distance, and never passes a pole", () => {
    const random = randomFrom(2);
    let pose = homePose(corners(ROOM), 1.6);
    for (let i = 0; i < 500; i++) {
      const next = orbit(pose, 900 * (random() - 0.5), 900 * (random() - 0.5), 700);
      expect(length(minus(eyeOf(next), next.target))).toBeCloseTo(pose.distance);
      expect(Math.abs(next.elevation)).toBeLessThan(Math.PI / 2);
      expect(next.target).toEqual(pose.target);
      pose = next;
    }
  });

  it("pan carries the target's point along with the pointer", () => {
    for (const pose of poses(100)) {
      const moved = pan(pose, 70, -30, 500);
      const at = seen(moved, pose.target, 1);
      expect(at.x * 250).toBeCloseTo(70, 4);
      expect(at.y * 250).toBeCloseTo(30, 4);
    }
  });

  it("zoom keeps the point under the pointer in its place", () => {
    for (const pose of poses(200)) {
      const point = along(pose.target, [0.1, 0.05, -0.08], pose.distance);
      const [before, after] = [seen(pose, point), seen(zoomTo(pose, point, 0.7), point)];
      expect(after.x).toBeCloseTo(before.x, 6);
      expect(after.y).toBeCloseTo(before.y, 6);
      const near = zoomTo(pose, point, 0.7);
      const away = length(minus(eyeOf(pose), point));
      expect(length(minus(eyeOf(near), point))).toBeCloseTo(0.7 * away);
    }
  });

  it("zoom stops before the point and before the horizon", () => {
    let pose = homePose(corners(ROOM), 1.6);
    for (let i = 0; i < 400; i++) pose = zoomTo(pose, [3, 3, 1], 0.6);
    expect(pose.distance).toBeGreaterThan(0.01);
    for (let i = 0; i < 400; i++) pose = zoomTo(pose, [3, 3, 1], 1.6);
    expect(pose.distance).toBeLessThan(1e5);
  });

  it("pivot leaves the eye where it is and brings the point to the middle", () => {
    for (const pose of poses(100)) {
      const point: Vector = [3, 5, 1];
      const turned = pivotTo(pose, point);
      const at = seen(turned, point);
      expect(Math.hypot(at.x, at.y)).toBeLessThan(1e-6);
      if (Math.abs(turned.elevation) < 1.56) close(eyeOf(turned), eyeOf(pose), 4);
    }
  });

  it("a flight begins and ends where it should, and turns the shorter way", () => {
    const [from, to] = poses(2);
    close(eyeOf(tween(from, to, 0)), eyeOf(from));
    close(eyeOf(tween(from, to, 1)), eyeOf(to));
    const swing = tween({ ...from, azimuth: 3 }, { ...from, azimuth: -3 }, 0.5).azimuth;
    expect(Math.cos(swing)).toBeCloseTo(-1);
  });

  it("near and far hold the whole box", () => {
    for (const pose of poses(200)) {
      const camera = new PerspectiveCamera();
      place(camera, pose, ROOM, 1.6);
      const ahead = camera.getWorldDirection(new Vector3());
      for (const corner of corners(ROOM)) {
        const depth = new Vector3(...corner).sub(camera.position).dot(ahead);
        expect(depth).toBeLessThan(camera.far);
      }
      expect(camera.near).toBeGreaterThan(0);
      expect(camera.far / camera.near).toBeLessThan(4001);
    }
  });
});

describe("approach", () => {
  const pose = homePose(corners(ROOM), 1.6);
  const around = { box: ROOM, middle: [3, 5, 0.8] as Vector, inward: 1 };
  const segment: Box = { min: [2.8, 4.8, 0], max: [3.2, 5.2, 0.4] };
  const at = (vertex: Vector, normal: Vector, box: Box | null = segment) => ({
    vertex,
    normal,
    box,
    points: [vertex],
  });

  it("sees the vertex from before the surface, and the segment whole", () => {
    const place = at([3, 5, 0.4], [0, 0, 1]);
    const to = approach(place, around, pose, (eye) => eye[2] > 0.4);
    expect(eyeOf(to)[2]).toBeGreaterThan(0.6);
    for (const corner of corners(segment)) {
      const { x, y } = seen(to, corner);
      expect(Math.max(Math.abs(x), Math.abs(y))).toBeLessThan(1);
    }
  });

  it("goes round to the side that is free, and nearer where the far places are not", () => {
    const wall = (eye: Vector): boolean => eye[0] > 3.2;
    const round = approach(at([3.2, 5, 0.2], [-1, 0, 0]), around, pose, wall);
    expect(eyeOf(round)[0]).toBeGreaterThan(3.2);
    const cell = (eye: Vector): boolean => length(minus(eye, [3, 5, 0.2])) < 0.6;
    expect(approach(at([3, 5, 0.2], [0, 0, 1]), around, pose, cell).distance).toBeLessThan(0.6);
  });

  it.each([0, 1])("looks at every wall from within the room, normals told %d", (inward) => {
    const walls: [Vector, Vector][] = [
      [[-1, 5, 1.3], [1, 0, 0]],
      [[7, 5, 1.3], [-1, 0, 0]],
      [[3, 2, 1.3], [0, 1, 0]],
      [[3, 8, 1.3], [0, -1, 0]],
    ];
    for (const [vertex, normal] of walls) {
      const place = at(vertex, normal, { min: vertex, max: along(vertex, [0, 0, 1], 0.5) });
      for (const from of [pose, ...poses(20)]) {
        const [x, y] = eyeOf(approach(place, { ...around, inward }, from, () => true));
        expect(x > ROOM.min[0] && x < ROOM.max[0] && y > ROOM.min[1] && y < ROOM.max[1]).toBe(true);
      }
    }
  });

  it("prefers where most points of the segment are seen", () => {
    const points: Vector[] = [0, 1, 2, 3, 4].map((i) => [3 + 0.1 * i, 5, 0.2]);
    const place = { ...at([3, 5, 0.2], [0, 0, 1]), points };
    for (const side of [1, -1]) {
      const free = (eye: Vector, [x]: Vector): boolean => x < 3.05 || side * (eye[0] - 3) > 0;
      expect(side * (eyeOf(approach(place, around, pose, free))[0] - 3)).toBeGreaterThan(0);
    }
  });

  it("finds some place where nothing is free", () => {
    const to = approach(at([3, 5, 0.2], [0, 0, 0], null), around, pose, () => false);
    expect(Number.isFinite(to.distance + to.azimuth + to.elevation)).toBe(true);
  });
});
