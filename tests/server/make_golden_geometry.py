"""Writes the golden geometries that the page's decoder is tested on (web/tests/geometry.test.ts).

python tests/server/make_golden_geometry.py

Each file is a container of arrays: ``encoded``, the bytes the server sends, and beside it what the
page must make of them.
"""

from pathlib import Path

import numpy as np

from seggroup.server.binary import pack
from seggroup.server.geometry import decode_geometry, encode_geometry
from seggroup.types import Graph, Scan, Scene

FOLDER = Path(__file__).parents[2] / "web" / "tests"


def scene_of(
    vertices: np.ndarray,
    faces: np.ndarray,
    colors: np.ndarray,
    ids: np.ndarray,
    normals: np.ndarray | None = None,
) -> Scene:
    """A scene without a graph, of whatever vertices and segment ids."""
    segment_ids, segments = np.unique(ids, return_inverse=True)
    nothing = Graph(len(segment_ids), np.zeros((0, 2), np.int32), np.zeros(0, np.int32))
    scan = Scan(
        "golden",
        np.ascontiguousarray(vertices, np.float32),
        np.ascontiguousarray(colors, np.uint8),
        np.ascontiguousarray(faces, np.int32).reshape(-1, 3),
        None if normals is None else np.ascontiguousarray(normals, np.float32),
    )
    return Scene(scan, segments.astype(np.int32), segment_ids.astype(np.int32), nothing)


def goldens() -> dict[str, Scene]:
    """A surface, a mesh with everything that is odd, a cloud, and a cloud without normals."""
    rng = np.random.default_rng(7)
    side = 20
    x, y = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    points = np.stack([0.03 * x, 0.03 * y, 0.01 * np.sin(x) + 0.002 * rng.normal(size=x.shape)], -1)
    points = points.reshape(-1, 3)
    i = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    quads = np.stack([i, i + side, i + side + 1, i + 1], 1)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    colors = rng.integers(0, 256, (len(points), 3))
    ids = 37 * (x // 7 * 3 + y // 7).ravel()
    shuffled = rng.permutation(len(points))
    odd = np.concatenate(
        [
            faces[rng.random(len(faces)) < 0.6],
            faces[:5],  # twice
            faces[5:9, ::-1],  # and the other way round
            [(3, 3, 9), (4, 4, 4), (0, 1, 399), (1, 0, 200), (0, 1, 77)],
        ]
    )
    normals = rng.normal(size=(len(points), 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    none = np.zeros((0, 3))
    empty = np.zeros(0)
    return {
        "mesh": scene_of(points, faces, colors, ids),
        "odd": scene_of(points, shuffled[odd], colors, ids),
        "cloud": scene_of(1000 * points[shuffled], none, colors, ids[shuffled], normals),
        "bare": scene_of(points, none, colors, ids),
        "empty": scene_of(none, none, none, empty),
    }


def golden_file(scene: Scene) -> bytes:
    """The encoded geometry and what the page must decode."""
    encoded = encode_geometry(scene)
    geometry = decode_geometry(encoded)
    arrays = {
        "encoded": np.frombuffer(encoded, np.uint8),
        "positions": geometry.positions,
        "colors": geometry.colors,
        "faces": geometry.faces.astype(np.uint32),
        "segments": geometry.segments.astype(np.uint32),
        "segment_ids": geometry.segment_ids,
    }
    if geometry.normals is not None:
        arrays["normals"] = geometry.normals.view(np.uint8)
    return pack({}, arrays)


if __name__ == "__main__":
    for name, scene in goldens().items():
        (FOLDER / f"golden-geometry-{name}.bin").write_bytes(golden_file(scene))
