"""Trainers on superpoints: SPFormer, ISBNet and OneFormer3D. The superpoints are the segments.

Source: github.com/sunjiahao1999/SPFormer, `data/scannetv2/prepare_data_inst.py` writes what
`spformer/dataset/scannetv2.py` reads: PointGroup's tuple with the superpoints third.
github.com/VinAIResearch/ISBNet, `dataset/scannetv2/prepare_superpoint.py` and
`isbnet/data/scannetv2.py`: PointGroup's files, and `superpoints/<scene>.pth`.
github.com/oneformer3d/oneformer3d, `data/scannet/batch_load_scannet_data.py`,
`tools/scannet_data_utils.py` and `oneformer3d/{loading,scannet_dataset,transforms_3d}.py`:
MMDetection3D's files, `super_points/<scene>.bin`, and infos that name them.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from seggroup.export import mmdetection3d, pointgroup
from seggroup.export.target import Sample, Target, counted, not_lost, one_class, save_array
from seggroup.io.classlist import ClassList
from seggroup.types import NONE

LOOSE = "classes of things' points without an instance (they become no label)"


def superpoints(sample: Sample) -> Int64[np.ndarray, " v"]:
    """The superpoint of every point, 0 … s-1."""
    assert sample.segments is not None  # every target here has `segments`
    return sample.segments.astype(np.int64)


def write_spformer(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write `<split>/<scene>_inst_nostuff.pth`."""
    points, semantic, instance, notes = pointgroup.arrays(sample, classes)
    file = f"{sample.split}/{sample.scan.name}{pointgroup.SUFFIX}"
    labels = () if sample.split == "test" else (semantic, instance)
    pointgroup.save_pth(folder / file, (*points, superpoints(sample), *labels))
    return {"files": [file], "notes": notes}


def write_isbnet(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write PointGroup's files and `superpoints/<scene>.pth`."""
    points, semantic, instance, notes = pointgroup.arrays(sample, classes)
    name = sample.scan.name
    files = [f"{sample.split}/{name}{pointgroup.SUFFIX}", f"superpoints/{name}.pth"]
    labels = () if sample.split == "test" else (semantic, instance)
    pointgroup.save_pth(folder / files[0], (*points, *labels))
    pointgroup.save_pth(folder / files[1], superpoints(sample))
    return {"files": files, "notes": notes}


def write_oneformer3d(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write MMDetection3D's files and `super_points/<scene>.bin` (int64)."""
    labels, _ = one_class(sample.labels)
    loose = np.isin(labels.semantic, classes.things) & (labels.instance == NONE)
    semantic = np.where(loose, np.int32(NONE), labels.semantic)
    sample = replace(sample, labels=replace(labels, semantic=semantic))
    facts = mmdetection3d.write_scene(folder, sample, classes)
    name = f"{sample.scan.name}.bin"
    save_array(folder / "super_points" / name, superpoints(sample))
    facts["files"].append(f"super_points/{name}")
    facts["info"]["super_pts_path"] = name
    facts["held"] = not_lost({LOOSE: bool(loose.any())})
    notes = facts.setdefault("notes", [])
    if loose.any():
        notes.append(
            f"{counted(int(loose.sum()), 'point')} of things in no one instance became no label: "
            "OneFormer3D would take them for one more instance."
        )
    if np.isin(semantic, classes.things).all():
        notes.append("OneFormer3D needs a point of stuff or without a label in every scene.")
    return facts


def finish_oneformer3d(
    folder: Path, rows: Sequence[dict[str, Any]], classes: ClassList
) -> list[str]:
    """Write MMDetection3D's lists; the infos have OneFormer3D's names."""
    return mmdetection3d.finish(folder, rows, classes, "_oneformer3d")


def spformer_advice(rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """Stuff."""
    return pointgroup.first_two_are_stuff(rows, classes, "SPFormer")


def oneformer3d_advice(rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """What to set for another list than ScanNet's 20."""
    return mmdetection3d.settings(classes, "ScanNetSegDataset_", "and stuff_classes")


SPFORMER = Target(
    title="SPFormer",
    ignore=str(pointgroup.IGNORE),
    lost=pointgroup.LOST,
    write=write_spformer,
    finish=pointgroup.finish,
    advice=spformer_advice,
    segments=True,
)
ISBNET = replace(SPFORMER, title="ISBNet", write=write_isbnet, advice=None)
ONEFORMER3D = replace(
    mmdetection3d.MMDETECTION3D,
    title="OneFormer3D",
    lost=(*mmdetection3d.MMDETECTION3D.lost, LOOSE),
    write=write_oneformer3d,
    finish=finish_oneformer3d,
    advice=oneformer3d_advice,
    segments=True,
)
