"""Reading one scan file of any format into a Scan."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io.columns import from_zero
from seggroup.io.e57 import read_e57
from seggroup.io.gltf import read_gltf
from seggroup.io.kinds import SUFFIXES, kind_of
from seggroup.io.las import read_las
from seggroup.io.mesh import read_off, read_stl
from seggroup.io.obj import read_obj
from seggroup.io.pcd import read_pcd
from seggroup.io.ply import read_ply
from seggroup.io.pointcloud import read_npy, read_npz, read_text
from seggroup.io.raw import Raw, checked
from seggroup.io.reading import Reading
from seggroup.types import NONE, Labels, Scan

BY_KIND: dict[str, Callable[[Path], Raw]] = {
    "ply": read_ply,
    "obj": read_obj,
    "off": read_off,
    "gltf": read_gltf,
    "stl": read_stl,
    "las": read_las,
    "e57": read_e57,
    "pcd": read_pcd,
    "npy": read_npy,
    "npz": read_npz,
    "text": read_text,
}
READERS = {suffix: BY_KIND[kind] for suffix, kind in SUFFIXES.items()}  # in folders: by ending
MESH_SUFFIX = "_vh_clean_2"  # of ScanNet's meshes; no part of a scene's name


def read_scan(path: Path, reading: Reading | None = None) -> Scan:
    """The mesh or point cloud in a file, in the file's vertex order.

    Repairs and assumptions are sentences in the scan's notes. Raises InputError for anything
    that is no scan.
    """
    return checked(Path(path), scan_name(path), _read(Path(path)), reading)


def read_labelled_scan(path: Path, reading: Reading | None = None) -> tuple[Scan, Labels | None]:
    """A scan, and the labels that its points' `instance` and `label` (0 = none) hold.

    Raises InputError for anything that is no scan and for labels that are not integers from 0.
    """
    raw = _read(Path(path))
    notes: list[str] = []
    labels = stated_labels(Path(path), raw, notes)
    raw = replace(raw, notes=[*raw.notes, *notes])
    return checked(Path(path), scan_name(path), raw, reading), labels


def scan_name(path: Path) -> str:
    """A scene's name: the stem of its file, without ScanNet's `_vh_clean_2`."""
    return Path(path).stem.removesuffix(MESH_SUFFIX)


def stated_labels(path: Path, raw: Raw, notes: list[str] | None = None) -> Labels | None:
    """The properties `label` and `instance` of a file's vertices; None without both.

    0 is none; where the file writes -1 for none, its instances count from 0, noted.
    """
    notes = [] if notes is None else notes
    if not raw.properties.keys() & {"label", "instance"}:
        return None
    columns = []
    for name in ("label", "instance"):
        values = raw.properties.get(name, np.zeros(len(raw.vertices), np.int32))
        values = from_zero(name, values, notes)
        in_range = values.min(initial=0) >= 0 and values.max(initial=0) < 2**31
        if not in_range or np.any(values != np.rint(values)):
            raise InputError(
                f"{path}: vertex property {name} must be integers from 0 (none) or -1 (none); "
                "write it as int, or pass --no-truth"
            )
        columns.append(values.astype(np.int32))
    semantic, instance = columns
    return Labels(np.where(semantic == 0, np.int32(NONE), semantic), instance - 1)


def _read(path: Path) -> Raw:
    """By the kind that the file's first bytes show, whatever its name."""
    kind, notes = kind_of(path)
    raw = BY_KIND[kind](path)
    return replace(raw, notes=[*notes, *raw.notes]) if notes else raw
