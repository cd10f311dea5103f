"""KPConv: a binary PLY of points for each scene, with its class.

Source: github.com/HuguesTHOMAS/KPConv, `datasets/Scannet.py` and `utils/ply.py`; the same
`read_ply` is in github.com/HuguesTHOMAS/KPConv-PyTorch, `datasets/{S3DIS,Toronto3D}.py`. Classes
are the list's ids (`label_to_names`), and 0, "unclassified", is in `ignored_labels`. KPConv itself
samples the mesh at 1 cm; here the points are the scan's vertices, `vert_ind` says which.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.errors import InputError
from seggroup.export.target import (
    CONFIDENCE,
    FACES,
    FRAME,
    NORMALS,
    Sample,
    Target,
    write_class_table,
)
from seggroup.io.classlist import ClassList
from seggroup.io.files import atomic, write_text
from seggroup.types import NONE

CLASSES = "classes.json"
VALIDATION = "scannet_v2_val.txt"
FOLDERS = {"train": "training_points", "val": "training_points", "test": "test_points"}
_POINT = np.dtype(
    [(name, "<f4") for name in ("x", "y", "z")]
    + [(name, "u1") for name in ("red", "green", "blue")]
    + [(name, "<i4") for name in ("class", "vert_ind")]
)


def write_scene(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write `training_points/<scene>.ply`, of test scenes `test_points/<scene>.ply`.

    Raises InputError for a validation scene whose name the list of them cannot hold.
    """
    scan, semantic = sample.scan, sample.labels.semantic
    if sample.split == "val" and any(c.isspace() or c == "#" for c in scan.name):
        raise InputError(
            f"{scan.name}: KPConv reads the names in {VALIDATION} up to a blank or a #; "
            "rename the scan"
        )
    points = np.empty(len(semantic), _POINT)
    for axis, name in enumerate(("x", "y", "z")):
        points[name] = scan.vertices[:, axis]
    for channel, name in enumerate(("red", "green", "blue")):
        points[name] = scan.colors[:, channel]
    points["class"] = np.where(semantic == NONE, 0, semantic)
    points["vert_ind"] = np.arange(len(points))
    file = f"{FOLDERS[sample.split]}/{scan.name}.ply"
    types = {"f": "float32", "u": "uint8", "i": "int32"}
    header = [f"property {types[_POINT[name].kind]} {name}\n" for name in _POINT.names or ()]
    with atomic(folder / file) as out:
        out.write(b"ply\nformat binary_little_endian 1.0\n")
        out.write(f"element vertex {len(points)}\n{''.join(header)}end_header\n".encode())
        out.write(points.data)
    return {"files": [file]}


def finish(folder: Path, rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """Write the list of validation scenes, and which class each number is."""
    names = [row["scene"] for row in rows if row["split"] == "val"]
    write_text(folder / VALIDATION, "".join(f"{name}\n" for name in names))
    write_class_table(folder / CLASSES, classes, 0, by_id=True)
    return [VALIDATION, CLASSES]


KPCONV = Target(
    title="KPConv",
    ignore="0 (unclassified)",
    lost=(FACES, NORMALS, CONFIDENCE, FRAME, "instances"),
    write=write_scene,
    finish=finish,
)
