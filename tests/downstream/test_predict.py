"""Prediction: blocks, rotations, restrictions, labels."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn
from toy_models import toy_cloud, toy_model

from seggroup.downstream.cloud import Answer, Proposal, make_cloud, make_targets, positions
from seggroup.downstream.predict import blocks, labels_of, predict, restricted
from seggroup.types import ClassSets, Labels, Scan

CPU = torch.device("cpu")


@pytest.mark.parametrize("limit", [1, 7, 100, 10_000])
def test_every_point_is_one_blocks_own(limit):
    points = np.random.default_rng(0).uniform(0, 9, (800, 3)).astype(np.float32)
    count = np.zeros(len(points), int)
    for index, own in blocks(points, limit, 0.5):
        mine = index[own]
        count[mine] += 1
        assert len(mine) <= limit
        assert len(index) <= 2 * limit
        low, high = points[mine, :2].min(0) - 0.5, points[mine, :2].max(0) + 0.5
        near = ((points[:, :2] >= low) & (points[:, :2] <= high)).all(1)
        assert near[index].all()
        if len(index) < 2 * limit:  # nothing was left out
            assert set(index) == set(np.flatnonzero(near)) or len(mine) + limit == len(index)
    np.testing.assert_array_equal(count, 1)


def test_points_on_one_spot_are_one_block():
    assert len(list(blocks(np.zeros((50, 3), np.float32), 10))) == 1


def test_blocks_and_rotations_leave_a_point_by_point_model_as_it_is():
    model, cloud = toy_model().eval(), toy_cloud(np.random.default_rng(0), 300)
    whole, _ = predict(model, cloud, CPU)
    np.testing.assert_allclose(whole.sum(1), 1, atol=1e-5)
    for options in ({"limit": 40}, {"rotations": 4}, {"rotations": 2, "limit": 40}):
        other, _ = predict(model, cloud, CPU, **options)
        np.testing.assert_allclose(other, whole, atol=1e-5)


@dataclass(frozen=True)
class Place:
    points: np.ndarray

    def to(self, device):
        return self


class ByPlace(nn.Module):
    """Class 1 where x > 0; proposes the points right and left of x = 0."""

    def prepare(self, clouds):
        return Place(clouds[0].points)

    def answer(self, inputs):
        right = inputs.points[:, 0] > 0
        logits = torch.from_numpy(np.column_stack([~right, right]) * 100.0)
        sides = [(np.flatnonzero(~right), 0, 0.5), (np.flatnonzero(right), 1, 0.9)]
        return Answer(logits, tuple(Proposal(*side) for side in sides if len(side[0])))


def test_rotations_turn_the_scene_about_the_vertical_and_average():
    cloud = toy_cloud(np.random.default_rng(0), 50)
    cloud = replace(cloud, points=cloud.points - cloud.points.mean(0))
    probability, proposals = predict(ByPlace(), cloud, CPU, rotations=2)
    np.testing.assert_allclose(probability, 0.5, atol=1e-6)  # half a turn swaps the sides
    assert [p.score for p in proposals] == [0.9, 0.5]
    np.testing.assert_array_equal(proposals[0].points, np.flatnonzero(cloud.points[:, 0] > 0))


@pytest.mark.parametrize("limit", [40, 120, 250])
def test_proposals_that_blocks_cut_are_those_of_the_whole_scene_again(limit):
    rng = np.random.default_rng(0)
    cloud = toy_cloud(rng, 400)
    cloud = replace(cloud, points=(rng.uniform(-8, 8, (400, 3))).astype(np.float32))
    assert len(list(blocks(cloud.points, limit))) > 1
    _, whole = predict(ByPlace(), cloud, CPU)
    _, proposals = predict(ByPlace(), cloud, CPU, limit=limit)
    assert [(p.semantic, p.score) for p in proposals] == [(p.semantic, p.score) for p in whole]
    for ours, theirs in zip(proposals, whole, strict=True):
        np.testing.assert_array_equal(ours.points, theirs.points)


def test_labels_take_the_surest_proposal_first():
    probability = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], np.float32)
    proposals = [Proposal(np.array([1, 2]), 0, 0.75), Proposal(np.array([2, 3]), 1, 0.5)]
    labels = labels_of(probability, proposals, (5, 7))
    assert labels.semantic.tolist() == [5, 5, 5, 7]
    assert labels.instance.tolist() == [-1, 0, 0, 1]
    np.testing.assert_allclose(labels.confidence, [0.9, 0.75, 0.75, 0.5])


def test_restriction_by_class_sets():
    probability = np.full((4, 3), [0.5, 0.3, 0.2], np.float32)
    sets = ClassSets((np.array([0, 1], np.int32), np.array([1, 2], np.int32)), ((4, 5), (4, 6)))
    found = restricted(probability, sets, (3, 4, 6))
    np.testing.assert_allclose(found[0], [0, 1, 0])
    np.testing.assert_allclose(found[1], [0, 1, 0])
    np.testing.assert_allclose(found[2], [0, 0.6, 0.4], atol=1e-6)
    np.testing.assert_allclose(found[3], [0.5, 0.3, 0.2])
    impossible = ClassSets((np.arange(4, dtype=np.int32),), ((9,),))
    np.testing.assert_allclose(restricted(probability, impossible, (3, 4, 6)), probability)


def test_positions_in_a_class_list():
    ids = np.array([-1, 0, 3, 39, 1, 40, 2**30], np.int32)
    assert positions(ids, (39, 1, 3)).tolist() == [-100, -100, 2, 0, 1, -100, -100]


def test_a_scan_becomes_a_cloud_wherever_it_lies():
    points = np.random.default_rng(0).uniform(0, 2, (6, 3)).astype(np.float32)
    colors = np.array([[0, 128, 255]] * 6, np.uint8)
    labels = Labels(
        np.array([1, 1, 5, 5, -1, 40], np.int32), np.array([4, 4, 9, -1, -1, 2], np.int32)
    )
    faces = np.zeros((0, 3), np.int32)
    sets = ClassSets((np.array([0, 3], np.int32),), ((5,),))
    strange = Labels(labels.semantic, np.array([-100, -1, 0, 1, -7, 0], np.int32))
    cloud = make_cloud(Scan("a", points, colors, faces), strange, (1, 5))
    assert cloud.instance.tolist() == [-1, -1, 0, 1, -1, 0]
    near = make_cloud(Scan("a", points, colors, faces), labels, (1, 5), sets)
    far = make_cloud(Scan("a", points + np.float32(64), colors, faces), labels, (1, 5))
    np.testing.assert_allclose(near.points, far.points, atol=1e-4)
    assert near.points[:, 2].min() == 0
    assert near.semantic.tolist() == [0, 0, 1, 1, -100, -100]
    assert near.instance.tolist() == [1, 1, 2, -1, -1, 0]
    assert near.tags[0].classes.tolist() == [False, True]
    np.testing.assert_allclose(near.colors[0], [-1, 0.00392, 1], atol=1e-4)
    both = make_targets([near, far])
    assert both.instance.tolist() == [1, 1, 2, -1, -1, 0, 4, 4, 5, -1, -1, 3]
    assert both.scene.tolist() == [0] * 6 + [1] * 6
    assert make_targets([far, near]).tagged[0][0].tolist() == [6, 9]
