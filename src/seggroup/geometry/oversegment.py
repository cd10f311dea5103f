"""Over-segmentation by normals (paper 3.1): Felzenszwalb and Huttenlocher's merging on a mesh.

Letters: w edge weight, k the scale of the threshold function, t(A) the threshold of component A.
The result agrees with ScanNet's tool, its edge sort made stable, number for number.
"""

import typing

import numpy as np
from jaxtyping import Float32, Int, Int32
from numba import njit

from seggroup.config import OversegmentConfig
from seggroup.geometry.mesh import ONE, face_edges, vertex_normals

_DIGIT = 11  # bits a pass of the radix sort; three passes cover float32


@njit(cache=True, inline="always")
@typing.no_type_check
def find(parent, i):
    """Root of i. Halves the path on the way, and writes only where that shortens it."""
    p = parent[i]
    while True:
        g = parent[p]
        if g == p:
            return p
        parent[i] = g
        i = g
        p = parent[g]


@njit(cache=True, inline="always")
@typing.no_type_check
def _join(parent, rank, size, a, b):
    """Root of the union of the roots a and b: by rank; on equal rank b's wins."""
    if rank[a] > rank[b]:
        a, b = b, a
    elif rank[a] == rank[b]:
        rank[b] += 1
    parent[a] = b
    size[b] += size[a]
    return b


@njit(cache=True)
@typing.no_type_check
def edge_weights(vertices, normals, ends):
    """w = 1 - n_a.n_b, squared where the edge is convex (METHOD section 1)."""
    weights = np.empty(len(ends), np.float32)
    for e in range(len(ends)):
        a, b = ends[e]
        dx = vertices[b, 0] - vertices[a, 0]
        dy = vertices[b, 1] - vertices[a, 1]
        dz = vertices[b, 2] - vertices[a, 2]
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        if length > 0:
            dx /= length
            dy /= length
            dz /= length
        ax, ay, az = normals[a, 0], normals[a, 1], normals[a, 2]
        bx, by, bz = normals[b, 0], normals[b, 1], normals[b, 2]
        w = ONE - (ax * bx + ay * by + az * bz)
        if bx * dx + by * dy + bz * dz > 0:
            w = w * w
        weights[e] = w
    return weights


@njit(cache=True)
@typing.no_type_check
def stable_order(weights):
    """Stable ascending order of float32 `weights`: radix sort on their bits."""
    n = len(weights)
    keys = np.empty(n, np.uint32)
    order = np.empty(n, np.int32)
    bits = weights.view(np.uint32)
    for i in range(n):
        # Order-preserving: a negative float flips all its bits, another its sign bit;
        # adding zero first makes -0 equal to +0.
        b = bits[i] if weights[i] != 0 else np.uint32(0)
        keys[i] = ~b if b >> np.uint32(31) else b | np.uint32(0x80000000)
        order[i] = i
    other_keys, other_order = np.empty_like(keys), np.empty_like(order)
    mask = np.uint32((1 << _DIGIT) - 1)
    for shift in range(0, 32, _DIGIT):
        start = np.zeros((1 << _DIGIT) + 1, np.int64)
        for i in range(n):
            start[((keys[i] >> np.uint32(shift)) & mask) + 1] += 1
        for d in range(1 << _DIGIT):
            start[d + 1] += start[d]
        for i in range(n):
            d = (keys[i] >> np.uint32(shift)) & mask
            other_keys[start[d]] = keys[i]
            other_order[start[d]] = order[i]
            start[d] += 1
        keys, other_keys = other_keys, keys
        order, other_order = other_order, order
    return order


@njit(cache=True)
@typing.no_type_check
def _merge(n, ends, weights, order, k, min_size):
    """Root vertex of every vertex's component: merge by threshold, then join what is small.

    The edges are copied into their order first, so that the merging reads memory in sequence, and
    unsigned indices need no check for wrap-around: together four times as fast.
    """
    pairs = np.empty((len(order), 2), np.uint32)
    w = np.empty(len(order), np.float32)
    for i in range(len(order)):
        e = np.uint32(order[i])
        pairs[i, 0], pairs[i, 1], w[i] = ends[e, 0], ends[e, 1], weights[e]
    parent = np.arange(n).astype(np.uint32)
    rank = np.zeros(n, np.int8)
    size = np.ones(n, np.int32)
    threshold = np.full(n, k, np.float32)
    refused = 0  # edges between two components, kept in place as their roots
    for i in range(len(order)):
        a, b = find(parent, pairs[i, 0]), find(parent, pairs[i, 1])
        if a == b:
            continue
        if w[i] <= threshold[a] and w[i] <= threshold[b]:
            root = _join(parent, rank, size, a, b)
            threshold[root] = w[i] + k / np.float32(size[root])
        else:
            pairs[refused, 0], pairs[refused, 1] = a, b
            refused += 1
    for i in range(refused):
        a, b = find(parent, pairs[i, 0]), find(parent, pairs[i, 1])
        if a != b and (size[a] < min_size or size[b] < min_size):
            _join(parent, rank, size, a, b)
    for i in range(n):
        parent[i] = find(parent, np.uint32(i))
    return parent.view(np.int32)


@njit(cache=True)
@typing.no_type_check
def _number(roots):
    """Segments 0, 1, … in ascending order of their root vertex, and those roots."""
    number = np.empty(len(roots), np.int32)
    count = 0
    for i in range(len(roots)):
        if roots[i] == i:
            number[i] = count
            count += 1
    ids = np.empty(count, np.int32)
    segments = np.empty(len(roots), np.int32)
    for i in range(len(roots)):
        segments[i] = number[roots[i]]
        if roots[i] == i:
            ids[number[i]] = i
    return segments, ids


def merge_edges(
    vertices: Float32[np.ndarray, "v 3"],
    normals: Float32[np.ndarray, "v 3"],
    ends: Int32[np.ndarray, "m 2"],
    config: OversegmentConfig,
) -> tuple[Int32[np.ndarray, " v"], Int32[np.ndarray, " s"]]:
    """Segments along the edges `ends` of any graph over the vertices.

    Returns the segment (0 … s-1) of each vertex and each segment's id: its root vertex's index.
    """
    return merge_weighted(len(vertices), ends, edge_weights(vertices, normals, ends), config)


def merge_weighted(
    size: int,
    ends: Int32[np.ndarray, "m 2"],
    weights: Float32[np.ndarray, " m"],
    config: OversegmentConfig,
) -> tuple[Int32[np.ndarray, " v"], Int32[np.ndarray, " s"]]:
    """`merge_edges` of `size` vertices where the weights are at hand."""
    order = stable_order(weights)
    return _number(_merge(size, ends, weights, order, np.float32(config.k), config.min_size))


def segment_mesh(
    vertices: Float32[np.ndarray, "v 3"],
    faces: Int32[np.ndarray, "f 3"],
    config: OversegmentConfig | None = None,
) -> tuple[Int32[np.ndarray, " v"], Int32[np.ndarray, " s"]]:
    """Over-segment a triangle mesh as ScanNet's tool does (METHOD section 1).

    Zero-area faces add nothing to the normals, and an edge of length zero counts as concave;
    the original has NaN in both places.
    """
    normals = vertex_normals(vertices, faces)
    return merge_edges(vertices, normals, face_edges(faces), config or OversegmentConfig())


def dense_segments(
    ids_of_vertices: Int[np.ndarray, " v"],
) -> tuple[Int32[np.ndarray, " v"], Int32[np.ndarray, " s"]]:
    """Segments 0 … s-1 in ascending order of the ids that a file gives each vertex."""
    ids, segments = np.unique(ids_of_vertices, return_inverse=True)
    return segments.astype(np.int32), ids.astype(np.int32)
