"""How fast labels are exported: MB/s of each target, beside the plain writing of the same bytes.

    python benchmarks/export.py [--scenes 100] [--points 80000] [--to NAME ...] [--out FOLDER]

Scenes of random points are made in memory (one at a time) and written to a temporary folder by
the target's own writer, as `seggroup export` calls it; the time of making them is not counted.
`plain` is file.write of the same bytes to files of the same sizes, each with fsync, in the same
run. `held` are the bytes of the arrays that go in: of compressed formats more than are written.
The goal is 40 MB/s of each target, by the bytes written or, where it compresses, those held.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from seggroup.export.target import Sample
from seggroup.export.targets import TARGETS
from seggroup.io.classlist import class_list
from seggroup.types import Labels, Scan

GOAL = 40.0  # MB/s


def scene(number: int, points: int, classes: tuple[int, ...]) -> Sample:
    """A mesh of random points in a room, cut by a grid into instances of random classes."""
    rng = np.random.default_rng(number)
    vertices = (rng.random((points, 3)) * (6, 5, 3)).astype(np.float32)
    vertices = vertices[np.lexsort(np.floor(vertices[:, :2]).T)]
    _, square = np.unique(np.floor(vertices[:, :2]), axis=0, return_inverse=True)
    instance = square.astype(np.int32)
    semantic = rng.choice(classes, instance.max() + 1).astype(np.int32)[instance]
    labels = Labels(semantic, instance, rng.random(points, np.float32))
    segments = (np.arange(points) // 80).astype(np.int32)
    corners = np.arange(points - 2, dtype=np.int32)
    faces = np.repeat(np.stack([corners, corners + 1, corners + 2], axis=1), 2, axis=0)
    colors = rng.integers(0, 256, (points, 3), dtype=np.uint8)
    return Sample(Scan(f"scene{number:04d}_00", vertices, colors, faces), labels, segments)


def held(sample: Sample) -> int:
    """Bytes of a scene's points, colours, labels and segments."""
    assert sample.segments is not None
    assert sample.labels.confidence is not None
    arrays = (sample.scan.vertices, sample.scan.colors, sample.labels.semantic)
    arrays += (sample.labels.instance, sample.labels.confidence, sample.segments)
    return sum(array.nbytes for array in arrays)


def plain(folder: Path, sizes: list[int]) -> float:
    """Seconds to write files of these sizes with fsync."""
    block = np.random.default_rng(0).bytes(max(sizes))
    folder.mkdir()
    start = perf_counter()
    for number, size in enumerate(sizes):
        with open(folder / str(number), "wb") as file:
            file.write(memoryview(block)[:size])
            file.flush()
            os.fsync(file.fileno())
    return perf_counter() - start


def measure(name: str, scenes: int, points: int, out: Path) -> dict[str, float]:
    """Seconds and bytes of one target, in its own folder, which is removed."""
    target, classes = TARGETS[name], class_list("s3dis" if name == "s3dis" else "scannet20")
    folder, rows, seconds, inside = out / name, [], 0.0, 0
    ids = tuple(classes.classes)
    target.write(out / "warm", scene(0, points, ids), classes)  # compiles, imports
    for number in range(scenes):
        sample = scene(number, points, ids)
        inside += held(sample)
        start = perf_counter()
        facts = target.write(folder, sample, classes)
        seconds += perf_counter() - start
        rows.append({"scene": sample.scan.name, "split": sample.split, **facts})
    start = perf_counter()
    if target.finish is not None:
        target.finish(folder, rows, classes)
    seconds += perf_counter() - start
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    shutil.rmtree(folder)
    shutil.rmtree(out / "warm")
    by_hand = plain(out / "plain", sizes)
    shutil.rmtree(out / "plain")
    written = sum(sizes)
    return {
        "files": len(sizes),
        "written": written / 1e6,
        "held": inside / 1e6,
        "seconds": seconds,
        "MB/s": written / 1e6 / seconds,
        "held MB/s": inside / 1e6 / seconds,
        "plain": by_hand,
        "ratio": seconds / by_hand,
    }


def main() -> None:
    """Measure the targets and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--points", type=int, default=80_000)
    parser.add_argument("--to", nargs="*", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--out", type=Path, help="folder for the files; default: a temporary one")
    given = parser.parse_args()
    print(
        "| target | files | written MB | s | MB/s | held MB/s | plain s | times plain | 40 MB/s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=given.out) as folder:
        for name in given.to:
            row = measure(name, given.scenes, given.points, Path(folder))
            reached = max(row["MB/s"], row["held MB/s"]) >= GOAL
            print(
                f"| {name} | {row['files']} | {row['written']:.0f} | {row['seconds']:.1f} "
                f"| {row['MB/s']:.0f} | {row['held MB/s']:.0f} | {row['plain']:.1f} "
                f"| {row['ratio']:.1f} | {'yes' if reached else 'NO'} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
