"""Thinning: of all vertices in a voxel one is kept, so that scans of any size fit into memory.

What is kept is a vertex of the file, so a click on it is a click on the file; every other vertex
knows the one that stands for it, and labels go back to all of them. Voxels are the cells of a grid
from the scan's lowest corner, in metres along its own axes.

Time is linear in the vertices. Besides the scan and the result it takes 4 bytes a vertex and about
120 a voxel; the faces of a mesh take 40 bytes each while they are contracted.
"""

import typing
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int, Int32
from numba import njit

from seggroup.config import ThinConfig
from seggroup.errors import InputError
from seggroup.types import Scan, Thinning

_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)  # no voxel has this key: keys are below 2^62
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: neighbouring keys lie far apart
_MOST_KEYS = float(2**62)


def thin(scan: Scan, voxel: float) -> tuple[Scan, Thinning]:
    """One vertex of every voxel: the one nearest their mean, of equally near ones the first.

    It has the voxel's mean colour and, in clouds with normals, their mean normal. Faces go to the
    kept vertices; those that became a line or a point, and repetitions, are dropped. `voxel`
    (metres) 0 keeps everything. Raises InputError for one that is negative or no number, or so
    small that the voxels cannot be counted.
    """
    if not 0 <= voxel < np.inf:
        raise InputError(f"a voxel of {voxel} m: must be 0 (keep every point) or more")
    n = len(scan.vertices)
    if voxel == 0:
        everything = np.arange(n, dtype=np.int32)
        return scan, Thinning(everything, everything, scan)
    low, sides = _grid(scan, voxel)
    if sides is None:
        raise InputError(f"{scan.name}: voxels of {voxel:g} m are too small for its size")
    cell, count = _cells(scan.vertices, low, voxel, sides, n)
    nearest = _nearest_mean(scan.vertices, cell, count)
    order = np.argsort(nearest, kind="stable")
    kept = nearest[order].astype(np.int32)
    place = np.empty(count, np.int32)
    place[order] = np.arange(count, dtype=np.int32)
    _renumber(cell, place)
    normals = None
    if scan.normals is not None:
        normals = _mean_normals(scan.normals, cell, kept)
    thinned = replace(
        scan,
        vertices=scan.vertices[kept],
        colors=_mean_colors(scan.colors, cell, count),
        faces=contracted(scan.faces, cell) if scan.is_mesh else scan.faces,
        normals=normals,
    )
    return thinned, Thinning(kept, cell, scan)


def voxel_for(scan: Scan, config: ThinConfig | None = None) -> float:
    """The voxel (metres) that a scan is thinned with unasked: 0 up to `limit` vertices.

    Beyond that, the smallest of the ladder, or of its last rung's doublings, that leaves no more
    than `limit`.
    """
    config = config or ThinConfig()
    if len(scan.vertices) <= config.limit:
        return 0.0
    rungs = list(config.ladder)
    while True:
        voxel = rungs.pop(0) if len(rungs) > 1 else rungs[0]
        low, sides = _grid(scan, voxel)
        if sides is not None and _cells(scan.vertices, low, voxel, sides, config.limit)[1] >= 0:
            return voxel
        if len(rungs) == 1 and voxel == rungs[0]:
            rungs[0] = 2 * voxel


def contracted(
    faces: Int32[np.ndarray, "f 3"], group: Int[np.ndarray, " n"]
) -> Int32[np.ndarray, "g 3"]:
    """The faces between groups of vertices, in the order of the faces.

    Without those that have no area any more; of several over the same three groups, whichever way
    round, the first.
    """
    faces = group[faces].astype(np.int32)
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    ordered = np.sort(faces, axis=1)
    order = np.arange(len(faces), dtype=np.int32)
    for corner in (2, 1, 0):
        order = _stably_by(ordered[:, corner], order)
    first = np.ones(len(faces), bool)
    first[order[1:]] = np.any(ordered[order[1:]] != ordered[order[:-1]], axis=1)
    return faces[first]


def _grid(scan: Scan, voxel: float) -> tuple[Float64[np.ndarray, " 3"], np.ndarray | None]:
    """The lowest corner, and the voxels along each side; None where they are too many to number."""
    low = scan.vertices.min(axis=0).astype(np.float64)
    sides = np.floor((scan.vertices.max(axis=0) - low) / voxel) + 1
    if not sides.prod() < _MOST_KEYS:
        return low, None
    return low, sides.astype(np.uint64)


@njit(cache=True)
@typing.no_type_check
def _cells(vertices, low, voxel, sides, most):
    """The voxel of every vertex, numbered as they appear, and their number; -1 beyond `most`.

    A hash table with open addressing, at most half full.
    """
    n = len(vertices)
    bits = 16
    keys = np.full(1 << bits, _EMPTY, np.uint64)
    numbers = np.empty(1 << bits, np.int32)
    cell = np.empty(n, np.int32)
    count = 0
    for i in range(n):
        x = np.uint64((vertices[i, 0] - low[0]) / voxel)
        y = np.uint64((vertices[i, 1] - low[1]) / voxel)
        z = np.uint64((vertices[i, 2] - low[2]) / voxel)
        key = x + sides[0] * (y + sides[1] * z)
        slot = (key * _MIX) >> np.uint64(64 - bits)
        mask = np.uint64((1 << bits) - 1)
        while keys[slot] != key and keys[slot] != _EMPTY:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot] == key:
            cell[i] = numbers[slot]
            continue
        if count == most:
            return cell, -1
        keys[slot], numbers[slot] = key, count
        cell[i] = count
        count += 1
        if 2 * count > 1 << bits:
            bits += 1
            old_keys, old_numbers = keys, numbers
            keys = np.full(1 << bits, _EMPTY, np.uint64)
            numbers = np.empty(1 << bits, np.int32)
            mask = np.uint64((1 << bits) - 1)
            for j in range(len(old_keys)):
                if old_keys[j] != _EMPTY:
                    slot = (old_keys[j] * _MIX) >> np.uint64(64 - bits)
                    while keys[slot] != _EMPTY:
                        slot = (slot + np.uint64(1)) & mask
                    keys[slot], numbers[slot] = old_keys[j], old_numbers[j]
    return cell, count


@njit(cache=True)
@typing.no_type_check
def _nearest_mean(vertices, cell, count):
    """Of every voxel the vertex nearest the mean of its vertices; of equals the first."""
    mean = np.zeros((count, 3))
    size = np.zeros(count, np.int32)
    for i in range(len(cell)):
        size[cell[i]] += 1
        for a in range(3):
            mean[cell[i], a] += vertices[i, a]
    for j in range(count):
        for a in range(3):
            mean[j, a] /= size[j]
    best = np.full(count, np.inf)
    nearest = np.empty(count, np.int32)
    for i in range(len(cell)):
        j = cell[i]
        distance = 0.0
        for a in range(3):
            distance += (vertices[i, a] - mean[j, a]) ** 2
        if distance < best[j]:
            best[j], nearest[j] = distance, i
    return nearest


@njit(cache=True)
@typing.no_type_check
def _renumber(cell, place):
    for i in range(len(cell)):
        cell[i] = place[cell[i]]


@njit(cache=True)
@typing.no_type_check
def _mean_colors(colors, cell, count):
    """Mean of every voxel's colours, halves rounded up."""
    total = np.zeros((count, 3), np.int64)
    size = np.zeros(count, np.int64)
    for i in range(len(cell)):
        size[cell[i]] += 1
        for a in range(3):
            total[cell[i], a] += colors[i, a]
    mean = np.empty((count, 3), np.uint8)
    for j in range(count):
        for a in range(3):
            mean[j, a] = (2 * total[j, a] + size[j]) // (2 * size[j])
    return mean


@njit(cache=True)
@typing.no_type_check
def _mean_normals(normals, cell, kept):
    """Mean of every voxel's normals, made unit; the kept vertex's own where they cancel."""
    total = np.zeros((len(kept), 3))
    for i in range(len(cell)):
        for a in range(3):
            total[cell[i], a] += normals[i, a]
    mean = np.empty((len(kept), 3), np.float32)
    for j in range(len(kept)):
        length = np.sqrt(total[j, 0] ** 2 + total[j, 1] ** 2 + total[j, 2] ** 2)
        for a in range(3):
            mean[j, a] = total[j, a] / length if length > 1e-6 else normals[kept[j], a]
    return mean


@njit(cache=True)
@typing.no_type_check
def _stably_by(values, order):
    """`order` sorted by `values[order]`, equal ones as they were: a counting sort."""
    largest = 0
    for value in values:
        largest = max(largest, value)
    start = np.zeros(largest + 2, np.int64)
    for value in values:
        start[value + 1] += 1
    for k in range(largest + 1):
        start[k + 1] += start[k]
    result = np.empty_like(order)
    for i in order:
        result[start[values[i]]] = i
        start[values[i]] += 1
    return result
