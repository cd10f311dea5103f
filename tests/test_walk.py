"""The random walk against hand-made cases and a step-by-step twin."""

import numpy as np
import pytest
from toy_scenes import permuted, random_scene, toy_scene

from seggroup.config import WalkConfig
from seggroup.errors import InputError
from seggroup.labels.clicks import seg_level_labels
from seggroup.labels.simulate import simulate
from seggroup.types import NONE, Graph, Labels, Scan
from seggroup.walk import absorption, edge_weights, lab, random_walk, surface_normals

PLAIN = WalkConfig(bend=0.0, color=0.0)  # the boundary alone


def labelled(size, seeds):
    """Seg-level labels from {segment: (instance, class)}."""
    semantic, instance = np.full((2, size), NONE, np.int32)
    for segment, (i, c) in seeds.items():
        instance[segment], semantic[segment] = i, c
    return Labels(semantic, instance)


def walk_by_steps(graph, weights, seeds, one_hot, steps=60_000):
    """Slow twin: a transition matrix whose seeds absorb, applied until nothing moves."""
    matrix = np.zeros((graph.size, graph.size))
    for (a, b), w in zip(graph.edges, weights, strict=True):
        matrix[a, b] = matrix[b, a] = w
    matrix[seeds] = 0
    total = matrix.sum(axis=1, keepdims=True)
    matrix = np.divide(matrix, total, out=np.zeros_like(matrix), where=total > 0)
    probability = np.zeros((graph.size, one_hot.shape[1]))
    probability[seeds] = one_hot
    start = probability.copy()
    for _ in range(steps):
        after = matrix @ probability + start
        if np.abs(after - probability).max() < 1e-14:
            break
        probability = after
    return probability


@pytest.mark.parametrize("seed", range(12))
def test_absorption_agrees_with_walking_step_by_step(seed):
    rng = np.random.default_rng(seed)
    graph = random_scene(seed, nodes=24).graph
    if seed % 3 == 0:  # sparse: some nodes are cut off
        graph = Graph(graph.size, graph.edges[::4], graph.boundary[::4])
    weights = rng.uniform(0.01, 5, len(graph.edges))
    seeds = rng.choice(graph.size, 5, replace=False)
    one_hot = np.eye(3)[rng.integers(0, 3, 5)]
    np.testing.assert_allclose(
        absorption(graph, weights, seeds, one_hot),
        walk_by_steps(graph, weights, seeds, one_hot),
        atol=1e-9,
    )


def test_a_chain_has_the_gambler_s_probabilities():
    """Seeds at both ends of 0-1-2-3-4: node i ends at the right with probability i/4."""
    scene = toy_scene([{0: 5}] * 5, [(0, 1), (1, 2), (2, 3), (3, 4)], {})
    labels = labelled(5, {0: (8, 5), 4: (3, 7)})
    walked = random_walk(scene, scene.scan.normals, labels, PLAIN)
    assert walked.instance[[0, 1, 3, 4]].tolist() == [8, 8, 3, 3]
    assert walked.semantic[[0, 1, 3, 4]].tolist() == [5, 5, 7, 7]
    np.testing.assert_allclose(walked.confidence, [1, 0.75, 0.5, 0.75, 1], rtol=1e-6)


def test_long_boundaries_attract():
    scene = toy_scene([{0: 5}] * 3, [(0, 1), (1, 2)], {}, boundary=[1, 9])
    walked = random_walk(scene, scene.scan.normals, labelled(3, {0: (0, 5), 2: (1, 7)}), PLAIN)
    assert walked.instance.tolist() == [0, 1, 1]
    assert walked.confidence[1] == pytest.approx(0.9)


@pytest.mark.parametrize("seed", range(10))
def test_every_segment_is_labelled_and_clicked_ones_keep_theirs(seed):
    scene = random_scene(seed)
    labels = seg_level_labels(
        simulate(scene, "random", np.random.default_rng(seed)), scene.segments
    )
    walked = random_walk(scene, scene.scan.normals, labels)
    clicked = labels.instance != NONE
    assert (walked.instance[clicked] == labels.instance[clicked]).all()
    assert (walked.semantic[clicked] == labels.semantic[clicked]).all()
    assert (walked.confidence[clicked] == 1).all()
    assert set(walked.instance) <= set(labels.instance[clicked])
    assert ((walked.confidence >= 0) & (walked.confidence <= 1)).all()
    for instance in np.unique(walked.instance):
        assert len(np.unique(walked.semantic[walked.instance == instance])) == 1


def test_the_order_of_the_vertices_does_not_matter():
    scene = random_scene(4)
    order = np.random.default_rng(0).permutation(len(scene.segments))
    moved = permuted(scene, order)
    labels = seg_level_labels(simulate(scene, "top1", np.random.default_rng(0)), scene.segments)
    one = random_walk(scene, scene.scan.normals, labels)
    two = random_walk(moved, moved.scan.normals, labels)
    assert (one.instance == two.instance).all()
    np.testing.assert_allclose(one.confidence, two.confidence, atol=1e-6)


def test_what_no_path_reaches_takes_the_nearest_label():
    """Segments 3 and 5 touch nothing: 3 lies by 2 (walked to from 0), 5 by 6."""
    scene = toy_scene([{0: 9}] * 7, [(0, 1), (1, 2)], {}, spread=0.05)
    scene.scan.vertices[scene.segments == 3, 0] -= 0.3
    scene.scan.vertices[scene.segments == 5, 0] += 0.3
    walked = random_walk(scene, scene.scan.normals, labelled(7, {0: (4, 5), 6: (2, 7)}))
    assert walked.instance[[0, 1, 2, 3, 5, 6]].tolist() == [4, 4, 4, 4, 2, 2]
    assert walked.semantic[[3, 5]].tolist() == [5, 7]
    assert (walked.confidence[[3, 4, 5]] == 0).all()
    assert (walked.confidence[[0, 1, 2, 6]] == 1).all()


def test_a_scene_without_a_labelled_segment_is_refused():
    scene = random_scene(0)
    with pytest.raises(InputError, match="toy: no segment is labelled"):
        random_walk(scene, scene.scan.normals, labelled(30, {}))


def test_edge_weights_by_hand():
    """Normals at 60 degrees, one flipped; black beside white: dE = 100."""
    scene = toy_scene([{0: 4}] * 2, [(0, 1)], {}, boundary=[3])
    scene.scan.colors[:] = np.where(scene.segments == 0, 0, 255)[:, None]
    half, root = 0.5, np.sqrt(0.75)
    normals = np.where(scene.segments[:, None] == 0, [0, 0, 1], [root, 0, -half])
    weights = edge_weights(scene, normals.astype(np.float32), WalkConfig(bend=2.0, color=0.05))
    assert weights == pytest.approx([3 * np.exp(-2 * 0.5 - 0.05 * 100)], rel=1e-3)


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((255, 255, 255), (100, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((119, 119, 119), (50.03, 0, 0)),
    ],
)
def test_lab_of_known_colours(rgb, expected):
    np.testing.assert_allclose(lab(np.array([rgb], np.uint8))[0], expected, atol=0.02)


def test_normals_are_weighted_by_area():
    """A vertex between a face of area 2 in the xy plane and one of area 1 in the xz plane."""
    vertices = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, -1], [9, 9, 9]], np.float32)
    faces = np.array([[0, 1, 2], [0, 1, 3]], np.int32)
    scan = Scan("corner", vertices, np.zeros((5, 3), np.uint8), faces)
    normals = surface_normals(scan)
    np.testing.assert_allclose(normals[0], np.array([0, 1, 2]) / np.sqrt(5), atol=1e-6)
    np.testing.assert_allclose(normals[2], [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(normals[4], 0)


def test_a_cloud_gives_its_own_normals_or_is_refused():
    scene = random_scene(0)
    assert surface_normals(scene.scan) is scene.scan.normals
    bare = Scan("bare", scene.scan.vertices, scene.scan.colors, scene.scan.faces)
    with pytest.raises(InputError, match="bare: a cloud without normals"):
        surface_normals(bare)
