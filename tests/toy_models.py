"""A model of a few weights, and scenes that it can learn, for tests of the training loop."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from seggroup.downstream.cloud import Answer, Cloud, semantic_losses


@dataclass(frozen=True)
class Features:
    """Points and colours."""

    values: Tensor

    def to(self, device):
        return Features(self.values.to(device))


class PointByPoint(nn.Module):
    """Classes by the colour and height of each point alone."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, classes)
        )
        self.prepared = 0

    def prepare(self, clouds):
        self.prepared += len(clouds)
        values = [np.column_stack([cloud.colors, cloud.points[:, 2:]]) for cloud in clouds]
        return Features(torch.from_numpy(np.concatenate(values)))

    def forward(self, inputs, targets, progress):
        assert 0 <= progress < 1
        return semantic_losses(self.layers(inputs.values), targets)

    def answer(self, inputs):
        return Answer(self.layers(inputs.values))


def toy_model(seed: int = 0, classes: int = 3) -> PointByPoint:
    torch.manual_seed(seed)
    return PointByPoint(classes)


def toy_cloud(rng: np.random.Generator, size: int = 200, classes: int = 3) -> Cloud:
    """Points in a box whose class is in their red, green or blue; two objects of each class."""
    semantic = rng.integers(0, classes, size)
    colors = rng.uniform(-1, 0, (size, 3))
    colors[np.arange(size), semantic] += 0.9
    points = rng.uniform(0, 3, (size, 3))
    instance = 2 * semantic + (points[:, 0] > 1.5)
    return Cloud(points.astype(np.float32), colors.astype(np.float32), semantic, instance)


def toy_clouds(count: int, size: int = 200) -> list[Cloud]:
    rng = np.random.default_rng(7)
    return [toy_cloud(rng, size) for _ in range(count)]
