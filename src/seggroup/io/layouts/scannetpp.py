"""ScanNet++: `<scene>/scans/mesh_aligned_0.05.ply` with segments.json and segments_anno.json.

Source: README and `semantic/transforms/mesh.py` of github.com/scannetpp/scannetpp. Groups may
overlap there: a vertex of several belongs to the one with the fewest vertices.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.io.layouts.naming import finder, semantic_of
from seggroup.io.layouts.source import Scanned, Source, own_segments
from seggroup.io.ply import read_ply
from seggroup.io.raw import checked
from seggroup.io.scannet import Groups, read_aggregation
from seggroup.types import NONE, Labels

MESH = "mesh_aligned_0.05.ply"


def find(folder: Path, names: Sequence[str]) -> list[Source]:
    """The scene of a folder that is `<scene>`, or its `scans`."""
    scans = folder if MESH in names else folder / "scans"
    if not (MESH in names or "scans" in names) or not (scans / MESH).is_file():
        return []
    segments, annotation = scans / "segments.json", scans / "segments_anno.json"
    place = scans.absolute()
    return [
        Source(
            place.parent.name if place.name == "scans" else place.name,
            scans / MESH,
            segments if segments.is_file() else None,
            annotation if annotation.is_file() else None,
            layout="scannetpp",
        )
    ]


def read(source: Source, truth: bool) -> Scanned:
    """Instances are the annotation's objectId, classes the names of its groups."""
    scan = checked(source.scan, source.name, read_ply(source.scan), source.reading)
    segments = own_segments(source, len(scan.vertices))
    if not truth:
        return scan, segments, None
    if source.aggregation is None or segments is None:
        wanted = "segments_anno.json" if segments is not None else "segments.json"
        return scan.noting(f"There is no {wanted}: the scan has no truth."), segments, None
    groups = read_aggregation(source.aggregation)
    instance, missing = smallest_of(groups, segments)
    names = {number: label for number, label, _ in groups}
    semantic, notes = semantic_of(names, instance, finder(source.reading.classes))
    if missing:
        notes.append(f"{missing} segments of the annotation are not in segments.json.")
    return scan.noting(*notes), segments, Labels(semantic, instance)


def smallest_of(
    groups: Groups, segment_ids: Int32[np.ndarray, " v"]
) -> tuple[Int32[np.ndarray, " v"], int]:
    """Every vertex's instance: of the groups that have it the smallest, the first of equals.

    Also how many segments the groups name that no vertex has.
    """
    ids, segment, counts = np.unique(segment_ids, return_inverse=True, return_counts=True)
    instance = np.full(len(ids), NONE, np.int32)
    smallest = np.full(len(ids), np.inf)
    missing = 0
    for number, _, segments in groups:
        wanted = np.unique(np.array(segments, np.int32))
        known = np.isin(wanted, ids)
        missing += int(np.sum(~known))
        at = np.searchsorted(ids, wanted[known])
        size = counts[at].sum()
        at = at[size < smallest[at]]
        instance[at], smallest[at] = number, size
    return instance[segment], missing
