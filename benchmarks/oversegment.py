"""Over-segmentation of a mesh: the kernel, arrays in and segment ids out, on one core.

    python benchmarks/oversegment.py [--largest 5000000]

Seconds are processor time, the best of some runs, so that they hold on a shared machine. Targets:
at most 0.10 s at 150k vertices and 300k faces after warm-up; growing as n log n to 5 M
vertices; at most 200 bytes of memory per face above the arrays that it is given. n is the number
of edges, three a face.

Beside it in the same run: weights in plain numpy with a stable argsort and a union-find loop in
Python, and the slow twin of the tests on a small mesh, with the same ids. Where the environment's
SEGGROUP_SEGMENTATOR names a built `segmentator` of ScanNet's, its whole run, with reading and
writing. Where SEGGROUP_REAL_DATA names the folder of real scans, these too, and whether the ids
equal those of the folder that SEGGROUP_ORACLE names.
"""

import os
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from common import (
    Table,
    best,
    bumpy_mesh,
    fresh,
    memory,
    options,
    output,
    processor_time,
    real_data,
)

from seggroup.geometry.oversegment import segment_mesh
from seggroup.io.ply import write_columns
from seggroup.io.scan import read_scan

Mesh = tuple[np.ndarray, np.ndarray]


def measure(path: Path, repeats: int) -> dict:
    """Seconds and memory of the kernel on the mesh of an .npz; to be run in a fresh process."""
    segment_mesh(*bumpy_mesh(1000))  # compiles, or loads what was compiled
    with np.load(path) as arrays:
        vertices, faces = arrays["vertices"], arrays["faces"]
    before = memory("VmRSS")
    segments, ids = segment_mesh(vertices, faces)
    extra = memory("VmHWM") - before
    seconds = best(lambda: segment_mesh(vertices, faces), repeats, False, time.process_time)
    return {
        "vertices": len(vertices),
        "faces": len(faces),
        "segments": len(ids),
        "seconds": seconds,
        "bytes": extra / len(faces),
        "ids": ids[segments],
    }


def on_fresh(mesh: Mesh, repeats: int = 7) -> dict:
    """`measure` in a process of one thread that has nothing but the mesh."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mesh.npz"
        np.savez(path, vertices=mesh[0], faces=mesh[1])
        return fresh(measure, path, repeats, threads=1)


def shuffled(mesh: Mesh) -> Mesh:
    """The same mesh with vertices and faces in random order: the worst case for the caches."""
    vertices, faces = mesh
    rng = np.random.default_rng(1)
    order = rng.permutation(len(vertices))
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return vertices[order], rng.permutation(place[faces])


def plainly(vertices: np.ndarray, faces: np.ndarray, k: float = 0.01, min_size: int = 20) -> int:
    """Number of segments: numpy as far as it goes, then a loop. Its normals round differently."""
    p, q, r = vertices[faces[:, 0]], vertices[faces[:, 1]], vertices[faces[:, 2]]
    normal = np.cross(q - p, r - p)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
    normals = np.zeros_like(vertices)
    np.add.at(normals, faces.ravel(), normal.repeat(3, 0))
    normals /= np.maximum(np.bincount(faces.ravel(), minlength=len(vertices)), 1)[:, None]
    a, b = faces[:, [0, 0, 2]].ravel(), faces[:, [1, 2, 1]].ravel()
    along = vertices[b] - vertices[a]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-30)
    w = 1 - np.einsum("ij,ij->i", normals[a], normals[b])
    w = np.where(np.einsum("ij,ij->i", normals[b], along) > 0, w * w, w)
    order = np.argsort(w, kind="stable")
    edges = list(zip(a[order].tolist(), b[order].tolist(), w[order].tolist(), strict=True))
    parent, size = list(range(len(vertices))), [1] * len(vertices)
    threshold = [k] * len(vertices)

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    for i, j, weight in edges:
        i, j = find(i), find(j)
        if i != j and weight <= threshold[i] and weight <= threshold[j]:
            parent[i] = j
            size[j] += size[i]
            threshold[j] = weight + k / size[j]
    for i, j, _ in edges:
        i, j = find(i), find(j)
        if i != j and min(size[i], size[j]) < min_size:
            parent[i] = j
            size[j] += size[i]
    return sum(find(i) == i for i in range(len(vertices)))


def scannets_tool(mesh: Mesh) -> float | None:
    """Seconds of a whole run of ScanNet's own program, where the environment names one."""
    program = os.environ.get("SEGGROUP_SEGMENTATOR")
    if not program:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mesh.ply"
        columns = {axis: ("float", mesh[0][:, i]) for i, axis in enumerate("xyz")}
        write_columns(path, columns, mesh[1])
        command = [program, str(path), "0.01", "20"]
        run = partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
        return best(run, 3, clock=processor_time)


def kernel_table() -> Table:
    """At 150k vertices, beside plainer ways."""
    mesh, small = bumpy_mesh(150_000), bumpy_mesh(3_000)
    import reference  # the slow twin

    ours, once = on_fresh(mesh), partial(best, repeats=1, warm_up=False, clock=time.process_time)
    twin = once(lambda: reference.segment_mesh(*small))
    np.testing.assert_array_equal(on_fresh(small)["ids"], reference.segment_mesh(*small))
    per_face = [
        ("ours, one core", ours["seconds"], "target 0.10"),
        ("ours, vertices and faces shuffled", on_fresh(shuffled(mesh))["seconds"], ""),
        ("numpy and a union-find loop", once(lambda: plainly(*mesh)), ""),
        (
            "slow twin of the tests",
            twin / len(small[1]) * len(mesh[1]),
            f"{twin:.2f} s for {len(small[1]):,} faces, scaled per face; equal ids",
        ),
        ("ScanNet's tool, whole run", scannets_tool(mesh), "with reading and writing"),
    ]
    rows = [
        (name, s, s and s / ours["seconds"], s and 1e9 * s / len(mesh[1]), note)
        for name, s, note in per_face
    ]
    title = f"{ours['vertices']:,} vertices, {ours['faces']:,} faces, {ours['segments']:,} segments"
    return Table(title, ("", "seconds", "times ours", "ns a face", ""), rows)


def growth_table(largest: int) -> Table:
    """How time and memory grow."""
    rows = []
    for size in [n for n in (150_000, 600_000, 1_500_000) if n < largest] + [largest]:
        row = on_fresh(bumpy_mesh(size), repeats=3)
        n = 3 * row["faces"]
        per = 1e9 * row["seconds"] / (n * np.log2(n))
        rows.append((row["vertices"], row["faces"], row["seconds"], float(per), row["bytes"]))
    header = ("vertices", "faces", "seconds", "ns / (n log2 n)", "bytes a face (target 200)")
    return Table("Growth, one core", header, rows)


def real_table(data: Path) -> Table:
    """The real meshes, beside ScanNet's tool and its ids."""
    oracle, rows = os.environ.get("SEGGROUP_ORACLE"), []
    for path in sorted(data.glob("**/*.ply")):
        if path.name.endswith(".labels.ply") or not (scan := read_scan(path)).is_mesh:
            continue
        row, equal = on_fresh((scan.vertices, scan.faces)), "no oracle"
        expected = next(Path(oracle or os.devnull).glob(f"**/{scan.name}*.npz"), None)
        if expected is not None and len(expected.stem) <= len(scan.name) + 6:
            equal = str(bool(np.array_equal(np.load(expected)["segIndices"], row["ids"])))
        tool = scannets_tool((scan.vertices, scan.faces))
        found = (row["vertices"], row["faces"], row["segments"], row["seconds"])
        rows.append((scan.name, *found, row["bytes"], equal, tool))
    header = ("scan", "vertices", "faces", "segments", "seconds", "bytes a face", "equals oracle")
    return Table("Real meshes, one core", (*header, "ScanNet's tool, whole run, s"), rows)


def main() -> None:
    """Measure and print."""
    given = options(__doc__, largest={"type": int, "default": 5_000_000})
    tables, data = [kernel_table(), growth_table(given.largest)], real_data()
    if data:
        tables.append(real_table(data))
    output(tables, given.json)


if __name__ == "__main__":
    main()
