"""MMDetection3D: bare binary arrays for each scene, and an infos file (pickle) for each split.

Source: github.com/open-mmlab/mmdetection3d, `tools/dataset_converters/scannet_data_utils.py` and
`update_infos_to_v2.py` (`update_scannet_infos`, info version 1.1) write what
`mmdet3d/datasets/{scannet,det3d,seg3d}_dataset.py` and `transforms/loading.py` read. Classes are
the list's ids and 0 is none, which `PointSegClassMapping` makes the ignore index; instances count
from 1, 0 is none. The infos are plain numbers, words, lists and dicts.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from seggroup.classes import BENCHMARK20
from seggroup.export.target import (
    CONFIDENCE,
    FACES,
    FRAME,
    MIXED_BOXES,
    NORMALS,
    Sample,
    Target,
    save_array,
    write_class_table,
)
from seggroup.io.classlist import ClassList
from seggroup.io.files import atomic
from seggroup.labels.objects import objects
from seggroup.types import NONE, Labels

POINTS_A_SAMPLE = 8192  # of `ScanNetSegData`: points of one input, by which scenes are repeated
ALIGNMENT = "ScanNet's axis alignment (the matrix is written as the identity)"


def write_scene(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write points (float32 x y z r g b), instance_mask and semantic_mask (int64), as .bin."""
    scan, labels = sample.scan, sample.labels
    name = f"{scan.name}.bin"
    save_array(folder / "points" / name, np.hstack([scan.vertices, scan.colors]).astype(np.float32))
    save_array(folder / "instance_mask" / name, labels.instance.astype(np.int64) + 1)
    semantic = class_ids(labels)
    save_array(folder / "semantic_mask" / name, semantic)
    return {
        "files": [f"{part}/{name}" for part in ("points", "instance_mask", "semantic_mask")],
        "info": {
            "lidar_points": {"num_pts_feats": 6, "lidar_path": name},
            "instances": boxes(sample, classes),
            "pts_semantic_mask_path": name,
            "pts_instance_mask_path": name,
            "axis_align_matrix": np.eye(4).tolist(),
        },
        "counts": [int(np.count_nonzero(semantic == i)) for i in classes.classes],
        "points": len(labels),
    }


def class_ids(labels: Labels) -> Int64[np.ndarray, " v"]:
    """Class ids, 0 where there is none."""
    return np.where(labels.semantic == NONE, 0, labels.semantic).astype(np.int64)


def boxes(sample: Sample, classes: ClassList) -> list[dict[str, Any]]:
    """The axis-aligned box (centre and size) of every instance of a thing, and its class."""
    place = {class_id: i for i, class_id in enumerate(classes.things)}
    result = []
    for one in objects(sample.labels):
        if one.semantic in place:
            points = sample.scan.vertices[one.points].astype(np.float64)
            low, high = points.min(axis=0), points.max(axis=0)
            box = np.concatenate([(low + high) / 2, high - low]).tolist()
            result.append({"bbox_3d": box, "bbox_label_3d": place[one.semantic]})
    return result


def finish(
    folder: Path,
    rows: Sequence[dict[str, Any]],
    classes: ClassList,
    infix: str = "",
) -> list[str]:
    """Write the infos of each split, and how often scenes are drawn and classes weighted."""
    files = write_class_table(folder, classes, 0, by_id=True)
    for split in sorted({row["split"] for row in rows}):
        of_split = [row for row in rows if row["split"] == split]
        files += [f"scannet{infix}_infos_{split}.pkl"]
        things = {classes.name(class_id): i for i, class_id in enumerate(classes.things)}
        infos = {
            "metainfo": {"categories": things, "dataset": "scannet", "info_version": "1.1"},
            "data_list": [row["info"] for row in of_split],
        }
        with atomic(folder / files[-1]) as file:
            pickle.dump(infos, file, protocol=2)  # as mmengine writes it
        drawn, weights = seg_infos(of_split)
        for name, array in (("resampled_scene_idxs", drawn), ("label_weight", weights)):
            files.append(f"seg_info/{split}_{name}.npy")
            save_array(folder / files[-1], array)
    return files


def seg_infos(rows: Sequence[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """What `ScanNetSegData` makes: scenes by their points (int32), weights of classes (float32).

    Every scene is drawn at least once, also where it has few points.
    """
    points = np.array([row["points"] for row in rows], np.float64)
    times = np.maximum(np.rint(points / points.sum() * int(points.sum() / POINTS_A_SAMPLE)), 1)
    drawn = np.repeat(np.arange(len(rows)), times.astype(np.int64)).astype(np.int32)
    counts = np.sum([row["counts"] for row in rows], axis=0).astype(np.float32)
    share = counts / max(counts.sum(), np.float32(1))
    return drawn, (1 / np.log(1.2 + share)).astype(np.float32)


def settings(classes: ClassList, segmenter: str, more: str = "") -> list[str]:
    """What must be set in the trainer for another list than ScanNet's 20, which it has itself."""
    if tuple(classes.classes) == BENCHMARK20:
        return []
    every, things = len(classes.classes), len(classes.things)
    return [
        f"The trainer's ScanNet data sets have ScanNet's 20 classes. For these {every} set, from "
        f"classes.json: METAINFO of {segmenter} (classes, seg_valid_class_ids, "
        f"seg_all_class_ids), max_cat_id={max(classes.classes)} of PointSegClassMapping, "
        f"ignore_index={every}; for boxes METAINFO of ScanNetDataset (classes: the {things} "
        "things in the order of `categories` in the infos; valid_class_ids: their ids); and "
        f"num_classes {f'{more} ' if more else ''}of the model."
    ]


def advice(rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """What to set for another list than ScanNet's 20."""
    return settings(classes, "ScanNetSegDataset")


MMDETECTION3D = Target(
    title="MMDetection3D (its ScanNet layout)",
    ignore="0",
    lost=(FACES, NORMALS, CONFIDENCE, FRAME, ALIGNMENT, MIXED_BOXES),
    write=write_scene,
    finish=finish,
    advice=advice,
)
