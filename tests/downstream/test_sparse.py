"""Voxels, maps and sparse convolutions: equal to their twins on dicts and on dense tensors."""

import pickle

import pytest
import reference_sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seggroup.downstream import grid as grid_module
from seggroup.downstream.grid import build_grid, neighbours, pair_up
from seggroup.downstream.sparse import inverse, strided, submanifold
from seggroup.downstream.spconv_backend import (
    TORCH,
    convolutions,
    spconv_available,
    spconv_pairs,
    to_spconv,
)
from seggroup.downstream.voxels import SIDE, keys, mean_by, sites, voxelize
from seggroup.errors import InputError

CASES = {
    "one voxel": [(0, 0, 0, 0)],
    "one voxel, odd place": [(0, 5, 3, 7)],
    "apart": [(0, 0, 0, 0), (0, 4, 4, 4), (0, 9, 0, 2)],
    "two in a row": [(0, 1, 1, 1), (0, 1, 1, 2)],
    "same place in two scenes": [(0, 2, 2, 2), (1, 2, 2, 2), (1, 2, 2, 3)],
    "full cube": [(0, x, y, z) for x in range(3) for y in range(3) for z in range(3)],
}


def random_sites(seed, count=150, side=9, scenes=3):
    """A scene that is dense, one that is a surface, one sparse."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randint(0, side, (count, 3), generator=generator)
    scene = torch.randint(0, scenes, (count,), generator=generator)
    draw[scene == 1, 2] = (draw[scene == 1, 0] + 1) // 2
    return sites(keys(torch.cat([scene[:, None], draw], 1)).unique())


def all_sites():
    yield from (torch.tensor(sorted(case)) for case in CASES.values())
    yield from (random_sites(seed) for seed in range(4))


@pytest.fixture
def small_blocks(monkeypatch):
    """Several blocks, the last one ragged."""
    monkeypatch.setattr(grid_module, "BLOCK", 30)
    monkeypatch.setattr(grid_module, "FEWEST", 4)


def same(fast, slow, inputs, seed=0):
    """Values and gradients of all inputs agree to 1e-10."""
    torch.testing.assert_close(fast, slow, rtol=1e-10, atol=1e-10)
    weight = torch.randn(slow.shape, generator=torch.Generator().manual_seed(seed)).double()
    for a, b in zip(
        torch.autograd.grad((fast * weight).sum(), inputs),
        torch.autograd.grad((slow * weight).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("blocks", ["whole", "small"])
def test_submanifold_is_dense_convolution(blocks, request):
    if blocks == "small":
        request.getfixturevalue("small_blocks")
    for coords in all_sites():
        level = build_grid(coords, 1).levels[0]
        x, weight = draw(len(level), 3), draw(27, 3, 5, seed=1)
        fast = submanifold(x, weight, level)
        same(fast, reference_sparse.submanifold(x, weight, level), (x, weight))


def test_strided_and_inverse_are_dense_convolutions():
    for coords in all_sites():
        fine, coarse = build_grid(coords, 2).levels
        x, y, down, up = draw(len(fine), 3), draw(len(coarse), 5), draw(8, 3, 5), draw(8, 5, 3)
        fast = strided(x, down, fine, coarse)
        same(fast, reference_sparse.strided(x, down, fine, coarse), (x, down))
        fast = inverse(y, up, fine, coarse)
        same(fast, reference_sparse.inverse(y, up, fine, coarse), (y, up))


def test_plain_loops_of_the_benchmark_are_the_same_convolutions():
    fine, coarse = build_grid(random_sites(7), 2).levels
    x, y = draw(len(fine), 3), draw(len(coarse), 5)
    near, down, up = draw(27, 3, 4), draw(8, 3, 5), draw(8, 5, 3)
    plain = reference_sparse.PLAIN
    same(submanifold(x, near, fine), plain.submanifold(x, near, fine), (x, near))
    same(strided(x, down, fine, coarse), plain.strided(x, down, fine, coarse), (x, down))
    same(inverse(y, up, fine, coarse), plain.inverse(y, up, fine, coarse), (y, up))


def test_gradients_are_those_of_finite_differences():
    fine, coarse = build_grid(random_sites(1, count=25, side=4), 2).levels
    x, y = draw(len(fine), 2), draw(len(coarse), 3)
    near, down, up = draw(27, 2, 2, seed=1), draw(8, 2, 3, seed=2), draw(8, 3, 2, seed=3)
    check = torch.autograd.gradcheck
    assert check(lambda x, w: submanifold(x, w, fine), (x, near))
    assert check(lambda x, w: strided(x, w, fine, coarse), (x, down))
    assert check(lambda x, w: inverse(x, w, fine, coarse), (y, up))


def test_strided_and_inverse_are_adjoint():
    fine, coarse = build_grid(random_sites(2), 2).levels
    x, y, weight = draw(len(fine), 3), draw(len(coarse), 5), draw(8, 3, 5)
    left = (strided(x, weight, fine, coarse) * y).sum()
    right = (x * inverse(y, weight.mT, fine, coarse)).sum()
    torch.testing.assert_close(left, right)


def test_the_number_of_threads_changes_no_bit(small_blocks):
    level = build_grid(random_sites(3, count=400, side=12), 1).levels[0]
    x, weight = (draw(len(level), 4).float(), draw(27, 4, 6, seed=1).float())
    x, weight = x.detach().requires_grad_(), weight.detach().requires_grad_()
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 3, 3):
            torch.set_num_threads(threads)
            value = submanifold(x, weight, level)
            results.append([value, *torch.autograd.grad(value.square().sum(), (x, weight))])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_single_precision_and_mixed_precision_are_near():
    level = build_grid(random_sites(4), 1).levels[0]
    x, weight = draw(len(level), 8).detach(), draw(27, 8, 8).detach()
    exact = submanifold(x, weight, level)
    single = submanifold(x.float(), weight.float(), level)
    torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        half = submanifold(x.float(), weight.float(), level)
    assert half.dtype == torch.bfloat16
    assert (half.double() - exact).abs().max() < 0.05 * exact.abs().max()


def test_neighbours_are_those_of_a_dict():
    for coords in all_sites():
        near = neighbours(keys(coords))
        assert torch.equal(near.long(), reference_sparse.neighbours(coords))


def test_neighbours_of_corners_of_the_largest_scene_do_not_wrap():
    corner = SIDE - 1
    far = torch.tensor([(0, 0, 0, corner), (0, 0, 1, 0), (0, corner, corner, corner), (1, 0, 0, 0)])
    near = neighbours(keys(far))
    assert (near < len(far)).sum() == len(far)  # nobody but themselves


def test_neighbours_are_symmetric():
    near = neighbours(keys(random_sites(5))).long()
    row, k = (near < len(near)).nonzero(as_tuple=True)
    assert torch.equal(near[near[row, k], 26 - k], row)


def test_pairs_by_hand(monkeypatch):
    """Three voxels in a row along z, in blocks of two: the map read line by line."""
    monkeypatch.setattr(grid_module, "BLOCK", 1)
    monkeypatch.setattr(grid_module, "FEWEST", 1)
    coords = torch.tensor([(0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 2)])
    near = neighbours(keys(coords))
    assert near[:, 12:15].tolist() == [[3, 0, 1], [0, 1, 2], [1, 2, 3]]
    monkeypatch.setattr(grid_module, "BLOCK", 2)
    pairs = pair_up(near)
    assert pairs.rows == 2
    assert [counts[12:15] for counts in pairs.counts] == [(1, 2, 2), (1, 1, 0)]
    assert pairs.source.tolist() == [0, 0, 1, 1, 2, 1, 2]
    assert pairs.target.tolist() == [1, 0, 1, 0, 1, 2, 2]
    assert pairs.first.tolist() == [0, 2, 0]
    assert pairs.terms.tolist() == [1, 3, 0, 2, 4, 0, 1]


def test_levels_by_hand():
    coords = torch.tensor([(0, 0, 0, 1), (0, 3, 0, 0), (0, 3, 1, 0), (2, 0, 0, 0)])
    fine, middle, coarse = build_grid(coords, 3).levels
    assert middle.coords.tolist() == [[0, 0, 0, 0], [0, 1, 0, 0], [2, 0, 0, 0]]
    assert coarse.coords.tolist() == [[0, 0, 0, 0], [2, 0, 0, 0]]
    assert fine.place.tolist() == [0 * 8 + 1, 8 + 4, 8 + 6, 16]
    assert middle.children.tolist()[1] == [4, 4, 4, 4, 1, 4, 2, 4]
    assert len(coarse.place) == 0
    assert fine.children.shape == (4, 0)


def test_a_scene_does_not_depend_on_the_others_of_the_batch():
    one, other = random_sites(8, scenes=1), random_sites(9, scenes=1)
    together = build_grid(torch.cat([one, other + torch.tensor([1, 0, 0, 0])]), 2).levels[0]
    x, weight = draw(len(together), 3), draw(27, 3, 4)
    alone = submanifold(x[: len(one)], weight, build_grid(one, 1).levels[0])
    torch.testing.assert_close(submanifold(x, weight, together)[: len(one)], alone)


def test_grids_can_be_sent_to_other_processes():
    grid = build_grid(random_sites(6), 3)
    again = pickle.loads(pickle.dumps(grid)).to(torch.device("cpu"))
    assert torch.equal(again.levels[1].pairs.source, grid.levels[1].pairs.source)


@pytest.mark.parametrize("seed", range(3))
def test_voxels_are_those_of_a_dict(seed):
    generator = torch.Generator().manual_seed(seed)
    points = 3 * torch.randn(200, 3, generator=generator, dtype=torch.float64) - 50
    scene = torch.randint(0, 3, (200,), generator=generator)
    voxels = voxelize(points, scene, 0.7)
    coords, rows = reference_sparse.voxelize(points, scene, 0.7)
    assert torch.equal(voxels.coords, coords)
    assert torch.equal(voxels.rows, rows)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(-500, 500), st.integers(1, 40))
def test_voxels_stay_when_a_scene_moves_or_its_points_change_order(seed, shift, count):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randint(-50, 50, (count, 3), generator=generator).double() / 4
    scene = torch.randint(0, 2, (count,), generator=generator)
    order = torch.randperm(count, generator=generator)
    first = voxelize(points, scene, 0.5)
    moved = voxelize(points[order] + shift / 8, scene[order], 0.5)
    assert torch.equal(moved.coords, first.coords)
    assert torch.equal(moved.rows, first.rows[order])
    assert torch.equal(first.coords[first.rows][:, 0], scene)
    assert torch.equal(keys(first.coords), keys(first.coords).unique())


def test_no_points_make_no_voxels():
    voxels = voxelize(torch.empty(0, 3), torch.empty(0, dtype=torch.int64), 0.1)
    assert len(voxels) == 0
    assert mean_by(torch.empty(0, 2), voxels.rows, 0).shape == (0, 2)


@pytest.mark.parametrize(
    ("points", "scene", "voxel", "words"),
    [
        ([[0, 0, 0], [float("nan"), 0, 0]], [0, 0], 0.1, "not a number"),
        ([[0, 0, 0], [0, float("inf"), 0]], [0, 0], 0.1, "infinite"),
        ([[0, 0, 0], [1e5, 0, 0]], [0, 0], 0.1, "larger voxel"),
        ([[0, 0, 0], [1, 0, 0]], [0, 0], 1e-30, "larger voxel"),
        ([[0, 0, 0]], [0], 0.0, "more than 0"),
        ([[0, 0, 0]], [1 << 15], 0.1, "scenes"),
        ([[0, 0, 0]], [-1], 0.1, "scenes"),
    ],
)
def test_points_that_cannot_be_voxels(points, scene, voxel, words):
    with pytest.raises(InputError, match=words):
        voxelize(torch.tensor(points, dtype=torch.float32), torch.tensor(scene), voxel)


def test_mean_by_hand():
    features = torch.tensor([[1.0, 2], [3, 4], [7, 7]], dtype=torch.float64, requires_grad=True)
    rows = torch.tensor([2, 2, 0])
    assert mean_by(features, rows, 4).tolist() == [[7, 7], [0, 0], [2, 3], [0, 0]]
    assert torch.autograd.gradcheck(lambda f: mean_by(f, rows, 4), features)


def test_weights_of_spconv():
    weight = torch.arange(27 * 2 * 3.0).view(27, 2, 3)
    theirs = to_spconv(weight)
    assert theirs.shape == (3, 3, 3, 3, 2)
    assert theirs[2, 0, 1, 2, 1] == weight[0 * 9 + 1 * 3 + 2, 1, 2]
    assert torch.equal(theirs.flatten(1, 3).permute(1, 2, 0), weight)
    assert to_spconv(weight[:8]).shape == (3, 2, 2, 2, 2)


def test_pairs_of_spconv():
    index = torch.tensor([[3, 0], [0, 2], [1, 3]], dtype=torch.int32)
    pairs, count = spconv_pairs(index, 3)
    assert count.tolist() == [2, 2]
    assert pairs[0].tolist() == [[0, 1, -1], [0, 2, -1]]  # inputs
    assert pairs[1].tolist() == [[1, 2, -1], [0, 1, -1]]  # outputs


def test_a_cpu_never_uses_spconv():
    assert convolutions("spconv", torch.device("cpu")) is TORCH


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees():
    fine, coarse = build_grid(random_sites(1, count=3000, side=20), 2).levels
    other = build_grid(random_sites(1, count=3000, side=20), 2).to(torch.device("cuda")).levels
    x, weight = draw(len(fine), 8), draw(27, 8, 8, seed=1)
    down, up = draw(8, 8, 8, seed=2), draw(8, 8, 8, seed=3)

    def chain(x, weight, down, up, levels):
        h = strided(submanifold(x, weight, levels[0]), down, *levels)
        return inverse(h, up, *levels)

    fast = chain(x.cuda(), weight.cuda(), down.cuda(), up.cuda(), other).cpu()
    same(fast, chain(x, weight, down, up, (fine, coarse)), (x, weight, down, up))


@pytest.mark.skipif(
    not (torch.cuda.is_available() and spconv_available()), reason="needs CUDA and spconv"
)
def test_spconv_agrees():
    levels = build_grid(random_sites(1, count=3000, side=20), 2).to(torch.device("cuda")).levels
    theirs = convolutions("spconv", torch.device("cuda"))
    shapes = [(len(levels[0]), 16), (27, 16, 16), (8, 16, 32), (8, 32, 16)]
    inputs = [
        draw(*s, seed=i).float().cuda().detach().requires_grad_() for i, s in enumerate(shapes)
    ]
    results = []
    for use in (TORCH, theirs):
        x, near, down, up = inputs
        h = use.inverse(
            use.strided(use.submanifold(x, near, levels[0]), down, *levels), up, *levels
        )
        results.append([h, *torch.autograd.grad(h.square().mean(), inputs)])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
