"""Pseudo labels against the truth (EVALUATION.md; paper 4.1, table 1).

Counted are the vertices with a true class; in a scene whose truth knows no classes, those with a
true instance, and its semantic figures stay out. Unlabelled vertices count as wrong. Predicted
and true instances pair by their number, as a click names an instance by it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Float64, Int, Int64

from seggroup.classes import BENCHMARK20, STUFF, class_name
from seggroup.evaluate.semantic import mean, rank, ratio
from seggroup.types import NONE, Labels

BINS = 15  # of equal width, for the expected calibration error

Scored = tuple[Labels, Labels, Int[np.ndarray, " _"] | None]  # truth, prediction, segments


@dataclass(frozen=True)
class PseudoCounts:
    """Sums over the counted vertices of any number of scenes; they add, and are divided last.

    classed          : counted vertices with a true class
    semantic_right   : … whose predicted class is the true one
    semantic_hits    : per class, intersection of prediction and truth; `…_union` their union
    points           : counted vertices
    labelled         : … that carry a predicted instance
    instance_right   : … whose predicted instance is the true one
    instance_hits    : per predicted instance's class, its intersection with the true instance of
                       its number; `…_union` the union
    instances, ious  : true instances, and the sum of their IoU (0 where not predicted)
    segmented        : counted vertices in scenes whose segments are known
    instance_pure    : … whose instance is the commonest of their segment
    class_segmented, semantic_pure : the same of those with a true class
    rated            : per bin of the confidence, labelled vertices that have one
    rated_right      : … whose instance is right; `confidence` is the sum of theirs
    """

    classed: int
    semantic_right: int
    semantic_hits: Int64[np.ndarray, " k"]
    semantic_union: Int64[np.ndarray, " k"]
    points: int
    labelled: int
    instance_right: int
    instance_hits: Int64[np.ndarray, " k"]
    instance_union: Int64[np.ndarray, " k"]
    instances: int
    ious: float
    segmented: int
    instance_pure: int
    class_segmented: int
    semantic_pure: int
    rated: Int64[np.ndarray, " b"]
    rated_right: Int64[np.ndarray, " b"]
    confidence: Float64[np.ndarray, " b"]

    def __add__(self, other: "PseudoCounts") -> "PseudoCounts":
        both = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return PseudoCounts(*(a + b for a, b in both))


def evaluate_pseudo(scenes: Iterable[Scored], classes: Sequence[int] = BENCHMARK20) -> dict:
    """Every figure of the pseudo labels, pooled over scenes; NaN where it has no ground."""
    total = None
    for truth, predicted, segments in scenes:
        counts = count(truth, predicted, segments, classes)
        total = counts if total is None else total + counts
    if total is None:
        raise ValueError("no scene to evaluate")
    return figures(total, classes)


def count(
    truth: Labels,
    predicted: Labels,
    segments: Int[np.ndarray, " v"] | None,
    classes: Sequence[int] = BENCHMARK20,
) -> PseudoCounts:
    """The sums of one scene."""
    classed = truth.semantic != NONE
    counted = classed if classed.any() else truth.instance != NONE
    truth, predicted = truth.at(np.flatnonzero(counted)), predicted.at(np.flatnonzero(counted))
    if segments is not None:
        segments = segments[counted]
    semantic_right = (predicted.semantic == truth.semantic) & (truth.semantic != NONE)
    instance_right = (predicted.instance == truth.instance) & (truth.instance != NONE)
    semantic_hits, semantic_union = _pairs(truth.semantic, predicted.semantic, max(classes) + 1)
    size = 1 + max(truth.instance.max(initial=0), predicted.instance.max(initial=0))
    hits, union = _pairs(truth.instance, predicted.instance, int(size))
    class_of, number = _classes(predicted, classes)
    true_ids = np.unique(truth.instance[truth.instance != NONE])
    labelled = predicted.instance != NONE
    rated, rated_right, confidence = _calibration(predicted, labelled, instance_right)
    k = len(classes)
    return PseudoCounts(
        classed=int((truth.semantic != NONE).sum()),
        semantic_right=int(semantic_right.sum()),
        semantic_hits=semantic_hits[list(classes)] * classed.any(),
        semantic_union=semantic_union[list(classes)] * classed.any(),
        points=len(truth),
        labelled=int(labelled.sum()),
        instance_right=int(instance_right.sum()),
        instance_hits=_sums(class_of, hits[number], k + 1)[:k],
        instance_union=_sums(class_of, union[number], k + 1)[:k],
        instances=len(true_ids),
        ious=float((hits[true_ids] / union[true_ids]).sum()),
        segmented=0 if segments is None else len(truth),
        instance_pure=0 if segments is None else in_commonest(segments, truth.instance),
        class_segmented=0 if segments is None else int((truth.semantic != NONE).sum()),
        semantic_pure=0 if segments is None else in_commonest(segments, truth.semantic),
        rated=rated,
        rated_right=rated_right,
        confidence=confidence,
    )


def _pairs(
    truth: Int[np.ndarray, " v"], predicted: Int[np.ndarray, " v"], size: int
) -> tuple[Int64[np.ndarray, " k"], Int64[np.ndarray, " k"]]:
    """Vertices that truth and prediction share, and those of either, for every id below size."""

    def number(ids: np.ndarray) -> np.ndarray:
        return np.bincount(ids[(ids >= 0) & (ids < size)], minlength=size)

    shared = number(truth[truth == predicted])
    return shared, number(truth) + number(predicted) - shared


def _classes(
    predicted: Labels, classes: Sequence[int]
) -> tuple[Int64[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """The commonest class (its place in `classes`) and the number of each predicted instance."""
    labelled = predicted.instance != NONE
    number, place = np.unique(predicted.instance[labelled], return_inverse=True)
    width = len(classes) + 1
    votes = place * width + rank(predicted.semantic[labelled], classes)
    table = np.bincount(votes, minlength=len(number) * width).reshape(-1, width)
    return table.argmax(axis=1), number


def _sums(
    index: Int64[np.ndarray, " n"], values: Int64[np.ndarray, " n"], size: int
) -> Int64[np.ndarray, " k"]:
    total = np.zeros(size, np.int64)
    np.add.at(total, index, values)
    return total


def in_commonest(segments: Int[np.ndarray, " v"], ids: Int[np.ndarray, " v"]) -> int:
    """How many vertices carry the commonest id of their segment, `NONE` aside."""
    segments, ids = segments[ids != NONE], ids[ids != NONE].astype(np.int64)
    if len(ids) == 0:
        return 0
    width = int(ids.max()) + 1
    pair, votes = np.unique(segments * width + ids, return_counts=True)
    return int(np.maximum.reduceat(votes, np.unique(pair // width, return_index=True)[1]).sum())


def _calibration(
    predicted: Labels, labelled: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per bin of the confidence: labelled vertices, right ones, and the sum of confidence."""
    if predicted.confidence is None:
        labelled = np.zeros_like(labelled)
        confidence = np.zeros(0)
    else:
        confidence = predicted.confidence[labelled].astype(float)
    place = np.clip((confidence * BINS).astype(np.int64), 0, BINS - 1)
    return (
        np.bincount(place, minlength=BINS),
        np.bincount(place[right[labelled]], minlength=BINS),
        np.bincount(place, weights=confidence, minlength=BINS).astype(float),  # int if empty
    )


def figures(
    counts: PseudoCounts,
    classes: Sequence[int] = BENCHMARK20,
    stuff: Sequence[int] = STUFF,
    name: Callable[[int], str] = class_name,
) -> dict:
    """The sums divided. Means run over the classes that occur; shares are of counted vertices.

    stuff : the classes that have no instances to score
    """

    def share(part: int | float, whole: int) -> float:
        return part / whole if whole else float("nan")

    semantic = ratio(counts.semantic_hits, counts.semantic_union)
    instance = ratio(counts.instance_hits, counts.instance_union)
    instance[np.isin(classes, stuff)] = np.nan
    names = [name(i) for i in classes]
    gap = float(np.abs(counts.rated_right - counts.confidence).sum())
    return {
        "semantic_miou": mean(semantic),
        "instance_miou": mean(instance),
        "semantic_accuracy": share(counts.semantic_right, counts.classed),
        "instance_accuracy": share(counts.instance_right, counts.points),
        "instance_iou_all": share(counts.ious, counts.instances),
        "coverage": share(counts.labelled, counts.points),
        "purity": share(counts.instance_pure, counts.segmented),
        "semantic_purity": share(counts.semantic_pure, counts.class_segmented),
        "accuracy_labelled": share(counts.instance_right, counts.labelled),
        "ece": share(gap, int(counts.rated.sum())),
        "points": counts.points,
        "labelled": counts.labelled,
        "instances": counts.instances,
        "semantic_iou": dict(zip(names, semantic.tolist(), strict=True)),
        "instance_iou": {
            name: value
            for i, name, value in zip(classes, names, instance.tolist(), strict=True)
            if i not in stuff
        },
    }


def jsonable(value: Any) -> Any:
    """The same figures as JSON can hold them: null for NaN, plain numbers for numpy's."""
    if isinstance(value, dict):
        return {key: jsonable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [jsonable(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
