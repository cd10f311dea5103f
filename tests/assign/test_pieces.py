"""Pieces lie in segments, are found again in any order, and part what colour or a bend parts."""

from dataclasses import replace

import numpy as np
import pytest
from toy_rooms import boxes_room, turned
from toy_scenes import permuted

from seggroup.assign.pieces import AREA, FEWEST, make_pieces, smoothed
from seggroup.geometry.prepare import prepare
from seggroup.types import Scan


def room(boxes=6, cloud=False, seed=0):
    """A room without ties: its vertices are moved by a few millimetres."""
    scan, truth = boxes_room(boxes)
    noise = np.random.default_rng(seed).normal(0, 0.003, scan.vertices.shape).astype(np.float32)
    scan = replace(scan, vertices=scan.vertices + noise)
    if cloud:
        scan = replace(scan, faces=np.zeros((0, 3), np.int32))
    return prepare(scan, None, truth)


@pytest.mark.parametrize("cloud", [False, True])
def test_every_vertex_has_a_piece_and_every_piece_lies_in_one_segment(cloud):
    scene = room(cloud=cloud)
    pieces = make_pieces(scene)
    assert np.array_equal(np.unique(pieces.piece), np.arange(len(pieces)))
    assert np.array_equal(pieces.segment[pieces.piece], scene.segments)
    assert pieces.graph.size == len(pieces)


def test_a_piece_is_large_enough_where_its_segment_allows():
    scene = room()
    pieces = make_pieces(scene)
    least = max(FEWEST, round(AREA / pieces.area))
    small = np.bincount(pieces.piece) < least
    assert small.any() or least == FEWEST
    for number in np.flatnonzero(small):  # then nothing else of its segment touches it
        a, b = pieces.edges.T
        inside = scene.segments[a] == scene.segments[b]
        ends = pieces.piece[pieces.edges[inside]]
        assert not np.any((ends == number).any(axis=1) & (ends[:, 0] != ends[:, 1]))


def shared(one, other):
    """The share of the vertices that lie where most of their piece lies in the other partition."""
    table = np.zeros((one.max() + 1, other.max() + 1), int)
    np.add.at(table, (one, other), 1)
    return min(table.max(axis=0).sum(), table.max(axis=1).sum()) / len(one)


def test_the_order_of_the_vertices_hardly_matters():
    """Whether an edge is convex is asked at its later end, so that a few weights change."""
    scene = room(cloud=True)
    order = np.random.default_rng(1).permutation(len(scene.segments))
    pieces, other = make_pieces(scene), make_pieces(permuted(scene, order))
    back = np.empty_like(other.piece)
    back[order] = other.piece
    assert shared(pieces.piece, back) > 0.8


@pytest.mark.parametrize("angle", [0, 90, 37])
def test_a_shift_and_a_turn_hardly_matter(angle):
    """Rounding moves a few vertices between pieces."""
    scene = room()
    pieces, other = make_pieces(scene), make_pieces(turned(scene, angle))
    assert shared(pieces.piece, other.piece) > 0.95


def test_colours_part_what_the_normals_do_not():
    side = np.arange(0, 2, 0.05)
    x, y = np.meshgrid(side, side, indexing="ij")
    vertices = np.stack([x, y, 0 * x], -1).reshape(-1, 3).astype(np.float32)
    colors = np.where(vertices[:, :1] < 1, [200, 60, 60], [60, 60, 200]).astype(np.uint8)
    scan = Scan("floor", vertices, colors, np.zeros((0, 3), np.int32))
    scene = prepare(scan, np.zeros(len(vertices), np.int32), None)  # one segment
    pieces = make_pieces(scene)
    assert scene.graph.size == 1
    left, right = (np.unique(pieces.piece[s]) for s in (vertices[:, 0] < 0.9, vertices[:, 0] > 1.1))
    assert not set(left) & set(right)


def test_each_edge_is_there_once():
    pieces = make_pieces(room())
    assert (pieces.edges[:, 0] < pieces.edges[:, 1]).all()
    assert len(np.unique(pieces.edges, axis=0)) == len(pieces.edges)
    assert (np.lexsort(pieces.edges.T[::-1]) == np.arange(len(pieces.edges))).all()


def test_smoothing_takes_the_mean_with_the_neighbours():
    values = np.array([[0.0], [3.0], [9.0], [5.0]])
    edges = np.array([[0, 1], [1, 2]], np.int32)
    assert smoothed(values, edges)[:, 0] == pytest.approx([1.5, 4, 6, 5])
