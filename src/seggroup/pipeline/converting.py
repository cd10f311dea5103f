"""Scans from one format to another, with whatever labels they carry."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.errors import InputError
from seggroup.export.targets import TARGETS
from seggroup.export.viewers import ENDINGS, write_viewer
from seggroup.io.classlist import ClassList
from seggroup.io.scenes import Source, read_source
from seggroup.io.store import safe_name
from seggroup.pipeline.exporting import cannot_hold
from seggroup.types import NONE

ONE_FILE = ("ply", "glb", "laz")  # the targets that are a file a scan, labelled or not


@dataclass(frozen=True)
class Converting:
    """How a scan becomes a file: with its truth or without, and the classes' list."""

    classes: ClassList
    truth: bool = True


def files_of(sources: Sequence[Source], out: Path, to: str | None) -> list[Path]:
    """The file of each scene: `out` itself, or by its name in the folder `out`.

    to : one of `ONE_FILE`; None: by the ending of `out`

    Raises InputError where `out` cannot be that, and where a file is one of the scans.
    """
    paths = _files(sources, out, to)
    scans = {_place(source.scan) for source in sources}
    for path in paths:
        if path.exists() and _place(path) in scans:
            raise InputError(f"{path}: the scan would be written over; choose another output")
    return paths


def _files(sources: Sequence[Source], out: Path, to: str | None) -> list[Path]:
    if out.suffix.lower() in ENDINGS and not out.is_dir():
        if to is not None and out.suffix.lower() != f".{to}":
            raise InputError(f"{out}: does not end in .{to}, which --to asks for; leave one out")
        if len(sources) > 1:
            raise InputError(
                f"{out}: is one file, but {len(sources)} scenes were named; name a folder, "
                "and the format with --to"
            )
        return [out]
    if to is None:
        raise InputError(
            f"{out}: ends in none of {', '.join(ENDINGS)}; name the layout or format with --to "
            "(`seggroup export --list`)"
        )
    return [out / f"{safe_name(source.name)}.{to}" for source in sources]


def _place(path: Path) -> tuple[int, int]:
    """What a file is, by whatever name."""
    status = path.stat()
    return status.st_dev, status.st_ino


def convert_file(source: Source, path: Path, converting: Converting) -> dict[str, Any]:
    """Write a scan in the format of the path's ending, with the labels that it carries.

    Raises InputError for an ending that cannot be written. `files_of` has looked whether the path
    is a scan's own.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"{path}: a scan can be written as {', '.join(ENDINGS)}")
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
