"""ScanNet's benchmarks: against the original scripts' figures, literal cases and slow twins."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from reference_evaluate import THRESHOLDS, instance_ap, semantic

from seggroup.classes import BENCHMARK18, BENCHMARK20, class_name
from seggroup.evaluate.instance import OVERLAPS, Prediction, evaluate_instance
from seggroup.evaluate.semantic import evaluate_semantic, rank

ORACLE = os.environ.get("SEGGROUP_ORACLE")
needs_oracle = pytest.mark.skipif(ORACLE is None, reason="SEGGROUP_ORACLE names no folder")


def assert_same(ours, expected, where=""):
    if isinstance(expected, dict):
        assert ours.keys() == expected.keys(), where
        for key in expected:
            assert_same(ours[key], expected[key], f"{where}/{key}")
    elif isinstance(expected, list):
        assert len(ours) == len(expected), where
        for i, pair in enumerate(zip(ours, expected, strict=True)):
            assert_same(*pair, f"{where}[{i}]")
    elif expected is None or math.isnan(expected):
        assert math.isnan(ours), where
    else:
        assert ours == pytest.approx(expected, abs=1e-9), where


def instance_scene(runs, predictions):
    """A scene from [(id, vertices)] and [(class, confidence, first, end)]."""
    truth = np.repeat([i for i, _ in runs], [n for _, n in runs])
    place = np.arange(len(truth))
    return truth, [
        Prediction(c, float(s), (place >= a) & (place < b)) for c, s, a, b in predictions
    ]


@needs_oracle
@pytest.mark.parametrize("case", ["case1", "case2"])
def test_agrees_with_the_original_scripts(case):
    folder = Path(ORACLE) / "evaluation"
    scenes = json.loads((folder / f"{case}.json").read_text())["scenes"]
    expected = json.loads((folder / f"{case}.expected.json").read_text())
    pairs = [(np.array(s["gt_sem"]), np.array(s["pred_sem"])) for s in scenes]
    assert_same(evaluate_semantic(pairs), expected["semantic"])
    instances = []
    for scene in scenes:
        masks = np.zeros((len(scene["pred"]), scene["n"]), bool)
        for mask, prediction in zip(masks, scene["pred"], strict=True):
            mask[prediction["mask"]] = True
        predictions = [
            Prediction(p["label_id"], p["conf"], mask)
            for p, mask in zip(scene["pred"], masks, strict=True)
        ]
        instances.append((np.array(scene["gt_inst"]), predictions))
    assert_same(evaluate_instance(instances), expected["instance"])


@needs_oracle
def test_agrees_on_the_edge_cases():
    cases = json.loads((Path(ORACLE) / "evaluation" / "edge_cases.json").read_text())
    for name, case in cases.items():
        predictions = [(p["label_id"], p["conf"], *p["vertices"]) for p in case["predictions"]]
        result = evaluate_instance([instance_scene(case["truth_runs"], predictions)])
        expected = case["expected"] or {"ap": 0, "ap50": 0, "ap25": 0}
        for key, value in expected.items():
            assert result[key] == pytest.approx(value, abs=1e-9), name


ROOM = [(5001, 200), (5002, 300), (0, 500), (1007, 1000)]
# name, runs of the truth, (class, confidence, first, end) of predictions, (AP, AP50, AP25)
LITERAL = [
    ("perfect", ROOM, [(5, 1, 0, 200), (5, 1, 200, 500)], (1, 1, 1)),
    ("exactly half is no match", ROOM, [(5, 1, 0, 100), (5, 1, 200, 500)], (0.375, 0.375, 1)),
    ("99 vertices are dropped", [(5001, 100), (0, 400)], [(5, 1, 0, 99)], (0, 0, 0)),
    (
        "truth of 99 vertices need not be found",
        [(5001, 99), (5002, 200), (0, 400)],
        [(5, 0.9, 0, 120), (5, 0.5, 99, 299)],
        (5 / 6, 1, 1),
    ),
    ("only on void", [(5001, 200), (0, 800)], [(5, 0.9, 500, 800)], (0, 0, 0)),
    (
        "a prediction on wall is ignored",
        ROOM,
        [(5, 0.9, 0, 200), (5, 0.8, 200, 500), (5, 1, 1000, 1500)],
        (1, 1, 1),
    ),
    (
        "a duplicate is a false positive",
        ROOM,
        [(5, 0.9, 0, 200), (5, 0.8, 0, 190), (5, 0.7, 200, 500)],
        (19 / 24, 19 / 24, 19 / 24),
    ),
    (
        "the better duplicate keeps the higher score",
        ROOM,
        [(5, 0.8, 0, 190), (5, 0.9, 0, 200), (5, 0.7, 200, 500)],
        (19 / 24, 19 / 24, 19 / 24),
    ),
    ("another class", ROOM, [(6, 0.9, 0, 200), (5, 0.8, 200, 500)], (0.5, 0.5, 0.5)),
    (
        "ids below 1000 are void",
        [(5, 300), (5001, 300)],
        [(5, 0.9, 0, 300), (5, 0.8, 300, 600)],
        (1, 1, 1),
    ),
    (
        "equal confidences count together",
        ROOM,
        [(5, 1, 0, 200), (5, 1, 200, 500), (5, 1, 100, 400)],
        (5 / 6, 5 / 6, 5 / 6),
    ),
    (
        "the first in the file claims",
        [(5001, 200), (5002, 200)],
        [(5, 0.9, 0, 300), (5, 0.8, 100, 400)],
        (4 / 9, 1, 1),
    ),
    (
        "whatever the confidence",
        [(5001, 200), (5002, 200)],
        [(5, 0.8, 100, 400), (5, 0.9, 0, 300)],
        (4 / 9, 1, 1),
    ),
    (
        "a duplicate may claim the next truth",  # at 0.25 it is a misfire of the first, too
        [(5001, 200), (5002, 200)],
        [(5, 0.9, 0, 200), (5, 0.8, 50, 400)],
        None,
    ),
    (
        "negative ids are void",
        [(-1, 300), (-5001, 100), (5001, 300)],
        [(5, 1, 400, 700)],
        (1, 1, 1),
    ),
    ("an id with instance 0 is an instance", [(5000, 300)], [(5, 1, 0, 300)], (1, 1, 1)),
    (
        "a number over 999 belongs to the next class",
        [(5000 + 1001, 300), (5001, 200)],
        [(6, 1, 0, 300), (5, 1, 300, 500)],
        (1, 1, 1),
    ),
    (
        "just half on void is a false positive, more is ignored",
        [(5001, 200), (0, 500)],
        [(5, 0.5, 0, 200), (5, 0.9, 100, 300), (5, 0.8, 99, 301)],
        None,
    ),
    (
        "most of it on ignored truth of its class, not of another",
        [(5001, 200), (5002, 90), (6001, 90), (0, 500)],
        [(5, 0.5, 0, 200), (5, 0.9, 190, 290), (5, 0.9, 285, 390)],
        None,
    ),
    (
        "on a small truth it is no false positive",
        [(5001, 200), (5002, 99)],
        [(5, 0.5, 0, 200), (5, 0.9, 195, 299)],
        (1, 1, 1),
    ),
    ("scores of any size", ROOM, [(5, -3, 0, 200), (5, 97.5, 200, 500), (5, -4, 0, 150)], None),
]


@pytest.mark.parametrize(("runs", "predictions", "expected"), [c[1:] for c in LITERAL])
def test_literal_cases(runs, predictions, expected):
    scene = instance_scene(runs, predictions)
    result = evaluate_instance([scene])
    slow = [instance_ap([scene], 5, t) for t in THRESHOLDS]
    assert_same(result["table"][BENCHMARK18.index(5)], slow)
    if expected is None:  # the twin's figures alone
        return
    assert (result["ap"], result["ap50"], result["ap25"]) == pytest.approx(expected, abs=1e-9)
    assert result["classes"]["chair"]["ap"] == pytest.approx(expected[0], abs=1e-9)


def test_literal_semantic_case():
    truth = np.array([1, 1, 1, 2, 2, 13, 0, 5])
    prediction = np.array([1, 1, 2, 2, 40, 1, 1, -1])
    result = evaluate_semantic([(truth, prediction)])
    assert result["iou"]["wall"] == 2 / 3  # predictions on classes outside the 20 are skipped
    assert result["iou"]["floor"] == 1 / 3
    assert result["iou"]["chair"] == 0
    assert math.isnan(result["iou"]["bed"])
    assert result["miou"] == pytest.approx(1 / 3)


def test_no_scene_and_no_prediction():
    assert math.isnan(evaluate_semantic([])["miou"])
    assert math.isnan(evaluate_instance([])["ap"])
    result = evaluate_instance([instance_scene([(5001, 100)], [])])
    assert result["ap25"] == 0
    assert result["table"][BENCHMARK18.index(5)] == [0.0] * len(OVERLAPS)


def random_scene(rng, vertices=1500):
    """Truth in runs, void among them; predictions that are shifted copies of pieces of it."""
    runs, ids = [], rng.permutation(np.arange(1, 40))
    while sum(n for _, n in runs) < vertices:
        c = int(rng.choice([0, 1, 3, 4, 5, 13]))
        runs.append((c * 1000 + int(ids[len(runs)]) if c else 0, int(rng.integers(60, 220))))
    starts = np.cumsum([0] + [n for _, n in runs])
    predictions = []
    for _ in range(14):
        i = int(rng.integers(len(runs)))
        first = max(0, int(starts[i]) + int(rng.integers(-70, 70)))
        label = max(3, runs[i][0] // 1000) if rng.random() < 0.8 else 5
        score = float(rng.integers(1, 6)) / 5  # many ties
        predictions.append((label, score, first, first + int(rng.integers(80, 240))))
    return instance_scene(runs, predictions)


@pytest.mark.parametrize("seed", range(12))
def test_instance_agrees_with_its_slow_twin(seed):
    rng = np.random.default_rng(seed)
    scenes = [random_scene(rng) for _ in range(2)]
    table = evaluate_instance(scenes)["table"]
    for class_id in (3, 4, 5, 6):
        slow = [instance_ap(scenes, class_id, t) for t in THRESHOLDS]
        assert_same(table[BENCHMARK18.index(class_id)], slow, class_name(class_id))


def scattered_scene(rng, vertices=900):
    """Truth of any id, and predictions of any vertices: several truths, small, void, tied."""
    ids = np.repeat(rng.choice([0, 7, -2, 1001, 3001, 5000, 5001, 5002, 5003, 6999], 12), 75)
    predictions = []
    for _ in range(16):
        mask = np.isin(ids, rng.choice(np.unique(ids), rng.integers(1, 3)))
        mask &= rng.random(vertices) < rng.choice([0.5, 0.9, 1])
        mask |= rng.random(vertices) < rng.choice([0, 0.05])
        label = int(rng.choice([1, 3, 5, 5, 5, 6]))
        predictions.append(Prediction(label, float(rng.choice([-1, 0.5, 0.5, 97])), mask))
    return ids, predictions


@pytest.mark.parametrize("seed", range(12))
def test_scattered_instances_agree_with_the_slow_twin(seed):
    rng = np.random.default_rng(100 + seed)
    scenes = [scattered_scene(rng) for _ in range(3)]
    table = evaluate_instance(scenes)["table"]
    for class_id in (3, 5, 6):
        slow = [instance_ap(scenes, class_id, t) for t in THRESHOLDS]
        assert_same(table[BENCHMARK18.index(class_id)], slow, class_name(class_id))


def test_scores_count_by_their_order_alone():
    rng = np.random.default_rng(0)
    scenes = [scattered_scene(rng) for _ in range(2)]
    moved = [
        (
            ids,
            [Prediction(p.label_id, math.exp(p.confidence / 50) - 7, p.mask) for p in predictions],
        )
        for ids, predictions in scenes
    ]
    assert_same(evaluate_instance(moved), evaluate_instance(scenes))


def test_other_classes_and_their_names():
    truth = np.repeat([65535001, 2001, 9001], [150, 200, 120])
    place = np.arange(470)
    predictions = [Prediction(65535, 0.5, place < 150), Prediction(2, 0.5, place >= 150)]
    result = evaluate_instance([(truth, predictions)], (65535, 2), "<{}>".format)
    assert result["classes"]["<65535>"] == {"ap": 1, "ap50": 1, "ap25": 1}
    assert result["classes"]["<2>"]["ap50"] == 1  # 200 of 320; the rest lies on void
    semantic_result = evaluate_semantic([(truth // 1000, truth // 1000)], (65535, 2), str)
    assert semantic_result["iou"] == {"65535": 1, "2": 1}


def test_the_order_of_the_classes_does_not_matter():
    rng = np.random.default_rng(5)
    scenes = [scattered_scene(rng) for _ in range(2)]
    backwards = evaluate_instance(scenes, BENCHMARK18[::-1])["classes"]
    forwards = evaluate_instance(scenes)["classes"]
    assert_same({name: backwards[name] for name in forwards}, forwards)


def test_details_stand_beside_the_figures():
    scene = instance_scene(ROOM, [(5, 0.9, 0, 200), (5, 0.8, 0, 190), (5, 0.7, 200, 500)])
    plain, more = evaluate_instance([scene]), evaluate_instance([scene], details=True)
    curves = more.pop("curves")
    assert_same(more, plain)
    assert list(curves) == ["chair"]
    assert curves["chair"]["0.5"] == {
        "score": [0.7, 0.8, 0.9],
        "precision": [2 / 3, 1 / 2, 1, 1],
        "recall": [1, 1 / 2, 1 / 2, 0],
        "hits": 2,
        "misfires": 1,
        "missed": 0,
    }


def test_the_confusion_matrix_holds_every_counted_vertex():
    rng = np.random.default_rng(4)
    pairs = [tuple(rng.integers(-1, 45, (2, 700))) for _ in range(3)]
    result = evaluate_semantic(pairs, details=True)
    vertices = np.array(result["confusion"]["vertices"])
    assert result["confusion"]["classes"] == [class_name(i) for i in BENCHMARK20]
    assert vertices.sum() == sum(np.isin(truth, BENCHMARK20).sum() for truth, _ in pairs)
    assert np.diagonal(vertices).tolist() == list(result["tp"].values())
    union = vertices.sum(1) + vertices[:, :-1].sum(0) - np.diagonal(vertices)
    assert union.tolist() == list(result["denom"].values())


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_semantic_agrees_with_its_slow_twin(dtype):
    rng = np.random.default_rng(3)
    pairs = [tuple(rng.integers(-1, 45, (2, 700)).astype(dtype)) for _ in range(3)]
    assert_same(evaluate_semantic(pairs), semantic(pairs))


def test_rank_of_ids_outside_the_list():
    assert rank(np.array([-5, 0, 3, 7, 2**40]), (3, 7)).tolist() == [2, 2, 0, 1, 2]
    assert rank(np.array([0, 1]), ()).tolist() == [0, 0]
