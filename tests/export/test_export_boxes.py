"""Boxes: laws of the smallest rectangle, a slow twin, and the file."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_samples import five, random_sample

from seggroup.export.boxes import axis_aligned, oriented, write_boxes
from seggroup.io.classlist import nyu40


def cloud(seed, count=40):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, 3)) * rng.uniform(0.1, 3, 3)).astype(np.float32)


def turned(points, angle):
    c, s = np.cos(angle), np.sin(angle)
    return (points @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T).astype(np.float32)


def inside(points, box):
    """The points in the box's own coordinates, from -1 to 1."""
    c, s = np.cos(box["yaw"]), np.sin(box["yaw"])
    local = (points - np.array(box["center"])) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return 2 * local / np.maximum(box["size"], 1e-6)


def test_known_boxes():
    square = np.array([[0, 0, 1], [4, 0, 1], [4, 2, 3], [0, 2, 2]], np.float32)
    assert axis_aligned(square) == {"center": [2, 1, 2], "size": [4, 2, 2]}
    box = oriented(square)
    assert box == {"center": [2, 1, 2], "size": [4, 2, 2], "yaw": 0}
    upright = oriented(square[:, [1, 0, 2]])
    assert upright["size"] == [4, 2, 2]
    assert upright["yaw"] == pytest.approx(-np.pi / 2)
    assert oriented(np.array([[0, 0, 0], [1, 1, 0]], np.float32))["yaw"] == pytest.approx(np.pi / 4)
    one = oriented(np.array([[3, 4, 5]], np.float32))
    assert one == {"center": [3, 4, 5], "size": [0, 0, 0], "yaw": 0}
    line = oriented(np.array([[0, 0, 0], [2, 0, 0], [1, 0, 0], [1, 0, 0]], np.float32))
    assert (line["size"], line["yaw"]) == ([2, 0, 0], 0)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.floats(-4, 4))
def test_all_points_lie_inside_and_touch_every_side(seed, angle):
    points = turned(cloud(seed), angle)
    box = oriented(points)
    assert -np.pi / 2 <= box["yaw"] < np.pi / 2
    assert box["size"][0] >= box["size"][1] * (1 - 1e-6)
    local = inside(points, box)
    assert np.abs(local).max() <= 1 + 1e-5
    np.testing.assert_allclose(local.max(axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(local.min(axis=0), -1, atol=1e-5)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.floats(-4, 4))
def test_turning_the_points_turns_the_box(seed, angle):
    points = cloud(seed)
    before, after = oriented(points), oriented(turned(points, angle))
    np.testing.assert_allclose(after["size"], before["size"], rtol=1e-4, atol=1e-5)
    difference = (after["yaw"] - before["yaw"] - angle + np.pi / 2) % np.pi - np.pi / 2
    if before["size"][0] > 1.05 * before["size"][1]:
        assert abs(difference) < 0.02 or _another_as_small(points, before)
    np.testing.assert_allclose(
        turned(np.array([before["center"]], np.float32), angle)[0][2], after["center"][2], atol=1e-4
    )


def _another_as_small(points, box):
    """Whether another direction has nearly as small a rectangle."""
    areas = {yaw: _area(points, yaw) for yaw in np.linspace(-np.pi / 2, np.pi / 2, 721)}
    least = box["size"][0] * box["size"][1]
    far = [a for yaw, a in areas.items() if abs((yaw - box["yaw"] + 0.78) % 1.5708 - 0.78) > 0.015]
    return min(far) < least * 1.001


def _area(points, yaw):
    c, s = np.cos(yaw), np.sin(yaw)
    return np.prod(np.ptp(points[:, :2].astype(float) @ np.array([[c, -s], [s, c]]), axis=0))


@pytest.mark.parametrize("seed", range(8))
def test_no_direction_has_a_smaller_rectangle(seed):
    points = cloud(seed, 15)
    size = oriented(points)["size"]
    least = min(_area(points, yaw) for yaw in np.linspace(0, np.pi / 2, 2001))
    assert size[0] * size[1] <= least * (1 + 1e-6)
    assert size[0] * size[1] >= least * 0.99


def test_the_file_of_five_points(tmp_path):
    assert write_boxes(tmp_path, five(), nyu40())["files"] == ["five.json"]
    value = json.loads((tmp_path / "five.json").read_text())
    assert (value["unit"], value["up"], value["vertices"]) == ("m", "z", 5)
    assert value["frame"] == {"unit": 1, "axes": [1, 2, 3], "origin": [0, 0, 0]}
    chair, bed = value["instances"]
    assert chair == {
        "instance": 3,
        "class_id": 5,
        "class": "chair",
        "points": 2,
        "confidence": 0.625,
        "box": {"center": [1.5, 1, 0.25], "size": [0, 2, 0]},
        "oriented_box": {"center": [1.5, 1, 0.25], "size": [2, 0, 0], "yaw": -1.57079633},
    }
    assert (bed["class"], bed["points"]) == ("bed", 1)


def test_every_instance_has_its_box(tmp_path):
    sample = random_sample(2, confidence=False)
    write_boxes(tmp_path, sample, nyu40())
    value = json.loads((tmp_path / "toy2.json").read_text())
    assert [row["instance"] for row in value["instances"]] == [0, 2, 5, 900]
    for row in value["instances"]:
        own = sample.scan.vertices[sample.labels.instance == row["instance"]]
        assert row["points"] == len(own)
        assert row["confidence"] is None
        np.testing.assert_allclose(row["box"]["size"], np.ptp(own, axis=0), rtol=1e-6)
        assert np.abs(inside(own, row["oriented_box"])).max() <= 1 + 1e-5
