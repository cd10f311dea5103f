"""The pseudo-label evaluation: a scene by hand, the slow twin, and laws that must hold."""

import json
import math

import numpy as np
import pytest
from reference_evaluate import pseudo

from seggroup.classes import BENCHMARK20
from seggroup.evaluate.pseudo import count, evaluate_pseudo, figures, in_commonest, jsonable
from seggroup.evaluate.table import LEVELS, PAPER_TABLE1
from seggroup.report.markdown import report_markdown
from seggroup.report.report import Report
from seggroup.types import Labels


def labels(semantic, instance, confidence=None):
    confidence = None if confidence is None else np.array(confidence, np.float32)
    return Labels(np.array(semantic, np.int32), np.array(instance, np.int32), confidence)


def random_labels(rng, vertices=400, instances=12):
    """Truth whose instances have a class each, a tenth of it unknown; a prediction near it."""
    class_of = rng.choice([1, 2, 3, 5, 5, 7, 13, 39], instances)
    instance = np.repeat(np.arange(instances), -(-vertices // instances))[:vertices]
    semantic = class_of[instance]
    unknown = rng.random(vertices) < 0.1
    truth = labels(np.where(unknown, -1, semantic), np.where(unknown, -1, instance))
    guess = np.where(
        rng.random(vertices) < 0.3, rng.integers(-1, instances + 2, vertices), instance
    )
    classes = np.append(class_of, [5, 1, -1])  # of instances beyond the true ones, and of none
    return truth, labels(classes[guess], guess, rng.random(vertices)), instance // 2


def test_a_scene_by_hand():
    # One chair (instance 0) of 4 vertices, a table (1) of 3, a wall (2) of 2, one unknown.
    truth = labels([5, 5, 5, 5, 7, 7, 7, 1, 1, -1], [0, 0, 0, 0, 1, 1, 1, 2, 2, -1])
    guess = labels(
        [5, 5, 5, 7, 7, 7, -1, 5, 1, 1],
        [0, 0, 0, 1, 1, 1, -1, 0, 2, 2],
        [0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.0, 0.5, 0.5, 0.5],
    )
    segments = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 2], np.int32)
    result = evaluate_pseudo([(truth, guess, segments)])
    assert result["semantic_iou"]["chair"] == 3 / 5
    assert result["semantic_iou"]["table"] == 2 / 4
    assert result["semantic_iou"]["wall"] == 1 / 2
    assert result["semantic_miou"] == pytest.approx((3 / 5 + 2 / 4 + 1 / 2) / 3)
    assert result["instance_miou"] == pytest.approx((3 / 5 + 2 / 4) / 2)  # without the wall
    assert "wall" not in result["instance_iou"]
    assert result["instance_iou_all"] == pytest.approx((3 / 5 + 2 / 4 + 1 / 2) / 3)
    assert result["semantic_accuracy"] == result["instance_accuracy"] == 6 / 9
    assert result["coverage"] == 8 / 9
    assert result["accuracy_labelled"] == 6 / 8
    assert result["purity"] == result["semantic_purity"] == 8 / 9
    # 5 of 6 are right at 0.9, 1 of 2 at 0.5.
    assert result["ece"] == pytest.approx(6 / 8 * abs(5 / 6 - 0.9), abs=1e-6)


def test_sums_run_over_all_scenes_before_the_division():
    truth = labels([5, 5, 5, 5], [0, 0, 0, 0])
    small = labels([5], [0])
    wrong = labels([-1], [-1])
    result = evaluate_pseudo([(truth, truth, None), (small, wrong, None)])
    assert result["semantic_iou"]["chair"] == 4 / 5
    assert result["instance_iou"]["chair"] == 1  # an instance that is not predicted is not met
    assert result["instance_iou_all"] == 1 / 2  # but here it counts as 0
    assert math.isnan(result["purity"])
    assert math.isnan(result["ece"])


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_its_slow_twin(seed):
    rng = np.random.default_rng(seed)
    scenes = [random_labels(rng) for _ in range(3)]
    ours, slow = evaluate_pseudo(scenes), pseudo(scenes)
    for key in ("semantic_iou", "instance_iou"):
        for name in slow[key]:
            assert ours[key][name] == pytest.approx(slow[key][name], nan_ok=True), name
    assert ours["semantic_accuracy"] == pytest.approx(slow["semantic_accuracy"])
    assert ours["instance_accuracy"] == pytest.approx(slow["instance_accuracy"])


def test_truth_against_itself_is_perfect():
    truth, _, _ = random_labels(np.random.default_rng(0))
    sure = Labels(truth.semantic, truth.instance, np.ones(len(truth), np.float32))
    result = evaluate_pseudo([(truth, sure, truth.instance)])
    for key in ("semantic_miou", "instance_miou", "semantic_accuracy", "instance_accuracy"):
        assert result[key] == 1
    assert result["coverage"] == result["purity"] == result["accuracy_labelled"] == 1
    assert result["instance_iou_all"] == 1
    assert result["ece"] == 0


def test_truth_without_classes_counts_instances_only():
    truth = labels([-1] * 4, [0, 0, 1, -1])
    guess = labels([-1] * 4, [0, 1, 1, 1])
    result = evaluate_pseudo([(truth, guess, np.array([0, 0, 0, 1], np.int32))])
    for key in ("semantic_miou", "instance_miou", "semantic_accuracy", "semantic_purity"):
        assert math.isnan(result[key]), key
    assert result["instance_accuracy"] == result["purity"] == 2 / 3
    assert result["instance_iou_all"] == 1 / 2


def test_no_labelling_of_segments_beats_the_purity():
    rng = np.random.default_rng(1)
    truth, _, segments = random_labels(rng)
    purity = evaluate_pseudo([(truth, truth, segments)])["purity"]
    for _ in range(20):
        of_segment = rng.integers(0, 12, segments.max() + 1)[segments]
        guess = labels(of_segment, of_segment)
        assert evaluate_pseudo([(truth, guess, segments)])["instance_accuracy"] <= purity
    best = [np.bincount(truth.instance[(segments == s) & (truth.instance >= 0)]).argmax()
            for s in range(segments.max() + 1)]  # fmt: skip
    of_segment = np.array(best)[segments]
    guess = labels(of_segment, of_segment)
    assert evaluate_pseudo([(truth, guess, segments)])["instance_accuracy"] == purity


def test_vertices_in_the_commonest_of_their_segment():
    assert in_commonest(np.array([0, 0, 0, 1, 1]), np.array([3, 3, 4, -1, 5])) == 3
    assert in_commonest(np.array([0, 0]), np.array([-1, -1])) == 0


def test_counts_add():
    rng = np.random.default_rng(2)
    scenes = [random_labels(rng) for _ in range(2)]
    total = count(*scenes[0]) + count(*scenes[1])
    assert jsonable(figures(total)) == jsonable(evaluate_pseudo(scenes))
    with pytest.raises(ValueError, match="no scene"):
        evaluate_pseudo([])


def test_jsonable_has_null_for_nan():
    value = {"a": float("nan"), "b": [np.float32(0.5), np.int64(3)], "c": np.array([1, 2])}
    assert json.dumps(jsonable(value)) == '{"a": null, "b": [0.5, 3], "c": [1, 2]}'


def test_the_papers_rows_have_the_papers_means():
    for level in LEVELS:
        *values, mean = PAPER_TABLE1[level]
        assert len(values) == len(BENCHMARK20)
        assert np.mean(values) == pytest.approx(mean, abs=0.051)


def test_table_markdown():
    truth, guess, segments = random_labels(np.random.default_rng(0))
    result = evaluate_pseudo([(truth, guess, segments)])
    report = report_markdown(Report("", levels={"1": result, "final": jsonable(result)}))
    start = report.index("| Sem IoU | wall")
    lines = report[start : report.index("\n\n", start)].splitlines()
    assert lines[0].startswith("| Sem IoU | wall | floor | cab |")
    names = [line.split(" | ")[0] for line in lines[2:]]
    assert names == ["| Level 1, ours", "| Level 1, paper", "| Final, ours", "| Final, paper"]
    assert lines[5].endswith("| 63.7 | 61.4 |")
    assert lines[2].endswith(f"| {100 * result['semantic_miou']:.1f} |")
    assert lines[2].split(" | ")[1:] == lines[4].split(" | ")[1:]
    assert "–" in lines[2]
    assert len({line.count("|") for line in lines}) == 1
