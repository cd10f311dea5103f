"""Predicted labels on disk scored by ScanNet's rules, with the truth of their scenes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int64

from seggroup.classes import BENCHMARK18, BENCHMARK20, class_name
from seggroup.errors import InputError
from seggroup.evaluate.instance import Instances, Prediction, evaluate_instance
from seggroup.evaluate.semantic import Pair, evaluate_semantic, rank
from seggroup.io.classlist import ClassList
from seggroup.io.proposals import Proposals, read_proposals
from seggroup.io.relisting import read_listed, relisted
from seggroup.io.scenes import Source, read_source
from seggroup.io.store import labels_file, proposals_file, read_class_names
from seggroup.pipeline.labels import labels_folder
from seggroup.types import NONE, Labels

_NUMBERS = 999  # instance numbers that class * 1000 + number has room for


def score_semantic(
    sources: Sequence[Source],
    folder: Path,
    classes: Sequence[int] = BENCHMARK20,
    names: Callable[[int], str] = class_name,
    details: bool = False,
) -> dict:
    """The semantic benchmark's figures (`evaluate_semantic`) of the labels `<scene>.npz`.

    Scenes are read one at a time. Raises InputError for a scene without truth or labels.
    """

    def pairs() -> Iterator[Pair]:
        for truth, predicted, _ in _scenes(sources, folder):
            yield truth.semantic, predicted.semantic

    return evaluate_semantic(pairs(), classes, names, details)


def score_instance(
    sources: Sequence[Source],
    folder: Path,
    classes: Sequence[int] = BENCHMARK20,
    things: Sequence[int] = BENCHMARK18,
    names: Callable[[int], str] = class_name,
    details: bool = False,
) -> dict:
    """The instance benchmark's figures (`evaluate_instance`) of labels and proposals.

    A scene's predictions are those of `<scene>.proposals.npz` where it is there; else the
    instances of `<scene>.npz`. `things` are evaluated, the other `classes` are void.
    """

    def scenes() -> Iterator[Instances]:
        for truth, predicted, proposals in _scenes(sources, folder):
            ids = benchmark_ids(truth)
            if proposals is None:
                yield ids, instances_of_labels(predicted, classes)
            else:
                yield ids, instances_of_proposals(proposals, len(ids))

    return evaluate_instance(scenes(), things, names, details)


def _scenes(
    sources: Sequence[Source], folder: Path
) -> Iterator[tuple[Labels, Labels, Proposals | None]]:
    """Truth, labels and proposals (None: no such file) of each scene."""
    folder = labels_folder(Path(folder))
    for source in sources:
        scan, _, truth = read_source(source, True)
        if truth is None:
            raise InputError(f"{source.scan}: has no ground truth to score by; evaluate needs it")
        path, count = labels_file(folder, source.name), len(scan.vertices)
        if not path.exists():
            raise InputError(f"{path}: no labels of this scene; make them with `seggroup predict`")
        proposals = proposals_file(folder, source.name)
        listed = source.reading.classes
        found = _proposals(proposals, count, listed) if proposals.exists() else None
        yield truth, read_listed(path, count, listed)[0], found


def _proposals(path: Path, size: int, classes: ClassList | None) -> Proposals:
    """The proposals of a scene with the ids of the class list."""
    found, names = read_proposals(path, size), read_class_names(path)
    if names is None:
        return found
    labels = Labels(found.semantic, np.zeros(len(found), np.int32))
    return replace(found, semantic=relisted(path, labels, names, classes)[0].semantic)


def benchmark_ids(truth: Labels) -> Int64[np.ndarray, " v"]:
    """class * 1000 + instance + 1 a vertex (FORMATS.md), 0 without class or instance.

    Where an instance's number does not fit, all are numbered anew in their order. Raises
    InputError for more than 999 instances.
    """
    known = (truth.semantic != NONE) & (truth.instance != NONE)
    number = truth.instance.astype(np.int64) + 1
    if number.max(initial=0) > _NUMBERS:
        present, place = np.unique(number[known], return_inverse=True)
        if len(present) > _NUMBERS:
            raise InputError(f"a scene has {len(present)} instances; at most 999 can be scored")
        number[known] = place + 1
    return np.where(known, truth.semantic.astype(np.int64) * 1000 + number, 0)


def instances_of_labels(labels: Labels, classes: Sequence[int] = BENCHMARK20) -> list[Prediction]:
    """The instances of labels: the commonest of `classes` in each, scored by mean confidence.

    Of equally common classes the first in `classes` is taken; an instance with none is left out.
    A confidence that is no number counts as 0.
    """
    numbers, place = _compact(labels.instance)
    votes = np.zeros((len(numbers), len(classes) + 1), np.int64)
    inside = place >= 0
    np.add.at(votes, (place[inside], rank(labels.semantic[inside], classes)), 1)
    if labels.confidence is None:
        score = np.ones(len(numbers))
    else:
        weights = np.nan_to_num(labels.confidence[inside].astype(float), posinf=1, neginf=0)
        total = np.bincount(place[inside], weights, minlength=len(numbers))
        score = total / votes.sum(axis=1)
    votes = votes[:, :-1]
    return [
        Prediction(int(classes[votes[i].argmax()]), float(score[i]), place == i)
        for i in np.flatnonzero(votes.any(axis=1)).tolist()
    ]


def _compact(
    instance: Int[np.ndarray, " v"],
) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " v"]]:
    """The instance numbers that occur, ascending, and each vertex's place among them; -1: none."""
    numbers, place = np.unique(instance.astype(np.int64), return_inverse=True)
    skipped = int((numbers < 0).sum())
    return numbers[skipped:], np.maximum(place - skipped, -1)


def instances_of_proposals(proposals: Proposals, n_vertices: int) -> list[Prediction]:
    """The proposals as the evaluator takes them, in their order."""
    predictions = []
    for i, (semantic, score) in enumerate(
        zip(proposals.semantic.tolist(), proposals.score.tolist(), strict=True)
    ):
        mask = np.zeros(n_vertices, bool)
        mask[proposals.points(i)] = True
        predictions.append(Prediction(semantic, score, mask))
    return predictions
