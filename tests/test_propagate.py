"""The laws of propagation: clicks keep, levels nest and grow, every vertex is labelled."""

import tracemalloc
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers import random_graph
from toy_scenes import permuted, random_scene, toy_scene

from seggroup.config import NetworkConfig
from seggroup.geometry.prepare import prepare
from seggroup.labels.clicks import seg_level_labels
from seggroup.model.network import build, first_level, make_points
from seggroup.propagate import classes_of, propagate
from seggroup.types import LEVELS, NONE, Clicks, Scan

CPU = torch.device("cpu")
CLASSES = range(40)
CONFIGS = {
    "paper": NetworkConfig(),
    "fine": NetworkConfig(thresholds=(2.0, 1.0, 0.5)),
    "released": replace(NetworkConfig().released(), resample=2000),
}


def click_each(scene, share=0.3, seed=0):
    """Clicks on a share of the segments, each another instance; at least one."""
    rng = np.random.default_rng(seed)
    count = max(1, int(share * len(scene.segment_ids)))
    segments = rng.permutation(len(scene.segment_ids))[:count]
    vertex = np.array([np.argmax(scene.segments == s) for s in segments], np.int32)
    instance = rng.permutation(3 * count)[:count].astype(np.int32)
    return Clicks(vertex, instance, (instance % 40 + 1).astype(np.int32))


def labels_of(scene, clicks, config=CONFIGS["paper"], seed=0):
    network = build(CLASSES, config, seed).eval()
    return propagate(network, scene, clicks, seg_level_labels(clicks, scene.segments), CPU, seed)


def assert_laws(scene, clicks, levels):
    assert tuple(levels) == LEVELS
    clicked = scene.segments[clicks.vertex]
    before = np.zeros(len(scene.segment_ids), bool)
    for name, labels in levels.items():
        assert labels.instance[clicked].tolist() == clicks.instance.tolist(), name
        assert labels.semantic[clicked].tolist() == clicks.semantic.tolist(), name
        assert set(labels.instance) <= {NONE, *clicks.instance.tolist()}
        labelled = labels.instance != NONE
        np.testing.assert_array_equal(labelled, labels.semantic != NONE)
        assert not np.any(before & ~labelled), f"level {name} lost labels"
        before = labelled
        assert labels.confidence.min() >= 0
        assert labels.confidence.max() <= 1
        assert np.all(labels.confidence[clicked] == 1)
        assert np.all(labels.confidence[~labelled] == 0)
    assert np.sum(levels["1"].instance != NONE) == len(clicks)
    final = levels["final"].at(scene.segments)
    assert len(final) == len(scene.scan.vertices)
    assert final.instance.min() >= 0


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("seed", range(5))
def test_laws_on_random_scenes(seed, name):
    scene = random_scene(seed, 24)
    clicks = click_each(scene, seed=seed)
    assert_laws(scene, clicks, labels_of(scene, clicks, CONFIGS[name], seed))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_mesh_without_truth(small_mesh, name):
    scene = prepare(small_mesh)
    assert scene.truth is None
    clicks = click_each(scene)
    assert_laws(scene, clicks, labels_of(scene, clicks, CONFIGS[name]))


def test_a_point_cloud(small_mesh):
    cloud = Scan("cloud", small_mesh.vertices, small_mesh.colors, np.empty((0, 3), np.int32))
    scene = prepare(cloud)
    clicks = click_each(scene)
    assert_laws(scene, clicks, labels_of(scene, clicks))


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("seed", range(5))
def test_partitions_nest_and_grow_coarser(seed, name):
    scene = random_scene(seed, 24)
    clicks = click_each(scene, seed=seed)
    config = CONFIGS[name]
    labels = seg_level_labels(clicks, scene.segments)
    points = make_points(scene, config, CPU, np.random.default_rng(0))
    with torch.no_grad():
        levels = build(CLASSES, config, seed)(points, first_level(scene, labels)).levels
    assert levels[0].group.tolist() == list(range(len(scene.segment_ids)))
    for fine, coarse in pairwise(levels):
        pairs = np.unique(np.stack([fine.group, coarse.group], 1), axis=0)
        assert len(pairs) == len(np.unique(fine.group))  # each finer group in one coarser
        assert coarse.group.max() <= fine.group.max()
        assert len(coarse.instance) == len(coarse.features) == coarse.group.max() + 1


def test_one_click_labels_everything_with_it():
    scene = random_scene(3, 15)
    clicks = click_each(scene, share=0)
    final = labels_of(scene, clicks)["final"]
    assert set(final.instance) == set(clicks.instance.tolist())


def test_a_scene_of_one_segment():
    scene = toy_scene([{0: 30}], [], {0: 5})
    clicks = Clicks(np.array([3], np.int32), np.array([0], np.int32), np.array([5], np.int32))
    for config in CONFIGS.values():
        assert_laws(scene, clicks, labels_of(scene, clicks, config))


def test_components_without_a_click_take_the_nearest_instance():
    contents = [{i: 40} for i in range(6)]  # segment s lies around (s, 0, 0)
    scene = toy_scene(contents, [(0, 1), (2, 3)], {})
    clicks = Clicks(*(np.array(c, np.int32) for c in ([0, 5 * 40], [7, 3], [1, 2])))
    for config in CONFIGS.values():
        final = labels_of(scene, clicks, config)["final"]
        assert final.instance.tolist() == [7, 7, 7, 7, 3, 3]


def test_the_seed_decides():
    scene = random_scene(2, 24)
    clicks = click_each(scene)
    config = CONFIGS["fine"]
    a, b, c = (labels_of(scene, clicks, config, seed) for seed in (0, 0, 1))
    for name in LEVELS:
        for field in ("instance", "semantic", "confidence"):
            np.testing.assert_array_equal(getattr(a[name], field), getattr(b[name], field))
    assert np.any(a["final"].confidence != c["final"].confidence)


def test_the_order_of_vertices_changes_nothing():
    """Sizes divide the 64 samples, so that every point is sampled equally often."""
    rng = np.random.default_rng(0)
    contents = [{0: int(n)} for n in rng.choice([8, 16, 32, 64], 20)]
    scene = toy_scene(contents, random_graph(rng, 20, 50), {})
    clicks = click_each(scene)
    order = rng.permutation(len(scene.segments))
    place = np.argsort(order).astype(np.int32)
    moved = permuted(scene, order)
    a = labels_of(scene, clicks)
    b = labels_of(moved, replace(clicks, vertex=place[clicks.vertex]))
    for name in LEVELS:
        np.testing.assert_array_equal(
            a[name].at(scene.segments).instance[order], b[name].at(moved.segments).instance
        )


def test_released_resamples_a_small_scene_to_150000_points(small_mesh):
    config = NetworkConfig().released()
    scene = prepare(small_mesh)
    points = make_points(scene, config, CPU, np.random.default_rng(0))
    assert len(points.xyz) == 150_000
    assert len(np.unique(points.segment)) == len(scene.segment_ids)


def test_classes_come_with_the_instances():
    clicks = Clicks(*(np.array(c, np.int32) for c in ([0, 1], [4, 0], [39, NONE])))
    assert classes_of(np.array([0, 4, NONE], np.int32), clicks).tolist() == [NONE, 39, NONE]


@pytest.mark.parametrize("largest", [5, 2**31 - 1])
def test_classes_need_no_more_room_for_large_numbers(largest):
    clicks = Clicks(*(np.array(c, np.int32) for c in ([0, 1, 2], [largest, 0, 0], [39, 1, 2])))
    tracemalloc.start()
    found = classes_of(np.array([0, largest, NONE, 4], np.int32), clicks)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.tolist() == [2, 39, NONE, NONE]
    assert most < 1_000_000
