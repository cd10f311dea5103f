"""Kernel points, subsampling, neighbours and influences against loops and literal numbers."""

import numpy as np
import pytest
import reference_kpconv as slow
import torch

from seggroup.downstream.config import KPConvConfig
from seggroup.downstream.kernelpoints import energy, kernel_points
from seggroup.downstream.pyramid import (
    as_bags,
    barycentres,
    influence,
    ladder,
    make_pyramid,
    neighbours,
)
from seggroup.errors import InputError


def cloud(seed, n, dtype=np.float64):
    """Points on two walls of a small room."""
    points = np.random.default_rng(seed).uniform(0, 0.6, (n, 3))
    points[: n // 2, 0] = 0.01
    points[n // 2 :, 2] = 0.02
    return points.astype(dtype)


@pytest.mark.parametrize("count", [1, 2])
def test_few_kernel_points(count):
    points = kernel_points(count)
    assert np.linalg.norm(points, axis=1) == pytest.approx([0, 1][:count])


@pytest.mark.parametrize("count", [5, 15])
def test_kernel_points_lie_evenly_around_the_middle(count):
    points = kernel_points(count)
    radius = np.linalg.norm(points, axis=1)
    assert points.shape == (count, 3)
    assert radius[0] == 0
    assert radius[1:].mean() == pytest.approx(1)
    assert radius.max() < 1.1
    apart = np.linalg.norm(points[:, None] - points, axis=2) + 9 * np.eye(count)
    assert apart.min() > 0.85
    assert np.abs(points.sum(axis=0)).max() < 1e-4


def test_published_count_of_kernel_points_is_a_shell_of_14():
    points = kernel_points(15)
    apart = np.linalg.norm(points[:, None] - points, axis=2) + 9 * np.eye(15)
    assert apart.min() == pytest.approx(0.89183, abs=1e-4)
    # A checkpoint's weights belong to these places, so that they must never change
    wanted = [[0, 0, 0], [0.35452, -0.07399, 0.93376], [0.16731, -0.91257, 0.34777]]
    np.testing.assert_allclose(points[:3], wanted, atol=1e-4)


def test_energy_has_its_gradient():
    flat = np.random.default_rng(0).normal(size=18)
    value, slope = energy(flat)
    near = [(energy(flat + 1e-6 * e)[0] - value) / 1e-6 for e in np.eye(18)]
    np.testing.assert_allclose(slope, near, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("count", [2, 5, 15])
def test_the_energy_is_flat_where_the_points_settle(count):
    flat = kernel_points(count)[1:].ravel()
    drawn = 5 * (flat**2).sum()
    repelled = energy(flat)[0] - drawn
    size = (repelled / (2 * drawn)) ** (1 / 3)  # repelled / size + drawn size^2 is least there
    assert np.abs(energy(flat * size)[1]).max() < 1e-5


def test_barycentres_in_literal_numbers():
    points = np.array([[0, 0, 0], [2, 4, 6], [1, 1, 1]], np.float32)
    assert barycentres(points, np.array([1, 1, 0])).tolist() == [[1, 1, 1], [1, 2, 3]]


@pytest.mark.parametrize("seed", range(3))
def test_ladder_equals_dictionaries_of_cells(seed):
    points = cloud(seed, 200)
    steps, cell = ladder(points, 0.05, 4)
    wanted, wanted_cell = slow.grid(points, 0.05, 4)
    assert cell.tolist() == wanted_cell
    for a, b in zip(steps, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_ladder_does_not_depend_on_the_order_or_the_place():
    points = (np.random.default_rng(0).integers(0, 200, (300, 3)) / 256).astype(np.float32)
    order = np.random.default_rng(1).permutation(300)
    steps, cell = ladder(points, 1 / 16, 3)
    turned, turned_cell = ladder(points[order] + np.float32(8), 1 / 16, 3)
    assert np.array_equal(turned_cell, cell[order])
    for a, b in zip(steps, turned, strict=True):
        np.testing.assert_allclose(a + 8, b, atol=1e-6)


def test_scenes_without_points_or_in_other_units_are_refused():
    with pytest.raises(InputError, match="no points"):
        ladder(np.empty((0, 3), np.float32), 0.04, 5)
    with pytest.raises(InputError, match="check its units"):
        ladder(np.array([[0, 0, 0], [1e7, 0, 0]], np.float32), 0.04, 5)


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_neighbours_equal_exhaustive_search_in_each_scene(most):
    points, queries = [cloud(0, 80), cloud(1, 50)], [cloud(2, 30), cloud(3, 20) + 0.3]
    table = neighbours(points, queries, 0.11, most)
    start, row = 0, 0
    for p, q in zip(points, queries, strict=True):
        for query in q:
            wanted = [start + j for j in slow.ball(p, query, 0.11, most)]
            assert table[row][table[row] < 130].tolist() == wanted
            assert (table[row, len(wanted) :] == 130).all()
            row += 1
        start += len(p)
    assert len(table) == row


def test_as_bags_leaves_the_filling_out():
    bags = as_bags(np.array([[2, 5, 5], [0, 1, 5]], np.int32), 5)
    assert bags.start.tolist() == [0, 1, 3]
    assert bags.index.tolist() == [2, 0, 1]
    assert len(bags) == 2
    assert bags.rows(1, 2).start.tolist() == [0, 2]
    assert bags.rows(1, 2).index.tolist() == [0, 1]


def dense(bags, columns):
    """The matrix of the bags."""
    matrix = torch.zeros(len(bags), columns, dtype=torch.float64)
    row = torch.repeat_interleave(torch.arange(len(bags)), bags.start.diff())
    matrix.index_put_((row, bags.index.long()), bags.weight, accumulate=True)
    return matrix


def test_influences_equal_equation_3_in_all_directions():
    points, queries, kernel = cloud(0, 60), cloud(1, 25), kernel_points(6) * 0.12
    table = neighbours([points], [queries], 0.2, 20)
    found = influence([points], [queries], table, kernel, 0.08)
    wanted = torch.zeros(25, 6, 60, dtype=torch.float64)
    for i, query in enumerate(queries):
        for j in slow.ball(points, query, 0.2, 20):
            numbers = slow.influences(points, query, j, kernel, 0.08)
            wanted[i, :, j] = torch.tensor(numbers, dtype=torch.float64)
    assert float(wanted.count_nonzero()) > 50
    ahead = wanted.flatten(0, 1)
    torch.testing.assert_close(dense(found.ahead, 60), ahead, atol=1e-12, rtol=0)
    back = wanted.permute(2, 1, 0).flatten(0, 1)
    torch.testing.assert_close(dense(found.back, 25), back, atol=1e-12, rtol=0)
    turned = dense(found.transposed(6), 150)
    torch.testing.assert_close(turned, ahead.T, atol=1e-12, rtol=0)


def test_pyramid_of_two_scenes_is_both_pyramids_after_each_other():
    config = KPConvConfig(levels=3, kernel_points=5)
    scenes = [cloud(0, 150), cloud(1, 90)]
    both = make_pyramid(scenes, config)
    a, b = (make_pyramid([points], config) for points in scenes)
    assert torch.equal(both.cell, torch.cat([a.cell, b.cell + len(a.points[0])]))
    for i in range(3):
        assert torch.equal(both.points[i], torch.cat([a.points[i], b.points[i]]))
        n = len(a.points[i])
        one, other, two = a.near[i].ahead, b.near[i].ahead, both.near[i].ahead
        assert torch.equal(two.index, torch.cat([one.index, other.index + n]))
        assert torch.equal(two.weight, torch.cat([one.weight, other.weight]))
        if i < 2:
            assert torch.equal(both.up[i], torch.cat([a.up[i], b.up[i] + len(a.points[i + 1])]))
            assert len(both.pool[i]) == len(both.points[i + 1])
    moved = both.to(torch.device("cpu"))
    assert torch.equal(moved.down[0].back.index, both.down[0].back.index)


def test_every_coarse_point_has_a_neighbour_whatever_the_radius():
    config = KPConvConfig(levels=2, kernel_points=3, radius=0.01)
    pyramid = make_pyramid([cloud(0, 100)], config)
    assert int(pyramid.pool[0].start.diff().min()) == 1
    assert len(make_pyramid([np.zeros((1, 3), np.float32)], config).points[1]) == 1
