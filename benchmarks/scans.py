"""Large scans to measure on: synthetic rooms side by side, cut to a number of vertices."""

import tempfile
from itertools import accumulate, count
from pathlib import Path

import numpy as np
from common import fresh

from seggroup.geometry.prepare import prepare
from seggroup.types import NONE, Labels, Scan, Scene

CACHE = Path(tempfile.gettempdir()) / "seggroup-benchmarks"
GAP = 0.5  # metres between two rooms


def big_scan(vertices: int) -> Scene:
    """A scene of exactly so many vertices, about 1.8 times the faces, with truth.

    The rooms are made at the first call, 4 to 8 s each, and kept in the folder of temporary files.
    """
    rooms: list[dict[str, np.ndarray]] = []
    for seed in count():
        if sum(len(room["vertices"]) for room in rooms) >= vertices:
            break
        rooms.append(_room(seed))
    scan, truth = _joined(rooms, vertices)
    return prepare(scan, truth=truth)


def _room(seed: int) -> dict[str, np.ndarray]:
    """The arrays of a synthetic room: made once, then read."""
    path = CACHE / f"room-{seed}.npz"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, **fresh(_make, seed))
        partial.replace(path)
    with np.load(path) as file:
        return dict(file)


def _make(seed: int) -> dict[str, np.ndarray]:
    """Make the room; in a process of its own, as Open3D keeps what it once had."""
    from seggroup.synth import make_room

    scan, truth = make_room(seed, f"room-{seed}")
    arrays = {"vertices": scan.vertices, "colors": scan.colors, "faces": scan.faces}
    return arrays | {"semantic": truth.semantic, "instance": truth.instance}


def _joined(rooms: list[dict[str, np.ndarray]], size: int) -> tuple[Scan, Labels]:
    """The rooms in a row along x, and of that the first `size` vertices with their faces."""
    widths = [float(np.ptp(room["vertices"][:, 0])) + GAP for room in rooms]
    shifts = np.cumsum([0.0, *widths[:-1]])
    starts = [0, *accumulate(len(room["vertices"]) for room in rooms)]
    first = [0, *accumulate(int(room["instance"].max()) + 1 for room in rooms)]
    places = [
        room["vertices"] + np.array([x - room["vertices"][:, 0].min(), 0, 0])
        for room, x in zip(rooms, shifts, strict=True)
    ]
    faces = np.concatenate([r["faces"] + s for r, s in zip(rooms, starts, strict=False)])
    instance = np.concatenate(
        [
            np.where(r["instance"] == NONE, NONE, r["instance"] + f)
            for r, f in zip(rooms, first, strict=False)
        ]
    )
    scan = Scan(
        f"rooms-{size}",
        np.concatenate(places)[:size].astype(np.float32),
        np.concatenate([room["colors"] for room in rooms])[:size],
        faces[(faces < size).all(axis=1)].astype(np.int32),
    )
    semantic = np.concatenate([room["semantic"] for room in rooms])
    return scan, Labels(semantic[:size], instance[:size].astype(np.int32))
