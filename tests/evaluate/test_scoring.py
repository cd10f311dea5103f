"""Labels and proposals on disk scored with the truth of their scenes."""

import numpy as np
import pytest

from seggroup.errors import InputError
from seggroup.evaluate.instance import evaluate_instance
from seggroup.evaluate.semantic import evaluate_semantic
from seggroup.io.ply import write_ply
from seggroup.io.proposals import pack_proposals, write_proposals
from seggroup.io.scenes import find_scenes
from seggroup.io.store import write_labels
from seggroup.pipeline.scoring import (
    benchmark_ids,
    instances_of_labels,
    score_instance,
    score_semantic,
)
from seggroup.types import Labels, Scan


def labels(semantic, instance, confidence=None):
    return Labels(
        np.array(semantic, np.int32),
        np.array(instance, np.int32),
        None if confidence is None else np.array(confidence, np.float32),
    )


@pytest.fixture
def place(tmp_path):
    """Two scenes with truth and labels: scenes/{a,b}.ply, labels/{a,b}.npz, and the labels."""
    rng, kept = np.random.default_rng(0), {}
    for name in "ab":
        instance = np.repeat([-1, 0, 1, 2], [50, 200, 300, 250])
        truth = labels(np.repeat([-1, 1, 5, 7], [50, 200, 300, 250]), instance)
        points = rng.random((800, 3)).astype(np.float32)
        scan = Scan(name, points, np.zeros((800, 3), np.uint8), np.empty((0, 3), np.int32))
        write_ply(tmp_path / f"scenes/{name}.ply", scan, truth)
        wrong = rng.random(800) < 0.2
        predicted = labels(
            np.where(wrong, 5, truth.semantic), np.where(wrong, 1, instance), rng.random(800)
        )
        write_labels(tmp_path / f"labels/{name}.npz", predicted)
        kept[name] = truth, predicted
    return tmp_path, kept


def test_semantic_figures_are_those_of_the_arrays(place):
    folder, kept = place
    ours = score_semantic(find_scenes([folder / "scenes"]), folder / "labels")
    pairs = [(truth.semantic, predicted.semantic) for truth, predicted in kept.values()]
    expected = evaluate_semantic(pairs)
    assert ours["tp"] == expected["tp"]
    assert ours["miou"] == expected["miou"] > 0.5


def test_instance_figures_are_those_of_the_arrays(place):
    folder, kept = place
    sources = find_scenes([folder / "scenes"])
    pairs = [(benchmark_ids(t), instances_of_labels(p)) for t, p in kept.values()]
    ours = score_instance(sources, folder / "labels")
    assert ours["classes"]["chair"] == evaluate_instance(pairs)["classes"]["chair"]
    assert ours["classes"]["table"]["ap50"] == 1


def test_proposals_go_before_labels(place):
    folder, kept = place
    for name in kept:
        rows = [(np.arange(250, 550), 5, 0.5), (np.arange(550, 800), 7, 0.25)]
        rows.append((np.arange(300, 800), 7, 0.9))  # overlaps both, and finds the table less well
        write_proposals(folder / f"labels/{name}.proposals.npz", pack_proposals(rows))
    ours = score_instance(find_scenes([folder / "scenes"]), folder / "labels")
    assert ours["classes"]["chair"]["ap"] == 1
    assert ours["classes"]["table"] == pytest.approx({"ap": 0.25, "ap50": 0.25, "ap25": 1})


def test_scenes_without_truth_or_labels_are_refused(place):
    folder, _ = place
    (folder / "labels/a.npz").unlink()
    with pytest.raises(InputError, match=r"a\.npz: no labels of this scene"):
        score_semantic(find_scenes([folder / "scenes"]), folder / "labels")
    points = np.zeros((800, 3), np.float32)
    scan = Scan("a", points, np.zeros((800, 3), np.uint8), np.empty((0, 3), np.int32))
    write_ply(folder / "scenes/a.ply", scan)
    with pytest.raises(InputError, match="has no ground truth"):
        score_instance(find_scenes([folder / "scenes"]), folder / "labels")


def test_benchmark_ids():
    truth = labels([5, 5, -1, 7, 1], [0, -1, 3, 998, 2])
    assert benchmark_ids(truth).tolist() == [5001, 0, 0, 7999, 1003]
    assert benchmark_ids(labels([5, 5, 7], [2000, 7, 9000])).tolist() == [5002, 5001, 7003]
    many = np.arange(1000)
    with pytest.raises(InputError, match="1000 instances"):
        benchmark_ids(labels(np.full(1000, 5), many))


def test_instances_of_labels():
    predicted = labels(
        [5, 5, 7, 7, 40, 40, -1, 1], [3, 3, 3, -1, 8, 8, 9, 2], [1, 0.5, 0, 1, 1, 1, 1, 0.25]
    )
    found = instances_of_labels(predicted)
    assert [(p.label_id, p.confidence) for p in found] == [(1, 0.25), (5, 0.5)]
    assert [np.flatnonzero(p.mask).tolist() for p in found] == [[7], [0, 1, 2]]
    assert instances_of_labels(labels([], [])) == []
    assert instances_of_labels(labels([5], [0]))[0].confidence == 1
    unsure = labels([5, 5], [0, 0], [np.nan, 0.5])
    assert instances_of_labels(unsure)[0].confidence == 0.25


def test_of_equally_common_classes_the_first():
    assert instances_of_labels(labels([7, 5], [0, 0]))[0].label_id == 5
