"""ScanNet's instance benchmark (EVALUATION.md; paper 4.2): average precision per class.

Letters: p predictions and g true instances of one class in one scene, t overlap thresholds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, Int64

from seggroup.classes import BENCHMARK18, class_name
from seggroup.errors import InputError
from seggroup.evaluate.semantic import mean, rank
from seggroup.evaluate.textfiles import read_integers, read_vertices, scene_files

OVERLAPS = np.append(np.arange(0.5, 0.95, 0.05), 0.25)  # as the script builds them: nine, and 0.25
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


Instances = tuple[Int[np.ndarray, " _"], Sequence[Prediction]]  # "_": scenes differ in size


def evaluate_instance(scenes: Iterable[Instances], classes: Sequence[int] = BENCHMARK18) -> dict:
    """The benchmark's figures from (truth, predictions) of each scene.

    truth is class * 1000 + instance a vertex; classes outside `classes` are void.
    -> {"ap" | "ap50" | "ap25", "overlaps", "classes": {name: the three}, "table": class x overlap}
    """
    found: list[list[Overlap]] = [[] for _ in classes]
    for truth, predictions in scenes:
        for row, overlap in zip(found, overlaps(truth, predictions, classes), strict=True):
            row.append(overlap)
    table = np.array([[average_precision(row, t) for t in OVERLAPS] for row in found])
    table = table.reshape(len(classes), len(OVERLAPS))
    strict, half, quarter = table[:, :-1], table[:, 0], table[:, -1]
    return {
        "ap": mean(strict),
        "ap50": mean(half),
        "ap25": mean(quarter),
        "overlaps": OVERLAPS.tolist(),
        "classes": {
            class_name(i): {"ap": float(a.mean()), "ap50": float(b), "ap25": float(c)}
            for i, a, b, c in zip(classes, strict, half, quarter, strict=True)
        },
        "table": table.tolist(),
    }


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
    """The instance ids that occur, ascending, 0 for everything void, and each vertex's place."""
    every = np.arange(1000 * (max(classes) + 1))
    every = every[rank(every // 1000, classes) < len(classes)]
    place = rank(truth, every)  # len(every) where void
    occurs = np.bincount(place, minlength=len(every) + 1)[:-1] > 0
    renumber = np.append(np.where(occurs, np.cumsum(occurs), 0), 0)
    return np.append(0, every[occurs]), renumber[place]


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
    truths = np.flatnonzero(ids // 1000 == class_id)
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
    if not any(scene.counted.any() for scene in scenes):
        return float("nan")
    matches = [match(scene, threshold) for scene in scenes]
    hits = np.concatenate([np.array(hits, float) for hits, _, _ in matches])
    misfires = np.concatenate([np.array(misfires, float) for _, misfires, _ in matches])
    return area(hits, misfires, missed=sum(missed for _, _, missed in matches))


def match(scene: Overlap, threshold: float) -> tuple[list[float], list[float], int]:
    """Scores of the true and of the false positives, and how many true instances no one found.

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
    misfires += scene.score[stray].tolist()
    return list(hits.values()), misfires, int(scene.counted.sum()) - len(hits)


def area(hits: Float[np.ndarray, " a"], misfires: Float[np.ndarray, " b"], missed: int) -> float:
    """Precision over recall at each distinct score, by central differences (no envelope)."""
    if len(hits) + len(misfires) == 0:
        return 0.0
    scores, place = np.unique(np.append(hits, misfires), return_inverse=True)
    true = np.bincount(place[: len(hits)], minlength=len(scores))
    above = np.cumsum(np.bincount(place, minlength=len(scores))[::-1])[::-1]
    true_above = np.cumsum(true[::-1])[::-1]
    precision = np.append(true_above / above, 1.0)
    recall = np.append(true_above / (len(hits) + missed), 0.0)
    steps = np.convolve(np.concatenate([recall[:1], recall, [0.0]]), [-0.5, 0, 0.5], "valid")
    return float(precision @ steps)


def evaluate_instance_files(truth_dir: Path, prediction_dir: Path) -> dict:
    """The benchmark on its text files: truth ids a vertex, and submissions with mask files."""

    def read(truth_file: Path, prediction_file: Path) -> Instances:
        truth = read_integers(truth_file)
        return truth, read_submission(prediction_file, Path(prediction_dir), truth_file, len(truth))

    return evaluate_instance(read(*files) for files in scene_files(truth_dir, prediction_dir))


def read_submission(path: Path, root: Path, truth_file: Path, count: int) -> list[Prediction]:
    """The predictions that `<scene>.txt` lists: mask file, class id and confidence a line.

    Mask files are named relative to `path` and must lie inside `root`; each holds a number for
    each of the `count` vertices, not 0 inside. Of a mask named twice the last line counts.
    """
    listed: dict[Path, tuple[int, float]] = {}
    for number, line in enumerate(_lines(path), start=1):
        try:
            name, label, confidence = line.split()
            entry = int(float(label)), float(confidence)
            if not np.isfinite(entry[1]):
                raise ValueError
        except (ValueError, OverflowError) as error:
            raise InputError(
                f"{path}: line {number} is not '<mask file> <class id> <confidence>'"
            ) from error
        mask = (path.parent / name).resolve()
        if Path(name).is_absolute() or not mask.is_relative_to(root.resolve()):
            raise InputError(
                f"{path}: line {number}: the mask {name} lies outside {root}; keep masks inside it"
            )
        listed[mask] = entry
    return [
        Prediction(label, confidence, read_vertices(mask, count, truth_file) != 0)
        for mask, (label, confidence) in listed.items()
    ]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from error
