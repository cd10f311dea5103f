"""Rooms to learn from: the truth follows the scan through every change; clicks are as meant."""

import numpy as np
import pytest
import torch
from toy_rooms import boxes_room

from seggroup.assign import examples as ex
from seggroup.assign.examples import disturbed, make_example
from seggroup.assign.network import Assigner
from seggroup.assign.training import LOSSES, by_instance, draw_clicks, losses, shifted, targets
from seggroup.geometry.prepare import prepare
from seggroup.types import NONE, Labels


@pytest.fixture(scope="module")
def room():
    return boxes_room(3)


@pytest.fixture(scope="module")
def example(room):
    scan, truth = room
    return make_example(prepare(scan, None, truth))


@pytest.mark.parametrize("seed", range(6))
def test_a_disturbed_scan_keeps_its_truth(room, seed, monkeypatch):
    scan, truth = room
    for name in ("_bumps", "_tilted"):  # else vertices could not be told
        monkeypatch.setattr(
            ex, name, {"_bumps": lambda v, r: 0 * v, "_tilted": lambda v, r: v}[name]
        )
    monkeypatch.setattr(ex, "_reshaped", lambda v, t, r: v)
    monkeypatch.setattr(ex, "_subdivided", lambda s, t: (s, t))
    number = np.arange(len(truth), dtype=np.int32)  # every vertex an instance, to tell them
    scene = disturbed(scan, Labels(truth.semantic, number), np.random.default_rng(seed))
    assert scene.truth is not None
    assert len(scene.truth) == len(scene.scan.vertices) == len(scene.scan.colors)
    origin = scan.vertices[scene.truth.instance].astype(float)
    scale = (scene.scan.vertices * origin).sum() / (origin**2).sum()
    assert scene.scan.vertices == pytest.approx(scale * origin, abs=1e-4)
    assert np.array_equal(scene.truth.semantic, truth.semantic[scene.truth.instance])
    assert scene.scan.faces.max(initial=0) < len(scene.scan.vertices)


def test_subdividing_puts_vertices_on_the_middles(room):
    scan, truth = room
    finer, labels = ex._subdivided(scan, truth)
    assert len(finer.faces) == 4 * len(scan.faces)
    assert len(labels) == len(finer.vertices)

    def area(s):
        a, b, c = s.vertices[s.faces.T].astype(float)
        return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2

    assert area(finer) == pytest.approx(area(scan), rel=1e-4)


def test_a_tilt_keeps_distances():
    vertices = np.random.default_rng(0).normal(size=(20, 3))
    tilted = ex._tilted(vertices, np.random.default_rng(1))
    assert np.linalg.norm(tilted, axis=1) == pytest.approx(np.linalg.norm(vertices, axis=1))
    assert not np.allclose(tilted, vertices)


def test_things_are_stretched_about_their_feet_and_walls_stay(room, monkeypatch):
    monkeypatch.setattr(ex, "_waves", lambda v, *_: np.zeros(len(v)))  # the room is not bent
    scan, truth = room
    vertices = scan.vertices.astype(np.float64)

    moved = ex._reshaped(vertices, truth, np.random.default_rng(0))
    fixed = np.isin(truth.semantic, ex.FIXED) | (truth.instance == NONE)
    assert np.array_equal(moved[fixed], vertices[fixed])
    assert not np.allclose(moved[~fixed], vertices[~fixed])
    for i in np.unique(truth.instance[~fixed]):
        own = truth.instance == i
        assert moved[own, 2].min() == pytest.approx(vertices[own, 2].min())


@pytest.mark.parametrize("seed", range(8))
def test_drawn_clicks_are_on_pieces_of_their_instances(example, seed):
    draw = draw_clicks(example, np.random.default_rng(seed))
    assert draw is not None
    assert np.array_equal(example.owner[draw.asked.piece], draw.instance)
    assert draw.asked.semantic.min() >= 0


def test_targets_are_columns_of_the_clicked_instances(example):
    target = targets(example, np.array([2, 0, 2])).numpy()
    assert (target[example.owner == 0] == 0).all()
    assert (target[example.owner == 2] == 1).all()
    assert (target[example.owner == NONE] == -1).all()
    rest = (example.owner != NONE) & ~np.isin(example.owner, [0, 2])
    assert rest.any()
    assert (target[rest] == 2).all()


def test_instances_sum_their_clicks_by_hand():
    logits = torch.log(torch.tensor([[0.1, 0.2, 0.3, 0.4]]))
    found = by_instance(logits, np.array([7, 3, 7])).exp()
    assert found[0].tolist() == pytest.approx([0.2, 0.4, 0.4], abs=1e-5)


def test_a_shift_is_the_same_for_all_pieces_and_both_ways_of_a_link(example):
    around = example.around
    moved = shifted(around, np.random.default_rng(0))
    for name in ("features", "link"):
        before, after = getattr(around, name), getattr(moved, name)
        wide = before.std(axis=0) > 1e-3
        slope = after[:, wide].std(axis=0) / before[:, wide].std(axis=0)
        offset = after[:, wide] - slope * before[:, wide]
        assert offset == pytest.approx(offset[:1].repeat(len(offset), 0), abs=1e-4)
    same = np.flatnonzero((around.link == around.back).all(axis=0))
    assert len(same)
    assert np.array_equal(moved.link[:, same], moved.back[:, same])


def test_a_few_steps_learn(example):
    torch.manual_seed(0)
    network, rng = Assigner(16, 1), np.random.default_rng(0)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    history = []
    for _ in range(25):
        found = losses(network, example, rng)
        assert found is not None
        assert set(found) == set(LOSSES)
        loss = torch.stack([LOSSES[name] * value for name, value in found.items()]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert np.mean(history[-5:]) < 0.8 * np.mean(history[:5])
