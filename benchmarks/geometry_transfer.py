"""What a scan costs on its way to the page, and how long it takes to encode and decode.

    python benchmarks/geometry_transfer.py

Synthetic scans of 150k, 300k and 580k vertices, and real scans where SEGGROUP_REAL_DATA names
them. The page may load 1.5 / 2.9 / 5.3 MB with about 0.2 MB of JavaScript: so 8.7 to 9 bytes a
vertex; encoding may take 0.5 s at 150k, decoding 0.35 s at 580k. Encoding is measured with gzip,
decoding is that of the page (web/src/decode.ts) in Node, without gzip, the best of 5 runs each.

Beside it in the same run: the arrays as they are, gzipped, and differences from the vertex, the
color and the corner before in the file's order, positions quantised alike, in byte planes,
gzipped.
"""

import json
import subprocess
import tempfile
import zlib
from pathlib import Path

import numpy as np
from common import Table, best, options, output, real_data
from scans import big_scan

from seggroup.io.scenes import find_scenes
from seggroup.pipeline import load_scene
from seggroup.server.binary import pack, unpack
from seggroup.server.geometry import encode_geometry, gzipped
from seggroup.types import Scene

WEB = Path(__file__).parents[1] / "web"
REAL = (
    "scannet/scans/scene0000_00",
    "multiscan/scene_00097_02.ply",
    "3rscan/0988ea78.ply",
    "unlabelled/redkitchen_fused.ply",
    "unlabelled/office_chairs.ply",
    "scannet50k",
)
DECODE = """
import { readFileSync } from "node:fs";
import { decodeGeometry } from "%s";
const file = readFileSync("%s");
const times = [];
for (let run = 0; run < 6; run++) {
  const buffer = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
  const start = performance.now();
  decodeGeometry(buffer);
  times.push((performance.now() - start) / 1000);
}
console.log(JSON.stringify({ first: times[0], best: Math.min(...times.slice(1)) }));
"""


def raw(scene: Scene) -> bytes:
    """The arrays as they are, gzipped as servers do it."""
    arrays = {
        "vertices": scene.scan.vertices,
        "colors": scene.scan.colors,
        "faces": scene.scan.faces,
        "segments": scene.segments,
    }
    if not scene.scan.is_mesh and scene.scan.normals is not None:
        arrays["normals"] = np.rint(127 * scene.scan.normals).astype(np.int8).view(np.uint8)
    return zlib.compress(pack({}, arrays), 6)


def differences(scene: Scene) -> bytes:
    """Differences in the order of the file in byte planes, gzipped."""
    quantised = np.rint(scene.scan.vertices.astype(float) / 0.00019).astype(np.int64)
    streams = [
        np.diff(quantised, axis=0, prepend=0).T,
        np.diff(scene.scan.faces.ravel(), prepend=0),
        np.diff(scene.segments, prepend=0),
    ]
    planes = [np.diff(scene.scan.colors, axis=0, prepend=np.zeros((1, 3), np.uint8)).T.tobytes()]
    for stream in streams:
        zigzag = np.where(stream < 0, -2 * stream - 1, 2 * stream)
        planes += [(zigzag >> 8 * k).astype(np.uint8).tobytes() for k in range(4)]
    if not scene.scan.is_mesh and scene.scan.normals is not None:
        normals = np.rint(127 * scene.scan.normals).astype(np.int8)
        planes.append(np.diff(normals, axis=0).T.tobytes())
    return zlib.compress(b"".join(planes), 6)


def decoding(data: bytes, folder: Path) -> tuple[float, float]:
    """Seconds that the page's decoder takes in Node: the first time, and the best of 5 more."""
    module, file, script = folder / "decode.mjs", folder / "scan.bin", folder / "run.mjs"
    if not module.exists():
        bundle = [WEB / "node_modules/.bin/rolldown", "src/decode.ts", "--file", module]
        subprocess.run(bundle, cwd=WEB, check=True, capture_output=True)
    file.write_bytes(data)
    script.write_text(DECODE % (module, file))
    result = subprocess.run(["node", script], check=True, capture_output=True, text=True)
    times = json.loads(result.stdout)
    return times["first"], times["best"]


def rows(scene: Scene, folder: Path) -> tuple[tuple, tuple]:
    """A row of sizes and seconds, and a row of bytes a vertex by stream."""
    n = len(scene.scan.vertices)
    data = encode_geometry(scene)
    size = len(gzipped(data))
    first, repeated = decoding(data, folder)
    seconds = best(lambda: gzipped(encode_geometry(scene)))
    peers = [len(peer(scene)) / n for peer in (raw, differences)]
    arrays = unpack(data)[1]
    streams = [len(gzipped(arrays[s].tobytes())) / n if s in arrays else None for s in STREAMS]
    whole = (n, len(scene.scan.faces), size / 1e6, size / n, *peers, seconds, first, repeated)
    return (scene.name, *whole), (scene.name, *streams)


STREAMS = ("steps", "names", "positions", "colors", "segments", "segment_ids", "normals")


def main() -> None:
    """Measure and print."""
    given, data = options(__doc__), real_data()
    scenes = [big_scan(size) for size in (150_000, 300_000, 580_000)]
    if data:
        scenes += [load_scene(find_scenes([data / path])[0]) for path in REAL]
    with tempfile.TemporaryDirectory() as temporary:
        wholes, streams = zip(*(rows(scene, Path(temporary)) for scene in scenes), strict=True)
    header = ("scan", "vertices", "faces", "MB", "bytes a vertex", "raw, gzipped")
    header += ("differences, gzipped", "encode, s", "decode first, s", "decode again, s")
    tables = [
        Table("A scan's geometry on its way to the page", header, wholes),
        Table("Bytes a vertex by stream", ("scan", *STREAMS), streams),
    ]
    output(tables, given.json)


if __name__ == "__main__":
    main()
