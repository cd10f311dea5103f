"""What a file says before anyone has checked it, and the checks that make it a Scan.

Vertices are never dropped or reordered here: labels and clicks go by vertex order.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32, Integer, Num, UInt8

from seggroup.errors import InputError
from seggroup.io.duplicates import firsts
from seggroup.io.placing import in_frame, placed
from seggroup.io.reading import AS_FOUND, Reading, Unit, Up
from seggroup.io.text import rows
from seggroup.types import Scan

GREY = 128  # where a file has no colours
NOWHERE = (0.0, 0.0, 0.0)
KEPT = "vertices lie exactly on another; they were kept."  # after their number
FAR = 1e4  # coordinates beyond this, and far beyond the scan's extent, lose float32 precision
Triangles = tuple[Integer[np.ndarray, "t 3"], list[str]]


@dataclass(frozen=True)
class Raw:
    """Arrays as a file holds them, of any number type; `None` for what it does not hold.

    properties : further integers of each vertex, such as `instance` and `label`
    unit, up   : what the format says of its coordinates ("m", "z"); None where it says nothing
    origin     : what the reader has subtracted from the file's coordinates already
    """

    vertices: Num[np.ndarray, "v 3"]
    faces: Integer[np.ndarray, "f 3"] | None = None
    colors: Num[np.ndarray, "v _"] | None = None
    normals: Num[np.ndarray, "v 3"] | None = None
    properties: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unit: Unit | None = None
    up: Up | None = None
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)


def numbers(path: Path, text: bytes, what: str) -> np.ndarray:
    """All the white-space separated numbers of `text`, float64.

    Raises InputError at the first thing that is not a number.
    """
    return rows(path, text, what)[0]


def fans(lengths: Integer[np.ndarray, " n"], corners: Integer[np.ndarray, " m"]) -> Triangles:
    """Triangle fans of polygons, in file order, with a note for each repair.

    Polygon i has the next `lengths[i]` of `corners`; fewer than three give no triangle.
    """
    if np.all(lengths == 3):
        return corners.reshape(-1, 3), []
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
    return faces, notes


def checked(path: Path, name: str, raw: Raw, reading: Reading | None = None) -> Scan:
    """The scan that a file's arrays make, with a note for every repair.

    Raises InputError for fewer than three vertices, coordinates that are not finite, face
    indices out of range and colours that cannot be colours.
    """
    notes = list(raw.notes)
    faces = _faces(path, raw.faces, _checked_size(path, raw.vertices), notes)
    shift = _far(path, raw.vertices, notes)
    far = shift != NOWHERE or raw.origin != NOWHERE
    frame, said = placed(raw.vertices, faces, shift, far, raw.unit, raw.up, reading or AS_FOUND)
    vertices = in_frame(raw.vertices, frame)
    x, y, z = (a + b for a, b in zip(shift, raw.origin, strict=True))
    frame = replace(frame, origin=(x, y, z))
    if raw.colors is None:
        colors = np.full(vertices.shape, GREY, np.uint8)
        notes.append("The file has no colours: every vertex is mid-grey.")
    else:
        colors = _colors(path, raw.colors)
    normals = None
    if raw.normals is not None and not len(faces):
        normals = _normals(frame.turned(raw.normals), notes)
    if duplicates := coincident(vertices):
        notes.append(f"{duplicates} {KEPT}")
    return Scan(name, vertices, colors, faces, normals, (*notes, *said), frame)


def coincident(vertices: Float32[np.ndarray, "v 3"]) -> int:
    """How many vertices repeat the position of an earlier one."""
    return int(np.count_nonzero(firsts(vertices) != np.arange(len(vertices), dtype=np.int32)))


def bounds(vertices: Num[np.ndarray, "v 3"]) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest of each coordinate; 64 rows at once, which is faster."""
    whole = len(vertices) // 64 * 64
    rest, blocks = vertices[whole:], np.ascontiguousarray(vertices[:whole]).reshape(-1, 192)
    lows, highs = (blocks.min(axis=0), blocks.max(axis=0)) if whole else (rest[:1], rest[:1])
    return (
        np.concatenate([lows.reshape(-1, 3), rest]).min(axis=0),
        np.concatenate([highs.reshape(-1, 3), rest]).max(axis=0),
    )


def _checked_size(path: Path, vertices: Num[np.ndarray, "v 3"]) -> int:
    """How many vertices there are; raises InputError for too few, and for any not finite."""
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
    return len(vertices)


def _far(
    path: Path, vertices: Num[np.ndarray, "v 3"], notes: list[str]
) -> tuple[float, float, float]:
    """What to subtract from coordinates that lie far from the origin; raises InputError where
    they have no size of a room."""
    low, high = bounds(vertices)
    largest = max(abs(float(low.min())), abs(float(high.max())))
    with np.errstate(all="ignore"):
        extent = float((high.astype(np.float64) - low.astype(np.float64)).max())
    origin = NOWHERE
    if largest > FAR and largest > 10 * extent:
        x, y, z = np.floor(low.astype(np.float64)).tolist()
        origin = (x, y, z)
        shift = ", ".join(f"{value:.10g}" for value in origin)
        notes.append(f"Coordinates lie far from the origin: ({shift}) was subtracted from them.")
        largest = extent
    if largest > 1e30:
        raise InputError(
            f"{path}: coordinates reach {largest:.3g}, which is no size of a room; "
            "check the export and its units"
        )
    return origin


def _faces(
    path: Path, faces: Integer[np.ndarray, "f 3"] | None, size: int, notes: list[str]
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
