"""The whole network against a slow one put together from the pieces of tests/reference.py."""

import numpy as np
import pytest
import reference
import torch
from helpers import random_graph
from toy_scenes import toy_scene

from seggroup.config import NetworkConfig
from seggroup.geometry.yaw import levelled
from seggroup.labels.clicks import seg_level_labels
from seggroup.model.network import build, first_level, level_instances, make_points
from seggroup.types import NONE, Clicks

CPU = torch.device("cpu")


def clicked_scene(seed, nodes=18):
    """Segments of 1 to 120 points, two components without a click, and clicks on a quarter."""
    rng = np.random.default_rng(seed)
    inner = nodes - 3  # the last three: two joined, one alone, none clicked
    pairs = np.concatenate([random_graph(rng, inner, 3 * inner), [[nodes - 3, nodes - 2]]])
    sizes = np.concatenate([[1, 2, 20, 21, 64, 65, 120], rng.integers(5, 90, nodes - 7)])
    scene = toy_scene([{0: int(n)} for n in sizes], pairs, {}, spread=0.4, seed=seed)
    segments = rng.permutation(inner)[: nodes // 4]
    vertex = np.searchsorted(scene.segments, segments).astype(np.int32)
    instance = (np.arange(len(segments)) // 1.5).astype(np.int32)  # some are clicked twice
    clicks = Clicks(vertex, instance, instance + 1)
    return scene, clicks, seg_level_labels(clicks, scene.segments)


# --- the slow network: one node, one group, one set at a time ---


def layers_of(conv):
    pairs = [(conv.first, conv.first_norm), (conv.second, conv.second_norm)]
    return [(linear.weight, norm.weight, norm.bias) for linear, norm in pairs if linear is not None]


def nearest_members(points, k):
    gap = ((points[:, None] - points) ** 2).sum(2)
    return np.argsort(gap, axis=1, kind="stable")[:, :k]


def convolve(conv, neighbour, center, index, members):
    """`index` has rows of different lengths."""
    rows = np.zeros((len(index), max(members)), np.int64)
    for i, row in enumerate(index):
        rows[i, : len(row)] = row
    tensors = (neighbour, center, rows, members)
    return reference.edge_conv(layers_of(conv), *(torch.from_numpy(np.asarray(t)) for t in tensors))


def slow_structural(conv, xyz, rgb, segments, k=10, samples=64):
    neighbour, center, index = [], [], []
    for s in range(segments.max() + 1):
        inside = np.flatnonzero(segments == s)
        chosen = inside[reference.farthest_points(xyz[inside], samples)]
        p = xyz[chosen] - xyz[chosen].mean(0)
        p = p / (np.sqrt((p**2).sum(1)).max() or 1)
        near = nearest_members(p, k)
        for i in range(samples):
            neighbour.append(np.concatenate([10 * p[i], rgb[chosen[i]]]))
            center.append(np.concatenate([-10 * p[near[i]].mean(0), np.zeros(3)]))
            index.append(near[i] + s * samples)
    h = convolve(
        conv,
        np.array(neighbour, np.float32),
        np.array(center, np.float32),
        index,
        np.full(len(index), k),
    )
    h = h.reshape(-1, samples, h.shape[1])
    return torch.cat([h.amax(1), h.mean(1)], 1)


def slow_semantic(conv, xyz, rgb, group, k=20):
    x = np.zeros((len(xyz), 9), np.float32)
    index = [None] * len(xyz)
    for g in range(group.max() + 1):
        inside = np.flatnonzero(group == g)
        x[inside] = np.concatenate(
            [xyz[inside], rgb[inside], xyz[inside] - xyz[inside].mean(0)], axis=1
        )
        for i, near in zip(inside, nearest_members(xyz[inside], k), strict=True):
            index[i] = inside[near]
    members = np.array([len(row) for row in index])
    zero = np.zeros_like(x)
    h = convolve(conv, np.concatenate([x, zero], 1), np.concatenate([-x, x], 1), index, members)
    return torch.stack([h[torch.from_numpy(group == g)].amax(0) for g in range(group.max() + 1)])


def merge(clusters, h, edges, label):
    """Contract by clusters: pooled features, edges and labels, and the new node of every node."""
    of = {i: c for c, members in enumerate(clusters) for i in members}
    pooled = torch.stack([h[sorted(members)].amax(0) for members in clusters])
    kept = sorted({(min(of[a], of[b]), max(of[a], of[b])) for a, b in edges if of[a] != of[b]})
    labels = [max(label[i] for i in members) for members in clusters]
    return pooled, kept, labels, of


def slow_forward(network, scene, labels):
    """Instances of the segments at five levels, features of the nodes and of the instances."""
    xyz = levelled(scene.scan) if network.config.level_yaw else scene.scan.vertices
    rgb = scene.scan.colors.astype(np.float32) / 127.5 - 1
    group = {s: s for s in range(len(scene.segment_ids))}
    edges = [tuple(edge) for edge in scene.graph.edges.tolist()]
    label = labels.instance.tolist()
    instances, features = [list(label)], []
    for number, layer in enumerate(network.layers):
        of_point = np.array([group[s] for s in scene.segments.tolist()])
        if number == 0:
            h = slow_structural(layer.extract.conv, xyz, rgb, of_point)
        else:
            h = torch.cat([h, slow_semantic(layer.extract, xyz, rgb, of_point)], 1)
            weight, slope = layer.convolve.linear.weight, layer.convolve.slope
            h = reference.graph_conv(h, np.array(edges).reshape(-1, 2), weight, slope)
        clusters = reference.algorithm1(h.numpy(), edges, label, layer.threshold)
        h, edges, label, of = merge(clusters, h, edges, label)
        group = {s: of[g] for s, g in group.items()}
        instances.append([label[g] for g in group.values()])
        features.append(h)
    clusters = reference.algorithm2(h.numpy(), edges, label)
    _, _, label, of = merge(clusters, h, edges, label)
    final = {s: of[g] for s, g in group.items()}
    of_point = np.array([final[s] for s in scene.segments.tolist()])
    known = np.array([label[g] != NONE for g in of_point.tolist()])
    for g in [g for g, instance in enumerate(label) if instance == NONE]:
        gap = ((xyz[known] - xyz[of_point == g].mean(0)) ** 2).sum(1)
        label[g] = label[int(of_point[known][gap.argmin()])]
    instances.append([label[g] for g in final.values()])
    owner = [label[of[n]] for n in range(len(h))]
    pooled = [
        h[[n for n, o in enumerate(owner) if o == instance]].amax(0)
        for instance in sorted(set(owner))
    ]
    return instances, features, torch.stack(pooled)


@pytest.mark.parametrize(
    ("seed", "thresholds"),
    [(0, (6.0, 2.0, 2.0)), (1, (6.0, 2.0, 2.0)), (2, (3.0, 1.0, 0.5)), (3, (0.0, 0.0, 0.0))],
)
def test_the_network_equals_its_slow_twin(seed, thresholds):
    scene, _, labels = clicked_scene(seed)
    config = NetworkConfig(thresholds=thresholds, width=16)
    network = build(range(40), config, seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name:  # trained ones are no longer 1 and 0
                parameter += 0.3 * torch.randn(
                    parameter.shape, generator=torch.Generator().manual_seed(seed)
                )
        points = make_points(scene, config, CPU, np.random.default_rng(0))
        fast = network(points, first_level(scene, labels))
        instances, features, pooled = slow_forward(network, scene, labels)
    for level, (a, b) in enumerate(zip(level_instances(fast), instances, strict=True), start=1):
        assert a.tolist() == b, f"level {level}"
    for level, h in zip(fast.levels[1:], features, strict=True):
        torch.testing.assert_close(level.features, h, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(fast.features, pooled, rtol=1e-4, atol=1e-4)
    assert fast.nodes.tolist() == sorted(set(instances[-1]))
    if thresholds[0] > 0:
        assert 1 < len(features[-1]) < len(scene.segment_ids)  # something merged, not all


def test_parameter_count():
    network = build(range(40), NetworkConfig(), 0)
    assert sum(p.numel() for p in network.parameters()) == 147_880


def test_weights_depend_on_the_seed_and_leave_torch_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    a, b, c = (build(range(4), NetworkConfig(), seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(a.classifier.first.weight, c.classifier.first.weight)


def test_resampling_keeps_every_segment():
    scene, _, _ = clicked_scene(0)
    total = len(scene.segments)
    for wanted in (len(scene.segment_ids), total // 2, total, 3 * total):
        config = NetworkConfig(resample=wanted)
        points = make_points(scene, config, CPU, np.random.default_rng(0))
        assert len(points.xyz) == wanted
        assert np.all(np.diff(points.segment) >= 0)
        assert set(points.segment) == set(scene.segments)


def test_dropout_draws_from_its_generator_only():
    network = build(range(40), NetworkConfig(), 0)
    h = torch.randn(6, 256, generator=torch.Generator().manual_seed(0))
    draw = lambda seed: network.classifier(h, torch.Generator().manual_seed(seed))  # noqa: E731
    assert torch.equal(draw(0), draw(0))
    assert not torch.equal(draw(0), draw(1))
    network.eval()
    assert torch.equal(network.classifier(h), network.classifier(h))
