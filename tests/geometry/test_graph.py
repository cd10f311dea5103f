"""The segment graph: composition law, literal table, boundary counts."""

import numpy as np
import pytest
from helpers import bumpy_grid, random_graph

from seggroup.geometry.graph import contract, contract_graph, segment_graph
from seggroup.geometry.mesh import face_edges


@pytest.mark.parametrize("seed", range(20))
def test_contraction_composes(seed):
    rng = np.random.default_rng(seed)
    edges = random_graph(rng, 60, 150)
    first = np.unique(rng.integers(0, 25, 60), return_inverse=True)[1]
    second = np.unique(rng.integers(0, 8, first.max() + 1), return_inverse=True)[1]
    once, twice = contract(edges, first), contract(edges, second[first])
    np.testing.assert_array_equal(contract(once.edges, second).edges, twice.edges)
    composed = contract_graph(once, second)
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
