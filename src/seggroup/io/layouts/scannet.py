"""ScanNet's scan folders, and any scan file with such files beside it.

Source: README of github.com/ScanNet/ScanNet, "Data organization". MultiScan's form
`<scan>.objects.json` beside a PLY with `instance` is read here too.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.classes import NYU40
from seggroup.errors import InputError
from seggroup.io.classlist import ClassList, nyu40
from seggroup.io.files import read_json
from seggroup.io.layouts.naming import finder, semantic_of
from seggroup.io.layouts.numbered import Numbering, class_ids, numbering_of
from seggroup.io.layouts.source import Scanned, Source, beside, own_segments
from seggroup.io.relisting import has_nyu40_ids
from seggroup.io.scan import MESH_SUFFIX, read_labelled_scan, read_scan, scan_name
from seggroup.io.scannet import instances_of, read_aggregation, read_vertex_labels
from seggroup.types import NONE, Labels

_SAME: Numbering = {i: i for i in NYU40}
_DENSE = MESH_SUFFIX.removesuffix("_2")  # the mesh with all vertices


def find(folder: Path, names: Sequence[str]) -> list[Source]:
    """ScanNet's meshes in a folder; beside them nothing else is a scan."""
    meshes = [name for name in names if name.endswith(f"{MESH_SUFFIX}.ply")]
    return [
        with_neighbours(folder / name, names, "scannet")
        for name in meshes
        if not name.startswith(".") and (folder / name).is_file()
    ]


def with_neighbours(scan: Path, names: Sequence[str], layout: str = "file") -> Source:
    """A scan with the files beside it (`names`, all of its folder) that carry its name."""
    name = scan_name(scan)

    def first(*candidates: str) -> Path | None:
        return next((scan.parent / n for n in candidates if (scan.parent / n).is_file()), None)

    return Source(
        name,
        scan,
        beside(scan, names),
        first(
            f"{name}.aggregation.json",
            f"{name}{_DENSE}.aggregation.json",
            f"{name}.objects.json",
        ),
        first(f"{scan.stem}.labels.ply"),
        layout=layout,
    )


def read(source: Source, truth: bool) -> Scanned:
    """Truth from the `instance` and `label` of labels.ply, else the aggregation, else the scan.

    ScanNet's labels.ply has NYU40's ids, unless an export's `classes.json` says which classes they
    are. Where the class list is another one, classes are found by the names in the aggregation,
    else by those of the ids. Beside any other scan file a labels.ply with `instance` has the ids
    of the list.
    """
    if truth:
        scan, own = read_labelled_scan(source.scan, source.reading)
    else:
        scan, own = read_scan(source.scan, source.reading), None
    segments = own_segments(source, len(scan.vertices))
    if not truth:
        return scan, segments, None
    notes: list[str] = []
    found = _truth(source, len(scan.vertices), segments, own, notes)
    return scan.noting(*notes), segments, found


def _truth(
    source: Source,
    size: int,
    segments: Int32[np.ndarray, " v"] | None,
    own: Labels | None,
    notes: list[str],
) -> Labels | None:
    """The best truth the files hold, in the order that `read` states."""
    classes, stated = None, None
    listed, scannet = source.reading.classes, source.layout == "scannet"
    if source.labels is not None:
        classes, exact = read_vertex_labels(source.labels, size)
        stated = numbering_of(source.scan.parent) if scannet else None
        if stated is not None:  # our own export: exact in classes too
            classes = _in_list(classes, *stated, source, notes)
            if exact:
                return classes
        elif exact and (not scannet or has_nyu40_ids(listed)):
            return classes
        elif exact:
            return _renamed(source, classes, notes)
    if source.aggregation is not None and source.aggregation.name.endswith(".objects.json"):
        return _objects(source, own, notes)
    annotated = _aggregation(source, segments, classes, stated is not None, notes)
    if annotated is None and own is None and classes is not None and stated is None:
        return _in_list(classes, _SAME, nyu40(), source, notes)
    return annotated or own or classes


def _in_list(
    labels: Labels, numbering: Numbering, numbers: ClassList, source: Source, notes: list[str]
) -> Labels:
    """Labels with the ids of the source's class list, from numbers that `numbers` has."""
    listed = source.reading.classes
    return replace(labels, semantic=class_ids(labels.semantic, numbering, numbers, listed, notes))


def _renamed(source: Source, labels: Labels, notes: list[str]) -> Labels:
    """NYU40's ids as those of another list: by the instances' raw names, else by the ids' names."""
    path = source.aggregation
    raw = np.full(len(labels), NONE, np.int32)
    if path is not None and not path.name.endswith(".objects.json"):
        names = {number: label for number, label, _ in read_aggregation(path)}
        raw, _ = semantic_of(names, labels.instance, finder(source.reading.classes, path.parent))
    rest = replace(labels, semantic=np.where(raw == NONE, labels.semantic, np.int32(NONE)))
    others = _in_list(rest, _SAME, nyu40(), source, notes).semantic
    return replace(labels, semantic=np.where(raw == NONE, others, raw))


def _aggregation(
    source: Source,
    segments: Int32[np.ndarray, " v"] | None,
    classes: Labels | None,
    final: bool,
    notes: list[str],
) -> Labels | None:
    """ScanNet's annotation: instances by segments, classes by labels.ply, else by name.

    final : the classes of labels.ply have the ids of the list already
    """
    path = source.aggregation
    if path is None:
        return None
    if segments is None:
        notes.append(f"{path.name} was not used: there is no segs.json that it refers to.")
        return None
    groups = read_aggregation(path)
    instance, named, missing = instances_of(groups, segments)
    dense = path.name.endswith(f"{_DENSE}.aggregation.json")
    if missing == named or (dense and missing):
        notes.append(
            f"{path.name} was not used as truth: {missing} of the {named} segments it names are "
            "not in segs.json, so it was made on other segments."
        )
        return None
    if missing:
        notes.append(f"{missing} of {named} segments in {path.name} are not in segs.json.")
    if classes is not None and (final or has_nyu40_ids(source.reading.classes)):
        return Labels(classes.semantic, instance)
    names = {number: label for number, label, _ in groups}
    find = finder(source.reading.classes, source.scan.parent)
    semantic, unknown = semantic_of(names, instance, find)
    notes += unknown
    return Labels(semantic, instance)


def _objects(source: Source, own: Labels | None, notes: list[str]) -> Labels | None:
    """MultiScan's: names of the objects whose `id` + 1 is the scan's property `instance`."""
    path = source.aggregation
    value = None if path is None else read_json(path)
    names: dict[int, str] = {}
    for item in value if isinstance(value, list) else [None]:
        match item:
            case {"id": int(number), "label": str(label)}:
                names[number] = label
            case _:
                raise InputError(
                    f"{path}: must be a list of objects, each with an integer id and a label"
                )
    if own is None:
        notes.append(f"{source.name}.objects.json was not used: the scan has no `instance`.")
        return None
    semantic, unknown = semantic_of(names, own.instance, finder(source.reading.classes))
    notes += unknown
    if np.any(own.semantic != NONE):  # the scan's own classes go first
        semantic = np.where(own.semantic == NONE, semantic, own.semantic)
    return Labels(semantic, own.instance)
