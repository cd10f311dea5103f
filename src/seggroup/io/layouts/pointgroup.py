"""PointGroup, SoftGroup, SPFormer, ISBNet: `<scene>_inst_nostuff.pth`, a tuple of arrays.

Source: `dataset/scannetv2/prepare_data_inst.py` of github.com/dvlab-research/PointGroup:
coordinates less their mean, colours / 127.5 - 1, classes (places in ScanNet's 20), instances, -100
= none; `data/scannetv2/prepare_data_inst.py` of github.com/sunjiahao1999/SPFormer puts superpoints
third. Nothing in a file is executed: torch reads it with weights_only.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io.classlist import template
from seggroup.io.files import check_file
from seggroup.io.layouts.numbered import class_ids, numbering_of, places
from seggroup.io.layouts.pointcept import integers
from seggroup.io.layouts.source import Scanned, Source, beside, own_segments
from seggroup.io.raw import Raw, checked
from seggroup.types import Labels

SUFFIX = "_inst_nostuff.pth"
_MOST = 64  # values in a tuple that is looked at


def find(folder: Path, names: Sequence[str]) -> list[Source]:
    """Every scene of a folder."""
    found = []
    for name in names:
        if name.endswith(SUFFIX) and not name.startswith("."):
            scene = name.removesuffix(SUFFIX).removesuffix("_vh_clean_2.ply")
            superpoints = folder.parent / "superpoints" / f"{scene}.pth"  # ISBNet's
            files = {"superpoints": superpoints} if superpoints.is_file() else {}
            segments = beside(folder / name, names)
            found.append(Source(scene, folder / name, segments, layout="pointgroup", files=files))
    return found


def read(source: Source, truth: bool) -> Scanned:
    """Points, and the labels of training and validation scenes; superpoints are the segments."""
    arrays = read_tuple(source.scan)
    points, colors, *rest = arrays
    notes: list[str] = []
    shades = np.clip(np.rint((colors.astype(np.float64) + 1) * 127.5), 0, 255).astype(np.uint8)
    scan = checked(source.scan, source.name, Raw(points, colors=shades), source.reading)
    scan = scan.noting("Coordinates are less their mean, as the layout has them.")
    segments = own_segments(source, len(points))
    if len(rest) == 3 and segments is None:
        segments = integers(source.scan, rest[0].reshape(-1), len(points))
    if segments is None and (path := source.files.get("superpoints")):
        segments = integers(path, _loaded(path)[0].reshape(-1), len(points))
    if not truth:
        return scan, segments, None
    if len(rest) < 2:
        return scan.noting("The file has no labels."), segments, None
    numbers, instance = (
        integers(source.scan, values.reshape(-1), len(points)) for values in rest[-2:]
    )
    listed = template("scannet20")
    numbering, listed = numbering_of(source.scan.parent) or (places(listed), listed)
    semantic = class_ids(numbers, numbering, listed, source.reading.classes, notes)
    return scan.noting(*notes), segments, Labels(semantic, instance)


def read_tuple(path: Path) -> list[np.ndarray]:
    """The two to five arrays of a file. Raises InputError for anything else in it."""
    arrays = _loaded(path)
    if not 2 <= len(arrays) <= 5:
        raise InputError(
            f"{path}: must hold coordinates, colours, classes and instances; make it again"
        )
    shapes = [array.shape for array in arrays]
    if any(len(s) != 2 or s[1] < 3 or s[0] != shapes[0][0] for s in shapes[:2]):
        raise InputError(f"{path}: its coordinates and colours are not n x 3; make it again")
    return [arrays[0][:, :3], arrays[1][:, :3], *arrays[2:]]


def _loaded(path: Path) -> list[np.ndarray]:
    """The arrays of a file, or the one that it is. Raises InputError for anything else in it."""
    size = check_file(path)
    if _unpacked(path) > 2 * size:
        raise InputError(f"{path}: is compressed, which torch.save never does; make it again")
    import torch

    kinds = [np.dtype(name) for name in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2")]
    multiarray = np._core.multiarray  # type: ignore[attr-defined]
    allowed: list = [
        np.ndarray,
        np.dtype,
        *{type(kind) for kind in kinds},
        (multiarray._reconstruct, "numpy.core.multiarray._reconstruct"),
        (multiarray._reconstruct, "numpy._core.multiarray._reconstruct"),
    ]
    try:
        with torch.serialization.safe_globals(allowed):
            value = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises anything on broken input
        reason = str(error).split("\n")[0][:120]
        raise InputError(
            f"{path}: is no tuple of arrays by torch.save ({reason}); make it again"
        ) from error
    rows = list(value)[:_MOST] if isinstance(value, tuple | list) else [value]
    arrays = [row.numpy() if isinstance(row, torch.Tensor) else row for row in rows]
    if not all(isinstance(a, np.ndarray) and a.dtype.kind in "fiu" and a.ndim for a in arrays):
        raise InputError(f"{path}: holds something other than arrays of numbers; make it again")
    return arrays


def _unpacked(path: Path) -> int:
    """The bytes that a zip file says its entries have; 0 for torch's older form, which is none."""
    try:
        if not zipfile.is_zipfile(path):
            return 0
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except Exception as error:  # broken directories raise anything
        raise InputError(f"{path}: is a broken archive ({error}); make it again") from error
