"""ScanNet's files: over-segmentation, aggregation, vertex labels, class table; and writing them.

Instance ids are from 0 here and in `aggregation.json` (objectId), from 1 (0 = none) in PLY.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int32

from seggroup.classes import class_name
from seggroup.errors import InputError
from seggroup.io.files import atomic, read_bytes, read_json, write_json, write_text
from seggroup.io.ply import read_ply, write_columns
from seggroup.io.scan import MESH_SUFFIX, stated_labels
from seggroup.io.store import safe_name
from seggroup.types import NONE, Labels, Scan

CLASS_TABLE = "scannetv2-labels.combined.tsv"
Groups = list[tuple[int, str, list[int]]]  # objectId, raw category, segment ids


def read_segments(path: Path, n_vertices: int) -> Int32[np.ndarray, " v"]:
    """The segment id of every vertex in a `segs.json`, as the file has them.

    Raises InputError when they are not `n_vertices` integers from 0.
    """
    array = stored_segments(path)
    if len(array) != n_vertices:
        raise InputError(
            f"{path}: has segments for {len(array)} vertices, but the mesh has {n_vertices}; "
            "use the file made for this mesh, or remove it to segment anew"
        )
    return array


def stored_segments(path: Path) -> Int32[np.ndarray, " n"]:
    """The segment ids in a `segs.json`, however many. Raises InputError for other than integers."""
    value = read_json(path)
    ids = value.get("segIndices") if isinstance(value, dict) else None
    if not isinstance(ids, list):
        raise InputError(f"{path}: has no list segIndices; write it with seggroup segment")
    array = _integers(ids)
    if array is None:
        raise InputError(
            f"{path}: segIndices must be integers from 0 to {2**31 - 1}; "
            "write it again with seggroup segment"
        )
    return array


def write_segments(
    path: Path, segment_ids: Int32[np.ndarray, " v"], scene: str, k: float, min_size: int
) -> None:
    """Write a `segs.json` in ScanNet's form; `segment_ids` are the ids in the file.

    A million ids at a time: as one list those of a large scan would take gigabytes.
    """
    params = {"kThresh": f"{k:g}", "segMinVerts": str(min_size)}
    value = {"params": params, "sceneId": scene, "segIndices": []}
    with atomic(path) as file:
        file.write(json.dumps(value).removesuffix("]}").encode())
        for start in range(0, len(segment_ids), 1_000_000):
            some = segment_ids[start : start + 1_000_000].tolist()
            file.write(f"{', ' if start else ''}{', '.join(map(str, some))}".encode())
        file.write(b"]}\n")


def read_aggregation(path: Path) -> Groups:
    """The annotated objects of a file, as `aggregation_groups` gives them."""
    return aggregation_groups(path, read_json(path))


def aggregation_groups(path: Path, value: Any) -> Groups:
    """The annotated objects: objectId, raw category and segment ids of each; `path` is for errors.

    A later group with exactly an earlier one's segments is left out (scene0217_00 repeats
    itself). Raises InputError where a group lacks one of the three.
    """
    groups = value.get("segGroups") if isinstance(value, dict) else None
    if not isinstance(groups, list):
        raise InputError(f"{path}: has no list segGroups; use ScanNet's aggregation.json")
    seen, result = set[tuple[int, ...]](), []
    for number, group in enumerate(groups):
        match group:
            case {"objectId": int(instance), "label": str(label), "segments": list(segments)} if (
                ids := _integers(segments)
            ) is not None and 0 <= instance < 2**31 - 1:
                key = tuple(sorted(ids.tolist()))
                if key not in seen:
                    seen.add(key)
                    result.append((instance, label, ids.tolist()))
            case _:
                raise InputError(
                    f"{path}: group {number} of segGroups needs objectId, label and segments "
                    "(integers); use ScanNet's aggregation.json"
                )
    return result


def instances_of(
    groups: Groups, segment_ids: Int32[np.ndarray, " v"]
) -> tuple[Int32[np.ndarray, " v"], int, int]:
    """Every vertex's instance; how many segments the groups name, and how many do not exist.

    Where two groups name one segment the later one has it, as in ScanNet's own script.
    """
    ids, segment = np.unique(segment_ids, return_inverse=True)
    instance = np.full(len(ids), NONE, np.int32)
    named = missing = 0
    for number, _, segments in groups:
        wanted = np.array(segments, np.int32)
        known: Bool[np.ndarray, " n"] = np.isin(wanted, ids)
        instance[np.searchsorted(ids, wanted[known])] = number
        named, missing = named + len(wanted), missing + int(np.sum(~known))
    return instance[segment], named, missing


def read_class_table(path: Path, column: str = "nyu40id") -> dict[str, int]:
    """raw_category → id from `scannetv2-labels.combined.tsv`; 0 is left out.

    column : "nyu40id" for NYU40's ids, "id" for ScanNet's own, which ScanNet200's classes have
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
        rows = csv.DictReader(text.splitlines(), delimiter="\t")
        ids = {row["raw_category"]: int(row[column] or 0) for row in rows}
    except (UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: needs the tab-separated columns raw_category and {column} ({error}); "
            "use ScanNet's own table"
        ) from error
    most = 40 if column == "nyu40id" else 65535
    return {name: class_id for name, class_id in ids.items() if 0 < class_id <= most}


def read_vertex_labels(path: Path, n_vertices: int) -> tuple[Labels, bool]:
    """The `label` (and `instance`) of every vertex in a `labels.ply`; whether it has instances.

    Raises InputError when it has no labels or not `n_vertices` vertices.
    """
    raw = read_ply(path)
    labels = stated_labels(path, raw)
    if labels is None or "label" not in raw.properties:
        raise InputError(f"{path}: has no integer vertex property label; use ScanNet's labels.ply")
    if len(labels) != n_vertices:
        raise InputError(
            f"{path}: labels {len(labels)} vertices, but the mesh has {n_vertices}; "
            "use the file made for this mesh"
        )
    return labels, "instance" in raw.properties


def write_scene(
    root: Path,
    scan: Scan,
    segment_ids: Int32[np.ndarray, " v"],
    truth: Labels,
    k: float,
    min_size: int,
    names: Callable[[int], str] = class_name,
    kind: str = "Synthetic",
) -> None:
    """Write a scan and its truth as `root/scans/<name>/` in ScanNet's layout.

    names : of classes in the aggregation; kind : ScanNet's sceneType.

    `aggregation.json` can only say which segments an instance has (those it fills most of), so
    `labels.ply` also holds the exact `instance` of every vertex, 0 = none.
    """
    name = safe_name(scan.name)
    folder = Path(root) / "scans" / name
    stem = f"{name}{MESH_SUFFIX}"
    alpha = np.full(len(scan.vertices), 255, np.uint8)
    columns: dict[str, tuple[str, np.ndarray]] = {
        **{axis: ("float", scan.vertices[:, i]) for i, axis in enumerate("xyz")},
        **{color: ("uchar", scan.colors[:, i]) for i, color in enumerate(("red", "green", "blue"))},
        "alpha": ("uchar", alpha),
    }
    wide = "ushort" if truth.instance.max(initial=0) < 65535 else "uint"
    labels = {
        "label": ("ushort", np.maximum(truth.semantic, 0)),
        "instance": (wide, truth.instance + 1),
    }
    write_columns(folder / f"{stem}.ply", columns, scan.faces)
    write_columns(folder / f"{stem}.labels.ply", columns | labels, scan.faces)
    segments_file = f"{stem}.0.010000.segs.json"
    write_segments(folder / segments_file, segment_ids, name, k, min_size)
    aggregation = {
        "sceneId": f"scannet.{name}",
        "appId": "Aggregator.v2",
        "segGroups": _groups(segment_ids, truth, names),
        "segmentsFile": f"scannet.{segments_file}",
    }
    write_json(folder / f"{name}.aggregation.json", aggregation, indent=None)
    identity = " ".join(f"{value:.6f}" for value in np.eye(4).ravel())
    write_text(folder / f"{name}.txt", f"axisAlignment = {identity}\nsceneType = {kind}\n")


def majority(keys: Int32[np.ndarray, " n"], values: Int32[np.ndarray, " n"]) -> dict[int, int]:
    """The most frequent value of each key (the smallest of equals)."""
    packed = (keys.astype(np.int64) << 32) + values
    pairs, counts = np.unique(packed, return_counts=True)
    key = (pairs + 2**31) >> 32
    value = pairs - (key << 32)
    order = np.lexsort((-value, counts))  # the best of each key comes last
    return dict(zip(key[order].tolist(), value[order].tolist(), strict=True))


def _groups(
    segment_ids: Int32[np.ndarray, " v"], truth: Labels, names: Callable[[int], str]
) -> list[dict[str, Any]]:
    owner = majority(segment_ids, truth.instance)
    classes = majority(truth.instance, truth.semantic)
    segments: dict[int, list[int]] = {i: [] for i in sorted(classes) if i != NONE}
    for segment, instance in sorted(owner.items()):
        if instance != NONE:
            segments[instance].append(segment)
    return [
        {"id": i, "objectId": i, "segments": ids, "label": names(classes[i])}
        for i, ids in segments.items()
        if ids
    ]


def _integers(values: list) -> Int32[np.ndarray, " n"] | None:
    """A JSON list as ids from 0, or None where it holds anything else."""
    if not all(type(value) is int for value in values):
        return None
    if values and not (min(values) >= 0 and max(values) < 2**31):
        return None
    return np.array(values, np.int32)
