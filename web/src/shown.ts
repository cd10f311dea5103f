/** A scan on the canvas: what is derived from it at once, and its ray index from the worker. */

import type { IndexReply, IndexRequest } from "./bvh.worker";
import type { Place, Surroundings } from "./approach";
import { along, type Box, corners, type Vector } from "./camera";
import type { ScanGeometry } from "./geometry";
import { type RayIndex, unpackIndex } from "./pick";
import { spacingOf } from "./proxy";
import { boxOf, inwardness, sampleOf, segmentBoxes, vertexNormals, wholeBox } from "./surface";

export interface Shown {
  readonly scan: ScanGeometry;
  readonly cloud: boolean;
  /** 4 per vertex (xyz in -127..127, 0), or null for a cloud without. */
  readonly normals: Int8Array | null;
  /** 6 per segment; see segmentBoxes. */
  readonly boxes: Float32Array;
  readonly box: Box;
  /** Points by which views are framed, one at least. */
  readonly sample: readonly Vector[];
  /** Between the points of a cloud, metres; 0 for a mesh. */
  readonly spacing: number;
  index: RayIndex | null;
}

export const EMPTY: ScanGeometry = {
  positions: new Float32Array(),
  colors: new Uint8Array(),
  faces: new Uint32Array(),
  normals: null,
  segments: new Uint32Array(),
  segmentIds: new Int32Array(),
};

/** Derive what the canvas needs; the index is to follow. */
export function show(scan: ScanGeometry): Shown {
  const { positions, faces, segments, segmentIds } = scan;
  const cloud = faces.length === 0;
  const boxes = segmentBoxes(positions, faces, segments, segmentIds.length);
  const box = wholeBox(boxes);
  const sample = sampleOf(positions);
  return {
    scan,
    cloud,
    normals: cloud ? scan.normals : vertexNormals(positions, faces),
    boxes,
    box,
    sample: sample.length > 0 ? sample : corners(box),
    spacing: cloud ? spacingOf(positions) : 0,
    index: null,
  };
}

/**
 * Build the stand-in and the ray index in a worker; `proxy` may not be called, `indexed` is, once
 * the index is in place. Returns the function that gives it up.
 */
export function buildIndex(
  shown: Shown,
  proxy: (indices: Uint32Array) => void,
  indexed: () => void,
): () => void {
  const { scan } = shown;
  const worker = new Worker(new URL("./bvh.worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<IndexReply>) => {
    if (data.kind === "proxy") {
      proxy(data.indices);
      return;
    }
    if (data.index) shown.index = unpackIndex(data.index, scan);
    worker.terminate();
    indexed();
  };
  const message: IndexRequest = { positions: scan.positions, faces: scan.faces };
  worker.postMessage(message);
  return () => {
    worker.terminate();
  };
}

/** Where a vertex is, metres. */
export function positionOf({ scan: { positions: p } }: Shown, vertex: number): Vector {
  return [p[3 * vertex], p[3 * vertex + 1], p[3 * vertex + 2]];
}

/** The normal at a vertex; zero where there is none. */
export function normalOf({ normals: n }: Shown, vertex: number): Vector {
  return n ? [n[4 * vertex] / 127, n[4 * vertex + 1] / 127, n[4 * vertex + 2] / 127] : [0, 0, 0];
}

/** Points of a segment that stand for it where it is looked at. */
const POINTS = 8;

/** A vertex and its segment, as a flight there needs them. */
export function placeOf(shown: Shown, vertex: number, segment: number): Place {
  const { segments } = shown.scan;
  const members: number[] = [];
  for (let v = 0; v < segments.length; v++) if (segments[v] === segment) members.push(v);
  const stride = Math.max(1, Math.floor(members.length / POINTS));
  const points = members
    .filter((_, i) => i % stride === 0)
    .map((member) => positionOf(shown, member))
    .filter(([x, y, z]) => Number.isFinite(x + y + z));
  return {
    vertex: positionOf(shown, vertex),
    normal: normalOf(shown, vertex),
    box: boxOf(shown.boxes, segment),
    points,
  };
}

/** The scan about any place of it. */
export function surroundingsOf({ scan, normals, box, sample }: Shown): Surroundings {
  const middle = sample.reduce<Vector>((sum, p) => along(sum, p, 1 / sample.length), [0, 0, 0]);
  const inward = normals === null ? 0 : inwardness(scan.positions, normals, middle);
  return { box, middle, inward };
}

/** RGBA of every vertex: its index's colour over the scanned one, as far as A says. */
export function layerColors(
  index: Uint32Array,
  colors: Uint8Array,
  scanned: Uint8Array,
): Uint8Array {
  const result = new Uint8Array(scanned.length);
  for (let vertex = 0; vertex < index.length; vertex++) {
    const from = 4 * index[vertex];
    const share = colors[from + 3] / 255;
    for (let part = 0; part < 3; part++) {
      const under = scanned[4 * vertex + part];
      result[4 * vertex + part] = Math.round(under + (colors[from + part] - under) * share);
    }
    result[4 * vertex + 3] = 255;
  }
  return result;
}
