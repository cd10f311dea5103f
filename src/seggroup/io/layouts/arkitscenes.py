"""ARKitScenes: `<scan>_3dod_mesh.ply` and `<scan>_3dod_annotation.json`, which holds boxes.

Source: `threedod/README.md` and `benchmark_scripts/show_3d_bbox_annotation.py` of
github.com/apple/ARKitScenes: a corner is axesᵀ · (± lengths / 2) + centroid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32

from seggroup.errors import InputError
from seggroup.io.files import read_json
from seggroup.io.layouts.naming import finder, semantic_of
from seggroup.io.layouts.source import Scanned, Source, beside, json_list, own_segments
from seggroup.io.ply import read_ply
from seggroup.io.raw import checked
from seggroup.types import NONE, Labels

_MESH, _BOXES = "_3dod_mesh.ply", "_3dod_annotation.json"
_APPROXIMATE = "Instances are the vertices inside ARKitScenes' boxes, so they are approximate."


@dataclass(frozen=True)
class Box:
    """An oriented box in the coordinates of the file. axes: a row for each."""

    label: str
    centre: Float64[np.ndarray, " 3"]
    lengths: Float64[np.ndarray, " 3"]
    axes: Float64[np.ndarray, "3 3"]


def find(folder: Path, names: Sequence[str]) -> list[Source]:
    """Every mesh of a folder that is named as ARKitScenes' are."""
    known = set(names)
    result = []
    for name in names:
        stem = name.removesuffix(_MESH)
        if stem == name or not stem or stem.startswith("."):
            continue
        boxes = {"boxes": folder / f"{stem}{_BOXES}"} if f"{stem}{_BOXES}" in known else {}
        scan = folder / name
        result.append(Source(stem, scan, beside(scan, names), layout="arkitscenes", files=boxes))
    return result


def read(source: Source, truth: bool) -> Scanned:
    """Instances are the boxes in their order; a vertex in several is in the smallest."""
    scan = checked(source.scan, source.name, read_ply(source.scan), source.reading)
    segments = own_segments(source, len(scan.vertices))
    if not truth:
        return scan, segments, None
    if "boxes" not in source.files:
        note = f"There is no {source.name}{_BOXES}: the scan has no truth."
        return scan.noting(note), segments, None
    boxes = read_boxes(source.files["boxes"])
    instance = inside(boxes, scan.frame.to_file(scan.vertices))
    names = {i: box.label for i, box in enumerate(boxes)}
    semantic, notes = semantic_of(names, instance, finder(source.reading.classes))
    return scan.noting(*notes, _APPROXIMATE), segments, Labels(semantic, instance)


def read_boxes(path: Path) -> list[Box]:
    """The boxes of an annotation, in its order. Raises InputError for one that is none."""
    rows = json_list(path, read_json(path), "data", "ARKitScenes' own 3dod annotation")
    return [_box(path, number, row) for number, row in enumerate(rows)]


def inside(boxes: Sequence[Box], points: Float64[np.ndarray, "v 3"]) -> Int32[np.ndarray, " v"]:
    """The smallest box that has each point (the first of equals), its border included."""
    result = np.full(len(points), NONE, np.int32)
    volume = [float(np.prod(box.lengths)) for box in boxes]
    for number in sorted(range(len(boxes)), key=lambda i: (-volume[i], -i)):
        box = boxes[number]
        reach = np.linalg.norm(box.lengths) / 2
        near = np.flatnonzero((np.abs(points - box.centre) <= reach * (1 + 1e-9)).all(axis=1))
        along = np.abs((points[near] - box.centre) @ box.axes.T)
        result[near[(along <= box.lengths / 2).all(axis=1)]] = number
    return result


def _box(path: Path, number: int, row: Any) -> Box:
    match row:
        case {
            "label": str(label),
            "segments": {
                "obbAligned": {
                    "centroid": list(centre),
                    "axesLengths": list(lengths),
                    "normalizedAxes": list(axes),
                }
            },
        }:
            values = [_numbers(centre, 3), _numbers(lengths, 3), _numbers(axes, 9)]
            if all(value is not None for value in values):
                centre_, lengths_, axes_ = (np.array(value, np.float64) for value in values)
                if (lengths_ >= 0).all():
                    return Box(label, centre_, lengths_, axes_.reshape(3, 3))
    raise InputError(
        f"{path}: box {number} of data needs a label, and in segments.obbAligned a centroid, "
        "axesLengths (3 numbers from 0) and normalizedAxes (9 numbers); use ARKitScenes' own"
    )


def _numbers(values: list, count: int) -> list[float] | None:
    if len(values) != count or not all(type(v) in (int, float) for v in values):
        return None
    if not all(abs(v) < 1e9 for v in values):  # NaN fails too
        return None
    return [float(v) for v in values]
