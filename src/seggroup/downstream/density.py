"""PointGroup's lengths and counts for scans of another density than ScanNet's.

They are metres and points: where points lie farther apart than the radius, no cluster grows and
there are no proposals.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from seggroup.downstream.clustering import components
from seggroup.downstream.config import PointGroupConfig, at_voxel
from seggroup.errors import InputError
from seggroup.geometry.neighbours import nearest

# PointGroup's 0.02 m on ScanNet, where a vertex's nearest neighbour is 0.029 m away (median of
# scene0000_00).
VOXELS_PER_SPACING = 0.69
LOOKED_AT = 20_000  # points of a scan whose nearest neighbours are looked for


@dataclass(frozen=True)
class Suggestion:
    """Settings that fit a scan.

    spacing : metres, the median distance from a point to its nearest neighbour
    text    : one sentence that says what was found and what fits
    """

    spacing: float
    config: PointGroupConfig
    text: str


def suggest(points: Float32[np.ndarray, "n 3"], config: PointGroupConfig) -> Suggestion:
    """The voxel, radius and numbers of points that are to this scan what `config` is to ScanNet.

    Raises InputError for fewer than two distinct points.
    """
    spacing = median_spacing(points)
    voxel = float(f"{VOXELS_PER_SPACING * spacing:.2g}")
    fitting = at_voxel(config, voxel)
    assert isinstance(fitting, PointGroupConfig)
    text = (
        f"points lie {spacing:.3g} m apart (median): "
        f"voxels of {voxel:g} m, a radius of {fitting.radius:.2g} m and at least "
        f"{fitting.min_points} points a cluster fit this scan"
    )
    return Suggestion(spacing, fitting, text)


def median_spacing(points: Float32[np.ndarray, "n 3"]) -> float:
    """Median distance of a point to its nearest neighbour, metres; doubled points count once.

    Raises InputError for fewer than two distinct points.
    """
    distinct = np.unique(points, axis=0)
    if len(distinct) < 2:
        raise InputError("the scan has fewer than two distinct points; give a whole scan")
    queries = distinct[:: -(-len(distinct) // LOOKED_AT)]
    return float(np.median(nearest(distinct, queries, 2)[0][:, 1]))


def why_no_clusters(
    points: Float32[np.ndarray, "n 3"],
    group: Int64[np.ndarray, " n"],
    config: PointGroupConfig,
) -> str:
    """One sentence that says why points of these groups (-1: none) made no cluster; "" if some did.

    The reasons in turn: no point is of a class of things; points are farther apart than the
    radius; clusters are too small.
    """
    things = np.flatnonzero(group >= 0)
    if len(things) == 0:
        return (
            "no proposals: every point was predicted as a class without instances; "
            "train longer, or check the class list"
        )
    largest = int(np.bincount(components(points[things], group[things], config.radius)).max())
    if largest >= config.min_points:
        return ""
    if len(np.unique(points, axis=0)) > 1:
        fitting = suggest(points, config)
        if fitting.spacing > config.radius:
            return f"no proposals: the radius is {config.radius:g} m, but {fitting.text}"
    return (
        f"no proposals: the largest cluster has {largest} points, and {config.min_points} are "
        "needed; lower min_points, or train longer so that objects' points are of one class"
    )
