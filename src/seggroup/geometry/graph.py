"""The segment graph and its contraction (paper 3.2, METHOD section 2)."""

import numpy as np
from jaxtyping import Int

from seggroup.types import Graph


def contract(edges: Int[np.ndarray, "m 2"], group: Int[np.ndarray, " n"]) -> Graph:
    """Edges between the groups of nodes: unique, a < b, sorted, inner ones dropped.

    `boundary` counts the edges that fell on each. The law of the module:
    ``contract(contract(e, g1).edges, g2).edges == contract(e, g2[g1]).edges``.
    """
    size = int(group.max()) + 1 if len(group) else 0
    a, b = group[edges[:, 0]].astype(np.int64), group[edges[:, 1]].astype(np.int64)
    outer = a != b
    a, b = a[outer], b[outer]
    keys, counts = np.unique(np.minimum(a, b) * size + np.maximum(a, b), return_counts=True)
    pairs = np.stack(np.divmod(keys, max(size, 1)), axis=1).astype(np.int32)
    return Graph(size, pairs, counts.astype(np.int32))


def contract_graph(graph: Graph, group: Int[np.ndarray, " n"]) -> Graph:
    """The graph of the groups, boundary lengths summed."""
    coarse = contract(graph.edges, group)
    a, b = group[graph.edges[:, 0]], group[graph.edges[:, 1]]
    outer = a != b
    keys = np.minimum(a, b)[outer].astype(np.int64) * coarse.size + np.maximum(a, b)[outer]
    _, position = np.unique(keys, return_inverse=True)
    boundary = np.bincount(position, graph.boundary[outer], minlength=len(coarse.edges))
    return Graph(coarse.size, coarse.edges, boundary.astype(np.int32))


def segment_graph(edges: Int[np.ndarray, "m 2"], segments: Int[np.ndarray, " v"]) -> Graph:
    """Segment graph of a scan from its mesh (or kNN) edges, which may come twice.

    Two segments are adjacent when an edge joins them; `boundary` is how many *different* ones do.
    """
    crossing = edges[segments[edges[:, 0]] != segments[edges[:, 1]]].astype(np.int64)
    low, high = crossing.min(axis=1), crossing.max(axis=1)
    _, first = np.unique(low * len(segments) + high, return_index=True)
    return contract(crossing[first], segments)
