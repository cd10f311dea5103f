"""Nearest neighbours of points, everywhere or within their own group."""

import numpy as np
from jaxtyping import Float32, Int, Int32
from pykdtree.kdtree import KDTree


def nearest(
    points: Float32[np.ndarray, "n 3"], queries: Float32[np.ndarray, "q 3"], k: int
) -> tuple[Float32[np.ndarray, "q k"], Int32[np.ndarray, "q k"]]:
    """Distances and indices of the k nearest `points` of each query; k is cut to n."""
    k = min(k, len(points))
    distance, index = KDTree(points).query(queries, k=k)
    return distance.reshape(-1, k), index.reshape(-1, k).astype(np.int32)


def nearest_within_groups(
    points: Float32[np.ndarray, "n 3"], group: Int[np.ndarray, " n"], k: int
) -> Int32[np.ndarray, "n k"]:
    """The k nearest points of each point within its own group, itself included.

    Where a group has fewer than k points, all of them are there and the row is filled up with
    the point itself (`members_within_k` tells the two apart). One kd-tree serves all groups: the
    group is a fourth coordinate whose step is wider than the scene, so that a point of another
    group is farther than any of its own.
    """
    if len(points) == 0:
        return np.empty((0, k), np.int32)
    k_tree = min(k, len(points))
    lowest = points.min(axis=0)
    extent = float(np.linalg.norm(points.max(axis=0) - lowest)) or 1.0
    lifted = np.empty((len(points), 4), np.float32)
    lifted[:, :3] = points - lowest
    lifted[:, 3] = group * np.float32(2 * extent)
    index = KDTree(lifted).query(lifted, k=k_tree)[1].reshape(-1, k_tree).astype(np.int32)
    own = np.arange(len(points), dtype=np.int32)[:, None]
    inside = group[index] == group[:, None]
    found = np.where(inside, index, own)
    if k_tree < k:
        found = np.concatenate([found, np.repeat(own, k - k_tree, axis=1)], axis=1)
    return found


def members_within_k(group: Int[np.ndarray, " n"], k: int) -> Int32[np.ndarray, " n"]:
    """How many of the k entries of `nearest_within_groups` are members, not filling."""
    sizes = np.bincount(group) if len(group) else np.zeros(0, np.int64)
    return np.minimum(sizes, k)[group].astype(np.int32)
