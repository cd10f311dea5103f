"""ScanNet's own layout: mesh, `segs.json`, `aggregation.json` and `labels.ply` of each scene.

Format: README of github.com/ScanNet/ScanNet, "Data organization"; `labels.ply` also has the
exact instance of every vertex.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.config import OversegmentConfig
from seggroup.errors import InputError
from seggroup.export.target import (
    CONFIDENCE,
    FRAME,
    NORMALS,
    Sample,
    Target,
    not_lost,
    write_class_table,
)
from seggroup.io.classlist import ClassList
from seggroup.io.scan import MESH_SUFFIX
from seggroup.io.scannet import majority, write_scene
from seggroup.labels.objects import mixed, objects

FINER = "instances finer than segments (in aggregation.json; labels.ply holds them)"
_FILES = (
    f"{MESH_SUFFIX}.ply",
    f"{MESH_SUFFIX}.labels.ply",
    f"{MESH_SUFFIX}.0.010000.segs.json",
    ".aggregation.json",
    ".txt",
)


def write_aggregation(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write `scans/<scene>/` with the scan in metres, z up.

    A segment of the aggregation has the one instance that most of its vertices have; a note
    counts the vertices for which that is another one.
    """
    labels, segments, name = sample.labels, sample.segments, sample.scan.name
    if segments is None:
        raise InputError(f"{name}: has no segments, which an aggregation is made of")
    config = OversegmentConfig()
    write_scene(
        folder,
        sample.scan,
        segments,
        labels,
        config.k,
        config.min_size,
        names=classes.name,
        kind="Exported",
    )
    owner = majority(segments, labels.instance)
    ids, place = np.unique(segments, return_inverse=True)
    coarse = np.array([owner[int(i)] for i in ids], np.int32)[place]
    changed = int(np.count_nonzero(coarse != labels.instance))
    notes = mixed(objects(labels))
    if changed:
        notes.append(
            f"{changed} of {len(labels)} vertices have another instance than most of their "
            "segment: aggregation.json cannot say so, labels.ply does."
        )
    return {
        "files": [str(Path("scans", name, f"{name}{end}")) for end in _FILES],
        "held": not_lost({FINER: changed > 0}),
        "notes": notes,
    }


def finish(folder: Path, rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """Write which class each id of labels.ply is, which ScanNet's layout itself cannot say."""
    return write_class_table(folder, classes, 0, by_id=True)


SCANNET = Target(
    title="ScanNet scan folders: segments, aggregation, labels.ply",
    classes="nyu40",
    ignore="no group in aggregation.json, label 0 and instance 0 in labels.ply",
    lost=(
        NORMALS,
        CONFIDENCE,
        FRAME,
        FINER,
    ),
    write=write_aggregation,
    finish=finish,
    segments=True,
)
