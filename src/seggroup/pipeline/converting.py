"""Scans from one format to another, with whatever labels they carry."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.errors import InputError
from seggroup.export.targets import TARGETS
from seggroup.export.viewers import ENDINGS, write_viewer
from seggroup.io.classlist import ClassList
from seggroup.io.scenes import Source, read_source
from seggroup.pipeline.exporting import cannot_hold
from seggroup.pipeline.scenes import keep
from seggroup.types import NONE

FORMATS = ("ply", "glb", "laz")  # the targets that are a file a scan, labelled or not


@dataclass(frozen=True)
class Converting:
    """How a scan becomes a file: with its truth or without, and the classes' list."""

    classes: ClassList
    truth: bool = True


def convert_file(source: Source, path: Path, converting: Converting) -> dict[str, Any]:
    """Write a scan in the format of the path's ending, with the labels that it carries.

    Raises InputError for an ending that cannot be written and for a path that is the scan's own.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"{path}: a scan can be written as {', '.join(ENDINGS)}")
    keep(source, path)
    scan, _, labels = read_source(source, converting.truth)
    write_viewer(path, scan, labels)
    chosen = TARGETS["laz" if ending == ".las" else ending[1:]]
    lost = cannot_hold(chosen, scan, labels, converting.classes)
    if labels is None:  # then there are no classes to lose
        lost = [phrase for phrase in lost if not phrase.startswith("class")]
    semantic = np.zeros(0) if labels is None else labels.semantic
    return {
        "scene": source.name,
        "output": str(path),
        "points": len(scan.vertices),
        "faces": len(scan.faces),
        "labelled": float((semantic != NONE).mean()) if len(semantic) else None,
        "bytes": path.stat().st_size,
        "cannot_hold": lost,
        "notes": list(scan.notes),
    }
