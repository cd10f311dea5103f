"""Clusters against breadth-first search, suppression against sets, settings for other scans."""

import time
from dataclasses import replace

import numpy as np
import pytest
import reference_pointgroup as slow
from hypothesis import given, settings
from hypothesis import strategies as st

from seggroup.downstream.clustering import (
    Clusters,
    choose,
    clusters,
    components,
    dual_clusters,
    nms,
    overlaps,
    suppress,
)
from seggroup.downstream.config import PointGroupConfig
from seggroup.downstream.density import median_spacing, suggest, why_no_clusters
from seggroup.errors import InputError


def random_points(rng, n, spread=0.2, groups=3):
    points = rng.normal(0, spread, (n, 3)).astype(np.float32)
    return points, rng.integers(-1, groups, n)


def sets_of(found):
    return [set(points.tolist()) for points in np.split(found.points, np.cumsum(found.sizes)[:-1])][
        : len(found)
    ]


def of_sets(sets, group=None):
    return Clusters(
        np.array([i for one in sets for i in sorted(one)], np.int64),
        np.array([len(one) for one in sets], np.int64),
        np.zeros(len(sets), np.int64) if group is None else np.array(group),
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(0, 120),
    spread=st.sampled_from([0.0, 0.02, 0.1, 1.0]),
    radius=st.sampled_from([0.03, 0.1, 0.4]),
    min_points=st.integers(1, 6),
)
def test_clusters_are_those_of_the_breadth_first_search(seed, n, spread, radius, min_points):
    points, group = random_points(np.random.default_rng(seed), n, spread)
    found = clusters(points, group, radius, min_points)
    expected = slow.breadth_first(points, group, radius, min_points)
    assert list(zip(sets_of(found), found.group.tolist(), strict=True)) == expected


@pytest.mark.parametrize("radius", [0.25, 1.0, 1.5])
def test_lattices_with_many_points_at_the_radius(radius):
    axes = np.meshgrid(*[np.arange(5) / 4] * 3)
    points = np.stack([axis.ravel() for axis in axes], 1).astype(np.float32)
    group = np.random.default_rng(0).integers(0, 4, len(points))
    expected = slow.breadth_first(points, group, radius, 1)
    assert sets_of(clusters(points, group, radius, 1)) == [one for one, _ in expected]


def test_order_place_and_numbers_of_groups_do_not_matter():
    rng = np.random.default_rng(1)
    points, group = random_points(rng, 400)
    order = rng.permutation(len(points))
    found = {frozenset(one) for one in sets_of(clusters(points, group, 0.1, 3))}
    moved = np.where(group[order] >= 0, 7 * group[order] + 2, -1)
    again = clusters((points[order] + [8, -4, 2]).astype(np.float64), moved, 0.1, 3)
    assert {frozenset(order[sorted(one)].tolist()) for one in sets_of(again)} == found


def test_a_larger_radius_only_joins():
    points, group = random_points(np.random.default_rng(2), 500)
    before = components(points, group, 0.05)
    for radius in (0.1, 0.2, 0.4):
        after = components(points, group, radius)
        pairs = np.unique(np.stack([before, after]), axis=1)
        assert len(np.unique(pairs[0])) == pairs.shape[1]
        before = after


def test_points_thrown_far_out_and_not_finite_make_no_harm():
    rng = np.random.default_rng(3)
    points, group = random_points(rng, 200)
    points[:20] *= rng.choice([1e4, 1e6, 1e9], (20, 1)).astype(np.float32)
    expected = [one for one, _ in slow.breadth_first(points, group, 0.1, 1)]
    assert sets_of(clusters(points, group, 0.1, 1)) == expected
    points[5] = np.nan
    points[6, 2] = np.inf
    group[5:7] = 0
    assert (components(points, group, 0.1)[5:7] == -1).all()


def test_collapsed_points_cost_no_more_than_others():
    rng = np.random.default_rng(4)
    points = rng.normal(0, 0.01, (60_000, 3)).astype(np.float32)
    points[::2] += np.float32(1)
    group = np.zeros(len(points), np.int64)
    components(points, group, 0.03)
    start = time.process_time()
    component = components(points, group, 0.03)
    assert time.process_time() - start < 1  # every pair: 900 million
    assert len(np.unique(component[:1000])) == 2


def test_dual_clusters_are_both_sets():
    rng = np.random.default_rng(5)
    points, group = random_points(rng, 200)
    shifted = (0.2 * points).astype(np.float32)
    found = dual_clusters(points, shifted, group, 0.08, 3)
    both = [clusters(where, group, 0.08, 3) for where in (points, shifted)]
    assert sets_of(found) == sets_of(both[0]) + sets_of(both[1])
    assert found.cluster.tolist() == [c for c, size in enumerate(found.sizes) for _ in range(size)]


def test_overlaps_by_hand():
    found = of_sets([{0, 1, 2, 3}, {2, 3, 4, 5}, {0, 1, 2, 3}, {7}])
    expected = [[1, 1 / 3, 1, 0], [1 / 3, 1, 1 / 3, 0], [1, 1 / 3, 1, 0], [0, 0, 0, 1]]
    assert np.allclose(overlaps(found, 8).toarray(), expected)
    assert suppress(overlaps(found, 8), np.array([0.5, 0.9, 0.5, 0.1]), 0.3).tolist() == [1, 3]
    assert suppress(overlaps(found, 8), np.array([0.5, 0.9, 0.5, 0.1]), 0.4).tolist() == [1, 0, 3]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 12), threshold=st.floats(0, 1))
def test_suppression_is_that_of_sets(seed, count, threshold):
    rng = np.random.default_rng(seed)
    sets = [set(np.flatnonzero(rng.random(30) < 0.3).tolist()) | {3} for _ in range(count)]
    scores = rng.integers(0, 5, count).astype(np.float32) / 5
    group = rng.integers(0, 12, count)
    stay = slow.suppressed(sets, scores, threshold)
    found = nms(of_sets(sets, group), scores, 30, 4, threshold)
    assert [(set(p.points.tolist()), p.semantic, p.score) for p in found] == [
        (sets[i], group[i] % 4, float(scores[i])) for i in stay
    ]


def test_no_clusters_at_all():
    empty = clusters(np.empty((0, 3), np.float32), np.empty(0, np.int64), 0.1, 1)
    assert len(empty) == 0
    assert nms(empty, np.empty(0, np.float32), 0, 3, 0.5) == ()
    assert overlaps(empty, 4).shape == (0, 0)


def test_some_of_the_clusters():
    found = of_sets([{0, 1}, {2}, {3, 4, 5}], [4, 5, 6])
    some = choose(found, np.array([True, False, True]))
    assert sets_of(some) == [{0, 1}, {3, 4, 5}]
    assert some.group.tolist() == [4, 6]


def grid(spacing, side=30):
    axes = np.meshgrid(np.arange(side), np.arange(side), [0.0])
    return (np.stack([axis.ravel() for axis in axes], 1) * spacing).astype(np.float32)


def test_suggestion_follows_the_spacing():
    config = PointGroupConfig()
    for spacing in (0.005, 0.029, 0.1):
        points = grid(spacing)
        found = suggest(np.concatenate([points, points]), config)  # doubled points count once
        assert found.spacing == pytest.approx(spacing, rel=1e-3)
        assert found.config.radius > spacing
        assert f"{found.config.unet.voxel:g} m" in found.text
    assert suggest(grid(0.029), config).config == config  # ScanNet's density
    with pytest.raises(InputError, match="two distinct points"):
        median_spacing(np.zeros((5, 3), np.float32))


def test_the_suggested_settings_make_clusters_where_the_published_ones_make_none():
    points, config = grid(0.1), PointGroupConfig()
    group = np.zeros(len(points), np.int64)
    assert len(clusters(points, group, config.radius, config.min_points)) == 0
    text = why_no_clusters(points, group, config)
    assert "radius is 0.03 m" in text
    assert "0.1 m apart" in text
    fitting = suggest(points, config).config
    assert len(clusters(points, group, fitting.radius, fitting.min_points)) == 1
    assert why_no_clusters(points, group, fitting) == ""


def test_reasons_for_no_proposals():
    points, config = grid(0.02), PointGroupConfig()
    nothing = np.full(len(points), -1)
    assert "without instances" in why_no_clusters(points, nothing, config)
    few = np.where(np.arange(len(points)) < 20, 0, -1)
    assert "largest cluster has 20 points, and 50" in why_no_clusters(points, few, config)
    one = replace(config, min_points=1)
    assert why_no_clusters(points, few, one) == ""
