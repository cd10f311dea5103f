"""Training on the user's own clicks: what it believes, and that it must not harm."""

import math

import numpy as np
import pytest
import torch
from toy_rooms import boxes_room

from seggroup.assign import finetune
from seggroup.assign.examples import make_example
from seggroup.assign.finetune import RefineConfig, believed, drawn, foretold, refine
from seggroup.assign.labels import know
from seggroup.assign.network import Asked, read
from seggroup.assign.training import Draw
from seggroup.geometry.prepare import prepare
from seggroup.types import NONE, Clicks

FEW = RefineConfig(steps=4, batch=1, every=2, learning_rate=1e-3)


@pytest.fixture(scope="module")
def scan():
    """Boxes with a click on each, the first box clicked twice: surroundings and draw."""
    example = _example(boxes_room(5))
    pieces = [int(np.flatnonzero(example.owner == i)[0]) for i in range(6)]
    pieces.append(int(np.flatnonzero(example.owner == 1)[-1]))
    semantic = example.classes[[*range(6), 1]].astype(np.int64)
    return example.around, Draw(Asked(np.array(pieces), semantic), np.array([*range(6), 1]))


def _example(made):
    scan, truth = made
    return make_example(prepare(scan, None, truth))


def test_a_users_clicks_are_asked_by_their_pieces(network):
    scan, _ = boxes_room(3)
    known = know(network, prepare(scan))
    vertex = np.array([5, 3000, 4000], np.int32)
    clicks = Clicks(vertex, np.array([7, 3, 4], np.int32), np.array([2, NONE, 99], np.int32))
    draw = drawn(known, clicks)
    assert draw.asked.piece.tolist() == known.pieces.piece[vertex].tolist()
    assert draw.asked.semantic.tolist() == [2, 0, 0]
    assert draw.instance.tolist() == [7, 3, 4]


def test_beliefs_are_the_clicks_and_what_is_sure(network, scan):
    around, draw = scan
    example = believed(network, around, draw, np.array([2]), 2.0)
    asked = np.setdiff1d(draw.asked.piece, draw.asked.piece[draw.instance == 2])
    assert set(np.flatnonzero(example.owner != NONE)) == set(asked)
    assert example.classes.tolist() == draw.asked.semantic[:6].tolist()
    everything = believed(network, around, draw, np.array([], np.int64), 0.0)
    assert (everything.owner != NONE).all()
    assert everything.owner[draw.asked.piece].tolist() == draw.instance.tolist()


def test_clicks_are_foretold_from_the_others(network, scan):
    around, draw = scan
    with torch.no_grad():
        seen = read(network, around)
        one = foretold(network, around, seen, draw, np.array([2]))
        two = foretold(network, around, seen, draw, np.array([1]))
    kinds = seen.kinds[draw.asked.piece[2], draw.asked.semantic[2]]
    assert one.tolist() == pytest.approx([float(kinds)])
    assert len(two) == 2
    assert (two < 0).all()
    nameless = Draw(Asked(draw.asked.piece, np.zeros(7, np.int64)), draw.instance)
    assert not len(foretold(network, around, seen, nameless, np.array([2])))


def test_a_copy_stays_only_where_it_foretells_better(network, scan, monkeypatch):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for gain in (0.1, -0.1):
        given = iter([np.full(6, -1.0), np.full(6, -1.0 + gain)])
        monkeypatch.setattr(finetune, "_scores", lambda *_, given=given: next(given))
        refined = refine(network, [scan], FEW)
        assert refined.kept == (gain > 0)
        assert (refined.network is network) != refined.kept
        assert refined.after == pytest.approx(-1 + gain)
        moved = refined.network.state_dict()["reader.kind.weight"]
        assert torch.equal(moved, before["reader.kind.weight"]) != refined.kept
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_gain_that_may_be_luck_does_not_count(network, scan, monkeypatch):
    given = iter([np.zeros(6), np.array([0.5, -0.4, 0.3, -0.3, 0.2, -0.2])])
    monkeypatch.setattr(finetune, "_scores", lambda *_: next(given))
    refined = refine(network, [scan], FEW)
    assert refined.after > refined.before
    assert refined.network is network
    assert not refined.kept


def test_training_is_repeatable_and_the_spring_holds(network, scan, monkeypatch):
    monkeypatch.setattr(finetune, "_scores", lambda n, *_: np.full(6, 0.0 if n is network else 1.0))

    def moved(config):
        copy = refine(network, [scan], config).network.state_dict()
        return sum(float(((copy[n] - v) ** 2).sum()) for n, v in network.state_dict().items())

    free = moved(FEW)
    assert free > 0
    assert free == moved(FEW)
    assert moved(RefineConfig(steps=4, batch=1, every=2, learning_rate=1e-3, pull=1e4)) < free


def test_with_nothing_to_judge_by_the_network_is_returned(network, scan):
    around, draw = scan
    alone = Draw(Asked(draw.asked.piece[:1], draw.asked.semantic[:1]), draw.instance[:1])
    refined = refine(network, [(around, alone)], FEW)
    assert refined.network is network
    assert math.isnan(refined.before)
    assert not refined.kept
