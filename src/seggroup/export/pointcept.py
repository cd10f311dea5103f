"""Pointcept: a folder of arrays for each scene, under the folder of its split.

Source: github.com/Pointcept/Pointcept, `pointcept/datasets/preprocessing/scannet/
preprocess_scannet.py` writes what `pointcept/datasets/{defaults,scannet}.py` read:
`ScanNetDataset` takes segment20.npy, `ScanNet200Dataset` segment200.npy, `DefaultDataset`
segment.npy. Classes are places in the list, -1 is ignored.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from seggroup.classes import BENCHMARK20
from seggroup.export.target import (
    CONFIDENCE,
    FACES,
    FRAME,
    Sample,
    Target,
    indexed,
    save_array,
    write_class_table,
)
from seggroup.io.classlist import ClassList, class_list
from seggroup.types import NONE, Scan


def write_scene(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write `<split>/<scene>/`: coord, color, normal, instance and the classes, a .npy each."""
    scan, labels = sample.scan, sample.labels
    arrays = {
        "coord": scan.vertices,
        "color": scan.colors,
        "normal": normals_of(scan),
        segment_name(classes): indexed(labels, classes, NONE).astype(np.int64),
        "instance": labels.instance.astype(np.int64),
    }
    files = []
    for name, array in arrays.items():
        files.append(f"{sample.split}/{scan.name}/{name}.npy")
        save_array(folder / files[-1], array)
    return {"files": files}


def normals_of(scan: Scan) -> Float32[np.ndarray, "v 3"]:
    """Unit normals as Pointcept makes them: the sum over faces weighted by area; of clouds theirs.

    A cloud without normals gets the over-segmentation's. A vertex without faces has 0.
    """
    if scan.is_mesh:
        from seggroup.geometry.areas import area_normals

        return area_normals(scan.vertices, scan.faces)
    if scan.normals is not None:
        return scan.normals
    from seggroup.config import OversegmentConfig
    from seggroup.geometry.cloud import spatial_order, surface

    order = spatial_order(scan.vertices)
    normals = np.empty_like(scan.vertices)
    normals[order] = surface(scan.vertices[order], None, OversegmentConfig()).normals
    return normals


def segment_name(classes: ClassList) -> str:
    """The name of the array of classes, which says whose they are: ScanNet20, 200 or others."""
    ids = tuple(classes.classes)
    if ids == BENCHMARK20:
        return "segment20"
    return "segment200" if ids == tuple(class_list("scannet200").classes) else "segment"


def finish(folder: Path, rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """Write which class each number is."""
    return write_class_table(folder, classes, NONE)


POINTCEPT = Target(
    title="Pointcept",
    ignore="-1",
    lost=(FACES, CONFIDENCE, FRAME),
    write=write_scene,
    finish=finish,
)
