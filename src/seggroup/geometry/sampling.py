"""Points that stand for a segment: farthest point sampling and neighbours among the samples."""

import typing

import numpy as np
from jaxtyping import Float32, Int, Int32
from numba import njit


@njit(cache=True)
@typing.no_type_check
def _farthest_points(points, start, count, samples):
    """Rows of `points`; segment s owns rows start[s] … start[s] + count[s] - 1."""
    chosen = np.empty((len(start), samples), np.int32)
    gap = np.empty(count.max() if len(count) else 0, np.float32)
    for s in range(len(start)):
        first, n = start[s], count[s]
        if n <= samples:
            for i in range(samples):
                chosen[s, i] = first + i % n
            continue
        for i in range(n):
            gap[i] = np.inf
        last = first  # the first sample is the point farthest from the segment's first vertex
        for i in range(-1, samples):
            if i >= 0:
                chosen[s, i] = last
            x, y, z = points[last]
            widest, farthest = np.float32(-1), first
            for j in range(n):
                dx = points[first + j, 0] - x
                dy = points[first + j, 1] - y
                dz = points[first + j, 2] - z
                d = dx * dx + dy * dy + dz * dz
                if i >= 0:
                    d = min(d, gap[j])
                    gap[j] = d
                if d > widest:
                    widest, farthest = d, first + j
            last = farthest
    return chosen


def farthest_points(
    points: Float32[np.ndarray, "n 3"], segments: Int[np.ndarray, " n"], samples: int
) -> Int32[np.ndarray, "s samples"]:
    """Indices of `samples` points of each segment by farthest point sampling (appendix C).

    `segments` is sorted and has no gaps. The first sample is the point farthest from the
    segment's first; a segment with fewer points than samples is repeated.
    """
    count = np.bincount(segments).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64)
    return _farthest_points(points, start, count, samples)


@njit(cache=True)
@typing.no_type_check
def _nearest_among(points, k):
    sets, n = points.shape[0], points.shape[1]
    index = np.empty((sets, n, k), np.int32)
    best = np.empty(k, np.float32)
    for s in range(sets):
        for i in range(n):
            filled = 0
            for j in range(n):
                dx = points[s, j, 0] - points[s, i, 0]
                dy = points[s, j, 1] - points[s, i, 1]
                dz = points[s, j, 2] - points[s, i, 2]
                d = dx * dx + dy * dy + dz * dz
                if filled == k and d >= best[k - 1]:
                    continue
                at = min(filled, k - 1)
                while at > 0 and best[at - 1] > d:
                    best[at] = best[at - 1]
                    index[s, i, at] = index[s, i, at - 1]
                    at -= 1
                best[at] = d
                index[s, i, at] = j
                filled = min(filled + 1, k)
    return index


def nearest_among(points: Float32[np.ndarray, "s n 3"], k: int) -> Int32[np.ndarray, "s n k"]:
    """The k nearest of a set's n points (k <= n) for each of them, nearest first, ties in order."""
    return _nearest_among(points, min(k, points.shape[1]))
