"""The SegGroup network (paper 3.2): levels of ever larger groups, from segments to instances.

    levels = [level]                       # level 1: the over-segmentation with its clicks
    for layer in layers:                   # structural, semantic, semantic
        levels.append(layer(points, levels[-1]))
    absorb(levels[-1])                     # what is still unlabelled (Algorithm 2)

Inside a level everything is per node; `group` carries nodes back to the segments of level 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int32
from torch import Tensor, nn
from torch.nn import functional

from seggroup.config import NetworkConfig
from seggroup.geometry.graph import contract
from seggroup.geometry.yaw import levelled
from seggroup.model.edgeconv import EdgeConv, Edges
from seggroup.model.grouping import (
    absorb,
    attach,
    cluster,
    join_small,
    labels_of_groups,
)
from seggroup.model.layers import (
    GraphConv,
    StructuralFeatures,
    edge_lengths,
    pool_nodes,
    segment_max,
    semantic_edges,
    structural_edges,
)
from seggroup.types import Labels, Scene


@dataclass(frozen=True)
class Points:
    """What the network sees of a scene: points sorted by segment, independent of weights.

    xyz        : metres; with `level_yaw` turned and centred by the scene's walls
    rgb        : in [-1, 1]
    segment    : of each point, ascending, without gaps
    structural : edge inputs of the structural layer
    """

    xyz: Float32[np.ndarray, "n 3"]
    rgb: Float32[np.ndarray, "n 3"]
    segment: Int32[np.ndarray, " n"]
    structural: Edges


@dataclass(frozen=True)
class Level:
    """A partition of the scene into groups of segments, with a node for each group.

    group    : node of every segment of level 1
    edges    : between nodes, a < b, sorted
    instance : of every node, NONE where unlabelled
    features : of every node; None at level 1
    """

    group: Int32[np.ndarray, " s"]
    edges: Int32[np.ndarray, "e 2"]
    instance: Int32[np.ndarray, " m"]
    features: Float[Tensor, "m c"] | None = None


@dataclass(frozen=True)
class Grouping:
    """The network's answer for a scene.

    levels   : levels 1 to 4
    instance : of every segment after the final grouping; no NONE
    nodes    : instance numbers, ascending
    features : of each of these instances
    """

    levels: list[Level]
    instance: Int32[np.ndarray, " s"]
    nodes: Int32[np.ndarray, " i"]
    features: Float[Tensor, "i c"]


def make_points(
    scene: Scene, config: NetworkConfig, device: torch.device, rng: np.random.Generator
) -> Points:
    """Points of a scene, sorted by segment: all vertices, or `resample` of them (released).

    Resampling keeps at least one vertex of every segment and repeats vertices where the scene has
    fewer than asked for.
    """
    order = np.argsort(scene.segments, kind="stable")
    if config.resample:
        order = _resample(order, scene.segments, config.resample, rng)
    segment = scene.segments[order]
    xyz = (levelled(scene.scan) if config.level_yaw else scene.scan.vertices)[order]
    rgb = scene.scan.colors[order].astype(np.float32) / 127.5 - 1
    structural = structural_edges(xyz, rgb, segment, config, device)
    return Points(xyz, rgb, segment, structural)


def _resample(
    order: Int[np.ndarray, " v"],
    segments: Int32[np.ndarray, " v"],
    count: int,
    rng: np.random.Generator,
) -> Int[np.ndarray, " n"]:
    shuffled = rng.permutation(order)
    _, first = np.unique(segments[shuffled], return_index=True)
    rest = np.delete(shuffled, first)
    wanted = max(count - len(first), 0)
    extra = rest[:wanted]
    if wanted > len(rest):
        extra = np.concatenate([rest, rng.choice(order, wanted - len(rest))])
    chosen = np.concatenate([shuffled[first], extra])
    return chosen[np.argsort(segments[chosen], kind="stable")]


class GroupingLayer(nn.Module):
    """A grouping layer: features of each group's points, graph convolution, Algorithm 1.

    The structural layer (number 0) samples points and has no graph convolution; the semantic
    layers (1, 2) concatenate what they extract to the features of the level below.
    """

    def __init__(self, number: int, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.threshold = config.thresholds[number]
        if number == 0:
            self.extract: nn.Module = StructuralFeatures(config)
            self.convolve = None
        else:
            self.extract = EdgeConv(18, config.width, number, config.leak)
            self.convolve = GraphConv(
                (2 + number) * config.width, config.graph_lambda, config.init_gain
            )

    def features(self, points: Points, level: Level) -> Float[Tensor, "m c"]:
        """Node features of the level before its nodes are clustered."""
        if level.features is None or self.convolve is None:
            return self.extract(points.structural)
        group = level.group[points.segment]
        order = np.argsort(group, kind="stable")
        device = level.features.device
        edges = semantic_edges(
            points.xyz[order], points.rgb[order], group[order], self.config, device
        )
        lengths = torch.from_numpy(np.bincount(group)).to(device)
        h = torch.cat([level.features, segment_max(self.extract(edges), lengths)], dim=1)
        return self.convolve(h, torch.from_numpy(level.edges).long().to(device))

    def forward(self, points: Points, level: Level) -> Level:
        h = self.features(points, level)
        edges = torch.from_numpy(level.edges).long().to(h.device)
        distance = edge_lengths(h.detach(), edges).cpu().numpy()
        group = cluster(distance, level.edges, level.instance, self.threshold, self.config)
        if self.config.min_cluster_points:
            size = np.bincount(level.group[points.segment], minlength=len(level.instance))
            group = join_small(
                distance, level.edges, level.instance, size, group, self.config.min_cluster_points
            )
        return Level(
            group[level.group],
            contract(level.edges, group).edges,
            labels_of_groups(level.instance, group),
            pool_nodes(h, torch.from_numpy(group).long().to(h.device)),
        )


class SegGroup(nn.Module):
    """Three grouping layers, the final grouping and the classifier (paper Figure 2).

    classes : number of classes the classifier tells apart (40 on ScanNet)
    """

    def __init__(self, classes: int, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        self.layers = nn.ModuleList(GroupingLayer(number, config) for number in range(3))
        self.classifier = Classifier(4 * config.width, classes, config)

    def forward(self, points: Points, level: Level) -> Grouping:
        """Levels 1 to 4 and every segment's instance after Algorithm 2."""
        levels = [level]
        for layer in self.layers:
            levels.append(layer(points, levels[-1]))
        return self.finish(points, levels)

    def finish(self, points: Points, levels: list[Level]) -> Grouping:
        """Algorithm 2, then every instance's nodes pooled to one feature."""
        last = levels[-1]
        assert last.features is not None
        group = absorb(last.features.detach().cpu().numpy(), last.edges, last.instance, self.config)
        final = group[last.group]
        instance = attach(points.xyz, final[points.segment], labels_of_groups(last.instance, group))
        nodes, position = np.unique(instance[group], return_inverse=True)
        pooled = pool_nodes(last.features, torch.from_numpy(position).to(last.features.device))
        return Grouping(levels, instance[final], nodes.astype(np.int32), pooled)


class Classifier(nn.Module):
    """Two fully-connected layers from an instance's feature to class scores (METHOD section 4)."""

    def __init__(self, inputs: int, classes: int, config: NetworkConfig) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, config.hidden, bias=False)
        self.norm = nn.BatchNorm1d(config.hidden)
        self.second = nn.Linear(config.hidden, classes)
        self.leak, self.dropout = config.leak, config.dropout

    def forward(
        self, h: Float[Tensor, "i c"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "i classes"]:
        """Class scores; dropout draws from `generator`, and there is none without it.

        A single instance has no batch statistics: it is normalised by the running ones.
        """
        h = self.first(h)
        if self.training and len(h) == 1:
            norm = self.norm
            h = functional.batch_norm(
                h, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
            )
        else:
            h = self.norm(h)
        h = functional.leaky_relu(h, self.leak)
        if generator is not None and self.dropout > 0:
            keep = torch.rand(h.shape, generator=generator) >= self.dropout
            h = h * keep.to(h.device) / (1 - self.dropout)
        return self.second(h)


def first_level(scene: Scene, labels: Labels) -> Level:
    """Level 1: a node for each segment with the seg-level label it has."""
    return Level(
        np.arange(len(scene.segment_ids), dtype=np.int32), scene.graph.edges, labels.instance
    )


def level_instances(grouping: Grouping) -> list[Int32[np.ndarray, " s"]]:
    """Instance of every segment at levels 1 to 4 and after the final grouping."""
    return [level.instance[level.group] for level in grouping.levels] + [grouping.instance]


def build(classes: Sequence[int], config: NetworkConfig, seed: int) -> SegGroup:
    """A network with weights drawn by `seed`; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SegGroup(len(classes), config)
