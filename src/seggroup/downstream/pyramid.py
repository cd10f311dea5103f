"""The geometry under KP-FCNN: ever coarser points, their neighbours and their kernel influences.

A rigid kernel point weighs a neighbour by their places alone (KPConv, equation 3):

    h_ijk = max(0, 1 - |y_j - x_i - p_k| / sigma)

so that all convolutions of a level share these numbers, and they are made once a batch. Few of
them are not 0: about one kernel point in fifteen reaches a neighbour. They are kept as bags: the
entries of the sparse matrix with a row for every (i, k) and a column for every j.

Letters: n points of a level, q query points, h neighbours at most, k kernel points, e entries.
"""

import typing
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int32, Int64
from numba import njit
from pykdtree.kdtree import KDTree
from torch import Tensor

from seggroup.downstream.config import KPConvConfig
from seggroup.downstream.kernelpoints import DISTANCE, kernel_points
from seggroup.errors import InputError

CELLS = 1 << 20  # along an edge of a scene, at most: three numbers of 20 bits make one key


@dataclass(frozen=True)
class Bags:
    """Sparse rows: row r holds `index[start[r] : start[r + 1]]`, with weights if there are any."""

    start: Int32[Tensor, " r"]
    index: Int32[Tensor, " e"]
    weight: Float[Tensor, " e"] | None = None

    def __len__(self) -> int:
        return len(self.start) - 1

    def rows(self, first: int, stop: int) -> "Bags":
        """The rows first, …, stop - 1."""
        start = self.start[first : stop + 1]
        part = slice(int(start[0]), int(start[-1]))
        weight = None if self.weight is None else self.weight[part]
        return Bags(start - part.start, self.index[part], weight)

    def to(self, device: torch.device) -> "Bags":
        """The same on another device."""
        weight = None if self.weight is None else self.weight.to(device)
        return Bags(self.start.to(device), self.index.to(device), weight)


@dataclass(frozen=True)
class Influence:
    """The numbers h_ijk of a convolution, sorted in both directions.

    ahead : row i K + k holds the neighbours j of query i that kernel point k reaches
    back  : row j K + k holds the queries i whose kernel point k reaches j
    """

    ahead: Bags
    back: Bags

    def transposed(self, kernels: int) -> Bags:
        """The transpose of the matrix `ahead`: row j holds its rows i K + k."""
        size = self.back.start.diff()
        kernel = torch.arange(len(size), dtype=size.dtype, device=size.device) % kernels
        row = self.back.index * kernels + kernel.repeat_interleave(size)
        return Bags(self.back.start[::kernels].contiguous(), row, self.back.weight)

    def to(self, device: torch.device) -> "Influence":
        """The same on another device."""
        return Influence(self.ahead.to(device), self.back.to(device))


@dataclass(frozen=True)
class Pyramid:
    """Levels 0, 1, … of a batch of scenes; between two levels stands one entry fewer.

    points : barycentres, metres
    cell   : the level-0 cell of each original point
    near   : a level's points around themselves
    down   : a level's points around the points of the next
    pool   : the same neighbours without kernel points, for the maximum
    up     : for each point of a level the nearest one of the next level
    scenes : of each level, how many points each scene has; they lie one after the other
    """

    points: tuple[Float[Tensor, "_ 3"], ...]
    cell: Int64[Tensor, " n"]
    near: tuple[Influence, ...]
    down: tuple[Influence, ...]
    pool: tuple[Bags, ...]
    up: tuple[Int64[Tensor, " _"], ...]
    scenes: tuple[tuple[int, ...], ...]

    def to(self, device: torch.device) -> "Pyramid":
        """The same on another device."""
        return Pyramid(
            tuple(points.to(device) for points in self.points),
            self.cell.to(device),
            tuple(influence.to(device) for influence in self.near),
            tuple(influence.to(device) for influence in self.down),
            tuple(bags.to(device) for bags in self.pool),
            tuple(up.to(device) for up in self.up),
            self.scenes,
        )


def make_pyramid(scenes: Sequence[Float[np.ndarray, "_ 3"]], config: KPConvConfig) -> Pyramid:
    """The pyramid of a batch of scenes, which never touch each other.

    scenes : points in metres
    Raises InputError where a scene is empty or far wider than its voxels.
    """
    ladders = [ladder(points, config.voxel, config.levels) for points in scenes]
    levels = [[steps[i] for steps, _ in ladders] for i in range(config.levels)]
    cell = _stacked([cell for _, cell in ladders], [len(steps[0]) for steps, _ in ladders])
    near, down, pool, up = [], [], [], []
    for i, points in enumerate(levels):
        extent = config.extent * config.voxel * 2**i
        kernel = kernel_points(config.kernel_points) * DISTANCE * extent
        radius = config.radius * config.voxel * 2**i
        table = neighbours(points, points, radius, config.neighbours)
        near.append(influence(points, points, table, kernel, extent))
        if i + 1 < config.levels:
            coarse = levels[i + 1]
            table = neighbours(points, coarse, radius, config.neighbours)
            down.append(influence(points, coarse, table, kernel, extent))
            pool.append(as_bags(table, sum(map(len, points))))
            up.append(
                torch.from_numpy(neighbours(coarse, points, np.inf, 1)[:, 0].astype(np.int64))
            )
    return Pyramid(
        tuple(torch.from_numpy(np.concatenate(points)) for points in levels),
        torch.from_numpy(cell),
        tuple(near),
        tuple(down),
        tuple(pool),
        tuple(up),
        tuple(tuple(map(len, points)) for points in levels),
    )


def ladder(
    points: Float[np.ndarray, "n 3"], voxel: float, levels: int
) -> tuple[list[Float[np.ndarray, "_ 3"]], Int64[np.ndarray, " n"]]:
    """Barycentres of the occupied cells of every level, and the level-0 cell of each point.

    Cells of `voxel` metres start at the lowest corner of the scene; those of a level are eight of
    the level before. As published, a barycentre is that of the barycentres of the level before.
    """
    if not len(points):
        raise InputError("a scene has no points: leave it out")
    low = points.min(axis=0).astype(np.float64)
    place = np.floor((points - low) / voxel)
    if not place.max() < CELLS:
        raise InputError(
            f"a scene is {np.ptp(points, axis=0).max():g} m wide, too much for voxels of "
            f"{voxel:g} m: check its units, or choose larger voxels"
        )
    grid, steps, members = place.astype(np.int64), [], []
    for _ in range(levels):
        key = (grid[:, 0] * CELLS + grid[:, 1]) * CELLS + grid[:, 2]
        _, member, cell = np.unique(key, return_index=True, return_inverse=True)
        points = barycentres(points, cell)
        grid = grid[member] >> 1
        steps.append(points)
        members.append(cell)
    return steps, members[0]


def barycentres(
    points: Float[np.ndarray, "n 3"], cell: Int64[np.ndarray, " n"]
) -> Float[np.ndarray, "m 3"]:
    """Mean of the rows of every cell, 0, 1, …; summed in float64."""
    size = np.bincount(cell)[:, None]
    total = np.stack([np.bincount(cell, column) for column in points.T], axis=1)
    return (total / size).astype(points.dtype)


def neighbours(
    points: Sequence[Float[np.ndarray, "_ 3"]],
    queries: Sequence[Float[np.ndarray, "_ 3"]],
    radius: float,
    most: int,
) -> Int32[np.ndarray, "q h"]:
    """For every query the `points` of its own scene within `radius`, nearest first, `most` of them.

    The nearest is there however far it is. A row is filled up with the number of all points.
    """
    size = [len(one) for one in points]
    tables = [_within(*pair, radius, most) for pair in zip(points, queries, strict=True)]
    width = max(table.shape[1] for table in tables)
    out = np.full((sum(map(len, tables)), width), sum(size), np.int32)
    row, start = 0, 0
    for table, n in zip(tables, size, strict=True):
        shifted = np.where(table < n, table + np.int32(start), np.int32(sum(size)))
        out[row : row + len(table), : table.shape[1]] = shifted
        row, start = row + len(table), start + n
    return out


def _within(points: np.ndarray, queries: np.ndarray, radius: float, most: int) -> np.ndarray:
    """The neighbours in one scene; its own number of points where there are no more."""
    k, tree = min(most, len(points)), KDTree(points)
    bound = None if np.isinf(radius) else radius
    index = tree.query(queries, k=k, distance_upper_bound=bound)[1].reshape(-1, k).astype(np.int32)
    alone = index[:, 0] == len(points)
    if alone.any():
        index[alone, 0] = tree.query(queries[alone], k=1)[1]
    used = int((index < len(points)).sum(axis=1).max())
    return index[:, :used]


def influence(
    points: Sequence[Float[np.ndarray, "_ 3"]],
    queries: Sequence[Float[np.ndarray, "_ 3"]],
    table: Int32[np.ndarray, "q h"],
    kernel: Float[np.ndarray, "k 3"],
    extent: float,
) -> Influence:
    """Equation 3 with sigma = `extent` for the neighbours in `table`; kernel points in metres."""
    support, centres = np.concatenate(points), np.concatenate(queries)
    kernel = kernel.astype(support.dtype)
    ahead, back = _count(support, centres, table, kernel, extent)
    filled = _fill(support, centres, table, kernel, extent, ahead, back)
    tensors = [torch.from_numpy(array) for array in (ahead, *filled[:2], back, *filled[2:])]
    return Influence(Bags(*tensors[:3]), Bags(*tensors[3:]))


def as_bags(table: Int32[np.ndarray, "q h"], shadow: int) -> Bags:
    """The entries of a table without its filling."""
    inside = table < shadow
    start = np.concatenate([[0], np.cumsum(inside.sum(axis=1))]).astype(np.int32)
    return Bags(torch.from_numpy(start), torch.from_numpy(table[inside]))


def _stacked(arrays: Sequence[np.ndarray], sizes: Sequence[int]) -> np.ndarray:
    """Numbers within scenes as numbers within the batch."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.concatenate([a + start for a, start in zip(arrays, starts, strict=True)])


@njit(cache=True)
@typing.no_type_check
def _count(points, queries, table, kernel, extent):
    """Where the rows of both directions start."""
    k = len(kernel)
    ahead = np.zeros(len(queries) * k + 1, np.int32)
    back = np.zeros(len(points) * k + 1, np.int32)
    for i in range(len(queries)):
        for j in table[i]:
            if j == len(points):
                break
            for a in range(k):
                if _distance2(points, j, queries, i, kernel, a) < extent * extent:
                    ahead[i * k + a + 1] += 1
                    back[j * k + a + 1] += 1
    for r in range(len(ahead) - 1):
        ahead[r + 1] += ahead[r]
    for r in range(len(back) - 1):
        back[r + 1] += back[r]
    return ahead, back


@njit(cache=True)
@typing.no_type_check
def _fill(points, queries, table, kernel, extent, ahead, back):
    """Indices and weights of both directions, in rows that start as `_count` says."""
    k, entries = len(kernel), ahead[-1]
    to, origin = np.empty(entries, np.int32), np.empty(entries, np.int32)
    to_weight, origin_weight = np.empty(entries, points.dtype), np.empty(entries, points.dtype)
    at, back_at = ahead.copy(), back.copy()
    for i in range(len(queries)):
        for j in table[i]:
            if j == len(points):
                break
            for a in range(k):
                d2 = _distance2(points, j, queries, i, kernel, a)
                if d2 < extent * extent:
                    weight = 1 - np.sqrt(d2) / extent
                    e, b = at[i * k + a], back_at[j * k + a]
                    to[e], to_weight[e] = j, weight
                    origin[b], origin_weight[b] = i, weight
                    at[i * k + a] += 1
                    back_at[j * k + a] += 1
    return to, to_weight, origin, origin_weight


@njit(cache=True)
@typing.no_type_check
def _distance2(points, j, queries, i, kernel, a):
    """Squared distance of neighbour j from kernel point a at query i."""
    x = points[j, 0] - queries[i, 0] - kernel[a, 0]
    y = points[j, 1] - queries[i, 1] - kernel[a, 1]
    z = points[j, 2] - queries[i, 2] - kernel[a, 2]
    return x * x + y * y + z * z
