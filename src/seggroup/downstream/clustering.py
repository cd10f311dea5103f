"""Clusters of points, PointGroup's proposals, and which of two overlapping ones goes.

PointGroup (Jiang et al. 2020, section 3.3, algorithm 1) grows clusters breadth first: a point draws
in the points of its class within a radius. What comes out are the connected components of that
graph, and so they are found here without building it. *(The published ball query stops at a fixed
number of neighbours, on average 50 a point, and may so cut a cluster; this one is exact.)*

Letters: n points, g groups of points (a class in a scene), c clusters, m members of all clusters.
"""

import typing
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64
from numba import njit
from scipy.sparse import csr_array

from seggroup.downstream.cloud import Proposal
from seggroup.errors import InputError
from seggroup.geometry.oversegment import find

REACH = 2  # cells: a radius spans the square root of 3 of them
# Rows of cells (dx, dy), near ones first: what they join need not be looked at again.
ROWS = tuple(
    sorted(
        (
            (dx, dy)
            for dx in range(REACH + 1)
            for dy in range(-REACH, REACH + 1)
            if dx > 0 or dy >= 0
        ),
        key=lambda row: row[0] ** 2 + row[1] ** 2,
    )
)


@dataclass(frozen=True)
class Clusters:
    """Sets of points, one after the other; a point may lie in several.

    points : of all clusters, ascending within each
    sizes  : how many of them are each cluster's
    group  : the group that each cluster's points are of
    """

    points: Int64[np.ndarray, " m"]
    sizes: Int64[np.ndarray, " c"]
    group: Int64[np.ndarray, " c"]

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def cluster(self) -> Int64[np.ndarray, " m"]:
        """The cluster of every member."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


def components(
    points: Float[np.ndarray, "n 3"], group: Int64[np.ndarray, " n"], radius: float
) -> Int64[np.ndarray, " n"]:
    """Connected components of the graph of points of one group at most `radius` metres apart.

    Numbered in the order of their first point; -1 for points of no group (-1) and for points
    whose position is not finite. Points in one cell of edge radius / sqrt(3) are joined at once, so
    that points that have collapsed on a centroid cost no more than others; cells are joined where
    two of their points are near enough.

    Raises InputError for points scattered so far that their cells cannot be numbered.
    """
    component = np.full(len(points), -1)
    kept = np.flatnonzero((group >= 0) & np.isfinite(points).all(axis=1))
    if len(kept) == 0:
        return component
    positions = points[kept].astype(np.float64)
    key, row, column = _cell_keys(positions, group[kept], radius)
    order = np.argsort(key, kind="stable")
    positions, key = positions[order], key[order]
    starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    steps = np.array([dx * row + dy * column for dx, dy in ROWS])
    ends = np.append(starts[1:], len(key))
    root = _join_cells(positions, key[starts], starts, ends, steps, radius * radius)
    of_point = np.empty(len(kept), np.int64)
    of_point[order] = np.repeat(root, ends - starts)
    component[kept] = _numbered(of_point, len(starts))
    return component


def _cell_keys(
    points: Float64[np.ndarray, "n 3"], group: Int64[np.ndarray, " n"], radius: float
) -> tuple[Int64[np.ndarray, " n"], int, int]:
    """An integer for every cell of every group, and its step per cell in x and in y.

    Two cells' keys differ by that of their difference; REACH empty cells keep rows apart.
    """
    edge = radius / 3**0.5 * (1 - 1e-6)  # a shade less, so that rounding keeps a cell together
    cell = np.floor((points - points.min(axis=0)) / edge)
    if cell.max() > 50_000:  # a room's width is some thousand cells: points thrown far out
        cell = np.stack([_without_gaps(axis) for axis in cell.T], axis=1)
    nx, ny, nz = (cell.max(axis=0).astype(np.int64) + 1 + 2 * REACH).tolist()
    names, number = np.unique(group, return_inverse=True)
    if len(names) * nx * ny * nz >= 2**63:
        raise InputError("points are too far scattered to be clustered; choose a larger radius")
    x, y, z = cell.astype(np.int64).T
    return ((number * nx + x) * ny + y) * nz + z, ny * nz, nz


def _without_gaps(cell: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Gaps wider than any reach shortened: neither near cells nor far ones change."""
    values, index = np.unique(cell, return_inverse=True)
    steps = np.minimum(np.diff(values), REACH + 1)
    return np.concatenate([[0.0], np.cumsum(steps)])[index]


@njit(cache=True)
@typing.no_type_check
def _box_distance(low, high, box_low, box_high):
    """The square of the distance of two boxes."""
    total = 0.0
    for a in range(3):
        gap = max(low[a] - box_high[a], box_low[a] - high[a], 0.0)
        total += gap * gap
    return total


@njit(cache=True)
@typing.no_type_check
def _touch(points, first, last, low, high, p, q, square, scratch):
    """Whether two of the points of cells p and q are near enough."""
    if _box_distance(low[p], high[p], low[q], high[q]) > square:
        return False
    found = 0
    for j in range(first[q], last[q]):
        if _box_distance(points[j], points[j], low[p], high[p]) <= square:
            scratch[found] = j
            found += 1
    for i in range(first[p], last[p]):
        if _box_distance(points[i], points[i], low[q], high[q]) > square:
            continue
        for j in scratch[:found]:
            x = points[i, 0] - points[j, 0]
            y = points[i, 1] - points[j, 1]
            z = points[i, 2] - points[j, 2]
            if x * x + y * y + z * z <= square:
                return True
    return False


@njit(cache=True)
@typing.no_type_check
def _join_cells(points, key, first, last, steps, square):
    """The root of every cell. Keys ascend, so that a row's first cell is found by going on."""
    size = len(key)
    low, high = np.empty((size, 3)), np.empty((size, 3))
    for p in range(size):
        for a in range(3):
            low[p, a], high[p, a] = np.inf, -np.inf
            for i in range(first[p], last[p]):
                low[p, a] = min(low[p, a], points[i, a])
                high[p, a] = max(high[p, a], points[i, a])
    scratch = np.empty((last - first).max(), np.int64)
    parent = np.arange(size)
    for step in steps:
        start = 0
        for p in range(size):
            lowest = key[p] + (step - REACH if step else 1)
            while start < size and key[start] < lowest:
                start += 1
            q = start
            while q < size and key[q] <= key[p] + step + REACH:
                a, b = find(parent, p), find(parent, q)
                if a != b and _touch(points, first, last, low, high, p, q, square, scratch):
                    parent[b] = a
                q += 1
    for p in range(size):
        parent[p] = find(parent, p)
    return parent


@njit(cache=True)
@typing.no_type_check
def _numbered(root, size):
    """Roots numbered in the order in which they first occur."""
    number = np.full(size, -1)
    found = 0
    for i in range(len(root)):
        if number[root[i]] < 0:
            number[root[i]] = found
            found += 1
        root[i] = number[root[i]]
    return root


def clusters(
    points: Float[np.ndarray, "n 3"],
    group: Int64[np.ndarray, " n"],
    radius: float,
    min_points: int,
) -> Clusters:
    """The `components` of at least `min_points` points (algorithm 1)."""
    component = components(points, group, radius)
    members = np.flatnonzero(component >= 0)
    members = members[np.argsort(component[members], kind="stable")]
    sizes = np.bincount(component[members])
    large = sizes >= min_points
    members = members[np.repeat(large, sizes)]
    sizes = sizes[large]
    return Clusters(members, sizes, group[members[np.cumsum(sizes) - sizes]])


def dual_clusters(
    points: Float[np.ndarray, "n 3"],
    shifted: Float[np.ndarray, "n 3"],
    group: Int64[np.ndarray, " n"],
    radius: float,
    min_points: int,
) -> Clusters:
    """Clusters of the points where they are, then of the points shifted by their offsets."""
    sets = [clusters(where, group, radius, min_points) for where in (points, shifted)]
    return Clusters(
        np.concatenate([one.points for one in sets]),
        np.concatenate([one.sizes for one in sets]),
        np.concatenate([one.group for one in sets]),
    )


def overlaps(found: Clusters, size: int) -> csr_array:
    """Intersection over union of every two clusters, as sets of `size` points: (c, c), sparse."""
    starts = np.concatenate([[0], np.cumsum(found.sizes)])
    ones = np.ones(len(found.points))
    incidence = csr_array((ones, found.points, starts), shape=(len(found), size))
    overlap = csr_array(incidence @ incidence.T)
    one = np.repeat(np.arange(len(found)), np.diff(overlap.indptr))
    overlap.data /= found.sizes[one] + found.sizes[overlap.indices] - overlap.data
    return overlap


def suppress(
    overlap: csr_array, scores: Float[np.ndarray, " c"], threshold: float
) -> Int64[np.ndarray, " k"]:
    """Non-maximum suppression: the clusters that stay, by falling score.

    From the highest score on (the first of equal ones), a cluster stays unless it overlaps one
    that stays by more than `threshold`; classes do not matter, as in the published code.
    """
    kept: list[int] = []
    free = np.ones(len(scores), bool)
    for i in np.argsort(-scores, kind="stable").tolist():
        if free[i]:
            kept.append(i)
            row = slice(overlap.indptr[i], overlap.indptr[i + 1])
            free[overlap.indices[row][overlap.data[row] > threshold]] = False
    return np.array(kept, np.int64)


def choose(found: Clusters, keep: Bool[np.ndarray, " c"]) -> Clusters:
    """Some of the clusters."""
    return Clusters(
        found.points[np.repeat(keep, found.sizes)], found.sizes[keep], found.group[keep]
    )


def nms(
    found: Clusters, scores: Float32[np.ndarray, " c"], size: int, classes: int, threshold: float
) -> tuple[Proposal, ...]:
    """The proposals that stay, by falling score; a group's class is its number modulo `classes`."""
    if len(found) == 0:
        return ()
    ends = np.cumsum(found.sizes)
    return tuple(
        Proposal(
            found.points[ends[i] - found.sizes[i] : ends[i]],
            int(found.group[i] % classes),
            float(scores[i]),
        )
        for i in suppress(overlaps(found, size), scores, threshold).tolist()
    )
