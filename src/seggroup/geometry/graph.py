"""The segment graph and its contraction (paper 3.2, METHOD section 2)."""

import numpy as np
from jaxtyping import Int, Int32

from seggroup.types import Graph


def contract(
    edges: Int[np.ndarray, "m 2"],
    group: Int[np.ndarray, " n"],
    boundary: Int[np.ndarray, " m"] | None = None,
) -> Graph:
    """Edges between the groups of nodes: unique, a < b, sorted, inner ones dropped.

    The boundary lengths of the edges that fall on each are summed; without any, each counts 1.
    The law of the module: with ``g = contract(e, g1)``,
    ``contract(g.edges, g2, g.boundary) == contract(e, g2[g1])``.
    """
    size = int(group.max()) + 1 if len(group) else 0
    a, b = group[edges[:, 0]].astype(np.int64), group[edges[:, 1]].astype(np.int64)
    outer = a != b
    keys = np.minimum(a, b)[outer] * size + np.maximum(a, b)[outer]
    unique, position = np.unique(keys, return_inverse=True)
    weights = None if boundary is None else boundary[outer]
    total = np.bincount(position, weights, minlength=len(unique)).astype(np.int32)
    pairs = np.stack(np.divmod(unique, max(size, 1)), axis=1).astype(np.int32)
    return Graph(size, pairs, total)


def segment_graph(edges: Int[np.ndarray, "m 2"], segments: Int[np.ndarray, " v"]) -> Graph:
    """Segment graph of a scan from its mesh (or kNN) edges, which may come twice.

    Two segments are adjacent when an edge joins them; `boundary` is how many *different* ones do.
    """
    crossing = edges[segments[edges[:, 0]] != segments[edges[:, 1]]].astype(np.int64)
    low, high = crossing.min(axis=1), crossing.max(axis=1)
    _, first = np.unique(low * len(segments) + high, return_index=True)
    return contract(crossing[first], segments)


def unique_edges(edges: Int[np.ndarray, "m 2"]) -> Int32[np.ndarray, "n 2"]:
    """Each edge once, a < b, sorted."""
    low = np.minimum(edges[:, 0], edges[:, 1]).astype(np.uint64)
    high = np.maximum(edges[:, 0], edges[:, 1]).astype(np.uint64)
    keys = np.sort(low << 32 | high)  # a tenth of the time of np.unique, which hashes first
    keys = keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys
    return np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1).astype(np.int32)
