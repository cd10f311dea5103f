"""Finding scenes among paths, and reading one with its segments and its truth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.errors import InputError
from seggroup.io.files import read_json
from seggroup.io.reading import AS_FOUND, Reading
from seggroup.io.scan import MESH_SUFFIX, READERS, read_labelled_scan, read_scan, scan_name
from seggroup.io.scannet import (
    CLASS_TABLE,
    classes_of,
    instances_of,
    read_aggregation,
    read_class_table,
    read_segments,
    read_vertex_labels,
)
from seggroup.types import NONE, Labels, Scan

_AMBIGUOUS = (".txt", ".csv")  # in folders: mostly something other than scans
_TABLE_LEVELS = 3  # folders above the scan's in which the class table is looked for


@dataclass(frozen=True)
class Source:
    """Where a scene's files are.

    segments    : `segs.json`
    aggregation : ScanNet's `aggregation.json`, or MultiScan's `objects.json`
    labels      : ScanNet's `labels.ply`
    reading     : what was stated of it
    """

    name: str
    scan: Path
    segments: Path | None = None
    aggregation: Path | None = None
    labels: Path | None = None
    reading: Reading = AS_FOUND


def find_scenes(paths: Sequence[Path], reading: Reading = AS_FOUND) -> list[Source]:
    """The scenes in scan files, ScanNet scan folders, ScanNet roots and folders of scans.

    Sorted by name. In a folder .txt and .csv files are passed over: name them. Raises
    InputError where a path holds no scan and where two scans have one name.
    """
    sources: dict[str, Source] = {}
    for path in map(Path, paths):
        for source in _in_folder(path) if path.is_dir() else [_file(path)]:
            if source.name in sources:
                raise InputError(
                    f"{source.scan}: has the same name as {sources[source.name].scan}; "
                    "rename one or pass it alone"
                )
            sources[source.name] = source
    if not sources:
        raise InputError("no scans were named; pass scan files or folders that hold some")
    return [replace(sources[name], reading=reading) for name in sorted(sources)]


def read_source(
    source: Source, truth: bool = True
) -> tuple[Scan, Int32[np.ndarray, " v"] | None, Labels | None]:
    """A scan, the segment id of every vertex where it has a `segs.json`, and its truth.

    Truth comes from the `instance` and `label` of ScanNet's labels.ply, else its aggregation,
    else the scan's own properties. What could not be used is noted in the scan. Raises
    InputError for files that do not fit the mesh.
    """
    if truth:
        scan, own = read_labelled_scan(source.scan, source.reading)
    else:
        scan, own = read_scan(source.scan, source.reading), None
    size = len(scan.vertices)
    segments = None if source.segments is None else read_segments(source.segments, size)
    if not truth:
        return scan, segments, None
    notes: list[str] = []
    found = _truth(source, size, segments, own, notes)
    return scan.noting(*notes), segments, found


def _file(path: Path) -> Source:
    if not path.exists():
        raise InputError(f"{path}: does not exist; check the path")
    if path.name.lower().endswith(".labels.ply"):
        raise InputError(f"{path}: holds labels of a scan; name the scan beside it")
    if path.suffix.lower() not in READERS:
        raise InputError(f"{path}: is no scan; scans end in {', '.join(READERS)}")
    return _source(path, sorted(other.name for other in path.parent.iterdir()))


def _in_folder(folder: Path) -> list[Source]:
    """The scenes of a folder, or of the folders in it."""
    try:
        if (folder / "scans").is_dir():
            folder = folder / "scans"
        sources = _loose(folder)
        for inner in sorted(folder.iterdir()):
            if inner.is_dir() and any(inner.glob(f"*{MESH_SUFFIX}.ply")):
                sources += _loose(inner)
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror})") from error
    if not sources:
        raise InputError(
            f"{folder}: holds no scans; name a folder with scan files ({', '.join(READERS)}), "
            "a ScanNet scan folder or a ScanNet root"
        )
    return sources


def _loose(folder: Path) -> list[Source]:
    """The scan files of one folder; beside ScanNet's meshes nothing else is a scan."""
    names = sorted(path.name for path in folder.iterdir())
    files = [
        path
        for path in map(folder.joinpath, names)
        if path.suffix.lower() in READERS
        and path.suffix.lower() not in _AMBIGUOUS
        and not path.name.startswith(".")
        and not path.name.lower().endswith(".labels.ply")
        and path.is_file()
    ]
    meshes = [path for path in files if path.stem.endswith(MESH_SUFFIX)]
    return [_source(path, names) for path in meshes or files]


def _source(scan: Path, names: list[str]) -> Source:
    """A scan with the files beside it (`names`, all of its folder) that carry its name."""
    name = scan_name(scan)
    dense = f"{name}{MESH_SUFFIX.removesuffix('_2')}"
    segments = [n for n in names if n.startswith(f"{scan.stem}.") and n.endswith(".segs.json")]

    def first(*candidates: str) -> Path | None:
        return next((scan.parent / n for n in candidates if (scan.parent / n).is_file()), None)

    return Source(
        name,
        scan,
        first(*sorted(segments, key=len)),
        first(f"{name}.aggregation.json", f"{dense}.aggregation.json", f"{name}.objects.json"),
        first(f"{scan.stem}.labels.ply"),
    )


def _truth(
    source: Source,
    size: int,
    segments: Int32[np.ndarray, " v"] | None,
    own: Labels | None,
    notes: list[str],
) -> Labels | None:
    """The best truth the files hold, in the order that `read_source` states."""
    classes = None
    if source.labels is not None:
        classes, exact = read_vertex_labels(source.labels, size)
        if exact:
            return classes
    if source.aggregation is not None and source.aggregation.name.endswith(".objects.json"):
        return _objects(source.aggregation, own, notes)
    annotated = _aggregation(source, segments, classes, notes)
    found = annotated or own or classes
    if found is not None and not np.any(found.semantic != NONE):
        notes.append("The truth has instances but no classes.")
    elif found is not None and not np.any(found.instance != NONE):
        notes.append("The truth has classes but no instances.")
    return found


def _aggregation(
    source: Source,
    segments: Int32[np.ndarray, " v"] | None,
    classes: Labels | None,
    notes: list[str],
) -> Labels | None:
    """ScanNet's annotation: instances by segments, classes by labels.ply, else by name."""
    path = source.aggregation
    if path is None:
        return None
    if segments is None:
        notes.append(f"{path.name} was not used: there is no segs.json that it refers to.")
        return None
    groups = read_aggregation(path)
    instance, named, missing = instances_of(groups, segments)
    dense = path.name.endswith(f"{MESH_SUFFIX.removesuffix('_2')}.aggregation.json")
    if missing == named or (dense and missing):
        notes.append(
            f"{path.name} was not used as truth: {missing} of the {named} segments it names are "
            "not in segs.json, so it was made on other segments."
        )
        return None
    if missing:
        notes.append(f"{missing} of {named} segments in {path.name} are not in segs.json.")
    if classes is not None:
        return Labels(classes.semantic, instance)
    table = _class_table(source.scan.parent)
    names = {number: label for number, label, _ in groups}
    semantic, unknown = classes_of(names, instance, table)
    notes += unknown
    return Labels(semantic, instance)


def _class_table(folder: Path) -> dict[str, int] | None:
    for parent in [folder.absolute(), *folder.absolute().parents[:_TABLE_LEVELS]]:
        if (parent / CLASS_TABLE).is_file():
            return read_class_table(parent / CLASS_TABLE)
    return None


def _objects(path: Path, own: Labels | None, notes: list[str]) -> Labels | None:
    """MultiScan's: names of the objects whose `id` + 1 is the scan's property `instance`."""
    value = read_json(path)
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
        notes.append(f"{path.name} was not used: the scan has no vertex property instance.")
        return None
    semantic, unknown = classes_of(names, own.instance)
    notes += unknown
    if np.any(own.semantic != NONE):  # the scan's own classes go first
        semantic = np.where(own.semantic == NONE, semantic, own.semantic)
    return Labels(semantic, own.instance)
