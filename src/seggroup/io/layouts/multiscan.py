"""MultiScan: `<scan>/<scan>.ply`, whose faces have objectId, and `<scan>.annotations.json`.

Source: 3dlg-hcvc.github.io/multiscan/read-the-docs, "Annotation Data". Labels are
`category.number`. The form with `.objects.json` is read as a file with such a file beside it.
"""

from collections.abc import Sequence
from pathlib import Path

from seggroup.errors import InputError
from seggroup.io.files import read_json
from seggroup.io.layouts.faces import among, face_ids, vertex_ids
from seggroup.io.layouts.naming import finder, semantic_of
from seggroup.io.layouts.source import Scanned, Source, beside, json_list, own_segments
from seggroup.io.ply import read_ply
from seggroup.io.raw import checked
from seggroup.types import NONE, Labels

_ENDING = ".annotations.json"


def find(folder: Path, names: Sequence[str]) -> list[Source]:
    """Every scan of a folder that has its annotation beside it."""
    known = set(names)
    stems = [name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING)]
    return [
        Source(
            stem,
            folder / f"{stem}.ply",
            beside(folder / f"{stem}.ply", names),
            layout="multiscan",
            files={"annotation": folder / f"{stem}{_ENDING}"},
        )
        for stem in stems
        if f"{stem}.ply" in known and not stem.startswith(".")
    ]


def read(source: Source, truth: bool) -> Scanned:
    """A vertex's instance is the objectId that most of its faces have, or its own objectId."""
    scan = checked(source.scan, source.name, read_ply(source.scan), source.reading)
    segments = own_segments(source, len(scan.vertices))
    if not truth:
        return scan, segments, None
    instance = face_ids(source.scan, "objectId", len(scan.vertices))
    if instance is None:
        instance = vertex_ids(source.scan, "objectId")
    if instance is None:
        note = "Its faces have no objectId: the scan has no truth."
        return scan.noting(note), segments, None
    names = read_objects(source.files["annotation"])
    instance[~among(instance, names)] = NONE
    semantic, notes = semantic_of(names, instance, finder(source.reading.classes))
    return scan.noting(*notes), segments, Labels(semantic, instance)


def read_objects(path: Path) -> dict[int, str]:
    """The category of each objectId of an annotation. Raises InputError where one lacks them."""
    names: dict[int, str] = {}
    for number, row in enumerate(json_list(path, read_json(path), "objects", "MultiScan's own")):
        match row:
            case {"objectId": int(object_id), "label": str(label)}:
                category, _, last = label.partition(":")[0].rpartition(".")
                names[object_id] = category if category and last.isdigit() else label
            case _:
                raise InputError(
                    f"{path}: object {number} of objects needs an objectId (an integer) and a "
                    "label; use MultiScan's own"
                )
    return names
