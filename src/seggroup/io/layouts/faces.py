"""Whole numbers that a PLY file gives to its vertices, or to its faces."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int32, Int64

from seggroup.errors import InputError
from seggroup.io.layouts.naming import by_corners
from seggroup.io.ply import read_elements
from seggroup.io.plybody import Columns, Lists

_CORNERS = ("vertex_indices", "vertex_index")


def face_ids(path: Path, name: str, size: int) -> Int32[np.ndarray, " v"] | None:
    """Of each of the `size` vertices the `name` that most of its faces have; None without it.

    Polygons count once at each of their corners. Raises InputError for numbers that are not
    integers below 2^31.
    """
    face = read_elements(path).get("face", {})
    corners = next((face[key] for key in _CORNERS if key in face), None)
    ids = _whole(path, face, name)
    if ids is None or not isinstance(corners, Lists):
        return None
    each = np.repeat(ids, corners.lengths.astype(np.int64))
    return by_corners(corners.values.astype(np.int64), each, size)


def vertex_ids(path: Path, name: str) -> Int32[np.ndarray, " v"] | None:
    """The `name` of every vertex; None without it. Raises InputError as `face_ids`."""
    ids = _whole(path, read_elements(path).get("vertex", {}), name)
    return None if ids is None else ids.astype(np.int32)


def _whole(path: Path, columns: Columns, name: str) -> Int64[np.ndarray, " n"] | None:
    ids = columns.get(name)
    if not isinstance(ids, np.ndarray):
        return None
    low, high = ids.min(initial=0), ids.max(initial=0)
    if not (low >= -(2**31) and high < 2**31) or np.any(ids != np.rint(ids)):
        raise InputError(f"{path}: property {name} must be integers; use the original file")
    return ids.astype(np.int64)


def among(values: Int32[np.ndarray, " v"], known: Iterable[int]) -> Bool[np.ndarray, " v"]:
    """Which of the values are known."""
    return np.isin(values, np.array([i for i in known if abs(i) < 2**31], np.int64))
