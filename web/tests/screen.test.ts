import { PerspectiveCamera } from "three";
import { expect, it } from "vitest";
import { eyeOf, length, minus, place, type Pose, type Vector } from "../src/camera";
import { atDepth, project, rayAt, rectangleOf } from "../src/screen";
import { segmentBoxes, wholeBox } from "../src/surface";
import { randomFrom } from "./random";

const SIZE = { width: 800, height: 500 };
const random = randomFrom(1);
const positions = Float32Array.from({ length: 3 * 600 }, () => 4 * random());
const segments = Uint32Array.from({ length: 600 }, (_, v) => Math.floor(positions[3 * v] * 10));
const boxes = segmentBoxes(positions, new Uint32Array(), segments, 41);

function cameraAt(pose: Pose): PerspectiveCamera {
  const camera = new PerspectiveCamera();
  place(camera, pose, wholeBox(boxes), SIZE.width / SIZE.height);
  return camera;
}

const POSES: Pose[] = Array.from({ length: 40 }, () => ({
  target: [4 * random(), 4 * random(), 4 * random()],
  distance: 1 + 8 * random(),
  azimuth: 7 * random(),
  elevation: 3 * (random() - 0.5),
}));

it("the ray of a point's pixel goes through the point", () => {
  for (const pose of POSES) {
    const camera = cameraAt(pose);
    const point: Vector = [2, 1, 3];
    const { x, y, within } = project(camera, SIZE, point);
    if (!within) continue;
    const ray = rayAt(camera, SIZE, x, y);
    expect(length(minus(ray.origin.toArray(), eyeOf(pose)))).toBeLessThan(1e-9);
    const away = length(minus(point, eyeOf(pose)));
    const met = ray.origin.clone().addScaledVector(ray.direction, away).toArray();
    expect(length(minus(met, point))).toBeLessThan(1e-4);
  }
});

it("the middle pixel at the target's distance is the target", () => {
  for (const pose of POSES) {
    const camera = cameraAt(pose);
    const at = atDepth(camera, rayAt(camera, SIZE, 400, 250), pose.distance);
    expect(length(minus(at, pose.target))).toBeLessThan(1e-4);
  }
});

it("a segment's rectangle holds the pixels of all its vertices in view", () => {
  let held = 0;
  for (const pose of POSES) {
    const camera = cameraAt(pose);
    for (const segment of [0, 7, 39, 40]) {
      const rectangle = rectangleOf(camera, SIZE, boxes, [segment], 1);
      if (rectangle === null) continue;
      for (const vertex of segments.keys()) {
        if (segments[vertex] !== segment) continue;
        const point = positions.subarray(3 * vertex, 3 * vertex + 3);
        const { x, y, within } = project(camera, SIZE, [point[0], point[1], point[2]]);
        if (!within) continue;
        const up = SIZE.height - y;
        expect(x).toBeGreaterThanOrEqual(rectangle!.x);
        expect(x).toBeLessThanOrEqual(rectangle!.x + rectangle!.width);
        expect(up).toBeGreaterThanOrEqual(rectangle!.y);
        expect(up).toBeLessThanOrEqual(rectangle!.y + rectangle!.height);
        held += 1;
      }
    }
  }
  expect(held).toBeGreaterThan(100);
});

it("there is no rectangle of no segment, and none of one out of view", () => {
  const camera = cameraAt({ target: [2, 2, 2], distance: 9, azimuth: 0, elevation: 0 });
  expect(rectangleOf(camera, SIZE, boxes, [], 2)).toBeUndefined();
  const aside = segmentBoxes(Float32Array.of(2, 90, 2), new Uint32Array(), Uint32Array.of(0), 1);
  expect(rectangleOf(camera, SIZE, aside, [0], 2)).toBeUndefined();
});
