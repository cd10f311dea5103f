"""What a folder of scans, labels and clicks holds, and what is suspicious in it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.errors import InputError, first_few
from seggroup.io.classlist import ClassList
from seggroup.io.clicks import find_clicks, mesh_hash
from seggroup.io.layouts.source import Scanned
from seggroup.io.passed import Passed
from seggroup.io.placing import told
from seggroup.io.relisting import read_listed
from seggroup.io.scannet import read_aggregation
from seggroup.io.scenes import Source, read_source
from seggroup.io.store import PROPOSALS_SUFFIX, SETS_SUFFIX, labels_file
from seggroup.labels.objects import objects
from seggroup.pipeline.labels import labels_folder
from seggroup.pipeline.scenes import Loading, scene_of
from seggroup.pipeline.suspicions import Finding, of_clicks, of_labels, of_scan
from seggroup.types import NONE, Labels, Scan

SEVERITIES = ("error", "warning", "note")
_NEAR = 0.02  # metres of difference between the extents of nearly equal scans
_SMALL = 100  # vertices below which equal counts say nothing

Pictures = Callable[[Scan, Labels | None, ClassList], list[tuple[str, bytes]]]


@dataclass(frozen=True)
class Checking:
    """What is checked beside the scans, and by which class list.

    stated   : whether the class list was named, so that its unused classes are worth a note
    pictures : makes a scene's captioned pictures; None: none are wanted
    """

    classes: ClassList
    labels: Path | None = None
    clicks: Path | None = None
    stated: bool = False
    pictures: Pictures | None = None


def check_scene(source: Source, checking: Checking) -> dict[str, Any]:
    """The counts and findings of one scene; one that cannot be read is a finding itself."""
    what, remedy = "", ""
    try:
        return _checked(source, checking)
    except InputError as error:
        what = f"cannot be read: {error}"
    except Exception as error:  # the other scenes go on
        what = f"could not be read: fault of the program ({type(error).__name__}: {error})"
        remedy = "report it with the file, and leave the scan out"
    finding = asdict(Finding("error", source.name, what, remedy))
    row = {"scene": source.name, "path": str(source.scan), "readable": False}
    return row | {"findings": [finding]}


def _checked(source: Source, checking: Checking) -> dict[str, Any]:
    """The row of a scene. Raises InputError where its scan cannot be read."""
    row: dict[str, Any] = {"scene": source.name, "path": str(source.scan)}
    (scan, segment_ids, truth), findings = _read(source, checking)
    scan = replace(scan, name=source.name)
    labels, missing = _labels(source, scan, truth, checking)
    explained = findings + missing  # why there are no labels, if there are none
    findings = explained + list(of_scan(scan))
    if labels is not None or not explained:
        findings += of_labels(scan, labels, checking.classes)
    if checking.clicks is not None:
        path = _clicks(checking.clicks, source.name)
        scene = scene_of(scan, segment_ids, truth, Loading(voxel=0.0))
        findings += of_clicks(scene, path, labels, checking.classes, checking.stated)
    low, high = scan.vertices.min(axis=0), scan.vertices.max(axis=0)
    row |= {
        "readable": True,
        "vertices": len(scan.vertices),
        "faces": len(scan.faces),
        "size": [round(float(x), 3) for x in high - low],
        **told(scan.frame),
        "mesh": mesh_hash(scan),
        **_counts(labels),
        "findings": [asdict(finding) for finding in findings],
    }
    if checking.pictures is not None:
        row["pictures"] = checking.pictures(scan, labels, checking.classes)
    return row


def summary(
    rows: Sequence[Mapping[str, Any]], checking: Checking, passed: Iterable[Passed] = ()
) -> dict[str, Any]:
    """All scenes together: counts, classes, and the findings by severity, those of the set too.

    passed : what lies in the folders and was not read
    """
    read = [row for row in rows if row["readable"]]
    vertices = sum(row["vertices"] for row in read)
    labelled = sum(row["labelled_vertices"] for row in read)
    findings = [finding for row in rows for finding in row["findings"]]
    findings += [asdict(finding) for finding in _of_set(rows, read, checking)]
    findings += [asdict(finding) for finding in _of_passed(passed)]
    findings.sort(key=lambda finding: SEVERITIES.index(finding["severity"]))
    counts = {s: sum(f["severity"] == s for f in findings) for s in SEVERITIES}
    return {
        "scenes": len(rows),
        "unreadable": len(rows) - len(read),
        "vertices": vertices,
        "faces": sum(row["faces"] for row in read),
        "instances": sum(row["instances"] for row in read),
        "labelled": labelled / vertices if vertices else None,
        "classes": _classes(read, checking.classes),
        "findings": findings,
        "errors": counts["error"],
        "warnings": counts["warning"],
        "notes": counts["note"],
    }


def _read(source: Source, checking: Checking) -> tuple[Scanned, list[Finding]]:
    """A scene and what is wrong with its truth, which does not keep the scan from being read.

    Where other labels are checked the truth need not fit the class list. Raises InputError where
    the scan itself cannot be read.
    """
    if checking.labels is not None:
        source = replace(source, reading=replace(source.reading, classes=None))
    try:
        scanned = read_source(source, True)
    except InputError as error:
        fault = Finding("error", source.name, f"its truth cannot be used: {error}", "")
        return read_source(source, False), [fault]
    path = source.aggregation  # where labels.ply has instances it is not read
    if path is not None and path.name.endswith(".aggregation.json") and source.labels is not None:
        try:
            read_aggregation(path)
        except InputError as error:
            what = f"has labels.ply, but its aggregation.json cannot be used: {error}"
            return scanned, [Finding("warning", source.name, what, "")]
    return scanned, []


def _labels(
    source: Source, scan: Scan, truth: Labels | None, checking: Checking
) -> tuple[Labels | None, list[Finding]]:
    """The labels of a scene in the folder of labels where one is named, else its truth."""
    if checking.labels is None:
        return truth, []
    path = labels_file(labels_folder(checking.labels), source.name)
    if not path.exists():
        what = f"has no labels in {path.parent}"
        return None, [Finding("warning", source.name, what, "make them with seggroup propagate")]
    try:
        listed = checking.classes if checking.stated else None
        labels, notes = read_listed(path, len(scan.vertices), listed)
        return labels, [Finding("note", source.name, f"its labels: {note}", "") for note in notes]
    except InputError as error:
        return None, [Finding("error", source.name, f"its labels cannot be used: {error}", "")]


def _clicks(place: Path, scene: str) -> Path | None:
    try:
        return find_clicks(place, scene)
    except InputError:
        return None


def _counts(labels: Labels | None) -> dict[str, Any]:
    """Labelled vertices, instances, and vertices and instances by class id."""
    if labels is None:
        return {"labelled": 0.0, "labelled_vertices": 0, "instances": 0, "classes": {}}
    ids, vertices = np.unique(labels.semantic[labels.semantic != NONE], return_counts=True)
    classes = {
        int(i): {"vertices": int(n), "instances": 0} for i, n in zip(ids, vertices, strict=True)
    }
    for one in objects(labels):
        classes[one.semantic]["instances"] += 1
    number = labels.instance[labels.instance != NONE]
    return {
        "labelled": float(vertices.sum() / len(labels)),
        "labelled_vertices": int(vertices.sum()),
        "instances": len(np.unique(number)),
        "classes": classes,
    }


def _classes(rows: Iterable[Mapping[str, Any]], classes: ClassList) -> list[dict[str, Any]]:
    """By class, the most vertices first: vertices, their share, instances and scenes."""
    total: dict[int, dict[str, int]] = defaultdict(
        lambda: {"vertices": 0, "instances": 0, "scenes": 0}
    )
    for row in rows:
        for class_id, own in row["classes"].items():
            total[class_id]["vertices"] += own["vertices"]
            total[class_id]["instances"] += own["instances"]
            total[class_id]["scenes"] += 1
    everything = sum(own["vertices"] for own in total.values())
    order = sorted(total, key=lambda i: (-total[i]["vertices"], i))
    return [
        {
            "id": i,
            "name": classes.name(i),
            "share": total[i]["vertices"] / everything,
            "thing": i in classes.things,
            **total[i],
        }
        for i in order
    ]


def _of_set(
    rows: Sequence[Mapping[str, Any]], read: Sequence[Mapping[str, Any]], checking: Checking
) -> Iterable[Finding]:
    """Findings that concern several scenes, or none."""
    for name, same in _groups(rows, "scene").items():
        yield Finding(
            "error",
            name,
            f"{len(same)} scans have this name: {first_few(row['path'] for row in same)}",
            "rename all but one: labels and clicks go by name",
        )
    equal = _groups(read, "mesh")
    for same in equal.values():
        yield Finding(
            "warning",
            "",
            f"the same scan lies in {len(same)} places: {first_few(row['path'] for row in same)}",
            "leave all but one out, or a trainer sees it twice",
        )
    yield from _nearly(read)
    if checking.labels is not None:
        yield from _left_over(rows, checking.labels)
    used = {class_id for row in read for class_id in row["classes"]}
    unused = [c.name for i, c in checking.classes.classes.items() if i not in used]
    if checking.stated and unused and used:
        yield Finding(
            "note",
            "",
            f"{len(unused)} classes of the list have no vertex: {first_few(unused)}",
            "label some, or take them out of the list",
        )


def _of_passed(passed: Iterable[Passed]) -> Iterable[Finding]:
    for one in passed:
        if one.scans:
            many = f"{len(one.scans)} scan files in {one.folder} were"
            some = many if len(one.scans) > 1 else f"1 scan file in {one.folder} was"
            yield Finding(
                "warning",
                "",
                f"{some} not read: {first_few(one.scans)}",
                "name the folder too where they are scans",
            )
        if one.meshless:
            yield Finding(
                "warning",
                "",
                f"{one.folder} has {first_few(one.meshless)} but not the mesh that they belong to",
                "copy the mesh there, or leave the folder out",
            )


def _nearly(rows: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
    """Scans of as many vertices and nearly the same size, though not the same mesh."""
    for count, same in _groups(rows, "vertices").items():
        if count < _SMALL:
            continue
        order = sorted(same, key=lambda row: sorted(row["size"]))
        for one, other in pairwise(order):
            sizes = zip(sorted(one["size"]), sorted(other["size"]), strict=True)
            if one["mesh"] != other["mesh"] and all(abs(a - b) < _NEAR for a, b in sizes):
                yield Finding(
                    "warning",
                    "",
                    f"nearly the same scan: {one['path']} and {other['path']} have {count:,} "
                    "vertices and the same size",
                    "leave one out if it is a copy",
                )


def _left_over(rows: Sequence[Mapping[str, Any]], place: Path) -> Iterable[Finding]:
    names = {row["scene"] for row in rows}
    beside = (PROPOSALS_SUFFIX, SETS_SUFFIX)
    found = sorted(path.name for path in labels_folder(place).glob("*.npz"))
    found = [name for name in found if not name.endswith(beside)]
    if lost := [name for name in found if name.removesuffix(".npz") not in names]:
        yield Finding(
            "warning",
            "",
            f"{len(lost)} label files belong to no scan: {first_few(lost)}",
            "name their scans too, or remove them",
        )


def _groups(rows: Iterable[Mapping[str, Any]], key: str) -> dict[Any, list[Mapping[str, Any]]]:
    """The rows that share a value with others, by that value."""
    groups: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return {value: same for value, same in groups.items() if len(same) > 1}
