"""What several tests make: random meshes and graphs."""

import numpy as np


def bumpy_grid(rng, side=14, height=0.4):
    """A triangulated height field with steps, so that it has segments: vertices, faces."""
    x, y = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    steps = rng.integers(0, 3, (3, 3)).repeat(side // 3 + 1, 0).repeat(side // 3 + 1, 1)
    z = height * steps[:side, :side] + rng.normal(0, 0.05, (side, side))
    vertices = np.stack([x, y, z], -1).reshape(-1, 3).astype(np.float32)
    i = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    faces = np.concatenate(
        [np.stack([i, i + 1, i + side], 1), np.stack([i + 1, i + side + 1, i + side], 1)]
    )
    return vertices, rng.permutation(faces).astype(np.int32)


def random_graph(rng, nodes, edges):
    """Unique undirected edges a < b, sorted; some nodes may have none."""
    pairs = np.sort(rng.integers(0, nodes, (edges, 2)), axis=1)
    pairs = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
    return pairs.reshape(-1, 2).astype(np.int32)


def random_labels(rng, nodes, instances, share=0.3):
    """An instance number for a share of the nodes, -1 for the rest; at least one is labelled."""
    labels = np.where(rng.random(nodes) < share, rng.integers(0, instances, nodes), -1)
    labels[rng.integers(nodes)] = 0
    return labels.astype(np.int32)


def as_sets(group):
    """A grouping as sets of members, ordered by the smallest."""
    return [set(np.flatnonzero(group == g)) for g in range(group.max() + 1)]
