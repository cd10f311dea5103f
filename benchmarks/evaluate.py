"""The evaluators, beside loops as ScanNet's scripts write them, and a whole validation split.

    python benchmarks/evaluate.py [--vertices 150000] [--instances 40] [--scenes 312]

Targets, one core: a scene of 150,000 vertices and 40 instances from arrays in at most 0.04 s
(instances) and 0.02 s (semantic); the 312 scenes of the validation split from their text files in
at most 60 s. Processor seconds, so that what else runs hardly matters; the split's also by the
clock. Both ways must give the same figures, else the script fails.

The split is 24 scenes drawn at random, each listed 13 times: its files are read from the disk's
cache. numpy.loadtxt is the peer of reading, and the way that ScanNet's scripts read.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
from common import Table, best, fresh, options, output, processor_time

from seggroup.classes import BENCHMARK18, BENCHMARK20
from seggroup.evaluate.checking import check_submission
from seggroup.evaluate.instance import (
    MIN_VERTICES,
    OVERLAPS,
    Overlap,
    Prediction,
    average_precision,
    evaluate_instance,
)
from seggroup.evaluate.instancefiles import evaluate_instance_files, read_submission
from seggroup.evaluate.pseudo import evaluate_pseudo
from seggroup.evaluate.semantic import confusion, evaluate_semantic, evaluate_semantic_files
from seggroup.evaluate.textfiles import read_integers, read_mask
from seggroup.io.proposals import Proposals, pack_proposals
from seggroup.io.submission import write_instances, write_semantic
from seggroup.types import Labels

DISTINCT = 24  # scenes of the split that differ
SEMANTIC_IDS, INSTANCE_IDS = np.array(BENCHMARK20), np.array(BENCHMARK18)


def loops_semantic(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """The script's confusion: one vertex at a time, its class sought in an array."""
    table = np.zeros((41, 41), np.uint64)
    for t, p in zip(truth, prediction, strict=True):
        if t in SEMANTIC_IDS:
            table[t, p if p in SEMANTIC_IDS else 40] += np.uint64(1)
    return table


def loops_instance(truth: np.ndarray, predictions: list[Prediction]) -> list[list[float]]:
    """The script's associations: a mask of the scene for every truth and prediction of a class."""
    void = ~np.isin(truth // 1000, INSTANCE_IDS)
    table = []
    for c in BENCHMARK18:
        ids = [i for i in np.unique(truth) if i // 1000 == c]
        own = [p for p in predictions if p.label_id == c]
        own = [p for p in own if np.count_nonzero(p.mask) >= MIN_VERTICES]
        size = np.array([np.count_nonzero(truth == i) for i in ids])
        total = np.array([np.count_nonzero(p.mask) for p in own]).reshape(-1, 1)
        inside = [[np.count_nonzero((truth == i) & p.mask) for i in ids] for p in own]
        shared = np.array(inside).reshape(len(own), len(ids))
        on_void = np.array([np.count_nonzero(void & p.mask) for p in own]).reshape(-1)
        ignored = on_void + shared[:, size < MIN_VERTICES].sum(axis=1)
        overlap = Overlap(
            shared / (size + total - shared),
            np.array([p.confidence for p in own]),
            ignored / total[:, 0],
            size >= MIN_VERTICES,
        )
        table.append([average_precision([overlap], t) for t in OVERLAPS])
    return table


def lines(path: Path) -> np.ndarray:
    """Integers as ScanNet's scripts read them."""
    return np.array(path.read_text().splitlines(), np.int64)


def scene(seed: int, vertices: int, instances: int) -> tuple[np.ndarray, Proposals]:
    """Truth ids and proposals that miss a tenth of their instance and take some of others."""
    rng = np.random.default_rng(seed)
    instance = np.sort(rng.integers(0, instances, vertices))
    class_of = rng.choice(BENCHMARK18, instances)
    rows = []
    for i in range(instances):
        mask = ((instance == i) & (rng.random(vertices) < 0.9)) | (rng.random(vertices) < 0.001)
        rows.append((np.flatnonzero(mask), int(class_of[i]), float(rng.random())))
    return class_of[instance] * 1000 + instance + 1, pack_proposals(rows)


def write_split(folder: Path, scenes: int, vertices: int, instances: int) -> None:
    """Text files of a split: truth and predictions of both tasks; some scenes share their files."""
    for kind in ("semantic", "instance"):
        (folder / "truth" / kind).mkdir(parents=True)
    for number in range(scenes):
        name, first = f"scene{number:04d}_00", f"scene{number % DISTINCT:04d}_00"
        if number < DISTINCT:
            truth, proposals = scene(number, vertices, instances)
            guess = np.where(truth % 7 == 0, 5, truth // 1000)
            write_semantic(folder / "truth/semantic", name, truth // 1000)
            write_semantic(folder / "truth/instance", name, truth)
            write_semantic(folder / "prediction/semantic", name, guess)
            write_instances(folder / "prediction/instance", name, proposals, vertices)
        else:
            for kind in ("truth/semantic", "truth/instance", "prediction/semantic"):
                (folder / kind / f"{name}.txt").hardlink_to(folder / kind / f"{first}.txt")
            listed = folder / "prediction/instance" / f"{first}.txt"
            listed.with_stem(name).write_text(listed.read_text())


def arrays(vertices: int, instances: int) -> list[tuple]:
    """Rows: what, ours, loops, ratio, target; on arrays."""
    truth, proposals = scene(0, vertices, instances)
    rng = np.random.default_rng(1)
    predictions = predictions_of(proposals, vertices)
    semantic = truth // 1000
    guess = np.where(rng.random(len(truth)) < 0.3, rng.integers(1, 41, len(truth)), semantic)
    slow = loops_semantic(semantic, guess)[BENCHMARK20, :][:, BENCHMARK20]
    assert (slow == confusion(semantic, guess, BENCHMARK20)[:-1, :-1]).all()
    table = evaluate_instance([(truth, predictions)])["table"]
    np.testing.assert_allclose(table, loops_instance(truth, predictions), atol=1e-12)
    labels = Labels(semantic.astype(np.int32), (truth % 1000).astype(np.int32))
    segments = np.arange(len(truth)) // 70
    return [
        row(
            "instances",
            lambda: evaluate_instance([(truth, predictions)]),
            lambda: loops_instance(truth, predictions),
            0.04,
        ),
        row(
            "… with precision-recall curves",
            lambda: evaluate_instance([(truth, predictions)], details=True),
            None,
            0.04,
        ),
        row(
            "semantic",
            lambda: evaluate_semantic([(semantic, guess)]),
            lambda: loops_semantic(semantic, guess),
            0.02,
        ),
        row("pseudo labels", lambda: evaluate_pseudo([(labels, labels, segments)]), None, None),
    ]


def predictions_of(proposals: Proposals, vertices: int) -> list[Prediction]:
    """Proposals as the evaluator takes them."""
    from seggroup.pipeline.scoring import instances_of_proposals

    return instances_of_proposals(proposals, vertices)


def files(folder: Path, vertices: int) -> list[tuple]:
    """Rows: what, ours, numpy.loadtxt, the scripts' way; on the first scene's text files."""
    truth = folder / "truth/instance/scene0000_00.txt"
    mask = folder / "prediction/instance/predicted_masks/scene0000_00_000.txt"
    listed = folder / "prediction/instance/scene0000_00.txt"
    ids = read_integers(truth)
    assert (ids == lines(truth)).all()
    assert (read_mask(mask, vertices, truth) == (np.loadtxt(mask, np.int64) != 0)).all()

    def masks(read: Callable[[Path], np.ndarray]) -> list[np.ndarray]:
        names = [line.split()[0] for line in listed.read_text().splitlines()]
        return [read(listed.parent / name) != 0 for name in names]

    def timed(name: str, ours: Callable[[], object], read: Callable) -> tuple:
        a = best(ours, 5, clock=processor_time)
        b = best(lambda: read(lambda p: np.loadtxt(p, np.int64)), 1, False, processor_time)
        c = best(lambda: read(lines), 1, False, processor_time)
        return name, a, b, c, b / a, c / a

    return [
        timed("ids of a scene", lambda: read_integers(truth), lambda read: read(truth)),
        timed(
            "its masks",
            lambda: read_submission(listed, listed.parent, truth, vertices),
            lambda read: masks(read),
        ),
    ]


def row(name: str, ours: Callable, loops: Callable | None, target: float | None) -> tuple:
    """Processor seconds of both and their ratio."""
    a = best(ours, clock=processor_time)
    b = None if loops is None else best(loops, 1, clock=processor_time)
    return name, a, b, None if b is None else b / a, target


def split(folder: Path, kind: str) -> tuple[float, float]:
    """Seconds by the clock and of the processor for a split's text files."""
    evaluate = evaluate_semantic_files if kind == "semantic" else evaluate_instance_files
    clock, used = perf_counter(), processor_time()
    evaluate(folder / "truth" / kind, folder / "prediction" / kind)
    return perf_counter() - clock, processor_time() - used


def submission(folder: Path, vertices: int, instances: int) -> list[tuple]:
    """Rows: what, processor seconds; of one scene."""
    _, proposals = scene(0, vertices, instances)
    labels = np.random.default_rng(0).choice(BENCHMARK20, vertices)
    sizes = {"scene0000_00": vertices}

    def timed(name: str, function: Callable[[], object]) -> tuple[str, float]:
        return name, best(function, 3, clock=processor_time)

    return [
        timed("write labels", lambda: write_semantic(folder / "s", "scene0000_00", labels)),
        timed(
            f"write {instances} masks",
            lambda: write_instances(folder / "i", "scene0000_00", proposals, vertices),
        ),
        timed("check labels", lambda: check_submission(folder / "s", "semantic", sizes)),
        timed(
            f"check {instances} masks",
            lambda: check_submission(folder / "i", "instance", sizes),
        ),
    ]


def main() -> None:
    """Measure and print."""
    given = options(
        __doc__,
        vertices={"type": int, "default": 150_000},
        instances={"type": int, "default": 40},
        scenes={"type": int, "default": 312},
    )
    size = given.vertices, given.instances
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_split(folder, given.scenes, *size)
        tables = [
            Table(
                "Processor seconds a scene, from arrays; {:,} vertices, {} instances".format(*size),
                ("", "ours", "loops", "ratio", "target"),
                fresh(arrays, *size, threads=1),
            ),
            Table(
                "Processor seconds to read text files",
                ("", "ours", "numpy.loadtxt", "splitlines", "ratio", "ratio"),
                fresh(files, folder, given.vertices, threads=1),
            ),
            Table(
                f"{given.scenes} scenes from text files, one process, one thread",
                ("", "seconds by the clock", "processor seconds", "target"),
                [(k, *fresh(split, folder, k, threads=1), 60) for k in ("instance", "semantic")],
            ),
            Table(
                "Submission of a scene",
                ("", "processor seconds"),
                fresh(submission, folder, *size, threads=1),
            ),
        ]
    output(tables, given.json)


if __name__ == "__main__":
    main()
