"""The kernel point convolution and its network against loops; gradients; symmetries."""

from dataclasses import replace

import numpy as np
import pytest
import reference_kpconv as slow
import torch

from seggroup.downstream import kpconv
from seggroup.downstream.cloud import IGNORE, Cloud, make_targets
from seggroup.downstream.config import KPConvConfig
from seggroup.downstream.kernelpoints import kernel_points
from seggroup.downstream.kpconv import (
    KPFCNN,
    KernelPointConv,
    KPInputs,
    Normal,
    max_pool,
)
from seggroup.downstream.pyramid import as_bags, influence, make_pyramid, neighbours

CONFIG = KPConvConfig(voxel=1 / 16, levels=3, channels=8, kernel_points=7)


def scene(seed, n=300):
    """Points on a grid of 1/256 m, so that moving them by whole metres rounds nothing."""
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 200, (n, 3)) / 256
    points[: n // 2, 2] = 0
    return Cloud(
        points.astype(np.float32),
        rng.uniform(-1, 1, (n, 3)).astype(np.float32),
        rng.integers(0, 3, n),
        rng.integers(0, 4, n),
    )


def changed(cloud, points=None, order=slice(None)):
    points = cloud.points if points is None else points
    labels = cloud.semantic[order], cloud.instance[order]
    return Cloud(points[order], cloud.colors[order], *labels)


def trained(seed=0, classes=3, config=CONFIG):
    """A network whose running statistics have seen a scene."""
    torch.manual_seed(seed)
    net = KPFCNN(classes, config)
    one = net.prepare([scene(9)])
    for _ in range(3):
        net.logits(one)
    return net.eval()


def small(dtype=torch.float64, seed=0):
    """Points, queries, kernel, table, influence, features, weights."""
    rng = np.random.default_rng(seed)
    points, queries = rng.uniform(0, 0.5, (40, 3)), rng.uniform(0, 0.5, (15, 3))
    kernel = kernel_points(5) * 0.15
    table = neighbours([points], [queries], 0.25, 12)
    found = influence([points], [queries], table, kernel, 0.1)
    x = torch.from_numpy(rng.normal(size=(40, 4))).to(dtype).requires_grad_()
    weight = torch.from_numpy(rng.normal(size=(5, 4, 6))).to(dtype).requires_grad_()
    return points, queries, kernel, table, found, x, weight


def way(monkeypatch, name):
    """Make the backward pass take one of its ways, with several blocks."""
    monkeypatch.setattr(kpconv, "BLOCK", 200 if "blocks" in name else 1 << 20)
    monkeypatch.setattr(kpconv, "WHOLE", 0 if "columns" in name else 1 << 22)


WAYS = pytest.mark.parametrize("name", ["rows", "rows, blocks", "columns", "columns, blocks"])


@WAYS
@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_convolution_equals_equations_1_to_3(monkeypatch, name, dtype, close):
    way(monkeypatch, name)
    points, queries, kernel, table, found, x, weight = small(dtype)
    around = [row[row < 40].tolist() for row in table]
    wanted = slow.convolve(x, points, queries, around, kernel, 0.1, weight)
    conv = KernelPointConv(4, 6, 5).to(dtype)
    conv.weight.data = weight.detach().clone()
    out = conv(x, found)
    torch.testing.assert_close(out, wanted, atol=close, rtol=close)
    g = torch.randn_like(out)
    fast = torch.autograd.grad(out, [x, conv.weight], g)
    for a, b in zip(fast, torch.autograd.grad(wanted, [x, weight], g), strict=True):
        torch.testing.assert_close(a, b, atol=close, rtol=close)


def test_full_tensors_equal_the_loops():
    points, queries, kernel, table, _, x, weight = small()
    around = [row[row < 40].tolist() for row in table]
    wanted = slow.convolve(x, points, queries, around, kernel, 0.1, weight)
    tensors = [torch.from_numpy(a) for a in (points, queries, table.astype(np.int64), kernel)]
    h = slow.full_influences(*tensors, 0.1)
    torch.testing.assert_close(slow.convolve_full(x, h, tensors[2], weight), wanted)


@WAYS
def test_convolution_gradients(monkeypatch, name):
    way(monkeypatch, name)
    *_, found, x, weight = small()
    convolve = kpconv._Convolution.apply
    assert torch.autograd.gradcheck(convolve, (x, weight, found))
    alone = torch.autograd.grad(convolve(x.detach(), weight, found).square().sum(), weight)[0]
    both = torch.autograd.grad(convolve(x, weight, found).square().sum(), weight)[0]
    torch.testing.assert_close(alone, both)


def test_max_pool_takes_the_maximum_of_the_neighbours_alone():
    *_, table, _, x, _ = small()
    x = x - 9  # a filling with 0 would win
    far = torch.cat([x, torch.full_like(x[:1], -torch.inf)])
    wanted = far[torch.from_numpy(table).long()].amax(1)
    pooled = max_pool(x, as_bags(table, 40))
    torch.testing.assert_close(pooled, wanted)
    g = torch.randn_like(pooled)
    a, b = (torch.autograd.grad(y, x, g)[0] for y in (pooled, wanted))
    torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("levels", [1, 3])
def test_network_equals_full_tensors_on_brute_force_geometry(dtype, close, training, levels):
    config = KPConvConfig(voxel=0.07, levels=levels, channels=8, kernel_points=7, neighbours=20)
    net = trained(config=config).to(dtype).train(training)
    points = np.random.default_rng(5).uniform(0, 0.5, (150, 3)).astype(np.float64)
    points = points.astype(np.float32 if dtype == torch.float32 else np.float64)
    reference, steps, cell = slow.network(net, kernel_points(7), points)
    torch.manual_seed(1)
    features = torch.randn(len(steps[0]), 5, dtype=dtype)
    inputs = KPInputs(make_pyramid([points], config), features)
    fast, wanted = net.logits(inputs), reference(features)[cell]
    torch.testing.assert_close(fast, wanted, atol=close, rtol=close)
    if dtype == torch.float64:
        g = torch.randn_like(fast)
        ours = torch.autograd.grad(fast, list(net.parameters()), g)
        for a, b in zip(ours, torch.autograd.grad(wanted, list(net.parameters()), g), strict=True):
            torch.testing.assert_close(a, b, atol=1e-8, rtol=1e-8)


def test_inputs_are_1_the_mean_colour_and_the_height_above_the_floor():
    points = np.array([[0, 0, 5], [0, 0, 5.5], [0, 0, 5.5]], np.float32)
    colors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    one = Cloud(points, colors, np.zeros(3, np.int64), np.zeros(3, np.int64))
    features = KPFCNN(3, CONFIG).prepare([one, one]).features
    wanted = [[1, 1, 0, 0, 0], [1, 0, 0.5, 0.5, 0.5]] * 2
    torch.testing.assert_close(features, torch.tensor(wanted))


def test_permuting_the_points_permutes_the_answer():
    net, one = trained(), scene(0)
    order = np.random.default_rng(3).permutation(len(one))
    logits = net.answer(net.prepare([one])).logits
    turned = net.answer(net.prepare([changed(one, order=order)])).logits
    torch.testing.assert_close(turned, logits[torch.from_numpy(order)], atol=1e-5, rtol=1e-5)


def test_moving_the_scene_changes_nothing():
    net, one = trained(), scene(0)
    logits = net.answer(net.prepare([one])).logits
    there = changed(one, one.points + np.array([4, -8, 2], np.float32))
    torch.testing.assert_close(net.answer(net.prepare([there])).logits, logits, atol=1e-4, rtol=0)


def test_two_scenes_of_a_batch_do_not_see_each_other():
    net, one, two = trained(), scene(0), scene(1, 120)
    both = net.answer(net.prepare([one, two])).logits
    alone = [net.answer(net.prepare([cloud])).logits for cloud in (one, two)]
    torch.testing.assert_close(both, torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_it_learns_a_small_scene():
    torch.manual_seed(0)
    net, one = KPFCNN(2, CONFIG), scene(0, 400)
    semantic = (one.points[:, 0] > 0.4).astype(np.int64)
    semantic[::3] = IGNORE
    one = Cloud(one.points, one.colors, semantic, one.instance)
    inputs, targets = net.prepare([one]), make_targets([one])
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    losses = []
    for _ in range(25):
        loss = sum(net(inputs, targets, 0.0).values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]


def test_a_single_point_can_be_trained_on():
    net = KPFCNN(3, CONFIG).train()
    one = scene(0, 1)
    loss = net(net.prepare([one]), make_targets([one]), 0.0)["semantic"]
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in net.parameters())


def test_norm_moves_its_statistics_as_published():
    normal = Normal(1, "batch").train()
    normal(torch.tensor([[1.0], [3.0]]), (2,))
    assert float(normal.norm.running_mean) == pytest.approx(0.02 * 2)
    before = normal.norm.running_mean.clone()
    normal(torch.tensor([[7.0]]), (1,))
    assert torch.equal(normal.norm.running_mean, before)


def test_scenes_normalised_alone_do_not_see_each_other():
    torch.manual_seed(0)
    net = KPFCNN(4, replace(CONFIG, norm="scene"))
    few = scene(2, 1)  # one point: its variance is 0
    for training in (True, False):
        net.train(training)
        both = net.logits(net.prepare([scene(0), scene(1), few]))
        alone = [net.logits(net.prepare([one])) for one in (scene(0), scene(1), few)]
        torch.testing.assert_close(both, torch.cat(alone), rtol=1e-4, atol=1e-4)
    assert not [name for name, _ in net.named_buffers() if "running" in name]


def test_mixed_precision_is_near_full_precision():
    net, one = trained().train(), scene(0)
    inputs, targets = net.prepare([one]), make_targets([one])
    full = net(inputs, targets, 0.0)["semantic"]
    with torch.autocast("cpu", torch.bfloat16):
        half = net(inputs, targets, 0.0)["semantic"]
    half.backward()
    assert float(half.detach()) == pytest.approx(float(full.detach()), rel=0.05)
    assert all(bool(torch.isfinite(p.grad).all()) for p in net.parameters())
