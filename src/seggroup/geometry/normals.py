"""Normals of clouds: the planes through the neighbours of each point, and which side is out."""

import typing

import numpy as np
from jaxtyping import Float32, Int32
from numba import njit

from seggroup.geometry.oversegment import find, stable_order

_TOO_SHORT = 1e-7  # cross product of rows of a matrix of trace 1: two eigenvalues nearly equal
_PLANE = 0.95  # |cosine| of the principal axes at the ends of an edge: both on one plane
_UPRIGHT = 0.7  # |cosine| between a normal and the principal axis of its neighbourhood
_MIXED = 0.05  # share of such edges with normals on opposite sides, from which they are wrong


def oriented(
    vertices: Float32[np.ndarray, "v 3"],
    normals: Float32[np.ndarray, "v 3"],
    edges: Int32[np.ndarray, "m 2"],
) -> Float32[np.ndarray, "v 3"]:
    """The normals, some of them turned round so that they agree with their neighbours'.

    Orientation (Hoppe et al. 1992): signs spread along the spanning tree of `edges` that prefers
    parallel normals; each tree then faces the middle of the scan by majority, since a room is
    scanned from inside. Where the tree crosses an edge of an object the sign may be wrong; the
    segmentation does not look at signs.
    """
    result = normals.copy()
    bend = 1 - np.abs(_cosine(normals, edges))
    start, to = _forest(len(vertices), edges, stable_order(bend))
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    _propagate_signs(result, start, to, middle - vertices)
    return result


def checked_normals(
    vertices: Float32[np.ndarray, "v 3"],
    normals: Float32[np.ndarray, "v 3"],
    axes: Float32[np.ndarray, "v 3"],
    edges: Int32[np.ndarray, "m 2"],
) -> tuple[Float32[np.ndarray, "v 3"], str]:
    """A file's unit normals, mended where they cannot be right, and what was done; "" for nothing.

    `axes` are the principal axes. Normals that mostly do not stand on the surface are estimated
    anew. Such as do, but point to opposite sides at neighbouring points of one plane, are turned
    to agree.
    """
    flat = np.abs(_cosine(axes, edges)) > _PLANE  # edges within a plane, where the axis is sure
    ends = edges[flat, 0]
    if len(ends) == 0:
        return normals, ""
    upright = np.abs(np.einsum("ij,ij->i", axes[ends], normals[ends])) > _UPRIGHT
    if upright.mean() < 0.5:
        return oriented(vertices, axes, edges), (
            f"the file's normals stand on the surface at {upright.mean():.0%} of the points only: "
            "they were estimated anew."
        )
    opposite = float((_cosine(normals, edges[flat]) < 0).mean())
    if opposite > _MIXED:
        return oriented(vertices, normals, edges), (
            f"the file's normals point to opposite sides at {opposite:.0%} of the neighbouring "
            "points: they were turned to agree."
        )
    return normals, ""


@njit(cache=True)
@typing.no_type_check
def principal_axes(vertices, index):
    """Unit eigenvector of the smallest eigenvalue of each neighbourhood's covariance.

    The eigenvalue in closed form (Smith, "Eigenvalues of a symmetric 3 x 3 matrix", 1961), the
    vector as the longest cross product of two rows; by LAPACK where that is too short to tell.
    """
    normals = np.empty((len(vertices), 3), np.float32)
    m = np.empty((3, 3), np.float64)
    mean, vector, cross = np.empty(3), np.empty(3), np.empty(3)
    for i in range(len(vertices)):
        mean[:] = 0
        for j in index[i]:
            for a in range(3):
                mean[a] += vertices[j, a]
        mean /= index.shape[1]
        m[:] = 0
        for j in index[i]:
            for a in range(3):
                for b in range(a, 3):
                    m[a, b] += (vertices[j, a] - mean[a]) * (vertices[j, b] - mean[b])
        trace = m[0, 0] + m[1, 1] + m[2, 2]
        if trace > 0:
            m /= trace
        m[1, 0], m[2, 0], m[2, 1] = m[0, 1], m[0, 2], m[1, 2]
        third = (m[0, 0] + m[1, 1] + m[2, 2]) / 3
        x, y, z = m[0, 0] - third, m[1, 1] - third, m[2, 2] - third
        off = m[0, 1] ** 2 + m[0, 2] ** 2 + m[1, 2] ** 2
        spread = np.sqrt((x * x + y * y + z * z + 2 * off) / 6)
        longest = 0.0
        if spread > 0:
            determinant = (
                x * (y * z - m[1, 2] ** 2)
                - m[0, 1] * (m[0, 1] * z - m[1, 2] * m[0, 2])
                + m[0, 2] * (m[0, 1] * m[1, 2] - y * m[0, 2])
            )
            cosine = min(1.0, max(-1.0, determinant / (2 * spread**3)))
            smallest = third + 2 * spread * np.cos(np.arccos(cosine) / 3 + 2 * np.pi / 3)
            for a in range(3):
                p, q = a, (a + 1) % 3
                for c in range(3):
                    d, e = (c + 1) % 3, (c + 2) % 3
                    pd = m[p, d] - (smallest if p == d else 0.0)
                    pe = m[p, e] - (smallest if p == e else 0.0)
                    qd = m[q, d] - (smallest if q == d else 0.0)
                    qe = m[q, e] - (smallest if q == e else 0.0)
                    cross[c] = pd * qe - pe * qd
                length = np.sqrt(cross[0] ** 2 + cross[1] ** 2 + cross[2] ** 2)
                if length > longest:
                    longest = length
                    vector[:] = cross / length
        if longest < _TOO_SHORT:
            vector[:] = np.linalg.eigh(m)[1][:, 0]
        for a in range(3):
            normals[i, a] = vector[a]
    return normals


def _cosine(
    normals: Float32[np.ndarray, "v 3"], edges: Int32[np.ndarray, "m 2"]
) -> Float32[np.ndarray, " m"]:
    return np.einsum("ij,ij->i", normals[edges[:, 0]], normals[edges[:, 1]])


@njit(cache=True)
@typing.no_type_check
def _forest(n, edges, order):
    """Spanning forest of the edges taken in their `order` (Kruskal), as sparse rows."""
    parent = np.arange(n).astype(np.int32)
    taken = np.empty(n, np.int32)
    count = 0
    start = np.zeros(n + 1, np.int64)
    for e in order:
        a, b = find(parent, edges[e, 0]), find(parent, edges[e, 1])
        if a != b:
            parent[max(a, b)] = min(a, b)
            taken[count] = e
            count += 1
            start[edges[e, 0] + 1] += 1
            start[edges[e, 1] + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    place = start[:-1].copy()
    to = np.empty(2 * count, np.int32)
    for e in taken[:count]:
        a, b = edges[e]
        to[place[a]], to[place[b]] = b, a
        place[a] += 1
        place[b] += 1
    return start, to


@njit(cache=True)
@typing.no_type_check
def _propagate_signs(normals, indptr, indices, inward):
    """Flip normals along a spanning forest; each tree then faces `inward` by majority."""
    n = len(normals)
    seen = np.zeros(n, np.bool_)
    queue = np.empty(n, np.int64)
    for root in range(n):
        if seen[root]:
            continue
        seen[root] = True
        queue[0], first, last = root, 0, 1
        while first < last:
            i = queue[first]
            first += 1
            for j in indices[indptr[i] : indptr[i + 1]]:
                if not seen[j]:
                    seen[j] = True
                    dot = normals[i, 0] * normals[j, 0] + normals[i, 1] * normals[j, 1]
                    if dot + normals[i, 2] * normals[j, 2] < 0:
                        for d in range(3):
                            normals[j, d] = -normals[j, d]
                    queue[last] = j
                    last += 1
        votes = 0
        for i in queue[:last]:
            dot = normals[i, 0] * inward[i, 0] + normals[i, 1] * inward[i, 1]
            votes += 1 if dot + normals[i, 2] * inward[i, 2] > 0 else -1
        if votes < 0:
            for i in queue[:last]:
                for d in range(3):
                    normals[i, d] = -normals[i, d]
