"""Time of the benchmark evaluators beside loops as ScanNet's scripts write them.

python benchmarks/evaluate.py [--vertices 150000] [--instances 40]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seggroup.classes import BENCHMARK18, BENCHMARK20
from seggroup.evaluate.instance import (
    MIN_VERTICES,
    OVERLAPS,
    Overlap,
    Prediction,
    average_precision,
    evaluate_instance,
)
from seggroup.evaluate.pseudo import evaluate_pseudo
from seggroup.evaluate.semantic import confusion, evaluate_semantic
from seggroup.evaluate.textfiles import read_integers
from seggroup.types import Labels


def loops_semantic(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """The script's confusion: one vertex at a time."""
    table = np.zeros((41, 41), np.int64)
    for t, p in zip(truth.tolist(), prediction.tolist(), strict=True):
        if t in BENCHMARK20:
            table[t, p if p in BENCHMARK20 else 0] += 1
    return table


def loops_instance(truth: np.ndarray, predictions: list[Prediction]) -> list[list[float]]:
    """The script's associations: a mask of the scene for every truth and prediction of a class."""
    void = ~np.isin(truth // 1000, BENCHMARK18)
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


def scene(rng: np.random.Generator, vertices: int, instances: int) -> tuple:
    """Truth ids and predictions that miss a tenth of their instance and take some of others."""
    instance = np.sort(rng.integers(0, instances, vertices))
    class_of = rng.choice(BENCHMARK20, instances)
    predictions = [
        Prediction(
            int(class_of[i]),
            float(rng.random()),
            ((instance == i) & (rng.random(vertices) < 0.9)) | (rng.random(vertices) < 0.001),
        )
        for i in range(instances)
    ]
    return class_of[instance] * 1000 + instance + 1, predictions


def seconds(function: Callable[[], object], repeats: int = 5) -> float:
    """The best of some runs, after one to warm up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Measure, check that both ways agree, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vertices", type=int, default=150_000)
    parser.add_argument("--instances", type=int, default=40)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    truth, predictions = scene(rng, options.vertices, options.instances)
    semantic = truth // 1000
    guess = np.where(rng.random(len(truth)) < 0.3, rng.integers(1, 41, len(truth)), semantic)
    slow = loops_semantic(semantic, guess)[list(BENCHMARK20)][:, list(BENCHMARK20)]
    assert (slow == confusion(semantic, guess, BENCHMARK20)[:-1, :-1]).all()
    table = evaluate_instance([(truth, predictions)])["table"]
    np.testing.assert_allclose(table, loops_instance(truth, predictions), atol=1e-12)
    labels = Labels(semantic.astype(np.int32), (truth % 1000).astype(np.int32))
    segments = np.arange(len(truth)) // 70
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ids.txt"
        path.write_text("".join(f"{i}\n" for i in truth))
        rows = [
            (
                "semantic benchmark",
                seconds(lambda: evaluate_semantic([(semantic, guess)])),
                seconds(lambda: loops_semantic(semantic, guess), 2),
            ),
            (
                "instance benchmark",
                seconds(lambda: evaluate_instance([(truth, predictions)])),
                seconds(lambda: loops_instance(truth, predictions), 2),
            ),
            (
                "reading a text file",
                seconds(lambda: read_integers(path)),
                seconds(lambda: np.array(path.read_text().splitlines(), np.int64), 2),
            ),
            (
                "pseudo labels",
                seconds(lambda: evaluate_pseudo([(labels, labels, segments)])),
                float("nan"),
            ),
        ]
    print(f"{options.vertices} vertices, {options.instances} instances")
    print(f"{'':22}{'ours, ms':>10}{'loops, ms':>11}{'ratio':>8}")
    for name, ours, loops in rows:
        beside = f"{1e3 * loops:11.1f}{loops / ours:8.1f}" if loops == loops else f"{'–':>11}"
        print(f"{name:22}{1e3 * ours:10.1f}{beside}")


if __name__ == "__main__":
    main()
