"""Neighbours within groups and farthest point sampling against brute force."""

import numpy as np
import pytest
import reference

from seggroup.geometry.neighbours import members_within_k, nearest_within_groups
from seggroup.geometry.sampling import farthest_points, nearest_among


@pytest.mark.parametrize("seed", range(8))
def test_nearest_within_groups_is_brute_force(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 1, (300, 3)).astype(np.float32)
    group = np.sort(np.concatenate([np.arange(12), rng.integers(0, 12, 288)]))
    group[group == 3] = 2
    k = 30
    found, members = nearest_within_groups(points, group, k), members_within_k(group, k)
    for i in range(300):
        own = np.flatnonzero(group == group[i])
        near = own[np.argsort(((points[own] - points[i]) ** 2).sum(1))][:k]
        assert members[i] == len(near)
        assert set(found[i, : members[i]]) == set(near)
        assert (found[i, members[i] :] == i).all()


def test_far_from_the_origin_and_single_points():
    points = np.array([[1e4, 0, 0], [1e4, 0.01, 0], [1e4, 5, 0]], np.float32)
    found = nearest_within_groups(points, np.array([0, 0, 1]), 2)
    np.testing.assert_array_equal(np.sort(found, axis=1), [[0, 1], [0, 1], [2, 2]])


@pytest.mark.parametrize("seed", range(5))
def test_farthest_points_equal_the_slow_twin(seed):
    rng = np.random.default_rng(seed)
    sizes = [1, 5, 64, 65, 200]
    points = rng.normal(0, 1, (sum(sizes), 3)).astype(np.float32)
    segments = np.repeat(np.arange(len(sizes)), sizes)
    chosen = farthest_points(points, segments, 64)
    for s in range(len(sizes)):
        own = np.flatnonzero(segments == s)
        np.testing.assert_array_equal(chosen[s], own[reference.farthest_points(points[own], 64)])


def test_nearest_among_is_brute_force():
    points = np.random.default_rng(0).normal(0, 1, (4, 64, 3)).astype(np.float32)
    index = nearest_among(points, 10)
    distance = ((points[:, :, None] - points[:, None]) ** 2).sum(-1)
    np.testing.assert_array_equal(index, np.argsort(distance, axis=2, kind="stable")[..., :10])
