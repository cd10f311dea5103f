"""The targets by the name that `--to` takes."""

from difflib import get_close_matches

from seggroup.errors import InputError
from seggroup.export.aggregation import SCANNET
from seggroup.export.boxes import BOXES
from seggroup.export.kpconv import KPCONV
from seggroup.export.mmdetection3d import MMDETECTION3D
from seggroup.export.parquet import PARQUET
from seggroup.export.pointcept import POINTCEPT
from seggroup.export.pointgroup import POINTGROUP, SOFTGROUP
from seggroup.export.s3dis import S3DIS
from seggroup.export.submission import SCANNET_BENCHMARK
from seggroup.export.superpoints import ISBNET, ONEFORMER3D, SPFORMER
from seggroup.export.target import Target
from seggroup.export.viewers import GLB, LAZ, PLY

TARGETS: dict[str, Target] = {
    "pointcept": POINTCEPT,
    "mmdetection3d": MMDETECTION3D,
    "pointgroup": POINTGROUP,
    "softgroup": SOFTGROUP,
    "kpconv": KPCONV,
    "spformer": SPFORMER,
    "isbnet": ISBNET,
    "oneformer3d": ONEFORMER3D,
    "scannet-benchmark": SCANNET_BENCHMARK,
    "scannet": SCANNET,
    "s3dis": S3DIS,
    "ply": PLY,
    "glb": GLB,
    "laz": LAZ,
    "boxes": BOXES,
    "parquet": PARQUET,
}


def target(name: str) -> Target:
    """The target of a name. Raises InputError, with the names there are, for any other."""
    if name in TARGETS:
        return TARGETS[name]
    near = get_close_matches(name, TARGETS, n=1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    raise InputError(
        f"--to {name}: is no target{meant}; there are {', '.join(TARGETS)} "
        "(`seggroup export --list` says what each is)"
    )
