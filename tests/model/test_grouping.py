"""Algorithms 1 and 2 against slow twins on random graphs, and their laws."""

import numpy as np
import pytest
import reference
from helpers import as_sets, random_graph, random_labels

from seggroup.config import NetworkConfig
from seggroup.model.grouping import absorb, attach, cluster, join_small, labels_of_groups

CONFIG = NetworkConfig()


def case(seed):
    rng = np.random.default_rng(seed)
    nodes = int(rng.integers(1, 60))
    edges = random_graph(rng, nodes, int(rng.integers(0, 150)))
    features = rng.integers(0, 5, (nodes, 3)).astype(float)  # ties occur
    return features, edges, random_labels(rng, nodes, 6), rng


def lengths(features, edges):
    return np.sqrt(((features[edges[:, 0]] - features[edges[:, 1]]) ** 2).sum(1))


@pytest.mark.parametrize("join_same", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_cluster_equals_algorithm_1(seed, join_same):
    features, edges, labels, _ = case(seed)
    config = NetworkConfig(join_same_instance=join_same)
    group = cluster(lengths(features, edges), edges, labels, 3.0, config)
    assert as_sets(group) == reference.algorithm1(features, edges, labels, 3.0, join_same)


@pytest.mark.parametrize("seed", range(100))
def test_absorb_equals_algorithm_2(seed):
    features, edges, labels, _ = case(seed)
    group = absorb(features, edges, labels, CONFIG)
    assert as_sets(group) == reference.algorithm2(features, edges, labels)


@pytest.mark.parametrize("seed", range(60))
def test_the_released_variants_equal_their_twins(seed):
    features, edges, labels, rng = case(seed)
    distance, points = lengths(features, edges), rng.integers(1, 9, len(labels))
    group = cluster(distance, edges, labels, 2.0, CONFIG)
    small = join_small(distance, edges, labels, points, group, 9)
    twin = reference.join_small(distance, edges, labels, points, group, 9)
    assert as_sets(small) == twin
    rounds = absorb(features, edges, labels, CONFIG.released())
    assert as_sets(rounds) == reference.algorithm2_in_rounds(features, edges, labels)


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_labelled_nodes_keep_their_instance(seed, released):
    features, edges, labels, rng = case(seed)
    config = CONFIG.released() if released else CONFIG
    distance = lengths(features, edges)
    group = cluster(distance, edges, labels, 3.0, config)
    points = rng.integers(1, 9, len(labels))
    small = join_small(distance, edges, labels, points, group, 5)
    final = absorb(features, edges, labels, config)
    for g in (group, small, final):
        merged = labels_of_groups(labels, g)
        labelled = labels >= 0
        np.testing.assert_array_equal(merged[g][labelled], labels[labelled])
    complete = attach(rng.random((len(labels), 3)), final, labels_of_groups(labels, final))
    assert (complete >= 0).all()
    np.testing.assert_array_equal(complete[final][labels >= 0], labels[labels >= 0])


def test_small_clusters_join_unless_both_are_labelled_differently():
    edges = np.array([[0, 1], [1, 2]], np.int32)
    labels, points = np.array([0, 1, -1], np.int32), np.array([2, 2, 2])
    group = join_small(np.array([1.0, 5.0]), edges, labels, points, np.arange(3, dtype=np.int32), 5)
    np.testing.assert_array_equal(group, [0, 1, 1])


def test_threshold_is_exclusive_unless_released():
    edges, labels = np.array([[0, 1]], np.int32), np.array([-1, -1], np.int32)
    inclusive = NetworkConfig(inclusive_threshold=True)
    assert cluster(np.array([2.0]), edges, labels, 2.0, CONFIG).max() == 1
    assert cluster(np.array([2.0]), edges, labels, 2.0, inclusive).max() == 0


def test_a_component_without_a_click_takes_the_nearest_instance_in_space():
    positions = np.array([[0, 0, 0], [5, 0, 0], [4.9, 1, 0], [0, 1, 0]], float)
    complete = attach(positions, np.array([0, 1, 2, 3]), np.array([7, 3, -1, -1]))
    np.testing.assert_array_equal(complete, [7, 3, 3, 7])
