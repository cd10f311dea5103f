/** Between the canvas and the scan's space: rays, places and rectangles. */

import { type PerspectiveCamera, Ray, Vector3 } from "three";
import { corners, type Vector } from "./camera";
import { boxOf } from "./surface";

/** Width and height, CSS or device pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pixels, from the lower left. */
export interface Rectangle extends Size {
  readonly x: number;
  readonly y: number;
}

/** The ray from the eye through a pixel, counted from the upper left. */
export function rayAt(camera: PerspectiveCamera, size: Size, x: number, y: number): Ray {
  const across = (2 * x) / size.width - 1;
  const up = 1 - (2 * y) / size.height;
  const toward = new Vector3(across, up, 0.5).unproject(camera).sub(camera.position).normalize();
  return new Ray(camera.position.clone(), toward);
}

/** The point on a ray from the eye whose depth before the camera is `depth`. */
export function atDepth(camera: PerspectiveCamera, ray: Ray, depth: number): Vector {
  const reach = depth / ray.direction.dot(camera.getWorldDirection(new Vector3()));
  return ray.at(reach, new Vector3()).toArray();
}

/** The pixel of a point, from the upper left, and whether it is in the view. */
export function project(camera: PerspectiveCamera, size: Size, point: Vector) {
  const { x, y, z } = new Vector3(...point).project(camera);
  return {
    x: ((x + 1) / 2) * size.width,
    y: ((1 - y) / 2) * size.height,
    within: Math.abs(x) <= 1 && Math.abs(y) <= 1 && Math.abs(z) <= 1,
  };
}

/**
 * The pixels that segments may cover, `margin` wider on all sides: null for the whole view, as when
 * one reaches behind the eye; undefined for none. `boxes` is as segmentBoxes gives it.
 */
export function rectangleOf(
  camera: PerspectiveCamera,
  size: Size,
  boxes: Float32Array,
  segments: Iterable<number>,
  margin: number,
): Rectangle | null | undefined {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  const point = new Vector3();
  for (const segment of segments) {
    const box = boxOf(boxes, segment);
    for (const corner of box ? corners(box) : []) {
      point.set(...corner).applyMatrix4(camera.matrixWorldInverse);
      if (point.z > -camera.near) return null;
      point.applyMatrix4(camera.projectionMatrix);
      [left, right] = [Math.min(left, point.x), Math.max(right, point.x)];
      [low, high] = [Math.min(low, point.y), Math.max(high, point.y)];
    }
  }
  const x = Math.max(0, Math.floor(((left + 1) / 2) * size.width - margin));
  const y = Math.max(0, Math.floor(((low + 1) / 2) * size.height - margin));
  const end = Math.min(size.width, Math.ceil(((right + 1) / 2) * size.width + margin));
  const top = Math.min(size.height, Math.ceil(((high + 1) / 2) * size.height + margin));
  return end > x && top > y ? { x, y, width: end - x, height: top - y } : undefined;
}
