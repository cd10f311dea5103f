"""ScanNet's instance benchmark (EVALUATION.md; paper 4.2): average precision per class.

Letters: p predictions and g true instances of one class in one scene, t overlap thresholds.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Int64

from seggroup.classes import BENCHMARK18, class_name
from seggroup.evaluate.semantic import mean, rank

OVERLAPS = np.append(np.arange(0.5, 0.95, 0.05), 0.25)  # as the script builds them: nine, and 0.25
CURVES = (0.25, 0.5)  # overlaps whose precision-recall curves are kept
MIN_VERTICES = 100  # smaller true instances need not be found, smaller predictions are dropped


@dataclass(frozen=True)
class Prediction:
    """A predicted instance: its class, how sure the model is, and whose vertices it claims."""

    label_id: int
    confidence: float
    mask: Bool[np.ndarray, " v"]


@dataclass(frozen=True)
class Overlap:
    """What the predictions of one class share with the truth of one scene.

    iou     : of every prediction with every true instance of the class, ids ascending
    score   : confidence of every prediction, in the order of the file
    ignored : share of every prediction that lies on void or on ignored truth of its class
    counted : the true instances that must be found
    """

    iou: Float[np.ndarray, "p g"]
    score: Float[np.ndarray, " p"]
    ignored: Float[np.ndarray, " p"]
    counted: Bool[np.ndarray, " g"]


@dataclass(frozen=True)
class Matches:
    """Scores of the true and of the false positives of one class, and truths no one found."""

    hits: Float[np.ndarray, " a"]
    misfires: Float[np.ndarray, " b"]
    missed: int


@dataclass(frozen=True)
class Curve:
    """Precision and recall of the predictions from each distinct score up; the last: of none."""

    score: Float[np.ndarray, " n"]
    precision: Float[np.ndarray, " m"]
    recall: Float[np.ndarray, " m"]


Instances = tuple[Int[np.ndarray, " _"], Sequence[Prediction]]  # "_": scenes differ in size


def evaluate_instance(
    scenes: Iterable[Instances],
    classes: Sequence[int] = BENCHMARK18,
    names: Callable[[int], str] = class_name,
    details: bool = False,
) -> dict:
    """The benchmark's figures from (truth, predictions) of each scene.

    truth is class * 1000 + instance a vertex; classes outside `classes` are void.
    -> {"ap" | "ap50" | "ap25", "overlaps", "classes": {name: the three}, "table": class x overlap};
    with `details` also "curves" (`pr_curves`).
    """
    found: list[list[Overlap]] = [[] for _ in classes]
    for truth, predictions in scenes:
        for row, overlap in zip(found, overlaps(truth, predictions, classes), strict=True):
            row.append(overlap)
    table = np.array([[average_precision(row, t) for t in OVERLAPS] for row in found])
    table = table.reshape(len(classes), len(OVERLAPS))
    strict, half, quarter = table[:, :-1], table[:, 0], table[:, -1]
    result = {
        "ap": mean(strict),
        "ap50": mean(half),
        "ap25": mean(quarter),
        "overlaps": OVERLAPS.tolist(),
        "classes": {
            names(i): {"ap": float(a.mean()), "ap50": float(b), "ap25": float(c)}
            for i, a, b, c in zip(classes, strict, half, quarter, strict=True)
        },
        "table": table.tolist(),
    }
    if details:
        rows = zip(classes, found, strict=True)
        result["curves"] = {names(i): pr_curves(row) for i, row in rows if _occurs(row)}
    return result


def overlaps(
    truth: Int[np.ndarray, " v"], predictions: Sequence[Prediction], classes: Sequence[int]
) -> list[Overlap]:
    """What predictions and truth of one scene share, for each class."""
    ids, vertex_id = _numbered(truth, classes)
    size = np.bincount(vertex_id, minlength=len(ids))
    kept = [
        (prediction, np.bincount(vertex_id[prediction.mask], minlength=len(ids)))
        for prediction in predictions
        if prediction.label_id in classes and np.count_nonzero(prediction.mask) >= MIN_VERTICES
    ]
    return [_overlap(class_id, ids, size, kept) for class_id in classes]


def _numbered(
    truth: Int[np.ndarray, " v"], classes: Sequence[int]
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " v"]]:
    """The instance ids that occur, 0 for everything void, and each vertex's place among them.

    Ids of one class ascend; classes follow in their order in `classes`.
    """
    class_of, number = np.divmod(truth.astype(np.int64, copy=False), 1000)
    place = rank(class_of, classes) * 1000 + number  # from len(classes) * 1000 where void
    void = len(classes) * 1000
    place = np.minimum(place, void)
    occurs = np.bincount(place, minlength=void + 1)[:-1] > 0
    renumber = np.append(np.where(occurs, np.cumsum(occurs), 0), 0)
    position, number = np.divmod(np.flatnonzero(occurs), 1000)
    ids = np.asarray(classes, np.int64)[position] * 1000 + number
    return np.append(0, ids), renumber[place]


def _overlap(
    class_id: int,
    ids: Int64[np.ndarray, " n"],
    size: Int64[np.ndarray, " n"],
    kept: list[tuple[Prediction, Int64[np.ndarray, " n"]]],
) -> Overlap:
    """The overlap of one class; `kept` pairs predictions with their vertices per true id."""
    own = [(prediction, shared) for prediction, shared in kept if prediction.label_id == class_id]
    shared = np.array([shared for _, shared in own], np.int64).reshape(len(own), len(ids))
    total = shared.sum(axis=1)
    truths = 1 + np.flatnonzero(ids[1:] // 1000 == class_id)
    counted = size[truths] >= MIN_VERTICES
    inside = shared[:, truths]
    return Overlap(
        iou=inside / (size[truths] + total[:, None] - inside),
        score=np.array([prediction.confidence for prediction, _ in own], float),
        ignored=(shared[:, 0] + inside[:, ~counted].sum(axis=1)) / total,
        counted=counted,
    )


def average_precision(scenes: Sequence[Overlap], threshold: float) -> float:
    """The area under the precision-recall curve of one class; NaN without truth."""
    return area(curve(pooled(scenes, threshold))) if _occurs(scenes) else float("nan")


def _occurs(scenes: Sequence[Overlap]) -> bool:
    """Whether there is an instance of the class that must be found."""
    return any(scene.counted.any() for scene in scenes)


def pr_curves(scenes: Sequence[Overlap]) -> dict[str, dict]:
    """One class's curves and counts by overlap ("0.25", "0.5"), as plain lists.

    precision and recall have one entry more than score: the artificial last point.
    """
    curves = {}
    for threshold in CURVES:
        matches = pooled(scenes, threshold)
        points = curve(matches)
        curves[str(threshold)] = {
            "score": points.score.tolist(),
            "precision": points.precision.tolist(),
            "recall": points.recall.tolist(),
            "hits": len(matches.hits),
            "misfires": len(matches.misfires),
            "missed": matches.missed,
        }
    return curves


def pooled(scenes: Sequence[Overlap], threshold: float) -> Matches:
    """The matches of all scenes together."""
    found = [match(scene, threshold) for scene in scenes]
    return Matches(
        np.concatenate([matches.hits for matches in found]),
        np.concatenate([matches.misfires for matches in found]),
        sum(matches.missed for matches in found),
    )


def match(scene: Overlap, threshold: float) -> Matches:
    """What the predictions of one scene find.

    The first prediction in file order claims a true instance; of a later one on the same truth
    the lower of the two scores is a false positive, and it may still claim another truth.
    """
    over = scene.iou > threshold
    hits: dict[int, float] = {}
    misfires: list[float] = []
    taken = set()
    for g, p in np.argwhere((over & scene.counted).T).tolist():
        score = float(scene.score[p])
        if p in taken:
            continue
        if g in hits:
            misfires.append(min(hits[g], score))
            hits[g] = max(hits[g], score)
        else:
            hits[g] = score
            taken.add(p)
    stray = ~over.any(axis=1) & (scene.ignored <= threshold)
    return Matches(
        np.array(list(hits.values()), float),
        np.append(np.array(misfires, float), scene.score[stray]),
        int(scene.counted.sum()) - len(hits),
    )


def curve(matches: Matches) -> Curve:
    """Precision and recall from each distinct score up, and the script's last point (1, 0).

    For a class with truth; without any prediction the curve is that point alone.
    """
    hits, misfires = matches.hits, matches.misfires
    scores, place = np.unique(np.append(hits, misfires), return_inverse=True)
    true = np.bincount(place[: len(hits)], minlength=len(scores))
    above = np.cumsum(np.bincount(place, minlength=len(scores))[::-1])[::-1]
    true_above = np.cumsum(true[::-1])[::-1]
    return Curve(
        scores,
        np.append(true_above / above, 1.0),
        np.append(true_above / max(len(hits) + matches.missed, 1), 0.0),
    )


def area(points: Curve) -> float:
    """Precision over recall by central differences (no envelope)."""
    recall = points.recall
    steps = np.convolve(np.concatenate([recall[:1], recall, [0.0]]), [-0.5, 0, 0.5], "valid")
    return float(points.precision @ steps)
