"""KPConv: a binary PLY of points and one of the mesh for each scene, with their classes.

Source: github.com/HuguesTHOMAS/KPConv, `datasets/Scannet.py` and `utils/ply.py`; the same
`read_ply` is in github.com/HuguesTHOMAS/KPConv-PyTorch, `datasets/{S3DIS,Toronto3D}.py`. Classes
are the list's ids (`label_to_names`), and 0, "unclassified", is in `ignored_labels`. KPConv itself
samples the mesh at 1 cm; here the points are the scan's vertices, `vert_ind` says which. Its class
first prepares the scenes of `scans/` and `scans_test/` with the names of a table: both folders are
there and empty, and the table has a head only, so that it prepares nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.classes import BENCHMARK20
from seggroup.errors import InputError
from seggroup.export.target import (
    CONFIDENCE,
    FRAME,
    NORMALS,
    Sample,
    Target,
    write_class_table,
)
from seggroup.io.classlist import ClassList
from seggroup.io.files import atomic, write_text
from seggroup.types import NONE

VALIDATION = "scannet_v2_val.txt"
TABLE = "scannetv2-labels.combined.tsv"
SCANS = ("scans", "scans_test")
POINTS = {"train": "training_points", "val": "training_points", "test": "test_points"}
MESHES = {"train": "training_meshes", "val": "training_meshes", "test": "test_meshes"}
_MESH = np.dtype(
    [(name, "<f4") for name in ("x", "y", "z")]
    + [(name, "u1") for name in ("red", "green", "blue")]
    + [("class", "<i4")]
)
_POINT = np.dtype([*_MESH.descr, ("vert_ind", "<i4")])
_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def write_scene(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write `training_points/<scene>.ply` and `training_meshes/<scene>_mesh.ply`.

    Those of test scenes go to `test_points` and `test_meshes`. KPConv scores the vertices of the
    mesh; of a cloud the mesh has no faces.
    """
    scan, semantic = sample.scan, sample.labels.semantic
    points = np.empty(len(semantic), _POINT)
    for axis, name in enumerate(("x", "y", "z")):
        points[name] = scan.vertices[:, axis]
    for channel, name in enumerate(("red", "green", "blue")):
        points[name] = scan.colors[:, channel]
    points["class"] = np.where(semantic == NONE, 0, semantic)
    points["vert_ind"] = np.arange(len(points))
    faces = np.empty(len(scan.faces), _FACE)
    faces["count"], faces["corners"] = 3, scan.faces
    files = [
        f"{POINTS[sample.split]}/{scan.name}.ply",
        f"{MESHES[sample.split]}/{scan.name}_mesh.ply",
    ]
    _write_ply(folder / files[1], points[list(_MESH.names or ())].astype(_MESH), faces)
    _write_ply(folder / files[0], points)
    return {"files": files}


def _write_ply(path: Path, points: np.ndarray, faces: np.ndarray | None = None) -> None:
    """Write points, and faces where there are to be some, as KPConv's `write_ply` does."""
    types = {"f": "float32", "u": "uint8", "i": "int32"}
    names = points.dtype.names or ()
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}"]
    header += [f"property {types[points.dtype[name].kind]} {name}" for name in names]
    if faces is not None:
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    with atomic(path) as out:
        out.write("".join(f"{line}\n" for line in [*header, "end_header"]).encode())
        out.write(points.tobytes())
        if faces is not None:
            out.write(faces.tobytes())


def finish(folder: Path, rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """Write the list of validation scenes, which class each number is, and what KPConv opens."""
    names = [row["scene"] for row in rows if row["split"] == "val"]
    write_text(folder / VALIDATION, "".join(f"{name}\n" for name in names))
    write_text(folder / TABLE, "id\traw_category\tcategory\tcount\tnyu40id\n")
    for name in SCANS:
        try:
            (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder / name}: cannot be made ({error.strerror}); choose another folder"
            ) from error
    return [VALIDATION, TABLE, *write_class_table(folder, classes, 0, by_id=True)]


def misnamed(name: str, split: str) -> str:
    """What is wrong with a validation scene's name: their list is read up to a blank or a #."""
    if split == "val" and any(c.isspace() or c == "#" for c in name):
        return f"KPConv reads the names in {VALIDATION} up to a blank or a #"
    return ""


def advice(rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """What to set for another list than ScanNet's 20."""
    if tuple(classes.classes) == BENCHMARK20:
        return []
    return [
        "KPConv's datasets/Scannet.py has ScanNet's 20 classes: set `label_to_names` there to the "
        "ids and names in classes.json, and 0 unclassified."
    ]


KPCONV = Target(
    title="KPConv",
    ignore="0 (unclassified)",
    lost=(NORMALS, CONFIDENCE, FRAME, "instances"),
    write=write_scene,
    finish=finish,
    advice=advice,
    misnamed=misnamed,
)
