"""ScanNet's semantic benchmark (EVALUATION.md; paper 4.3): IoU per class, pooled over scenes.

A vertex whose true class is not among the evaluated ones is skipped; a prediction outside them
on a counted vertex is a false negative of the true class. A class in neither is NaN.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int64

from seggroup.classes import BENCHMARK20, class_name
from seggroup.evaluate.textfiles import read_integers, read_vertices, scene_files

# Scenes differ in size, hence "_": an axis of any length.
Pair = tuple[Int[np.ndarray, " _"], Int[np.ndarray, " _"]]


def evaluate_semantic(
    pairs: Iterable[Pair],
    classes: Sequence[int] = BENCHMARK20,
    names: Callable[[int], str] = class_name,
    details: bool = False,
) -> dict:
    """The benchmark's figures from (truth, prediction) class ids of each scene.

    -> {"miou": mean over the classes that occur, "iou" | "tp" | "denom": {class name: value}};
    with `details` also "confusion": {"classes": names, "vertices": rows truth, columns predicted,
    a last column for every other prediction}.
    """
    pooled = np.zeros((len(classes) + 1, len(classes) + 1), np.int64)
    for truth, prediction in pairs:
        pooled += confusion(truth, prediction, classes)
    pooled = pooled[:-1]  # skip the vertices of other true classes
    hits = np.diagonal(pooled)
    union = pooled.sum(axis=1) + pooled[:, :-1].sum(axis=0) - hits
    iou = ratio(hits, union)
    named = [names(i) for i in classes]
    result = {
        "miou": mean(iou),
        "iou": dict(zip(named, iou.tolist(), strict=True)),
        "tp": dict(zip(named, hits.tolist(), strict=True)),
        "denom": dict(zip(named, union.tolist(), strict=True)),
    }
    if details:
        result["confusion"] = {"classes": named, "vertices": pooled.tolist()}
    return result


def confusion(
    truth: Int[np.ndarray, " v"], prediction: Int[np.ndarray, " v"], classes: Sequence[int]
) -> Int64[np.ndarray, "k k"]:
    """Vertices by (true, predicted) class, k = classes + 1; the last row and column: any other."""
    k = len(classes) + 1
    pairs = rank(truth, classes) * k + rank(prediction, classes)
    return np.bincount(pairs, minlength=k * k).reshape(k, k)


def rank(
    ids: Int[np.ndarray, " v"], among: Sequence[int] | Int[np.ndarray, " k"]
) -> Int64[np.ndarray, " v"]:
    """The position of each id in `among` (ids from 0); len(among) where it is not there."""
    known = np.asarray(among, np.int64)
    table = np.full(known.max(initial=0) + 2, len(known))  # its last entry: any larger id
    table[known] = np.arange(len(known))
    # As unsigned numbers negative ids are large, so that one comparison bounds both ends.
    unsigned = ids.astype(np.int64, copy=False).view(np.uint64)
    return table[np.minimum(unsigned, len(table) - 1).view(np.int64)]


def ratio(part: Int64[np.ndarray, " k"], whole: Int64[np.ndarray, " k"]) -> np.ndarray:
    """part / whole, NaN where whole is 0."""
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def mean(values: np.ndarray) -> float:
    """The mean of what is not NaN; NaN where nothing is left."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if len(kept) else float("nan")


def evaluate_semantic_files(
    truth_dir: Path,
    prediction_dir: Path,
    classes: Sequence[int] = BENCHMARK20,
    names: Callable[[int], str] = class_name,
    details: bool = False,
) -> dict:
    """The benchmark on folders of `<scene>.txt`, one class id a line for each vertex."""

    def read(truth_file: Path, prediction_file: Path) -> Pair:
        truth = read_integers(truth_file)
        return truth, read_vertices(prediction_file, len(truth), truth_file)

    files = scene_files(truth_dir, prediction_dir)
    return evaluate_semantic((read(*pair) for pair in files), classes, names, details)
