"""Slow twins of the assigner's arithmetic: loops over pieces, pairs and samples."""

import numpy as np

from seggroup.assign.features import COLUMN, CROWD, NEAR, REACH


def of_piece(scene, pieces, around, number):
    """The 38 features of one piece, written out."""
    vertices = scene.scan.vertices.astype(float)
    low, high = np.percentile(vertices[:, 2], [1, 99])
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    vertices = vertices - [middle[0], middle[1], low]
    normals = np.array([unit(n) for n in scene.scan.normals.astype(float)])
    own = pieces.piece == number
    points, lab = vertices[own], pieces.lab[own]
    center, mean = points.mean(axis=0), normals[own].mean(axis=0)
    normal = unit(mean)
    values, axes = np.linalg.eigh(np.cov(points.T, bias=True))
    sides = np.sqrt(np.maximum(values[::-1], 0))
    widest = max(sides[0], 1e-6)
    bottom, top = points[:, 2].min(), points[:, 2].max()
    crowd = vertices[np.linspace(0, len(vertices) - 1, min(CROWD, len(vertices))).astype(int)]
    away = (crowd - center) @ normal
    front, behind = np.mean(away > 0.1), np.mean(away < -0.1)
    flat = np.linalg.norm((crowd - center)[:, :2], axis=1)
    column = [i for i in np.argsort(flat, kind="stable")[:24] if flat[i] < COLUMN]
    column = column or [flat.argmin()]
    above = max(crowd[column, 2].max() - center[2], 0)
    below = max(center[2] - crowd[column, 2].min(), 0)
    return [
        np.log10(own.sum() * pieces.area + 1e-4) + 1,
        center[2], bottom, top, top - bottom, high - low - center[2], *(2 * sides),
        (sides[0] - sides[1]) / widest, (sides[1] - sides[2]) / widest, sides[2] / widest,
        abs(normal[2]), normal[2], np.linalg.norm(mean), abs(axes[2, 0]),
        *(lab.mean(axis=0) / 40 - [1, 0, 0]), *(lab.std(axis=0) / 10),
        front, behind, min(front, behind), above, below, len(column) / 12,
        *of_segment(scene, pieces, vertices, normals, pieces.segment[number]),
        own.sum() / (scene.segments == pieces.segment[number]).sum(),
    ]  # fmt: skip


def of_segment(scene, pieces, vertices, normals, number):
    """What a piece is told of its segment."""
    own = scene.segments == number
    points, mean = vertices[own], normals[own].mean(axis=0)
    sides = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T, bias=True))[::-1], 0))
    sizes = np.bincount(scene.segments)
    return [
        np.log10(own.sum() * pieces.area + 1e-4), *(2 * sides),
        abs(mean[2]), np.linalg.norm(mean), points[:, 2].min(), points[:, 2].max(),
        np.argsort(np.argsort(sizes))[number] / len(sizes),
    ]  # fmt: skip


def unit(vector):
    """The vector at length 1; the zero vector as it is."""
    return vector / max(np.linalg.norm(vector), 1e-12)


def linked(pieces, place):
    """The pairs of pieces that touch or are near: {(a, b): vertex edges between them}."""
    p, n = place.shape[:2]
    samples = place.reshape(-1, 3)
    graph = pieces.graph
    pairs = {tuple(e): int(c) for e, c in zip(graph.edges, graph.boundary, strict=True)}
    for a in range(p):
        gaps = {}
        for sample in place[a]:
            distance = np.linalg.norm(samples - sample, axis=1)
            for i in np.argsort(distance, kind="stable")[:32]:
                if i // n != a and distance[i] < REACH:
                    gaps[i // n] = min(distance[i], gaps.get(i // n, np.inf))
        for b in sorted(gaps, key=lambda b: (gaps[b], b))[:NEAR]:
            pairs.setdefault((min(a, b), max(a, b)), 0)
    return pairs


def met(size, links, affinity, leak, target):
    """The chance of a walker from each node to come by `target`, step by step.

    At every step it gives up with probability leak / (1 + leak), else takes a link by its weight.
    """
    matrix = np.zeros((size, size))
    for (a, b), logit in zip(links, affinity, strict=True):
        matrix[a, b] = matrix[b, a] = np.exp(np.clip(float(logit), -7, 7))
    step = matrix / ((1 + leak) * (matrix.sum(axis=1, keepdims=True) + 1e-6))
    chance = np.zeros(size)
    chance[target] = 1
    for _ in range(10_000):
        after = step @ chance
        after[target] = 1
        if np.abs(after - chance).max() < 1e-15:
            break
        chance = after
    return chance


def gap(around, piece, segment):
    """The least distance between a piece's samples, every other one, and 32 of a segment's."""
    own = around.place[around.segment == segment].reshape(-1, 3)
    own = own[np.linspace(0, len(own) - 1, min(len(own), 32)).astype(int)]
    return min(np.linalg.norm(own - sample, axis=1).min() for sample in around.place[piece, ::2])
