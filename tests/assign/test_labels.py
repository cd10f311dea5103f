"""Whatever is clicked: every vertex gets a label, and clicks keep what they say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_rooms import boxes_room, targets, turned

from seggroup.assign.labels import assigned, columns, know, shares
from seggroup.geometry.prepare import prepare
from seggroup.types import Clicks, Scan


def clicks_of(rows):
    """Clicks from (vertex, instance, class)."""
    vertex, instance, semantic = np.array(rows, np.int32).T.copy()
    return Clicks(vertex, instance, semantic)


@pytest.fixture(scope="module", params=["mesh", "cloud"])
def case(network, request):
    """What an untrained network knows of a room of six boxes, and a click on every instance."""
    scan, truth = boxes_room(6)
    noise = np.random.default_rng(0).normal(0, 0.003, scan.vertices.shape).astype(np.float32)
    scan = replace(scan, vertices=scan.vertices + noise)
    rows = [(t["vertex"], t["instance"], t["semantic"]) for t in targets(scan, truth)]
    if request.param == "cloud":
        scan = replace(scan, faces=scan.faces[:0])
    return know(network, prepare(scan, None, truth)), clicks_of(rows)


def sheets(*places, side=8):
    """Level squares of 14 cm at the given places, a cloud."""
    x, y = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    square = 0.02 * np.stack([x, y, 0 * x], -1).reshape(-1, 3)
    vertices = np.concatenate([square + place for place in places]).astype(np.float32)
    grey = np.full(vertices.shape, 128, np.uint8)
    return prepare(Scan("sheets", vertices, grey, np.zeros((0, 3), np.int32)), None, None)


def labelled(network, known, clicks):
    """The labels, checked for what holds of all."""
    labels = assigned(known, clicks, shares(network, known, clicks))
    assert len(labels) == len(known.scene.segments)
    assert set(labels.instance) <= set(clicks.instance)
    assert (labels.confidence >= 0).all() and (labels.confidence <= 1).all()  # noqa: PT018
    class_of = dict(zip(clicks.instance.tolist(), clicks.semantic.tolist(), strict=True))
    assert [class_of[i] for i in labels.instance.tolist()] == labels.semantic.tolist()
    assert np.array_equal(labels.instance[clicks.vertex], clicks.instance)
    return labels


def test_clicked_pieces_keep_their_instance(network, case):
    known, clicks = case
    labels = labelled(network, known, clicks)
    for vertex, instance in zip(clicks.vertex, clicks.instance, strict=True):
        own = known.pieces.piece == known.pieces.piece[vertex]
        assert (labels.instance[own] == instance).all()
        assert (labels.confidence[own] == 1).all()


def test_shares_and_none_are_all_there_is(network, case):
    known, clicks = case
    found = shares(network, known, clicks)
    assert found.share.sum(axis=1) + found.none == pytest.approx(1, abs=1e-5)
    assert np.array_equal(found.numbers, np.unique(clicks.instance))


def test_an_added_click_gives_what_all_clicks_give(network, case):
    known, clicks = case
    fewer = Clicks(clicks.vertex[:0:-1], clicks.instance[:0:-1], clicks.semantic[:0:-1])
    grown = columns(known, clicks, columns(known, fewer))
    assert torch.allclose(grown.pair, columns(known, clicks).pair, atol=1e-5)
    found = shares(network, known, clicks, grown)
    assert found.share == pytest.approx(shares(network, known, clicks).share, abs=1e-4)


def test_the_order_of_the_clicks_does_not_matter(network, case):
    known, clicks = case
    order = np.random.default_rng(0).permutation(len(clicks))
    other = Clicks(clicks.vertex[order], clicks.instance[order], clicks.semantic[order])
    found = shares(network, known, clicks).share
    assert found == pytest.approx(shares(network, known, other).share, abs=1e-3)


def test_two_clicks_in_one_segment_split_it(network, case):
    known = case[0]
    segments = known.scene.segments
    largest = np.flatnonzero(segments == np.bincount(segments).argmax())
    ends = largest[[0, -1]]
    labels = labelled(network, known, clicks_of([(ends[0], 3, 1), (ends[1], 8, 2)]))
    assert set(labels.instance[largest]) == {3, 8}


def test_two_clicks_in_one_piece_split_it_at_the_nearer(network):
    scene = sheets((0, 0, 0))
    known = know(network, scene)
    assert len(known.pieces) == 1
    labels = labelled(network, known, clicks_of([(0, 0, 1), (63, 1, 2)]))
    x = scene.scan.vertices[:, :2].sum(axis=1)
    assert (labels.instance[x < 0.13] == 0).all()
    assert (labels.instance[x > 0.15] == 1).all()


def test_one_click_takes_everything(network, case):
    known, clicks = case
    labels = labelled(network, known, clicks_of([(clicks.vertex[2], 4, 5)]))
    assert (labels.instance == 4).all()


@pytest.mark.parametrize("semantic", [0, 41, 1000])
def test_a_class_that_the_network_does_not_know_is_kept(network, case, semantic):
    known, clicks = case
    strange = np.where(np.arange(len(clicks)) == 1, semantic, clicks.semantic).astype(np.int32)
    labels = labelled(network, known, Clicks(clicks.vertex, clicks.instance, strange))
    assert semantic in labels.semantic


def test_sheets_without_links_are_labelled(network):
    known = know(network, sheets((0, 0, 0), (50, 0, 0), (0, 50, 0)))
    assert len(known.around.links) == 0
    labelled(network, known, clicks_of([(0, 0, 1), (64, 1, 2)]))


def test_a_shift_and_a_turn_about_the_vertical_change_no_label(network, case):
    known, clicks = case
    moved = know(network, turned(known.scene, 90))
    labels = assigned(known, clicks, shares(network, known, clicks))
    others = assigned(moved, clicks, shares(network, moved, clicks))
    assert (labels.instance == others.instance).mean() > 0.99
