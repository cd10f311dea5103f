"""From clicks to a label for every point: the trained network's levels."""

import numpy as np
import torch
from jaxtyping import Float32, Int32

from seggroup.model.network import SegGroup, first_level, level_instances, make_points
from seggroup.types import LEVELS, NONE, Clicks, Labels, Scene
from seggroup.walk import surface_normals, walk_probabilities


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
    numbers, probability = walk_probabilities(scene, surface_normals(scene.scan), labels)
    return {
        name: Labels(
            classes_of(instance, clicks), instance, confidence(instance, numbers, probability)
        )
        for name, instance in zip(LEVELS, level_instances(grouping), strict=True)
    }


def classes_of(instance: Int32[np.ndarray, " s"], clicks: Clicks) -> Int32[np.ndarray, " s"]:
    """The clicked class of every element's instance; NONE where it has none."""
    numbers, last = np.unique(clicks.instance[::-1], return_index=True)
    semantic = clicks.semantic[::-1][last]
    place = np.searchsorted(numbers, instance)  # past the end for one above all that are clicked
    known = np.append(numbers, NONE)[place] == instance
    return np.where(known, np.append(semantic, NONE)[place], NONE).astype(np.int32)


def confidence(
    instance: Int32[np.ndarray, " s"],
    numbers: Int32[np.ndarray, " i"],
    probability: Float32[np.ndarray, "s i"],
) -> Float32[np.ndarray, " s"]:
    """How sure each segment's instance is: the probability the random walk gives it.

    Ours, the paper has no notion of doubt. The walk is a second opinion that shares nothing with
    the network but the graph; the network's own similarities (Eq. 2) are far less calibrated
    (docs/paper.md). 0 where the segment has no instance, 1 in clicked segments.
    """
    column = np.searchsorted(numbers, np.maximum(instance, numbers[0]))
    return np.where(instance == NONE, 0, probability[np.arange(len(instance)), column]).astype(
        np.float32
    )
