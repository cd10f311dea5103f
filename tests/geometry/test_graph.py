"""The segment graph: composition law, literal table, boundary counts."""

import numpy as np
import pytest
from helpers import bumpy_grid, random_graph
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from seggroup.geometry.graph import contract, segment_graph
from seggroup.geometry.mesh import face_edges
from seggroup.geometry.prepare import prepare
from seggroup.types import Scan


@pytest.mark.parametrize("seed", range(20))
def test_contraction_composes(seed):
    rng = np.random.default_rng(seed)
    edges = random_graph(rng, 60, 150)
    first = np.unique(rng.integers(0, 25, 60), return_inverse=True)[1]
    second = np.unique(rng.integers(0, 8, first.max() + 1), return_inverse=True)[1]
    once, twice = contract(edges, first), contract(edges, second[first])
    np.testing.assert_array_equal(contract(once.edges, second).edges, twice.edges)
    composed = contract(once.edges, second, once.boundary)
    np.testing.assert_array_equal(composed.boundary, twice.boundary)
    np.testing.assert_array_equal(composed.edges, twice.edges)


def test_literal_square():
    # 0-1 / 2-3 in a square with one diagonal: segments {0, 1} and {2, 3} share three mesh edges.
    faces = np.array([[0, 1, 2], [1, 3, 2]], np.int32)
    graph = segment_graph(face_edges(faces), np.array([0, 0, 1, 1]))
    np.testing.assert_array_equal(graph.edges, [[0, 1]])
    np.testing.assert_array_equal(graph.boundary, [3])


def test_boundary_counts_every_mesh_edge_once():
    rng = np.random.default_rng(0)
    _, faces = bumpy_grid(rng)
    segments = rng.integers(0, 9, faces.max() + 1)
    graph = segment_graph(face_edges(faces), segments)
    seen = {tuple(sorted((int(a), int(b)))) for a, b in face_edges(faces)}
    crossing = [tuple(sorted((segments[a], segments[b]))) for a, b in seen]
    expected = {}
    for a, b in crossing:
        if a != b:
            expected[a, b] = expected.get((a, b), 0) + 1
    assert {tuple(e): n for e, n in zip(graph.edges.tolist(), graph.boundary, strict=True)} == {
        k: expected[k] for k in sorted(expected)
    }


def test_no_edges():
    graph = segment_graph(np.empty((0, 2), np.int32), np.zeros(5, np.int32))
    assert graph.size == 1
    assert graph.edges.shape == (0, 2)


def test_seams_join_segments_in_the_graph_but_not_the_segments():
    vertices, faces = bumpy_grid(np.random.default_rng(0))
    apart = vertices[faces].reshape(-1, 3)  # every face with corners of its own
    soup = np.arange(len(apart), dtype=np.int32).reshape(-1, 3)
    scan = Scan("soup", apart, np.full(apart.shape, 128, np.uint8), soup)
    scene = prepare(scan)
    assert len(scene.segment_ids) == len(faces)
    corners = [{tuple(c) for c in vertices[face].tolist()} for face in faces]
    assert all(corners[a] & corners[b] for a, b in scene.graph.edges)
    links = coo_matrix((scene.graph.boundary, scene.graph.edges.T), shape=(len(faces), len(faces)))
    assert connected_components(links, directed=False)[0] == 1
