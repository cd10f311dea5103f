"""The sparse U-Net: equal to the same network on dense tensors, and it learns."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import reference_sparse
import torch

from seggroup.downstream import unet as unet_module
from seggroup.downstream.cloud import IGNORE, Cloud, Tags, make_targets
from seggroup.downstream.config import UNetConfig
from seggroup.downstream.grid import build_grid
from seggroup.downstream.unet import FEATURES, SparseUNet, UNet
from seggroup.downstream.voxels import keys, sites

SMALL = UNetConfig(voxel=0.1, channels=4, levels=3, repeats=1)


def toy_cloud(seed, points=400, size=2.0):
    """A floor and a box: the class is told by height and colour."""
    rng = np.random.default_rng(seed)
    xyz = rng.uniform(0, size, (points, 3)).astype(np.float32)
    xyz[: points // 2, 2] = 0
    semantic = (xyz[:, 2] > 0).astype(np.int64) + (xyz[:, 0] > size / 2)
    colors = np.stack([semantic - 1.0, *rng.uniform(-1, 1, (2, points))], 1).astype(np.float32)
    return Cloud(xyz, colors, semantic, semantic % 2)


def random_grid(seed, levels, count=120, side=8, scenes=2):
    generator = torch.Generator().manual_seed(seed)
    place = torch.randint(0, side, (count, 3), generator=generator)
    scene = torch.randint(0, scenes, (count, 1), generator=generator)
    return build_grid(sites(keys(torch.cat([scene, place], 1)).unique()), levels)


def run(net, features, grid):
    net.zero_grad()
    out = net(features, grid)
    out.square().mean().backward()
    return [out.detach(), *(p.grad.clone() for p in net.parameters())]


@pytest.mark.parametrize("twin", [reference_sparse.DENSE, reference_sparse.PLAIN])
def test_equals_the_same_network_by_slow_convolutions(twin, monkeypatch):
    torch.manual_seed(0)
    net = UNet(5, SMALL).double()
    grid = random_grid(0, SMALL.levels)
    features = torch.randn(len(grid.levels[0]), 5, dtype=torch.float64)
    fast = run(net, features, grid)
    monkeypatch.setattr(unet_module, "convolutions", lambda *_: twin)
    for a, b in zip(fast, run(net, features, grid), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


def test_every_parameter_has_a_gradient():
    torch.manual_seed(0)
    config = replace(SMALL, repeats=2)
    grid = random_grid(1, config.levels)
    out = UNet(3, config)(torch.randn(len(grid.levels[0]), 3), grid)
    assert out.shape == (len(grid.levels[0]), config.channels)
    net = UNet(3, config)
    net(torch.randn(len(grid.levels[0]), 3), grid).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_the_size_is_that_of_pointgroup():
    """16 channels, 7 levels, 2 blocks: the layers of PointGroup's backbone, counted by hand."""
    wide = [16 * i for i in range(1, 8)]
    block = lambda c, d: 27 * (c * d + d * d) + 2 * (c + d) + (c * d if c != d else 0)  # noqa: E731
    count = 27 * 6 * 16 + 2 * 16
    for c, d in zip(wide, [*wide[1:], None], strict=True):
        count += 2 * block(c, c)
        if d:
            count += 16 * c * d + 2 * (c + d) + block(2 * c, c) + block(c, c)
    assert sum(p.numel() for p in UNet(6, UNetConfig()).parameters()) == count


@pytest.mark.parametrize("points", [1, 2])
def test_levels_of_one_voxel_train(points):
    cloud = toy_cloud(0, points=8)
    index = np.arange(points) + 4
    tiny = Cloud(cloud.points[index], cloud.colors[index], *(np.zeros((2, points), np.int64)))
    model = SparseUNet(3, SMALL)
    losses = model(model.prepare([tiny]), make_targets([tiny]), 0.0)
    losses["semantic"].backward()
    assert torch.isfinite(losses["semantic"])
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    assert torch.isfinite(model.eval().answer(model.prepare([tiny])).logits).all()


def test_a_level_of_one_voxel_keeps_the_running_statistics():
    activation = unet_module.Activation(3).train()
    before = activation.norm.running_mean.clone()
    x = torch.tensor([[1.0, -2, 3]])
    torch.testing.assert_close(activation(x), (x / (1 + 1e-4) ** 0.5).relu())
    assert torch.equal(activation.norm.running_mean, before)


def test_scenes_normalised_alone_do_not_see_each_other():
    scenes = [toy_cloud(0), toy_cloud(1, 90), toy_cloud(2, 1)]  # of one voxel: its variance is 0
    model = SparseUNet(3, replace(SMALL, norm="scene"))
    for training in (True, False):
        model.train(training)
        both = model.logits(model.prepare(scenes))
        alone = [model.logits(model.prepare([one])) for one in scenes]
        torch.testing.assert_close(both, torch.cat(alone), rtol=1e-4, atol=1e-4)
    assert not [name for name, _ in model.named_buffers() if "running" in name]
    losses = model.train()(model.prepare(scenes), make_targets(scenes), 0.0)
    losses["semantic"].backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_inputs_by_hand():
    points = np.array([[0, 0, 0], [0.05, 0, 0], [0.25, 0, 0.9]], np.float32)
    colors = np.array([[1, 0, 0], [0, 0, 0], [0, 0, -1]], np.float32)
    cloud = Cloud(points, colors, np.zeros(3, np.int64), np.zeros(3, np.int64))
    inputs = SparseUNet(2, SMALL).prepare([cloud, cloud])
    assert inputs.grid.levels[0].coords.tolist() == [
        [0, 0, 0, 0],
        [0, 2, 0, 9],
        [1, 0, 0, 0],
        [1, 2, 0, 9],
    ]
    assert inputs.rows.tolist() == [0, 0, 1, 2, 2, 3]
    assert inputs.features.shape == (4, FEATURES)
    first = [0.5, 0, 0, 0.025 - 0.1, 0, -0.3]
    torch.testing.assert_close(inputs.features[0], torch.tensor(first))
    torch.testing.assert_close(inputs.features[2], torch.tensor(first))


def test_prediction_depends_neither_on_the_batch_nor_on_the_place():
    torch.manual_seed(0)
    model = SparseUNet(3, SMALL)
    one, other = toy_cloud(1), toy_cloud(2, points=100)
    model(model.prepare([one, other]), make_targets([one, other]), 0.0)  # moves the statistics
    model.eval()
    alone = model.answer(model.prepare([one])).logits
    assert alone.shape == (400, 3)
    together = model.answer(model.prepare([other, one])).logits[100:]
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    shifted = replace(one, points=one.points + np.float32([64, -32, 8]))
    coords = model.prepare([shifted]).grid.levels[0].coords
    same = coords.shape == model.prepare([one]).grid.levels[0].coords.shape
    assert same or abs(len(coords) - len(model.prepare([one]).features)) < 5  # rounding alone


def test_points_of_a_voxel_share_its_logits():
    model = SparseUNet(3, SMALL).eval()
    inputs = model.prepare([toy_cloud(3)])
    logits = model.logits(inputs)
    for voxel in range(5):
        own = logits[inputs.rows == voxel]
        assert torch.equal(own, own[:1].expand_as(own))


def test_it_learns_a_toy_scene():
    torch.manual_seed(0)
    model, clouds = SparseUNet(3, SMALL), [toy_cloud(4), toy_cloud(5)]
    inputs, targets = model.prepare(clouds), make_targets(clouds)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    for _ in range(25):
        optimizer.zero_grad()
        model(inputs, targets, 0.0)["semantic"].backward()
        optimizer.step()
    right = model.answer(inputs).logits.argmax(1) == targets.semantic
    assert right.float().mean() > 0.9


def test_unlabelled_points_and_tags():
    cloud = toy_cloud(6)
    whole = np.arange(len(cloud))
    unknown = replace(
        cloud,
        semantic=np.full(len(cloud), IGNORE),
        tags=(Tags(whole, np.array([True, True, False])),),
    )
    model = SparseUNet(3, SMALL)
    losses = model(model.prepare([unknown]), make_targets([unknown]), 0.5)
    assert losses["semantic"] == 0
    sum(losses.values()).backward()
    assert model.classifier.weight.grad.abs().sum() > 0


def test_inputs_can_be_made_in_other_processes():
    model = SparseUNet(3, SMALL)
    inputs = pickle.loads(pickle.dumps(model.prepare([toy_cloud(7)])))
    assert torch.equal(inputs.to(torch.device("cpu")).rows, inputs.rows)


def test_equal_runs_give_equal_gradients():
    results = []
    for _ in range(2):
        torch.manual_seed(0)
        model, cloud = SparseUNet(3, SMALL), toy_cloud(8)
        model(model.prepare([cloud]), make_targets([cloud]), 0.0)["semantic"].backward()
        results.append([p.grad for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
