"""Seconds from clicks to labels of every vertex: the assigner, the walk and the paper's network.

    python benchmarks/assign.py [--repeats 5] [--threads 2]

On scene0000_00 (81k vertices) with a click on every part of an instance, and on a scan of 319k,
where SEGGROUP_REAL_DATA names the folder of real scans; else on a synthetic room. "from cold" is
from the scan's file to labels in a new process, its imports apart; "clicks" is from clicks to
labels once the scan is read, and "added" is one click more after the others. The walk and the
paper's network (untrained) start from the same prepared scene. Every figure is the fastest run.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import Table, best, fresh, options, output, processor_time, real_data, scannet_folder

LARGE = "multiscan/scene_00097_02.ply"
HEADER = (
    "scan", "vertices", "pieces", "clicks", "clock", "imports", "from cold", "of it scan",
    "cutting", "features", "reading", "clicks to labels", "added", "walk", "paper's network",
)  # fmt: skip
Clock = Callable[[], float]


def cold(folder: Path, threads: int) -> tuple[list[float], list[float]]:
    """Seconds of the imports, of file to labels, and of the scan in it: by the clock, processor."""
    clocks = (time.perf_counter, processor_time)
    times = [[clock() for clock in clocks]]
    import torch

    from seggroup.assign.labels import assigned, know, shares
    from seggroup.assign.weights import load_assigner
    from seggroup.io.scenes import find_scenes
    from seggroup.labels.simulate import simulate
    from seggroup.pipeline import load_scene

    torch.set_num_threads(threads)
    times.append([clock() for clock in clocks])
    scene = load_scene(find_scenes([folder])[0])
    times.append([clock() for clock in clocks])
    clicks = simulate(scene, "top1", np.random.default_rng(0))  # a person's are at hand
    times.append([clock() for clock in clocks])
    network = load_assigner()
    known = know(network, scene)
    assigned(known, clicks, shares(network, known, clicks))
    times.append([clock() for clock in clocks])
    steps = np.diff(times, axis=0)
    both = np.stack([steps[0], steps[1] + steps[3], steps[1]])
    return both[:, 0].tolist(), both[:, 1].tolist()


def warm(folder: Path, repeats: int, threads: int) -> list[list]:
    """What follows once the modules are there: a row by the clock and one by processor time."""
    import torch

    from seggroup.assign.features import surroundings
    from seggroup.assign.labels import assigned, columns, know, shares
    from seggroup.assign.network import read
    from seggroup.assign.pieces import make_pieces
    from seggroup.assign.weights import load_assigner
    from seggroup.io.scenes import find_scenes
    from seggroup.labels.clicks import seg_level_labels
    from seggroup.labels.simulate import simulate
    from seggroup.model.network import SegGroup
    from seggroup.pipeline import load_scene
    from seggroup.propagate import propagate
    from seggroup.types import Clicks
    from seggroup.walk import random_walk, surface_normals

    torch.set_num_threads(threads)
    scene, network = load_scene(find_scenes([folder])[0]), load_assigner()
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    labels = seg_level_labels(clicks, scene.segments)
    known = know(network, scene)
    before = columns(known, Clicks(clicks.vertex[:-1], clicks.instance[:-1], clicks.semantic[:-1]))
    torch.manual_seed(0)
    paper = SegGroup(40).eval()

    def reading() -> None:
        with torch.no_grad():
            read(network, known.around)

    def answer(held=None) -> None:  # type: ignore[no-untyped-def]
        found = columns(known, clicks, held)
        assigned(known, clicks, shares(network, known, clicks, found))

    def seconds(clock: Clock) -> list[float]:
        steps = [
            lambda: make_pieces(scene),
            lambda: surroundings(scene, known.pieces),
            reading,
            answer,
            lambda: answer(before),
            lambda: random_walk(scene, surface_normals(scene.scan), labels),
            lambda: propagate(paper, scene, clicks, labels, torch.device("cpu")),
        ]
        return [best(step, repeats, clock=clock) for step in steps]

    size = len(scene.scan.vertices), len(known.pieces), len(clicks)
    clocks = {"wall": time.perf_counter, "processor": processor_time}
    return [[scene.name, *size, name, *seconds(clock)] for name, clock in clocks.items()]


def rows(folder: Path, repeats: int, threads: int) -> list[list]:
    """The rows of a scan on disk; the second cold run finds the file and compiled code cached."""
    fresh(cold, folder, threads, threads=threads)
    colds = fresh(cold, folder, threads, threads=threads)
    warms = fresh(warm, folder, repeats, threads, threads=threads)
    return [[*row[:5], *first, *row[5:]] for first, row in zip(colds, warms, strict=True)]


def main() -> None:
    """Measure and print."""
    given = options(
        __doc__, repeats={"type": int, "default": 5}, threads={"type": int, "default": 2}
    )
    with tempfile.TemporaryDirectory() as temporary:
        found = rows(scannet_folder(Path(temporary)), given.repeats, given.threads)
    if data := real_data():
        found += rows(data / LARGE, given.repeats, given.threads)
    output([Table("Seconds of the assigner", HEADER, found)], given.json)


if __name__ == "__main__":
    main()
