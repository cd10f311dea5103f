"""3RScan: `mesh.refined.v2.obj`, the annotated PLY with objectId, and `semseg.v2.json`.

Source: README.md and FAQ.md of github.com/WaldJohannaU/3RScan: "OBJ format mesh with +Z axis in
upright orientation", "the 3D models are stored in meters"; the annotated PLY's colours are those
of the objects, its vertices need not be the OBJ's.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.errors import InputError
from seggroup.io.files import read_json
from seggroup.io.layouts.faces import vertex_ids
from seggroup.io.layouts.naming import finder, semantic_of
from seggroup.io.layouts.source import Scanned, Source, json_list, own_segments
from seggroup.io.ply import read_ply
from seggroup.io.raw import GREY, checked
from seggroup.io.relisting import has_nyu40_ids
from seggroup.io.scan import read_scan
from seggroup.io.scannet import stored_segments
from seggroup.types import NONE, Labels, Scan

MESHES = ("mesh.refined.v2.obj", "mesh.refined.obj")
ANNOTATED = ("labels.instances.annotated.v2.ply", "labels.instances.annotated.ply")
NAMES = ("semseg.v2.json", "semseg.json")
SEGMENTS = ("mesh.refined.0.010000.segs.v2.json", "mesh.refined.0.010000.segs.json")
_REACH = 0.05  # metres from a vertex to the annotated one that it takes its object from


def find(folder: Path, names: Sequence[str]) -> list[Source]:
    """The scan of a folder, named as the folder: the OBJ, or where there is none the PLY."""

    def first(wanted: Sequence[str]) -> Path | None:
        return next((folder / n for n in wanted if n in names and (folder / n).is_file()), None)

    mesh, annotated = first(MESHES), first(ANNOTATED)
    scan = mesh or annotated
    if scan is None:
        return []
    truth = {"names": path} if (path := first(NAMES)) else {}
    name = folder.absolute().name
    segments = first((f"{scan.stem}.0.010000.segs.json", *SEGMENTS))
    return [Source(name, scan, segments, None, annotated, layout="threerscan", files=truth)]


def read(source: Source, truth: bool) -> Scanned:
    """Instances are objectId (0 = none), classes 3RScan's NYU40, else the names of objects."""
    if source.scan == source.labels:
        scan = _uncoloured(source)
    else:
        scan = replace(read_scan(source.scan, source.reading), name=source.name)
    segments, notes = _segments(source, len(scan.vertices))
    if not truth:
        return scan.noting(*notes), segments, None
    if source.labels is None:
        notes.append(f"There is no {ANNOTATED[0]}: the scan has no truth.")
        return scan.noting(*notes), segments, None
    object_id, nyu40 = (vertex_ids(source.labels, name) for name in ("objectId", "NYU40"))
    if object_id is None:
        raise InputError(
            f"{source.labels}: has no vertex property objectId; use 3RScan's own, or --no-truth"
        )
    at = _same_place(scan, source.labels, source, notes)
    instance = np.where((at >= 0) & (object_id[at] > 0), object_id[at], np.int32(NONE))
    semantic = _classes(source, instance, None if nyu40 is None else nyu40[at], notes)
    return scan.noting(*notes), segments, Labels(semantic, instance)


def _classes(
    source: Source,
    instance: Int32[np.ndarray, " v"],
    nyu40: Int32[np.ndarray, " v"] | None,
    notes: list[str],
) -> Int32[np.ndarray, " v"]:
    """By 3RScan's own NYU40 column where the class list has such ids, else by name."""
    if nyu40 is not None and has_nyu40_ids(source.reading.classes):
        fits = (instance != NONE) & (nyu40 > 0) & (nyu40 <= 40)
        return np.where(fits, nyu40, NONE).astype(np.int32)
    if "names" not in source.files:
        notes.append(f"There is no {NAMES[0]}, which names the classes.")
        return np.full_like(instance, NONE)
    names = read_names(source.files["names"])
    semantic, unknown = semantic_of(names, instance, finder(source.reading.classes))
    notes += unknown
    return semantic


def read_names(path: Path) -> dict[int, str]:
    """The label of each objectId in semseg.v2.json. Raises InputError where a group lacks one."""
    names: dict[int, str] = {}
    for number, row in enumerate(json_list(path, read_json(path), "segGroups", "3RScan's own")):
        match row:
            case {"objectId": int(object_id), "label": str(label)}:
                names[object_id] = label
            case _:
                raise InputError(
                    f"{path}: group {number} of segGroups needs an objectId (an integer) and a "
                    "label; use 3RScan's own"
                )
    return names


def _uncoloured(source: Source) -> Scan:
    """The annotated PLY as a scan: its colours are the answer, so they are not used."""
    scan = checked(source.scan, source.name, read_ply(source.scan), source.reading)
    return replace(scan, colors=np.full_like(scan.colors, GREY)).noting(
        f"There is no {MESHES[0]}: {source.scan.name} was read, without the colours, which are "
        "those of its objects: every vertex is mid-grey."
    )


def _segments(source: Source, size: int) -> tuple[Int32[np.ndarray, " v"] | None, list[str]]:
    """The segments, where they are those of this mesh: 3RScan's may be of the annotated one."""
    path = source.segments
    if path is None or path.name not in SEGMENTS:
        return own_segments(source, size), []
    segments = stored_segments(path)
    if len(segments) != size:
        note = f"{path.name} was not used: it has {len(segments)} vertices, the mesh {size}."
        return None, [note]
    return segments, []


def _same_place(
    scan: Scan, annotated: Path, source: Source, notes: list[str]
) -> Int32[np.ndarray, " v"]:
    """Of every vertex the annotated vertex in its place; NONE where there is none near it."""
    size = len(scan.vertices)
    if source.scan == annotated:
        return np.arange(size, dtype=np.int32)
    raw = read_ply(annotated)
    places = raw.vertices.astype(np.float64) + raw.origin
    points = scan.frame.to_file(scan.vertices)
    if len(places) == size and np.allclose(points, places, rtol=0, atol=1e-3):
        return np.arange(size, dtype=np.int32)
    from scipy.spatial import cKDTree

    if not np.isfinite(places).all():
        raise InputError(f"{annotated}: has coordinates that are not finite; use 3RScan's own")
    distance, at = cKDTree(places).query(points, distance_upper_bound=_REACH / scan.frame.unit)
    found = np.isfinite(distance)
    notes.append(
        f"{annotated.name} has other vertices than the mesh: each took the object of the nearest "
        f"one; {int(np.sum(~found))} have none within {100 * _REACH:g} cm."
    )
    return np.where(found, at, NONE).astype(np.int32)
