"""From clicks to a label for every point: the trained network's levels, or the random walk."""

import numpy as np
import torch
from jaxtyping import Float32, Int, Int32

from seggroup.geometry.graph import contract
from seggroup.model.network import (
    Grouping,
    SegGroup,
    first_level,
    level_instances,
    make_points,
)
from seggroup.types import LEVELS, NONE, Clicks, Labels, Scene


def classes_of(instance: Int32[np.ndarray, " s"], clicks: Clicks) -> Int32[np.ndarray, " s"]:
    """The clicked class of every element's instance; NONE where it has none."""
    table = np.full(max(int(clicks.instance.max(initial=-1)), 0) + 2, NONE, np.int32)
    table[clicks.instance] = clicks.semantic
    return table[instance]  # NONE = -1 reads the last entry, which no instance has


def propagate(
    network: SegGroup,
    scene: Scene,
    clicks: Clicks,
    labels: Labels,
    device: torch.device,
    seed: int = 0,
) -> dict[str, Labels]:
    """Labels of the segments at every level (paper Table 1): "1" … "4" and "final".

    `labels` are the seg-level labels of `clicks`. Segments that a level leaves unlabelled are
    NONE there; none is at the final level. ``labels.at(scene.segments)`` is for every vertex.
    """
    points = make_points(scene, network.config, device, np.random.default_rng(seed))
    with torch.no_grad():
        grouping = network(points, first_level(scene, labels))
    certainty = confidence(grouping, network.config.graph_lambda)
    certainty[labels.instance != NONE] = 1
    return {
        name: Labels(
            classes_of(instance, clicks),
            instance,
            np.where(instance == NONE, 0, certainty).astype(np.float32),
        )
        for name, instance in zip(LEVELS, level_instances(grouping), strict=True)
    }


def confidence(grouping: Grouping, slope: float) -> Float32[np.ndarray, " s"]:
    """How sure each segment's instance is, by the similarity coefficients of Equations 1 and 2.

    Of a segment's node at level 4, e = exp(-lambda distance) to its own instance's feature over
    the sum of e to its own and to all instances that touch it. Ours: the paper has no notion of
    doubt.
    """
    last = grouping.levels[-1]
    assert last.features is not None
    h, pooled = last.features.cpu().numpy(), grouping.features.cpu().numpy()
    own = np.zeros(len(h), np.int64)
    own[last.group] = np.searchsorted(grouping.nodes, grouping.instance)
    pairs = _rivals(last.edges, own)
    rows, columns = pairs[:, 0], pairs[:, 1]
    similar = np.exp(-slope * np.linalg.norm(h[rows] - pooled[columns], axis=1))
    mine = np.exp(-slope * np.linalg.norm(h - pooled[own], axis=1))
    total = mine + np.bincount(rows, similar, minlength=len(h))
    return (mine / total).astype(np.float32)[last.group]


def _rivals(edges: Int32[np.ndarray, "e 2"], own: Int[np.ndarray, " m"]) -> Int[np.ndarray, "r 2"]:
    """Unique (node, instance) pairs: the other instances that touch a node's own instance."""
    touching = contract(edges, own).edges.astype(np.int64)
    touching = np.concatenate([touching, touching[:, ::-1]])
    order = np.argsort(touching[:, 0], kind="stable")
    touching = touching[order]
    start = np.searchsorted(touching[:, 0], own, "left")
    stop = np.searchsorted(touching[:, 0], own, "right")
    rows = np.repeat(np.arange(len(own)), stop - start)
    if len(rows) == 0:
        return np.empty((0, 2), np.int64)
    columns = np.concatenate([touching[a:b, 1] for a, b in zip(start, stop, strict=True)])
    return np.stack([rows, columns], axis=1)
