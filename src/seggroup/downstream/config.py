"""The numbers of the downstream models and of their training: unit, source, default.

"PointGroup", "KPConv" and "MinkowskiNet" are the published settings of these models on ScanNet.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

Norm = Literal["batch", "scene"]


@dataclass(frozen=True)
class UNetConfig:
    """A sparse 3D U-Net of residual blocks (MinkowskiNet; PointGroup's backbone)."""

    voxel: float = 0.02  # metres, edge of a voxel
    channels: int = 16  # of the first level; level i has i times as many (PointGroup)
    levels: int = 7  # PointGroup
    repeats: int = 2  # residual blocks a level on the way down, and on the way up
    # What is normalised together: all scenes of a batch (published), or each scene alone, in
    # prediction too, which suits batches of one or two.
    norm: Norm = "batch"
    backend: Literal["torch", "spconv"] = "torch"  # of the convolutions; spconv on CUDA alone


@dataclass(frozen=True)
class KPConvConfig:
    """KP-FCNN with rigid kernel points (KPConv, section 3.3 and its ScanNet settings)."""

    voxel: float = 0.04  # metres, cell of the first grid subsampling; doubles with every level
    levels: int = 5
    channels: int = 64  # of the first layer; doubles with every level
    kernel_points: int = 15
    radius: float = 2.5  # of a convolution, in cells of its level
    extent: float = 1.0  # reach of a kernel point (sigma), in cells of its level
    neighbours: int = 40  # at most so many of a ball's points are used, the nearest
    norm: Norm = "batch"  # as UNetConfig's


@dataclass(frozen=True)
class PointGroupConfig:
    """PointGroup (Jiang et al. 2020), as published for ScanNet."""

    unet: UNetConfig = field(default_factory=UNetConfig)
    radius: float = 0.03  # metres, of the ball query
    min_points: int = 50  # smaller clusters are no proposals
    warm_up: float = 1 / 3  # share of the training before proposals are made (128 of 384 epochs)
    score_voxels: int = 14  # a proposal is voxelised to at most so many voxels along an edge
    score_scale: float = 50.0  # … and to voxels of at least 1 / so many metres
    score_low: float = 0.25  # IoU up to which a proposal's score should be 0
    score_high: float = 0.75  # … from which it should be 1
    nms: float = 0.3  # IoU above which the less certain of two proposals goes
    score_threshold: float = 0.09  # less certain proposals are no predictions
    min_predicted: int = 100  # smaller instances are no predictions, vertices


@dataclass(frozen=True)
class AugmentConfig:
    """What is changed at random in a training scene; 0 or False switches a change off."""

    rotation: float = 180.0  # degrees, about the vertical axis
    flip: bool = True  # mirrored in x with probability 1/2
    scale: float = 0.1  # relative
    jitter: float = 0.1  # of the linear map's entries (PointGroup)
    # Elastic: (grain, strength) in metres, one after the other (PointGroup: 6 and 40, 20 and 160
    # voxels of 2 cm).
    elastic: tuple[tuple[float, float], ...] = ((0.12, 0.8), (0.4, 3.2))
    color_shift: float = 0.1  # of all points alike, in units of the colour's range [-1, 1]
    color_noise: float = 0.05  # of every point
    color_drop: float = 0.2  # probability that a scene loses its colours


Augmentation = Literal["full", "light", "none"]


def augmentation(name: Augmentation) -> AugmentConfig:
    """`full`: as published; `light`: nothing is bent, colours stay; `none`: the scene as it is."""
    match name:
        case "full":
            return AugmentConfig()
        case "light":
            return AugmentConfig(jitter=0.0, elastic=(), color_drop=0.0)
        case "none":
            return AugmentConfig(0.0, False, 0.0, 0.0, (), 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class FitConfig:
    """The training loop, for every model."""

    epochs: int = 100
    batch: int = 2  # scenes a forward
    accumulate: int = 1  # forwards whose gradients are added up before a step
    learning_rate: float = 3e-3  # the highest; it rises and falls over the run (one cycle)
    weight_decay: float = 1e-2
    max_points: int = 120_000  # of a scene; larger ones are cropped at random
    class_balance: float = 0.0  # classes weigh as their frequency to the power of minus this
    validate_every: int = 10  # epochs, and after the first; 0: only at the end
    mixed_precision: bool = True  # on CUDA alone
    seed: int = 0
    augment: AugmentConfig = field(default_factory=AugmentConfig)


NetworkConfig = UNetConfig | KPConvConfig | PointGroupConfig
ModelName = Literal["unet", "kpconv", "pointgroup"]


def at_voxel(config: NetworkConfig, voxel: float) -> NetworkConfig:
    """The same model for scans of another density: every length and count that depends on it."""
    match config:
        case UNetConfig() | KPConvConfig():
            return replace(config, voxel=voxel)
        case PointGroupConfig():
            finer = voxel / config.unet.voxel
            return replace(
                config,
                unet=replace(config.unet, voxel=voxel),
                radius=config.radius * finer,
                min_points=max(5, round(config.min_points / finer**2)),
                score_scale=config.score_scale / finer,
                min_predicted=max(10, round(config.min_predicted / finer**2)),
            )
