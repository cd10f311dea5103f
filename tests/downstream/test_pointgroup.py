"""PointGroup against slow twins; its losses, its gradients, and odd batches that must train."""

from dataclasses import replace

import numpy as np
import pytest
import reference_pointgroup as slow
import torch

from seggroup.downstream.cloud import IGNORE, Cloud, Targets, make_targets
from seggroup.downstream.clustering import Clusters
from seggroup.downstream.config import PointGroupConfig, UNetConfig
from seggroup.downstream.grid import build_grid
from seggroup.downstream.pointgroup import PointGroup, offset_losses
from seggroup.downstream.scorenet import (
    Members,
    ScoreNet,
    best_ious,
    proposal_voxels,
    score_loss,
    soft_targets,
)

SMALL = PointGroupConfig(
    unet=UNetConfig(voxel=0.1, channels=4, levels=2, repeats=1),
    radius=0.15,
    min_points=5,
    warm_up=0.5,
    score_scale=10.0,
    score_threshold=0.0,
    min_predicted=5,
)
CPU = torch.device("cpu")


def boxes(seed, count=3, points=60):
    """A floor of class 0 without instances, boxes of classes 1 and 2 in turn upon it."""
    rng = np.random.default_rng(seed)
    floor = rng.random((200, 3)) * [3.0, 1.0, 0.0]
    parts = [rng.random((points, 3)) * 0.3 + [i, 0.3, 0.1] for i in range(count)]
    where = np.concatenate([floor, *parts]).astype(np.float32)
    instance = np.concatenate([np.full(200, -1), np.repeat(np.arange(count), points)])
    semantic = np.where(instance < 0, 0, 1 + instance % 2)
    shade = np.array([[-0.8, 0, 0], [0.8, 0, 0], [0, 0.8, -0.8]])[semantic]
    return Cloud(where, shade.astype(np.float32), semantic, instance)


def random_clusters(rng, n, count=6):
    sets = [np.flatnonzero(rng.random(n) < 0.2) for _ in range(count)]
    sets = [one for one in sets if len(one)]
    sizes = np.array([len(one) for one in sets], np.int64)
    return Clusters(np.concatenate(sets), sizes, np.zeros(len(sets), np.int64)), [
        set(one.tolist()) for one in sets
    ]


def random_targets(rng, n):
    instance = rng.integers(-1, 5, n)
    semantic = np.where(rng.random(n) < 0.3, IGNORE, rng.integers(0, 4, n))
    zeros = torch.zeros(n, dtype=torch.int64)
    return Targets(torch.from_numpy(semantic), torch.from_numpy(instance), zeros)


# --- losses ---


def test_offset_losses_are_those_of_loops():
    rng = np.random.default_rng(0)
    points, offsets = rng.normal(size=(2, 50, 3))
    instance = rng.integers(-1, 4, 50)
    instance[7] = 9  # an instance of one point: its way to the centroid is 0
    offsets[3] = 0
    found = offset_losses(*map(torch.from_numpy, (points, offsets, instance)))
    expected = slow.offset_losses(points, offsets, instance)
    assert [found["offset"].item(), found["direction"].item()] == pytest.approx(expected, abs=1e-9)


def test_offset_losses_by_hand():
    points = torch.tensor([[0.0, 0, 0], [2.0, 0, 0], [9.0, 9, 9]])
    offsets = torch.tensor([[3.0, 0, 0], [0.0, 2, 0], [1.0, 1, 1]])
    losses = offset_losses(points, offsets, torch.tensor([0, 0, -1]))  # centroid (1, 0, 0)
    assert losses["offset"].item() == pytest.approx((2 + 3) / 2)
    assert losses["direction"].item() == pytest.approx(-(1 + 0) / 2)
    right = offset_losses(
        points, torch.tensor([[1.0, 0, 0], [-1.0, 0, 0], [0.0, 0, 0]]), torch.tensor([0, 0, -1])
    )
    assert right["offset"].item() == 0
    assert right["direction"].item() == pytest.approx(-1)


def test_gradients_of_the_offset_losses():
    rng = np.random.default_rng(1)
    points = torch.from_numpy(rng.normal(size=(12, 3)))
    offsets = torch.from_numpy(rng.normal(size=(12, 3))).requires_grad_()
    instance = torch.from_numpy(rng.integers(-1, 3, 12))
    for name in ("offset", "direction"):
        assert torch.autograd.gradcheck(
            lambda o, name=name: offset_losses(points, o, instance)[name], offsets
        )


@pytest.mark.parametrize("seed", range(5))
def test_ious_are_those_of_sets(seed):
    rng = np.random.default_rng(seed)
    found, sets = random_clusters(rng, 40)
    targets = random_targets(rng, 40)
    stuff = torch.tensor([2])
    ious, labelled = best_ious(Members.of(found, CPU), targets, stuff)
    semantic, instance = targets.semantic.numpy(), targets.instance.numpy().copy()
    semantic = np.where((semantic == IGNORE) & (instance >= 0), 0, semantic)  # known all the same
    instance[semantic == 2] = -1
    expected = slow.best_ious(sets, semantic, instance)
    assert labelled.tolist() == [one is not None for one in expected]
    assert ious[labelled].tolist() == pytest.approx([x for x in expected if x is not None])


def test_a_tenth_of_an_instance_labelled_is_enough_for_a_score_of_1():
    instance = torch.where(torch.arange(100) % 10 == 0, torch.arange(100) // 50, -1)
    semantic = torch.where(instance >= 0, 1, IGNORE)
    targets = Targets(semantic, instance, torch.zeros(100, dtype=torch.int64))
    halves = Clusters(np.arange(100), np.array([50, 50]), np.array([1, 1]))
    ious, labelled = best_ious(Members.of(halves, CPU), targets, torch.tensor([0]))
    assert ious.tolist() == [1, 1]
    assert labelled.all()


def test_soft_targets_by_hand():
    ious = [0.0, 0.25, 0.5, 0.6, 0.75, 1.0]
    expected = [0, 0, 0.5, 0.7, 1, 1]
    config = PointGroupConfig()
    assert soft_targets(torch.tensor(ious), config).tolist() == pytest.approx(expected)
    assert [slow.soft_target(x, 0.25, 0.75) for x in ious] == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_the_score_loss_is_that_of_loops(seed):
    rng = np.random.default_rng(seed)
    found, sets = random_clusters(rng, 40)
    targets, logits = random_targets(rng, 40), rng.normal(size=len(sets))
    known = (targets.semantic != IGNORE) | (targets.instance >= 0)
    semantic = torch.where(known & (targets.semantic == IGNORE), 0, targets.semantic).numpy()
    wanted = [
        None if iou is None else slow.soft_target(iou, 0.25, 0.75)
        for iou in slow.best_ious(sets, semantic, targets.instance.numpy())
    ]
    members, nothing = Members.of(found, CPU), torch.empty(0, dtype=torch.int64)
    loss = score_loss(torch.from_numpy(logits), members, targets, nothing, PointGroupConfig())
    assert loss.item() == pytest.approx(slow.binary_cross_entropy(logits, wanted), abs=1e-6)


# --- ScoreNet ---


def one_by_one(net, points, features, sets):
    """ScoreNet proposal by proposal, voxels and pooling by loops."""
    logits = []
    config, weight, bias = net.config, net.linear.weight.detach().numpy()[0], net.linear.bias.item()
    for one in sets:
        index = sorted(one)
        cells = slow.proposal_voxels(points[index], config.score_voxels, config.score_scale)
        means = slow.mean_features(cells, features[index])
        coords = np.array([(0, *cell) for cell in sorted(means)])
        values = torch.from_numpy(np.stack([means[cell] for cell in sorted(means)]))
        with torch.no_grad():
            h = net.unet(values, build_grid(torch.from_numpy(coords), 2)).numpy()
        logits.append(float(np.max(h, axis=0) @ weight) + bias)
    return logits


@pytest.mark.parametrize("spread", [0.0, 0.1, 3.0])
def test_scorenet_is_that_of_every_proposal_alone(spread):
    rng = np.random.default_rng(3)
    torch.manual_seed(0)
    net = ScoreNet(SMALL).double().eval()
    found, sets = random_clusters(rng, 120)
    points = rng.normal(0, spread, (120, 3)).astype(np.float32)
    features = rng.normal(size=(120, 4))
    logits = net(torch.from_numpy(points), torch.from_numpy(features), Members.of(found, CPU))
    assert logits.tolist() == pytest.approx(one_by_one(net, points, features, sets), abs=1e-5)


def test_proposals_fit_their_boxes():
    rng = np.random.default_rng(4)
    found, sets = random_clusters(rng, 200)
    points = rng.normal(0, 1, (200, 3)).astype(np.float32)
    for scale in (1.0, 50.0):
        config = replace(SMALL, score_scale=scale)
        voxels = proposal_voxels(torch.from_numpy(points), Members.of(found, CPU), config)
        cells = voxels.coords[voxels.rows, 1:].split([len(one) for one in sets])
        for own, one in zip(cells, sets, strict=True):
            expected = slow.proposal_voxels(points[sorted(one)], 14, scale)
            assert [tuple(row) for row in own.tolist()] == expected
            assert own.max() == 13 or scale == 1


def test_gradients_of_scorenet_reach_features_and_weights():
    rng = np.random.default_rng(5)
    torch.manual_seed(0)
    net = ScoreNet(SMALL).double()
    found, _ = random_clusters(rng, 20)
    points = torch.from_numpy(rng.normal(0, 0.2, (20, 3)).astype(np.float32))
    features = torch.from_numpy(rng.normal(size=(20, 4))).requires_grad_()
    members = Members.of(found, CPU)
    assert torch.autograd.gradcheck(lambda f: net(points, f, members), features, fast_mode=True)
    net(points, features, members).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


# --- the model ---


def model(config=SMALL, classes=3, stuff=(0,)):
    torch.manual_seed(0)
    return PointGroup(classes, stuff, config)


def knowing(clouds, shift=True):
    """A model whose branches say the truth of these clouds, in place of a trained one."""
    net = model().eval()
    semantic = torch.from_numpy(np.concatenate([c.semantic for c in clouds]))
    way = np.concatenate([truth_offsets(c) for c in clouds]) if shift else 0
    plain = net.branches

    def branches(inputs):
        real = plain(inputs)
        logits = 5 * torch.nn.functional.one_hot(semantic, 3).float()
        return replace(
            real, logits=logits, offsets=real.offsets.detach() * 0 + torch.as_tensor(way)
        )

    net.branches = branches
    return net


def truth_offsets(cloud):
    way = np.zeros((len(cloud), 3), np.float32)
    for one in np.unique(cloud.instance[cloud.instance >= 0]):
        own = cloud.instance == one
        way[own] = cloud.points[own].mean(axis=0) - cloud.points[own]
    return way


def test_true_branches_give_true_instances():
    clouds = [boxes(0), boxes(1, count=2)]
    net = knowing(clouds)
    answer = net.answer(net.prepare(clouds))
    starts = np.cumsum([0, *map(len, clouds)])
    truth = {
        (frozenset((np.flatnonzero(c.instance == i) + start).tolist()), 1 + i % 2)
        for c, start in zip(clouds, starts, strict=False)
        for i in range(c.instance.max() + 1)
    }
    assert {(frozenset(p.points.tolist()), p.semantic) for p in answer.proposals} == truth
    scores = [p.score for p in answer.proposals]
    assert scores == sorted(scores, reverse=True)
    assert answer.logits.shape == (starts[-1], 3)


def test_branches_are_those_of_loops():
    """The feature of a point's voxel; W h + b; and V relu(norm(W h + b)) + c."""
    cloud, net = boxes(9), model().eval()
    net.offset[1].norm.running_mean += 0.1
    inputs = net.prepare([cloud])
    with torch.no_grad():
        voxels = net.unet(inputs.voxels.features, inputs.voxels.grid).numpy()
        found = net.branches(inputs)
    weights = {name: value.numpy() for name, value in net.state_dict().items()}
    low = cloud.points.min(axis=0)
    cells = [tuple(cell) for cell in np.floor((cloud.points - low) / np.float32(0.1)).astype(int)]
    row = {tuple(c): i for i, c in enumerate(inputs.voxels.grid.levels[0].coords[:, 1:].tolist())}
    for i, cell in enumerate(cells):
        h = voxels[row[cell]]
        logits = weights["classifier.weight"] @ h + weights["classifier.bias"]
        inner = weights["offset.0.weight"] @ h + weights["offset.0.bias"]
        inner = (inner - weights["offset.1.norm.running_mean"]) / np.sqrt(1 + 1e-4)
        way = weights["offset.2.weight"] @ np.maximum(inner, 0) + weights["offset.2.bias"]
        assert found.logits[i].tolist() == pytest.approx(logits, abs=1e-5)
        assert found.offsets[i].tolist() == pytest.approx(way, abs=1e-5)


def test_a_batch_is_its_scenes():
    clouds = [boxes(2), boxes(3)]
    net = model().eval()
    together = net.answer(net.prepare(clouds).to(CPU))
    apart = [net.answer(net.prepare([cloud])) for cloud in clouds]
    assert torch.allclose(together.logits, torch.cat([a.logits for a in apart]), atol=1e-5)
    starts = np.cumsum([0, *map(len, clouds)])
    moved = [
        (tuple((p.points + start).tolist()), p.semantic)
        for a, start in zip(apart, starts, strict=False)
        for p in a.proposals
    ]
    assert sorted(moved) == sorted(
        (tuple(p.points.tolist()), p.semantic) for p in together.proposals
    )


def test_scores_and_sizes_decide_what_is_predicted():
    cloud = boxes(4)
    for change in ({"score_threshold": 1.0}, {"min_predicted": 1000}, {"min_points": 1000}):
        net = knowing([cloud])
        net.config = replace(SMALL, **change)
        inputs = net.prepare([cloud])
        assert net.answer(inputs).proposals == ()
        assert "no proposals" in net.why_none(inputs)
    net = knowing([cloud])
    assert net.why_none(net.prepare([cloud])) == ""


def trained(net, clouds, progress=1.0):
    """Losses and gradients of a step."""
    net.train()
    losses = net(net.prepare(clouds), make_targets(clouds), progress)
    total = torch.stack([*losses.values()]).sum()
    total.backward()
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)
    assert total.isfinite()
    return {name: value.item() for name, value in losses.items()}


def nothing_known(cloud):
    n = len(cloud)
    return replace(cloud, semantic=np.full(n, IGNORE), instance=np.full(n, -1))


def test_scores_are_trained_once_the_warm_up_is_over():
    cloud = boxes(5)
    assert set(trained(model(), [cloud], 0.49)) == {"semantic", "offset", "direction"}
    net = knowing([cloud])
    assert set(trained(net, [cloud], 0.5)) == {"semantic", "offset", "direction", "score"}
    assert net.scorenet.linear.weight.grad.abs().sum() > 0
    # The branches of this model are constants: what reaches the backbone comes from the proposals.
    assert all(p.grad.abs().sum() > 0 for p in net.unet.parameters())


def test_odd_batches_train():
    cloud = boxes(6)
    floor = replace(
        cloud, semantic=np.zeros(len(cloud), np.int64), instance=np.full(len(cloud), -1)
    )
    lone = boxes(7, count=1)
    for batch in (
        [floor],
        [nothing_known(cloud)],
        [lone],
        [cloud, nothing_known(lone)],
        [floor, lone],
    ):
        for stuff in ((0,), (0, 1, 2), ()):
            assert "score" in trained(model(stuff=stuff), batch)


def test_one_proposal_trains():
    lone = boxes(7, count=1)
    net = knowing([lone])
    assert trained(net, [lone])["score"] > 0


def test_sparse_labels_train():
    cloud = boxes(8)
    few = np.arange(len(cloud)) % 20 == 0
    sparse = replace(
        cloud,
        semantic=np.where(few, cloud.semantic, IGNORE),
        instance=np.where(few, cloud.instance, -1),
    )
    losses = trained(knowing([cloud]), [sparse])
    assert losses["direction"] < -0.5  # towards the labelled points' centroid
    assert losses["score"] > 0


def test_it_learns_boxes_it_has_not_seen():
    net = model(replace(SMALL, unet=replace(SMALL.unet, channels=8), warm_up=0.3))
    optimizer = torch.optim.AdamW(net.parameters(), 0.02)
    for step in range(60):
        clouds = [boxes(100 + 2 * step), boxes(101 + 2 * step)]
        optimizer.zero_grad()
        torch.stack(
            [*net(net.prepare(clouds), make_targets(clouds), step / 60).values()]
        ).sum().backward()
        optimizer.step()
    net.eval()
    cloud = boxes(0)
    answer = net.answer(net.prepare([cloud]))
    truths = [set(np.flatnonzero(cloud.instance == i).tolist()) for i in range(3)]
    first = answer.proposals[:3]
    assert all(max(slow.iou(set(p.points.tolist()), t) for t in truths) > 0.9 for p in first)
    assert len({p.points.min() for p in first}) == 3
    assert min(p.score for p in first) > 0.5
