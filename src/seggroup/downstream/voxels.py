"""Points to voxels: the integer sites of a sparse grid, and the site of every point.

A site (scene, x, y, z) is known by one integer, its key, in which every coordinate has a field of
its own. Fields keep a margin on both sides, so that a neighbour's key is the key plus a constant
and never runs into the next field.

Letters: n points, m sites, c channels.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seggroup.errors import InputError

BITS = 16  # of a coordinate's field
SIDE = (1 << BITS) - 2  # coordinates are below; one free number on each side
SCENES = 1 << (63 - 3 * BITS)


@dataclass(frozen=True)
class Voxels:
    """The occupied sites, and where every point lies.

    coords : (scene, x, y, z), x, y, z >= 0 in voxels; unique, in the order of their keys
    rows   : the site of every point, a row of `coords`
    """

    coords: Int64[Tensor, "m 4"]
    rows: Int64[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.coords)


def voxelize(points: Float[Tensor, "n 3"], scene: Int64[Tensor, " n"], voxel: float) -> Voxels:
    """Sites of the points on a grid of cubes with edge `voxel`, in the unit of the points.

    Every scene's grid begins at its own lowest corner: a scene's sites depend neither on where it
    lies nor on the other scenes of the batch. Scenes are any numbers from 0, in any order.

    Raises InputError for points that are not finite, a voxel that is not positive, and a scene
    with more voxels along an edge (`SIDE`), or more scenes (`SCENES`), than a key can hold.
    """
    _check(points, scene, voxel)
    if len(points) == 0:
        return Voxels(scene.new_empty(0, 4), scene)
    index = scene[:, None].expand(-1, 3)
    low = points.new_full((int(scene.max()) + 1, 3), torch.inf)
    low = low.scatter_reduce(0, index, points.detach(), "amin")
    cells = ((points.detach() - low[scene]) / voxel).floor()
    if bool((cells >= SIDE).any()):
        size = float((points.detach() - low[scene]).max())
        raise InputError(
            f"a scene {size:g} long has more than {SIDE} voxels of {voxel:g} along an edge; "
            "choose a larger voxel or remove stray points"
        )
    coords = torch.cat([scene[:, None], cells.long()], 1)
    key, order = keys(coords).sort()
    unique, run = torch.unique_consecutive(key, return_inverse=True)
    rows = torch.empty_like(run)
    rows[order] = run
    return Voxels(sites(unique), rows)


def _check(points: Tensor, scene: Tensor, voxel: float) -> None:
    if not voxel > 0:
        raise InputError(f"a voxel of {voxel:g} is not possible; its edge must be more than 0")
    if not bool(points.isfinite().all()):
        raise InputError("some points are infinite or not a number; remove them from the scan")
    if len(scene) and not 0 <= int(scene.min()) <= int(scene.max()) < SCENES:
        raise InputError(f"scenes must be numbered from 0 to {SCENES - 1}; use smaller batches")


def keys(coords: Int64[Tensor, "m 4"]) -> Int64[Tensor, " m"]:
    """One integer for every site, ascending with (scene, x, y, z)."""
    scene, x, y, z = coords.unbind(1)
    return (((scene << BITS | x + 1) << BITS | y + 1) << BITS) | z + 1


def sites(key: Int64[Tensor, " m"]) -> Int64[Tensor, "m 4"]:
    """The inverse of `keys`."""
    mask = (1 << BITS) - 1
    x, y, z = ((key >> shift & mask) - 1 for shift in (2 * BITS, BITS, 0))
    return torch.stack([key >> 3 * BITS, x, y, z], 1)


def mean_by(
    features: Float[Tensor, "n c"], rows: Int64[Tensor, " n"], m: int
) -> Float[Tensor, "m c"]:
    """Mean of the features that lie in each of `m` rows; 0 where none do."""
    count = torch.bincount(rows, minlength=m).clamp_min(1)
    total = features.new_zeros(m, features.shape[1]).index_add(0, rows, features)
    return total / count[:, None]
