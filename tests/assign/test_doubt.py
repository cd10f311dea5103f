"""Doubts about clicks: against really asking without each click, by hand, and their laws."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_rooms import boxes_room, targets

from seggroup.assign.doubt import (
    ERRS,
    doubtful,
    first_without,
    looks,
    others,
    wrong_class,
    wrong_place,
)
from seggroup.assign.labels import know
from seggroup.assign.network import Asked, Assigner, ask
from seggroup.geometry.prepare import prepare
from seggroup.types import Clicks

CHAIR, TABLE, CABINET = 5, 7, 3


def clicks_of(rows):
    """Clicks from (vertex, instance, class)."""
    vertex, instance, semantic = np.array(rows, np.int32).T.copy()
    return Clicks(vertex, instance, semantic)


def asked_of(known, clicks):
    piece = known.pieces.piece[clicks.vertex].astype(np.int64)
    return Asked(piece, clicks.semantic.astype(np.int64))


def with_kinds(known, clicks, classes):
    """The reader made nearly sure (0.95) of a class for each click's piece."""
    probability = np.full((len(known.pieces), 41), 0.05 / 40, np.float32)
    probability[known.pieces.piece[clicks.vertex], classes] = 0.95
    kinds = torch.from_numpy(np.log(probability))
    return replace(known, read=replace(known.read, kinds=kinds))


@pytest.fixture(scope="module")
def case():
    """An untrained network, what it knows of a room of six boxes, and a click on every instance."""
    scan, truth = boxes_room(6)
    torch.manual_seed(0)
    network = Assigner(16, 1).eval()
    rows = [(t["vertex"], t["instance"], t["semantic"]) for t in targets(scan, truth)]
    return network, know(network, prepare(scan, None, truth)), clicks_of(rows)


@pytest.fixture
def leaning(case):
    """The network with the first round's "none" raised by so much."""
    network = case[0]
    bias = network.asker.none[0][-1].bias
    before = bias.detach().clone()

    def lean(much):
        with torch.no_grad():
            bias.fill_(much)
        return network

    yield lean
    with torch.no_grad():
        bias.copy_(before)


def test_the_answer_without_a_click_is_the_one_that_asking_without_it_gives(case):
    network, known, clicks = case
    inside = np.flatnonzero(known.pieces.piece == known.pieces.piece[clicks.vertex[2]])
    rows = [*zip(clicks.vertex, clicks.instance, clicks.semantic, strict=True), (inside[0], 9, 4)]
    asked = asked_of(known, clicks_of(rows))
    found = first_without(network, known, asked)
    for i, piece in enumerate(asked.piece):
        kept = asked.piece != piece  # also the other click in the same piece
        assert kept.sum() == len(rows) - (2 if i in (2, len(rows) - 1) else 1)
        fewer = Asked(asked.piece[kept], asked.semantic[kept])
        with torch.no_grad():
            logits = ask(network, known.around, known.read, fewer)[0][int(piece)]
        np.testing.assert_allclose(
            found[i, np.append(kept, True)], torch.softmax(logits, 0), rtol=1e-4, atol=1e-6
        )
        assert not found[i, :-1][~kept].any()


def test_clicks_of_one_instance_count_for_one_another(case):
    network, known, clicks = case
    share = others(network, known, asked_of(known, clicks), np.array([0, 0, 0, 1, 1, 2, 3]))
    alone = others(network, known, asked_of(known, clicks), np.arange(7))
    assert not share[:3, :3].any()
    assert not share[3:5, 3:5].any()
    np.testing.assert_array_equal(share[:3, 3:], alone[:3, 3:])


def test_a_wrong_class_by_hand():
    kinds = np.zeros((4, 41))
    kinds[:, CHAIR] = [0.9, 0.2, 0, 1]
    named = np.array([CHAIR, CHAIR, CHAIR, 0])
    odds = ERRS * 0.8 / ((1 - ERRS) * 0.2)
    chance = wrong_class(kinds, named)  # only one class is named: as though there were two
    assert chance[1] == pytest.approx(odds / (1 + odds))
    assert chance[2] == pytest.approx(1)
    assert chance[3] == 0  # nothing is said, nothing is wrong
    spread = wrong_class(kinds, np.array([CHAIR, CHAIR, TABLE, CABINET]))
    assert spread[1] == pytest.approx(odds / 2 / (1 + odds / 2))


def test_a_wrong_place_by_hand():
    owners = np.array([[0, 0.5, 0], [0, 0, 0], [0.4, 0.6, 0]])
    np.testing.assert_allclose(wrong_place(owners), [ERRS, 0, 1])


def test_a_class_that_the_reader_does_not_see_is_flagged(case, leaning):
    _, known, clicks = case
    network = leaning(1e3)  # no click is on another's object
    seen = np.array(clicks.semantic)
    seen[2] = CABINET
    known = with_kinds(known, clicks, seen)
    (doubt,) = doubtful(network, known, clicks, 0.8)
    assert doubt.click == 2
    assert doubt.reason == "looks like cabinet, not table (95 %)"
    assert doubt.chance > 0.8
    nameless = Clicks(clicks.vertex, clicks.instance, np.zeros_like(clicks.semantic))
    assert doubtful(network, known, nameless, 0.8) == []


def test_the_class_is_looked_for_in_all_clicks_of_an_instance(case):
    _, known, clicks = case
    known = with_kinds(known, clicks, np.array([CHAIR, TABLE, *clicks.semantic[2:]]))
    one = Clicks(clicks.vertex, np.array([0, 0, 2, 3, 4, 5, 6], np.int32), clicks.semantic)
    kinds = looks(known, one, asked_of(known, one))
    np.testing.assert_array_equal(kinds[0], kinds[1])
    assert kinds[0, CHAIR] == pytest.approx((0.95 + 0.05 / 40) / 2, rel=1e-5)


def test_a_click_on_anothers_object_is_flagged_with_its_instance(case, leaning):
    _, known, clicks = case
    known = with_kinds(known, clicks, clicks.semantic)
    pair = Clicks(clicks.vertex[1:3], clicks.instance[1:3], clicks.semantic[1:3])
    found = doubtful(leaning(-1e3), known, pair)  # whatever is asked, someone owns it
    assert {doubt.click: doubt.reason for doubt in found} == {
        0: "lies on the object of instance 2, table (100 %)",
        1: "lies on the object of instance 1, chair (100 %)",
    }


def test_two_clicks_that_cut_a_piece_do_not_speak_against_each_other(case, leaning):
    _, known, clicks = case
    inside = np.flatnonzero(known.pieces.piece == known.pieces.piece[clicks.vertex[1]])
    pair = clicks_of([(inside[0], 1, CHAIR), (inside[-1], 2, CHAIR)])
    known = with_kinds(known, pair, [CHAIR, CHAIR])
    assert doubtful(leaning(-1e3), known, pair) == []


def test_one_click_is_on_nobody_elses_object(case):
    network, known, clicks = case
    one = Clicks(clicks.vertex[:1], clicks.instance[:1], clicks.semantic[:1])
    assert doubtful(network, with_kinds(known, one, one.semantic), one) == []


def test_doubts_come_in_order_and_with_the_clicks(case):
    network, known, clicks = case
    every = doubtful(network, known, clicks, limit=-1.0)
    chance = [doubt.chance for doubt in every]
    assert sorted(doubt.click for doubt in every) == list(range(len(clicks)))
    assert chance == sorted(chance, reverse=True)
    limit = chance[3]
    assert doubtful(network, known, clicks, limit) == [d for d in every if d.chance > limit]
    order = np.array([4, 2, 6, 0, 1, 5, 3])
    moved = Clicks(clicks.vertex[order], clicks.instance[order], clicks.semantic[order])
    found = {order[d.click]: d for d in doubtful(network, known, moved, limit=-1.0)}
    for doubt in every:
        assert found[doubt.click].chance == pytest.approx(doubt.chance, abs=1e-5)
        assert found[doubt.click].reason == doubt.reason
