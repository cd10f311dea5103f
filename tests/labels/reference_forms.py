"""Slow, obvious twins of what makes label forms."""

import math

import numpy as np


def plus_plus_seeds(values, number, rng):
    """k-means++ with one loop over the points a draw: the same draws as the fast one."""
    seeds = [int(rng.integers(len(values)))]
    while len(seeds) < number:
        gap = [min(math.dist(v, values[s]) ** 2 for s in seeds) for v in values.tolist()]
        if sum(gap) == 0:
            break
        target = rng.random() * sum(gap)
        seeds.append(next(i for i in range(len(gap)) if target < sum(gap[: i + 1])))
    return seeds


def lloyd(values, seeds, iterations):
    """Centres of k-means, point by point."""
    centers = [values[s].astype(float) for s in seeds]
    for _ in range(iterations):
        groups = [[] for _ in centers]
        for value in values:
            groups[nearest(value, centers)].append(value.astype(float))
        centers = [np.mean(g, axis=0) if g else c for g, c in zip(groups, centers, strict=True)]
    return np.array(centers)


def nearest(value, centers):
    """The first of the nearest centres."""
    return int(np.argmin([np.sum((value - center) ** 2) for center in centers]))


def asked_points(values, centers, annotated):
    """For each cluster the annotated point nearest its centre."""
    best = {}
    for i, value in enumerate(values):
        c = nearest(value, centers)
        far = np.sum((value - centers[c]) ** 2)
        if annotated[i] and (c not in best or far < best[c][0]):
            best[c] = (far, i)
    return sorted(i for _, i in best.values())


def covering(points, radius, order):
    """Spheres about the points in an order, passing over those that lie in one already."""
    spheres, covered = [], set()
    for seed in order:
        if seed not in covered:
            near = [j for j in range(len(points)) if math.dist(points[j], points[seed]) <= radius]
            spheres.append(near)
            covered |= set(near)
    return spheres
