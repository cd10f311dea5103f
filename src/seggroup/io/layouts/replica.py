"""Replica: `<scene>/habitat/mesh_semantic.ply`, whose faces have object_id, and its names.

Source: README of github.com/facebookresearch/Replica-Dataset, "Dataset layout"; `objects` of
`habitat/info_semantic.json` have id and class_name. Faces are quads.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io.files import read_json
from seggroup.io.layouts.faces import among, face_ids
from seggroup.io.layouts.naming import finder, semantic_of
from seggroup.io.layouts.source import Scanned, Source, beside, json_list, own_segments
from seggroup.io.ply import read_ply
from seggroup.io.raw import checked
from seggroup.types import NONE, Labels

MESH = "mesh_semantic.ply"
NAMES = "info_semantic.json"


def find(folder: Path, names: Sequence[str]) -> list[Source]:
    """The scene of a folder that is `<scene>`, or its `habitat`."""
    habitat = folder if MESH in names else folder / "habitat"
    if not (MESH in names or "habitat" in names) or not (habitat / MESH).is_file():
        return []
    scan, info, place = habitat / MESH, habitat / NAMES, habitat.absolute()
    return [
        Source(
            place.parent.name if place.name == "habitat" else place.name,
            scan,
            beside(scan, [path.name for path in habitat.glob("*.segs.json")]),
            layout="replica",
            files={"names": info} if info.is_file() else {},
        )
    ]


def read(source: Source, truth: bool) -> Scanned:
    """A vertex's instance is the object that most of its faces have."""
    scan = checked(source.scan, source.name, read_ply(source.scan), source.reading)
    segments = own_segments(source, len(scan.vertices))
    if not truth:
        return scan, segments, None
    instance = face_ids(source.scan, "object_id", len(scan.vertices))
    if instance is None:
        note = "Its faces have no object_id: the scan has no truth."
        return scan.noting(note), segments, None
    path = source.files.get("names")
    if path is None:
        note = f"There is no {NAMES}, which names the classes."
        return scan.noting(note), segments, Labels(np.full_like(instance, NONE), instance)
    names: dict[int, str] = {}
    for number, row in enumerate(json_list(path, read_json(path), "objects", "Replica's own")):
        match row:
            case {"id": int(object_id), "class_name": str(name)}:
                names[object_id] = name
            case _:
                raise InputError(
                    f"{path}: object {number} of objects needs an id (an integer) and a "
                    "class_name; use Replica's own"
                )
    undefined = [i for i, name in names.items() if name.lower() in ("", "undefined")]
    instance[~among(instance, names.keys() - set(undefined))] = NONE
    kept = {i: name for i, name in names.items() if i not in undefined}
    semantic, notes = semantic_of(kept, instance, finder(source.reading.classes))
    return scan.noting(*notes), segments, Labels(semantic, instance)
