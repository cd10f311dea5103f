"""A sparse 3D U-Net of residual blocks (MinkowskiNet, Choy et al. 2019; PointGroup's backbone).

Letters: n points, m voxels, c channels, k classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from seggroup.downstream.cloud import Answer, Cloud, Targets, semantic_losses
from seggroup.downstream.config import Norm, UNetConfig
from seggroup.downstream.grid import Grid, Level, build_grid
from seggroup.downstream.normal import normalise
from seggroup.downstream.spconv_backend import Convolutions, convolutions
from seggroup.downstream.voxels import mean_by, voxelize

EPSILON = 1e-4  # of the batch normalisation, PointGroup
MOMENTUM = 0.1
USUAL = 9  # neighbours of a voxel on a surface, itself among them
FEATURES = 6  # colour, and place about the scene's middle


def kernel(offsets: int, inputs: int, outputs: int, terms: int) -> nn.Parameter:
    """Weights drawn for ReLU (He et al. 2015) where an output has `terms` of the offsets."""
    return nn.Parameter(torch.randn(offsets, inputs, outputs) * (2 / (terms * inputs)) ** 0.5)


class Activation(nn.Module):
    """Normalisation and ReLU, over the voxels of all scenes of a level or of each scene alone."""

    def __init__(self, channels: int, norm: Norm = "batch") -> None:
        super().__init__()
        kept = norm == "batch"
        self.norm = nn.BatchNorm1d(channels, EPSILON, MOMENTUM, track_running_stats=kept)

    def forward(self, x: Float[Tensor, "m c"], level: Level | None = None) -> Float[Tensor, "m c"]:
        scenes = None if level is None else level.scenes
        return functional.relu(normalise(self.norm, x, scenes), inplace=True)


class Residual(nn.Module):
    """Two activated 3 x 3 x 3 convolutions beside the identity, or a linear map of it."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.before = Activation(inputs, norm)
        self.first = kernel(27, inputs, outputs, USUAL)
        self.between = Activation(outputs, norm)
        self.second = kernel(27, outputs, outputs, USUAL)
        same = inputs == outputs
        self.beside = nn.Identity() if same else nn.Linear(inputs, outputs, bias=False)

    def forward(
        self, x: Float[Tensor, "m c"], level: Level, use: Convolutions
    ) -> Float[Tensor, "m d"]:
        h = self.between(use.submanifold(self.before(x, level), self.first, level), level)
        return use.submanifold(h, self.second, level) + self.beside(x)


class Stage(nn.Module):
    """A level of the U and everything below it."""

    def __init__(self, number: int, config: UNetConfig) -> None:
        super().__init__()
        c, d = number * config.channels, (number + 1) * config.channels
        norm = config.norm
        self.head = nn.ModuleList([Residual(c, c, norm) for _ in range(config.repeats)])
        self.tail = nn.ModuleList()
        if number == config.levels:
            return
        self.down_activation, self.down = Activation(c, norm), kernel(8, c, d, 4)
        self.below = Stage(number + 1, config)
        self.up_activation, self.up = Activation(d, norm), kernel(8, d, c, 1)
        inputs = [2 * c] + [c] * (config.repeats - 1)
        self.tail.extend(Residual(i, c, norm) for i in inputs)

    def forward(
        self, x: Float[Tensor, "m c"], levels: tuple[Level, ...], use: Convolutions
    ) -> Float[Tensor, "m c"]:
        level = levels[0]
        for block in self.head:
            x = block(x, level, use)
        if not self.tail:
            return x
        coarse = levels[1]
        lower = use.strided(self.down_activation(x, level), self.down, level, coarse)
        lower = self.up_activation(self.below(lower, levels[1:], use), coarse)
        x = torch.cat([x, use.inverse(lower, self.up, level, coarse)], 1)
        for block in self.tail:
            x = block(x, level, use)
        return x


class UNet(nn.Module):
    """Features of voxels to features of voxels: first layer, levels down and up, activation."""

    def __init__(self, in_channels: int, config: UNetConfig) -> None:
        super().__init__()
        self.backend = config.backend
        self.first = kernel(27, in_channels, config.channels, USUAL)
        self.stage = Stage(1, config)
        self.last = Activation(config.channels, config.norm)

    def forward(self, features: Float[Tensor, "m i"], grid: Grid) -> Float[Tensor, "m c"]:
        """`grid` has at least as many levels as the configuration says."""
        use = convolutions(self.backend, features.device)
        x = use.submanifold(features, self.first, grid.levels[0])
        return self.last(self.stage(x, grid.levels, use), grid.levels[0])


@dataclass(frozen=True)
class UNetInputs:
    """Mean features of the voxels of a batch, its grid, and the voxel of every point."""

    features: Float[Tensor, "m 6"]
    grid: Grid
    rows: Int64[Tensor, " n"]

    def to(self, device: torch.device) -> "UNetInputs":
        """The same on another device."""
        return UNetInputs(self.features.to(device), self.grid.to(device), self.rows.to(device))


def unet_inputs(clouds: Sequence[Cloud], config: UNetConfig) -> UNetInputs:
    """Voxels of a batch of scenes; features: colour in [-1, 1], then metres from the scene's mean.

    Of several points in a voxel, the mean.
    """
    sizes = np.array([len(cloud) for cloud in clouds])
    scene = torch.from_numpy(np.repeat(np.arange(len(clouds)), sizes))
    points = torch.from_numpy(np.concatenate([cloud.points for cloud in clouds]))
    about = [cloud.points - cloud.points.mean(axis=0) for cloud in clouds]
    colors = np.concatenate([cloud.colors for cloud in clouds])
    each = torch.from_numpy(np.concatenate([colors, np.concatenate(about)], axis=1))
    voxels = voxelize(points, scene, config.voxel)
    features = mean_by(each, voxels.rows, len(voxels))
    return UNetInputs(features, build_grid(voxels.coords, config.levels), voxels.rows)


class SparseUNet(nn.Module):
    """The U-Net with a linear classifier: a class for every point, that of its voxel."""

    def __init__(self, classes: int, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        self.unet = UNet(FEATURES, config)
        self.classifier = nn.Linear(config.channels, classes)

    def prepare(self, clouds: Sequence[Cloud]) -> UNetInputs:
        """Voxels and maps of a batch, on the CPU."""
        return unet_inputs(clouds, self.config)

    def forward(self, inputs: UNetInputs, targets: Targets, progress: float) -> dict[str, Tensor]:
        """The losses of `semantic_losses`; the share of the training done changes nothing."""
        return semantic_losses(self.logits(inputs), targets)

    def answer(self, inputs: UNetInputs) -> Answer:
        """Logits of every point."""
        return Answer(self.logits(inputs))

    def logits(self, inputs: UNetInputs) -> Float[Tensor, "n k"]:
        """Logits of every point."""
        voxels = self.classifier(self.unet(inputs.features, inputs.grid))
        return voxels.index_select(0, inputs.rows)
