"""Pointcept: a folder of arrays for each scene, coord.npy and what is beside it.

Source: `pointcept/datasets/{defaults,scannet}.py` and `preprocessing/scannet/
preprocess_scannet.py` of github.com/Pointcept/Pointcept: classes are places in a list, -1 = none.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.errors import InputError
from seggroup.io.arrays import read_array
from seggroup.io.classlist import template
from seggroup.io.layouts.numbered import class_ids, numbering_of, places
from seggroup.io.layouts.source import Scanned, Source, beside, own_segments
from seggroup.io.raw import Raw, checked
from seggroup.types import NONE, Labels

COORD = "coord.npy"
_CLASSES = ("segment", "segment20", "segment200")


def find(folder: Path, names: Sequence[str]) -> list[Source]:
    """The scene of a folder with coord.npy; a room of S3DIS is named with its area."""
    if COORD not in names or not (folder / COORD).is_file():
        return []
    place = folder.absolute()
    area = place.parent.name
    name = f"{area}_{place.name}" if re.fullmatch(r"Area_\w+", area) else place.name
    files = {
        stem: folder / f"{stem}.npy"
        for stem in ("color", "normal", "instance", *_CLASSES)
        if f"{stem}.npy" in names
    }
    scan = folder / COORD
    return [Source(name, scan, beside(scan, names), layout="pointcept", files=files)]


def read(source: Source, truth: bool) -> Scanned:
    """Classes by `classes.json` where it is there, else by the name of the array."""
    coord = _rows(source.scan, read_array(source.scan), 3)
    arrays = {
        name: _rows(source.files[name], read_array(source.files[name]), 3, len(coord))
        for name in ("color", "normal")
        if name in source.files
    }
    raw = Raw(coord, colors=arrays.get("color"), normals=arrays.get("normal"))
    scan = checked(source.scan, source.name, raw, source.reading)
    segments = own_segments(source, len(coord))
    if not truth:
        return scan, segments, None
    notes: list[str] = []
    instance = np.full(len(coord), NONE, np.int32)
    if path := source.files.get("instance"):
        instance = column(path, len(coord))
    semantic = _classes(source, len(coord), notes)
    if semantic is None:
        if "instance" not in source.files:
            notes.append("There is no segment.npy and no instance.npy: the scan has no truth.")
            return scan.noting(*notes), segments, None
        semantic = np.full(len(coord), NONE, np.int32)
    return scan.noting(*notes), segments, Labels(semantic, instance)


def column(path: Path, size: int) -> Int32[np.ndarray, " v"]:
    """An integer for each of `size` points, negative = none. Raises InputError for others."""
    values = read_array(path).reshape(-1)
    return integers(path, values, size)


def integers(path: Path, values: np.ndarray, size: int) -> Int32[np.ndarray, " v"]:
    """Values as integers, negative = NONE. Raises InputError for others and for other counts."""
    if len(values) != size:
        raise InputError(
            f"{path}: has {len(values)} values for {size} points; export the scene again"
        )
    low, high = values.min(initial=0), values.max(initial=0)
    if not (low >= -(2**31) and high < 2**31 - 1) or np.any(values != np.rint(values)):
        raise InputError(f"{path}: its labels must be integers; export the scene again")
    return np.maximum(values, NONE).astype(np.int32)


def _classes(source: Source, size: int, notes: list[str]) -> Int32[np.ndarray, " v"] | None:
    """The classes of the array whose list fits the class list best."""
    wanted = source.reading.classes
    stated = numbering_of(source.scan.parent)
    lists = {"segment20": "scannet20", "segment200": "scannet200"}
    order = ["segment", "segment20", "segment200"]
    if wanted is not None and wanted.classes.keys() == template("scannet200").classes.keys():
        order.reverse()
    name = next((name for name in order if name in source.files), None)
    if name is None:
        return None
    path = source.files[name]
    numbers = column(path, size)
    if stated is not None:
        numbering, listed = stated
    elif name in lists:
        listed = template(lists[name])
        numbering = places(listed)
    elif source.name.startswith("Area_"):
        listed = template("s3dis")
        numbering = places(listed)
    elif wanted is not None:
        numbering, listed = places(wanted), wanted
    else:
        notes.append(f"{path.name} was not used: no class list says what its numbers are.")
        return np.full(size, NONE, np.int32)
    return class_ids(numbers, numbering, listed, wanted, notes)


def _rows(path: Path, array: np.ndarray, width: int, size: int | None = None) -> np.ndarray:
    if array.ndim != 2 or array.shape[1] < width or (size is not None and len(array) != size):
        wanted = f"{'n' if size is None else size} x {width}"
        raise InputError(f"{path}: has the shape {array.shape}, not {wanted}; export it again")
    return array[:, :width]
