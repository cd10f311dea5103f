"""The next click for the assigner, against a dense slow twin of its gain, and its laws."""

import numpy as np
import pytest
import torch
from toy_rooms import boxes_room, targets

from seggroup.assign.labels import Shares, know, shares
from seggroup.assign.network import LEAKS, Assigner
from seggroup.assign.nextclick import make_links_guide, next_spots
from seggroup.geometry.prepare import prepare
from seggroup.types import Clicks


@pytest.fixture(scope="module")
def case():
    """What an untrained network knows of a room of six boxes, and the guide."""
    scan, truth = boxes_room(6)
    torch.manual_seed(0)
    network = Assigner(16, 1).eval()
    known = know(network, prepare(scan, None, truth))
    rows = [(t["vertex"], t["instance"], t["semantic"]) for t in targets(scan, truth)]
    vertex, instance, semantic = np.array(rows, np.int32).T.copy()
    return network, known, make_links_guide(known), Clicks(vertex, instance, semantic)


def hits_by_loop(known):
    """(t, s): the probability that a walker from t comes by s, by the dense inverse."""
    around = known.around
    p = len(around.size)
    weight = np.zeros((p, p))
    for (a, b), logit in zip(around.links, known.read.affinity.double().numpy(), strict=True):
        weight[a, b] = weight[b, a] = np.exp(logit)
    degree = weight.sum(axis=1) + 1e-6
    visits = np.linalg.inv(np.diag((1 + LEAKS[0]) * degree) - weight)
    return visits / np.diag(visits)


def gains_by_loop(known, doubt):
    """Every gain by its definition."""
    hit, size = hits_by_loop(known), known.around.size / known.around.size.sum()
    return [
        doubt[s] * sum(size[t] * doubt[t] * hit[t, s] for t in range(len(size)))
        for s in range(len(size))
    ]


def drawn(known, seed):
    """Shares of three instances that a rule need not care about the origin of."""
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.full(4, 0.5), len(known.pieces)).astype(np.float32)
    return Shares(np.array([0, 2, 5], np.int32), rows[:, :3], rows[:, 3])


@pytest.mark.parametrize("seed", range(5))
def test_the_first_spot_has_the_largest_gain_of_a_dense_twin(case, seed):
    _, known, guide, _ = case
    found = drawn(known, seed)
    clicked = np.random.default_rng(seed).choice(len(known.pieces), 3, replace=False)
    doubt = 1 - found.share.max(axis=1).astype(float)
    doubt[clicked] = 0
    gains = gains_by_loop(known, doubt)
    (spot,) = next_spots(known, guide, found, clicked, [], 1)
    assert spot.gain == pytest.approx(max(gains), rel=1e-6)
    assert gains[spot.piece] == pytest.approx(max(gains), rel=1e-6)
    assert spot.reach == pytest.approx(1 - float(found.none[spot.piece]))


@pytest.mark.parametrize("seed", range(5))
def test_a_declined_piece_settles_what_it_would_have_settled(case, seed):
    _, known, guide, _ = case
    found, hit = drawn(known, seed), hits_by_loop(known)
    first, second = next_spots(known, guide, found, [], [], 2)
    doubt = 1 - found.share.max(axis=1).astype(float)
    gains = gains_by_loop(known, doubt * (1 - hit[:, first.piece]))
    (other,) = next_spots(known, guide, found, [], [first.piece], 1)
    assert other.piece == second.piece
    assert other.gain == pytest.approx(second.gain, rel=0.05)
    assert second.gain == pytest.approx(max(gains), rel=1e-6)


def test_before_any_click_all_is_in_doubt(case):
    _, known, guide, _ = case
    gains = gains_by_loop(known, np.ones(len(known.pieces)))
    (spot,) = next_spots(known, guide, None, [], [], 1)
    assert spot.gain == pytest.approx(max(gains), rel=1e-6)
    assert spot.reach == 0


def test_spots_are_apart_free_and_ever_worth_less(case):
    network, known, guide, clicks = case
    found = shares(network, known, clicks)
    clicked = known.pieces.piece[clicks.vertex]
    spots = next_spots(known, guide, found, clicked, [], 5)
    pieces = [spot.piece for spot in spots]
    gains = [spot.gain for spot in spots]
    assert len(set(pieces)) == 5
    assert not set(pieces) & set(clicked.tolist())
    assert gains == sorted(gains, reverse=True)
    assert next_spots(known, guide, found, clicked, [], 3) == spots[:3]


def test_the_vertex_is_in_the_middle_of_its_piece(case):
    _, known, guide, _ = case
    place = known.scene.scan.vertices.astype(float)
    for spot in next_spots(known, guide, None, [], [], 5):
        inside = np.flatnonzero(known.pieces.piece == spot.piece)
        gap = [np.linalg.norm(place[i] - place[inside].mean(axis=0)) for i in inside]
        assert spot.vertex in inside
        assert np.linalg.norm(place[spot.vertex] - place[inside].mean(axis=0)) <= min(gap) + 1e-9


def test_where_nothing_is_in_doubt_there_is_nothing_to_click(case):
    _, known, guide, _ = case
    p = len(known.pieces)
    sure = Shares(np.zeros(1, np.int32), np.ones((p, 1), np.float32), np.zeros(p, np.float32))
    assert next_spots(known, guide, sure, [], [], 3) == []
    assert next_spots(known, guide, None, np.arange(p), [], 3) == []
