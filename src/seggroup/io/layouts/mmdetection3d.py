"""MMDetection3D and OneFormer3D: `points/<scene>.bin` and masks of the same name beside.

Source: `tools/dataset_converters/scannet_data_utils.py` and `data/scannet/
batch_load_scannet_data.py` of github.com/open-mmlab/mmdetection3d: points are float32 x y z r g b,
masks int64; classes are NYU40's ids there, instances count from 1, 0 = none in both.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.errors import InputError
from seggroup.io.classlist import nyu40
from seggroup.io.files import read_bytes
from seggroup.io.layouts.numbered import class_ids, numbering_of
from seggroup.io.layouts.pointcept import integers
from seggroup.io.layouts.source import Scanned, Source, beside, own_segments
from seggroup.io.raw import Raw, checked
from seggroup.types import NONE, Labels

_MASKS = {"semantic": "semantic_mask", "instance": "instance_mask", "superpoints": "super_points"}


def find(folder: Path, names: Sequence[str]) -> list[Source]:
    """The scenes of a folder that has `points`, a .bin each."""
    points = folder / "points"
    if "points" not in names or not points.is_dir():
        return []
    inside = sorted(path.name for path in points.iterdir())
    result = []
    for name in inside:
        if name.endswith(".bin") and not name.startswith("."):
            masks = {key: folder / part / name for key, part in _MASKS.items()}
            result.append(
                Source(
                    name.removesuffix(".bin"),
                    points / name,
                    beside(points / name, inside),
                    layout="mmdetection3d",
                    files={key: path for key, path in masks.items() if path.is_file()},
                )
            )
    return result


def read(source: Source, truth: bool) -> Scanned:
    """Points and masks; superpoints are the segments."""
    data = read_bytes(source.scan)
    if len(data) % 24:
        raise InputError(f"{source.scan}: is not rows of x y z r g b in float32; make it again")
    rows = np.frombuffer(data, "<f4").reshape(-1, 6)
    with np.errstate(all="ignore"):
        shades = np.rint(rows[:, 3:])
        fits = np.isfinite(shades).all() and shades.min() >= 0 and shades.max() <= 255
    colors = shades.astype(np.uint8) if fits else rows[:, 3:]
    scan = checked(source.scan, source.name, Raw(rows[:, :3], colors=colors), source.reading)
    segments = own_segments(source, len(rows))
    if segments is None and "superpoints" in source.files:
        segments = _mask(source.files["superpoints"], len(rows))
    if not truth:
        return scan, segments, None
    if not source.files.keys() & {"semantic", "instance"}:
        return scan.noting("There are no masks: the scan has no truth."), segments, None
    notes: list[str] = []
    semantic = instance = np.full(len(rows), NONE, np.int32)
    if path := source.files.get("instance"):
        instance = np.maximum(_mask(path, len(rows)) - 1, NONE).astype(np.int32)
    if path := source.files.get("semantic"):
        numbers = _mask(path, len(rows))
        default = {i: i for i in nyu40().classes}, nyu40()
        numbering, listed = numbering_of(source.scan.parent) or default
        semantic = class_ids(numbers, numbering, listed, source.reading.classes, notes)
    return scan.noting(*notes), segments, Labels(semantic, instance)


def _mask(path: Path, size: int) -> Int32[np.ndarray, " v"]:
    data = read_bytes(path)
    if len(data) != 8 * size:
        raise InputError(f"{path}: is not {size} integers of 64 bits; make it again")
    return integers(path, np.frombuffer(data, "<i8"), size)
