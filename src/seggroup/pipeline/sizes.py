"""The published numbers of the downstream models, and fitting ones for other scans."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, assert_never

import numpy as np

from seggroup.downstream.config import (
    KPConvConfig,
    ModelName,
    NetworkConfig,
    Norm,
    PointGroupConfig,
    UNetConfig,
    at_voxel,
)
from seggroup.downstream.density import VOXELS_PER_SPACING, median_spacing
from seggroup.io.scenes import Source, read_source

_MUCH_COARSER = 1.5  # times ScanNet's spacing, from where published settings no longer fit


def sized_for(sources: Sequence[Source], model: ModelName) -> tuple[NetworkConfig, str]:
    """The published numbers of a model, or coarser ones where the scans are coarser, and why.

    Looked at are the first, the middle and the last scan.
    """
    published: dict[ModelName, NetworkConfig] = {
        "unet": UNetConfig(),
        "kpconv": KPConvConfig(),
        "pointgroup": PointGroupConfig(),
    }
    some = {0, len(sources) // 2, len(sources) - 1}
    spacing = float(
        np.median([median_spacing(read_source(sources[i], False)[0].vertices) for i in some])
    )
    coarser = spacing * VOXELS_PER_SPACING / UNetConfig().voxel
    config = published[model]
    if coarser < _MUCH_COARSER:
        return config, ""
    voxel = config.unet.voxel if isinstance(config, PointGroupConfig) else config.voxel
    wider = float(f"{voxel * coarser:.2g}")
    return at_voxel(config, wider), (
        f"points lie {spacing:.3g} m apart, {coarser:.1f} times as far as ScanNet's: voxels of "
        f"{wider:g} m are used in place of {voxel:g} m, and all lengths and counts of points "
        "that go with them"
    )


def resized(
    config: NetworkConfig,
    voxel: float | None = None,
    channels: int | None = None,
    levels: int | None = None,
    norm: Norm = "batch",
    radius: float | None = None,
    min_points: int | None = None,
) -> NetworkConfig:
    """The same model with what is given; what depends on the points' density stays as it is."""
    given = {"voxel": voxel, "channels": channels, "levels": levels}
    size: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    match config:
        case UNetConfig() | KPConvConfig():
            return replace(config, norm=norm, **size)
        case PointGroupConfig():
            grouping: dict[str, Any] = {"radius": radius, "min_points": min_points}
            grouping = {name: value for name, value in grouping.items() if value is not None}
            return replace(config, unet=replace(config.unet, norm=norm, **size), **grouping)
        case _:
            assert_never(config)
