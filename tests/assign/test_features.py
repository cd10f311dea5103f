"""Features against loops, and what must not change them."""

from dataclasses import fields, replace

import numpy as np
import pytest
import reference_assign as slow
from toy_rooms import boxes_room, turned

from seggroup.assign.features import FEATURES, LINK, POINT, surroundings
from seggroup.assign.pieces import make_pieces
from seggroup.geometry.prepare import prepare
from seggroup.types import Scan


@pytest.fixture(scope="module")
def scene():
    """A room without ties: its vertices are moved by a few millimetres."""
    scan, truth = boxes_room(3)
    noise = np.random.default_rng(0).normal(0, 0.003, scan.vertices.shape).astype(np.float32)
    return prepare(replace(scan, vertices=scan.vertices + noise), None, truth)


@pytest.fixture(scope="module")
def pieces(scene):
    return make_pieces(scene)


@pytest.fixture(scope="module")
def around(scene, pieces):
    return surroundings(scene, pieces)


def test_features_of_pieces_agree_with_loops(scene, pieces, around):
    assert around.features.shape == (len(pieces), FEATURES)
    for number in range(0, len(pieces), 3):
        wanted = np.clip(slow.of_piece(scene, pieces, around, number), -4, 4)
        rank = 36  # equal segments have any order
        apart = np.abs(np.delete(around.features[number] - wanted, rank))
        assert apart.max() < 2e-4, number


def test_links_agree_with_loops(pieces, around):
    wanted = slow.linked(pieces, around.place)
    found = dict(zip(map(tuple, around.links.tolist()), around.touching.tolist(), strict=True))
    assert found == {(int(a), int(b)): count for (a, b), count in wanted.items()}
    assert (around.links[:, 0] < around.links[:, 1]).all()


def test_features_of_links_agree_with_loops(pieces, around):
    assert around.link.shape == (len(around.links), LINK)
    total = np.zeros(len(pieces))
    for (a, b), count in zip(around.links, around.touching, strict=True):
        total[[a, b]] += count
    for row in range(0, len(around.links), 5):
        for (a, b), link in (
            (around.links[row], around.link[row]),
            (around.links[row][::-1], around.back[row]),
        ):
            touching = around.touching[row]
            offset = (around.center[b] - around.center[a]).astype(float)
            gap = min(np.linalg.norm(around.place[b] - s, axis=1).min() for s in around.place[a])
            assert link[6] == pytest.approx(min(5 * gap, 4), abs=1e-4)
            assert link[7] == (around.segment[a] == around.segment[b])
            assert link[10] == pytest.approx(min(np.log1p(touching) / 2, 4))
            assert link[11] == (touching > 0)
            assert link[12] == pytest.approx(2 * touching / max(total[a], 1))
            assert link[13] == pytest.approx(2 * touching / max(total[b], 1))
            assert link[14] == pytest.approx(np.log10(around.size[b] / around.size[a]), abs=1e-5)
            assert link[15] == pytest.approx(np.clip(2 * offset[2], -4, 4), abs=1e-4)
            lower, upper = around.spread[b, 0], around.spread[a, 1]
            assert link[18] == pytest.approx(np.clip(2 * (lower - upper), -4, 4), abs=1e-4)


def test_samples_lie_in_their_pieces(scene, pieces, around):
    assert around.points.shape == (len(pieces), 16, POINT)
    shift = scene.scan.vertices.astype(float)
    middle = (shift.min(axis=0) + shift.max(axis=0)) / 2
    shift = shift - [middle[0], middle[1], np.percentile(shift[:, 2], 1)]
    for number in range(0, len(pieces), 7):
        own = shift[pieces.piece == number]
        for sample in around.place[number]:
            assert np.linalg.norm(own - sample, axis=1).min() < 1e-5


@pytest.mark.parametrize("angle", [0, 90, 37])
def test_a_shift_and_a_turn_about_the_vertical_change_nothing(scene, pieces, around, angle):
    other = surroundings(turned(scene, angle), pieces)
    assert np.array_equal(other.links, around.links)
    for name in ("features", "points", "link", "back"):
        apart = np.abs(getattr(other, name) - getattr(around, name))
        assert apart.max() < 1e-3, name


def test_a_scan_with_one_piece():
    x, y = np.meshgrid(np.arange(6), np.arange(6), indexing="ij")
    vertices = 0.02 * np.stack([x, y, 0 * x], -1).reshape(-1, 3).astype(np.float32)
    grey = np.full(vertices.shape, 128, np.uint8)
    scene = prepare(Scan("tile", vertices, grey, np.zeros((0, 3), np.int32)), None, None)
    around = surroundings(scene, make_pieces(scene))
    assert len(around.size) == 1
    assert len(around.links) == 0
    for field in fields(around):
        assert np.isfinite(getattr(around, field.name)).all(), field.name
