// Decodes a scan beside the page: takes the container's buffer, answers a Decoded.

import { decodeGeometry } from "./decode";
import type { Decoded } from "./geometry";

self.onmessage = (event: MessageEvent<ArrayBuffer>) => {
  try {
    const geometry = decodeGeometry(event.data);
    const { positions, colors, faces, normals, segments, segmentIds } = geometry;
    const arrays = [positions, colors, faces, segments, segmentIds, ...(normals ? [normals] : [])];
    const transfer = arrays.map((array) => array.buffer as ArrayBuffer);
    self.postMessage({ geometry } satisfies Decoded, { transfer });
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? error.message : String(error) } satisfies Decoded);
  }
};
