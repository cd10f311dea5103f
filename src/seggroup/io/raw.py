"""What a file says before anyone has checked it, and the checks that make it a Scan.

Vertices are never dropped or reordered here: labels and clicks go by vertex order.
"""

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int, Int32, Int64, Integer, Num, UInt8

from seggroup.errors import InputError
from seggroup.io.reading import Reading, Unit, Up
from seggroup.types import Scan

GREY = 128  # where a file has no colours
FAR = 1e4  # coordinates beyond this, and far beyond the scan's extent, lose float32 precision
Triangles = tuple[Int64[np.ndarray, "t 3"], list[str]]


@dataclass(frozen=True)
class Raw:
    """Arrays as a file holds them, of any number type; `None` for what it does not hold.

    properties : further integers of each vertex, such as `instance` and `label`
    unit, up   : what the format says of its coordinates ("m", "z"); None where it says nothing
    """

    vertices: Num[np.ndarray, "v 3"]
    faces: Int[np.ndarray, "f 3"] | None = None
    colors: Num[np.ndarray, "v _"] | None = None
    normals: Num[np.ndarray, "v 3"] | None = None
    properties: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unit: Unit | None = None
    up: Up | None = None


def numbers(path: Path, text: bytes, what: str) -> np.ndarray:
    """All the white-space separated numbers of `text`, float64.

    Raises InputError at the first thing that is not a number.
    """
    if not text.strip():
        return np.zeros(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # numpy < 2.3 only warns
            return np.fromstring(text, sep=" ")  # type: ignore[call-overload]
    except (ValueError, DeprecationWarning) as error:
        raise InputError(
            f"{path}: the {what} hold something that is not a number; export the file again"
        ) from error


def fans(lengths: Integer[np.ndarray, " n"], corners: Integer[np.ndarray, " m"]) -> Triangles:
    """Triangle fans of polygons, in file order, with a note for each repair.

    Polygon i has the next `lengths[i]` of `corners`; fewer than three give no triangle.
    """
    if np.all(lengths == 3):
        return corners.reshape(-1, 3).astype(np.int64, copy=False), []
    lengths = lengths.astype(np.int64)
    first = np.cumsum(lengths) - lengths
    count = np.maximum(lengths - 2, 0)
    origin = np.repeat(first, count)
    step = np.arange(len(origin)) - np.repeat(np.cumsum(count) - count, count)
    faces = corners[np.stack([origin, origin + step + 1, origin + step + 2], axis=1)]
    notes = []
    if polygons := int(np.sum(lengths > 3)):
        notes.append(f"{polygons} faces with more than three corners were split into triangles.")
    if slivers := int(np.sum(lengths < 3)):
        notes.append(f"{slivers} faces with fewer than three corners were left out.")
    return faces.astype(np.int64, copy=False), notes


def checked(path: Path, name: str, raw: Raw, reading: Reading | None = None) -> Scan:
    """The scan that a file's arrays make, with a note for every repair.

    Raises InputError for fewer than three vertices, coordinates that are not finite, face
    indices out of range and colours that cannot be colours.
    """
    notes = list(raw.notes)
    vertices = _vertices(path, raw.vertices, notes)
    faces = _faces(path, raw.faces, len(vertices), notes)
    if raw.colors is None:
        colors = np.full(vertices.shape, GREY, np.uint8)
        notes.append("The file has no colours: every vertex is mid-grey.")
    else:
        colors = _colors(path, raw.colors)
    normals = None
    if raw.normals is not None and not len(faces):
        normals = _normals(raw.normals, notes)
    if duplicates := coincident(vertices):
        notes.append(f"{duplicates} vertices lie exactly on another; they were kept.")
    return Scan(name, vertices, colors, faces, normals, tuple(notes))


def coincident(vertices: Float32[np.ndarray, "v 3"]) -> int:
    """How many vertices repeat the position of another (by a 64-bit hash of the bits)."""
    bits = (vertices + np.float32(0)).view(np.uint32).astype(np.uint64)  # + 0: -0 becomes 0
    key = bits[:, 0] * np.uint64(0x9E3779B97F4A7C15)
    key = (key ^ (key >> np.uint64(29)) ^ bits[:, 1]) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(32)) ^ bits[:, 2]) * np.uint64(0x94D049BB133111EB)
    key.sort()
    return int(np.count_nonzero(key[1:] == key[:-1]))


def _vertices(
    path: Path, vertices: Num[np.ndarray, "v 3"], notes: list[str]
) -> Float32[np.ndarray, "v 3"]:
    if len(vertices) < 3:
        raise InputError(
            f"{path}: has {len(vertices)} vertices, so there is nothing to label; "
            "a scan needs three or more"
        )
    # The sum of finite values can overflow, so it only decides whether to look closer.
    with np.errstate(all="ignore"):
        suspicious = not np.isfinite(vertices.sum(dtype=np.float64))
    if suspicious and len(bad := np.flatnonzero(~np.isfinite(vertices).all(axis=1))):
        raise InputError(
            f"{path}: {len(bad)} vertices have coordinates that are not finite, the first is "
            f"vertex {bad[0]}; remove them (and their faces) in a mesh editor"
        )
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    largest = max(abs(float(low.min())), abs(float(high.max())))
    with np.errstate(all="ignore"):
        extent = float((high.astype(np.float64) - low.astype(np.float64)).max())
    if largest > FAR and largest > 10 * extent:
        origin = np.floor(low.astype(np.float64))
        vertices = vertices - origin
        shift = ", ".join(f"{value:.10g}" for value in origin)
        notes.append(f"Coordinates lie far from the origin: ({shift}) was subtracted from them.")
        largest = extent
    if largest > 1e30:
        raise InputError(
            f"{path}: coordinates reach {largest:.3g}, which is no size of a room; "
            "check the export and its units"
        )
    return np.ascontiguousarray(vertices, np.float32)


def _faces(
    path: Path, faces: Int[np.ndarray, "f 3"] | None, size: int, notes: list[str]
) -> Int32[np.ndarray, "f 3"]:
    if faces is None or not len(faces):
        notes.append("The file has no faces: it is read as a point cloud.")
        return np.zeros((0, 3), np.int32)
    if faces.min() < 0 or faces.max() >= size:
        wrong = int(np.flatnonzero(((faces < 0) | (faces >= size)).any(axis=1))[0])
        raise InputError(
            f"{path}: face {wrong} names vertex {faces[wrong].tolist()} out of the range "
            f"0 to {size - 1}; export the mesh again"
        )
    return np.ascontiguousarray(faces, np.int32)


def _colors(path: Path, colors: Num[np.ndarray, "v _"]) -> UInt8[np.ndarray, "v 3"]:
    """Colours of 8 bits, of 16, or numbers from 0 to 1; alpha is left out."""
    colors = colors[:, :3]
    if colors.dtype == np.uint8:
        return np.ascontiguousarray(colors)
    if not np.isfinite(colors).all() or colors.min() < 0 or colors.max() > 65535:
        raise InputError(
            f"{path}: its colours are not numbers from 0 to 255 (or 0 to 1); export them again"
        )
    top = colors.max()
    fraction = top <= 1 and (colors.dtype.kind == "f" or top == 0)
    scale = 255.0 if fraction else 1.0 if top <= 255 else 255 / 65535
    return np.rint(colors * scale).astype(np.uint8)


def _normals(
    normals: Num[np.ndarray, "v 3"], notes: list[str]
) -> Float32[np.ndarray, "v 3"] | None:
    """Unit normals, or none of them where one has no direction."""
    unit = normals.astype(np.float64)
    with np.errstate(all="ignore"):
        length = np.linalg.norm(unit, axis=1, keepdims=True)
        wrong = int(np.count_nonzero(~(np.isfinite(length) & (length > 0))))
    if wrong:
        notes.append(f"{wrong} of the file's normals have no direction: none of them was used.")
        return None
    return (unit / length).astype(np.float32)
