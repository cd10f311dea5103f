"""Small scenes made by hand: what lies in each segment, and which segments touch."""

import numpy as np
from helpers import random_graph

from seggroup.types import NONE, Graph, Labels, Scan, Scene


def toy_scene(contents, edges, classes, boundary=None, spread=0.1, seed=0):
    """A cloud whose segment s lies around (s, 0, 0) and holds the vertices `contents[s]`.

    contents : per segment a dict, instance (or NONE) -> number of vertices
    edges    : pairs of touching segments; boundary: their lengths, 1 unless given
    classes  : instance -> class; an instance without one is left unclassed
    """
    rng = np.random.default_rng(seed)
    segments = np.repeat(np.arange(len(contents)), [sum(c.values()) for c in contents])
    instance = np.concatenate([np.repeat(list(c), list(c.values())) for c in contents])
    semantic = np.array([classes.get(i, NONE) for i in instance.tolist()])
    offset = rng.normal(0, spread, (len(segments), 3))
    vertices = (segments[:, None] * [1.0, 0, 0] + offset).astype(np.float32)
    scan = Scan(
        "toy",
        vertices,
        rng.integers(0, 256, (len(segments), 3)).astype(np.uint8),
        np.empty((0, 3), np.int32),
        rng.normal(size=(len(segments), 3)).astype(np.float32),
    )
    pairs = np.array(edges, np.int32).reshape(-1, 2)
    lengths = np.ones(len(pairs)) if boundary is None else np.array(boundary)
    return Scene(
        scan,
        segments.astype(np.int32),
        np.unique(segments, return_index=True)[1].astype(np.int32),
        Graph(len(contents), pairs, lengths.astype(np.int32)),
        Labels(semantic.astype(np.int32), instance.astype(np.int32)),
    )


def random_scene(seed, nodes=30, instances=6):
    """Segments of one instance each, of random sizes, on a random graph."""
    rng = np.random.default_rng(seed)
    owner = np.concatenate([np.arange(instances), rng.integers(0, instances, nodes - instances)])
    sizes = rng.permutation(np.arange(nodes)) + 5  # all different: no ties to break
    pairs = random_graph(rng, nodes, 3 * nodes)
    contents = [{int(i): int(n)} for i, n in zip(owner, sizes, strict=True)]
    classes = {i: int(c) for i, c in enumerate(rng.integers(1, 41, instances))}
    return toy_scene(contents, pairs, classes, rng.integers(1, 20, len(pairs)), seed=seed)


def permuted(scene, order):
    """The same scene with its vertices in another order; segments keep their numbers."""
    scan = Scan(
        scene.scan.name,
        scene.scan.vertices[order],
        scene.scan.colors[order],
        scene.scan.faces,
        scene.scan.normals[order],
    )
    return Scene(scan, scene.segments[order], scene.segment_ids, scene.graph, scene.truth.at(order))
