"""The figures that the data folder quotes for scene0000_00; they pin definitions.

Runs where SEGGROUP_REAL_DATA names the folder that holds `scannet/`.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from seggroup.errors import InputError
from seggroup.evaluate.pseudo import evaluate_pseudo
from seggroup.geometry.prepare import prepare
from seggroup.io.clicks import read_clicks
from seggroup.io.scenes import find_scenes, read_source
from seggroup.labels.clicks import drop_contradictions, seg_level_labels
from seggroup.labels.simulate import simulate
from seggroup.walk import random_walk, surface_normals

DATA = os.environ.get("SEGGROUP_REAL_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="SEGGROUP_REAL_DATA is not set")


@pytest.fixture(scope="module")
def scannet():
    return Path(str(DATA)) / "scannet"


@pytest.fixture(scope="module")
def scene(scannet):
    scan, segments, truth = read_source(find_scenes([scannet / "scans" / "scene0000_00"])[0])
    return prepare(scan, segments, truth)


def figures(scene, clicks):
    """Semantic mIoU, instance mIoU and both accuracies of the walk from these clicks."""
    labels = seg_level_labels(clicks, scene.segments)
    walked = random_walk(scene, surface_normals(scene.scan), labels).at(scene.segments)
    found = evaluate_pseudo([(scene.truth, walked, scene.segments)])
    names = ("semantic_miou", "instance_miou", "semantic_accuracy", "instance_accuracy")
    return [found[name] for name in names]


@pytest.mark.parametrize(
    ("per", "clicks", "expected"),
    [
        ("part", 76, [0.643, 0.619, 0.799, 0.797]),
        ("instance", 67, [0.598, 0.572, 0.773, 0.772]),
    ],
)
def test_top1(scene, per, clicks, expected):
    top1 = simulate(scene, "top1", np.random.default_rng(0), per=per)
    assert len(top1) == clicks
    np.testing.assert_allclose(figures(scene, top1), expected, atol=6e-4)


def test_the_human_clicks(scannet, scene):
    """Instances 9 (floor) and 37 (bed) are clicked in one segment; without 37, 74 of 75 count."""
    clicks, _ = read_clicks(scannet / "clicks" / "scene0000_00.json", scene)
    with pytest.raises(InputError, match=r"instance 9, floor.*instance 37, bed"):
        seg_level_labels(clicks, scene.segments)
    kept, reasons = drop_contradictions(clicks, scene.segments)
    assert (len(clicks), len(kept), len(reasons)) == (75, 74, 1)
    np.testing.assert_allclose(figures(scene, kept), [0.526, 0.541, 0.722, 0.719], atol=6e-4)
