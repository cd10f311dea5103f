"""KPConv: PLY files of points with a property `class`.

Source: `datasets/Scannet.py` of github.com/HuguesTHOMAS/KPConv, whose classes are NYU40's ids and
0 is none, and `datasets/S3DIS.py` of KPConv-PyTorch, whose `original_ply/Area_n.ply` count S3DIS's
13 classes from 0.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seggroup.io.classlist import nyu40, template
from seggroup.io.layouts.faces import vertex_ids
from seggroup.io.layouts.numbered import class_ids, numbering_of, places
from seggroup.io.layouts.source import Scanned, Source, beside, own_segments
from seggroup.io.ply import read_ply
from seggroup.io.raw import checked
from seggroup.types import NONE, Labels

_POINTS = {"training_meshes": "training_points", "test_meshes": "test_points"}
_HEADER = 4096  # bytes in which a header is looked for
_CLASS = re.compile(rb"\nproperty[ \t]+u?(char|short|int)(8|16|32)?[ \t]+class[ \t]*\r?\n")
_OTHERS = re.compile(rb"\nproperty[ \t]+\w+[ \t]+(label|instance|objectId)[ \t]*\r?\n")


def find(folder: Path, names: Sequence[str]) -> list[Source]:
    """Every PLY of a folder whose header has `class`, and no labels of another kind.

    The meshes that KPConv's Scannet.py wants beside its points are no scenes of their own.
    """
    points = _POINTS.get(folder.absolute().name)
    if points is not None and (folder.absolute().parent / points).is_dir():
        return []
    return [
        Source(
            name.removesuffix(".ply"),
            folder / name,
            beside(folder / name, names),
            layout="kpconv",
        )
        for name in names
        if name.endswith(".ply") and not name.startswith(".") and _has_class(folder / name)
    ]


def read(source: Source, truth: bool) -> Scanned:
    """Points and their class; there are no instances."""
    scan = checked(source.scan, source.name, read_ply(source.scan), source.reading)
    size = len(scan.vertices)
    segments = own_segments(source, size)
    numbers = vertex_ids(source.scan, "class") if truth else None
    if numbers is None:
        return scan, segments, None
    default = {i: i for i in nyu40().classes}, nyu40()
    if source.scan.absolute().parent.name == "original_ply":
        default = places(template("s3dis")), template("s3dis")
    numbering, listed = numbering_of(source.scan.parent) or default
    notes: list[str] = []
    semantic = class_ids(numbers, numbering, listed, source.reading.classes, notes)
    return scan.noting(*notes), segments, Labels(semantic, np.full(size, NONE, np.int32))


def _has_class(path: Path) -> bool:
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        header, end, _ = file.read(_HEADER).partition(b"end_header")
    return bool(end and _CLASS.search(header) and not _OTHERS.search(header))
