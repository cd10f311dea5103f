"""Slow twins of PointGroup's parts: loops that read like the paper, no code of the source."""

import math
from collections import deque

import numpy as np

from seggroup.downstream.cloud import IGNORE


def ball_query(points, group, radius):
    """For every point of a group, all points of its group within the radius."""
    near = []
    for i, p in enumerate(points.astype(np.float64)):
        square = ((points.astype(np.float64) - p) ** 2).sum(axis=1)
        near.append(np.flatnonzero((square <= radius**2) & (group == group[i])))
    return near


def breadth_first(points, group, radius, min_points):
    """Algorithm 1: a set of points for every cluster, with its group."""
    near = ball_query(points, group, radius)
    visited, found = np.zeros(len(points), bool), []
    for i in range(len(points)):
        if group[i] < 0 or visited[i]:
            continue
        visited[i] = True
        cluster, queue = {i}, deque([i])
        while queue:
            for j in near[queue.popleft()]:
                if not visited[j]:
                    visited[j] = True
                    cluster.add(int(j))
                    queue.append(j)
        if len(cluster) >= min_points:
            found.append((cluster, int(group[i])))
    return found


def iou(a, b):
    return len(a & b) / len(a | b)


def suppressed(sets, scores, threshold):
    """Greedy suppression: the numbers of those that stay."""
    stay = []
    for i in sorted(range(len(sets)), key=lambda i: (-scores[i], i)):
        if all(iou(sets[i], sets[j]) <= threshold for j in stay):
            stay.append(i)
    return stay


def offset_losses(points, offsets, instance):
    """L1 and minus the cosine to the instance's centroid, means over points with an instance."""
    length, direction, count = 0.0, 0.0, 0
    for i, own in enumerate(instance.tolist()):
        if own < 0:
            continue
        count += 1
        target = points[instance == own].mean(axis=0) - points[i]
        length += sum(abs(offsets[i, a] - target[a]) for a in range(3))
        norms = math.sqrt((target**2).sum()) * math.sqrt((offsets[i] ** 2).sum())
        direction -= float(target @ offsets[i]) / norms if norms > 0 else 0.0
    return (length / count, direction / count) if count else (0.0, 0.0)


def best_ious(sets, semantic, instance):
    """Of every proposal, the best IoU with an instance among points of which something is known.

    None for a proposal that holds no such point.
    """
    known = {i for i in range(len(semantic)) if semantic[i] != IGNORE or instance[i] >= 0}
    truths = [set(np.flatnonzero(instance == one)) for one in np.unique(instance[instance >= 0])]
    return [
        max((iou(one & known, truth) for truth in truths), default=0.0) if one & known else None
        for one in sets
    ]


def soft_target(value, low, high):
    """Of the score: 0 up to `low`, 1 from `high` on, linear between."""
    return 0.0 if value <= low else 1.0 if value >= high else (value - low) / (high - low)


def binary_cross_entropy(logits, targets):
    """Mean, over proposals with a target."""
    terms = []
    for x, y in zip(logits, targets, strict=True):
        if y is not None:
            p = 1 / (1 + math.exp(-x))
            terms.append(-y * math.log(p) - (1 - y) * math.log(1 - p))
    return sum(terms) / len(terms) if terms else 0.0


def proposal_voxels(points, voxels, scale):
    """The cell of each point of one proposal, in a box of at most so many cells an edge."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = (high - low).max()
    factor = scale if extent * scale <= voxels - 0.01 else (voxels - 0.01) / extent
    return [tuple(math.floor(x) for x in (p - low) * factor) for p in points]


def mean_features(cells, features):
    """The mean of the points of each cell, by cell."""
    of_cell = {}
    for cell, row in zip(cells, features, strict=True):
        of_cell.setdefault(cell, []).append(row)
    return {cell: np.mean(rows, axis=0) for cell, rows in of_cell.items()}
