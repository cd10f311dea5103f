"""Triangle meshes without materials: OFF and STL."""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Integer

from seggroup.errors import InputError
from seggroup.io.duplicates import firsts
from seggroup.io.files import read_bytes
from seggroup.io.raw import Raw, fans
from seggroup.io.text import rows, table

_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("byte count", "<u2")])


def read_off(path: Path) -> Raw:
    """An ASCII OFF file: a vertex a line, with normals (N) and colours as its first word says, or
    colours where there are 6 or 7 numbers; polygons. Texture coordinates (ST) are left out.

    Raises InputError where the file ends before the counts of its head are met.
    """
    data = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    head = re.match(rb"(?:\s*#[^\r\n]*)*\s*((?:[CN]|ST){0,3}OFF)(?=[\s#])(?!\s+BINARY)", data)
    if head is None:
        if re.match(rb"\s*[CNST4n]*OFF\s+BINARY", data):
            raise InputError(
                f"{path}: is a binary OFF file, not an ASCII OFF file; export the mesh as ASCII"
            )
        raise InputError(
            f"{path}: does not begin with OFF or COFF, so it is not an ASCII OFF file; "
            "export the mesh again"
        )
    blank = b"\n" * data[: head.end()].count(b"\n")  # so that lines keep their numbers
    values, lengths = rows(path, blank + data[head.end() :], "vertices and faces", comment=b"#")
    counts = _integers(path, values[: lengths[0]] if len(lengths) else values)
    if len(counts) < 2 or counts.min() < 0 or 1 + counts[0] + counts[1] > len(lengths):
        raise InputError(
            f"{path}: its head promises {counts[:3].tolist()} vertices, faces (and edges), one a "
            f"line, but it is truncated after {max(len(lengths) - 1, 0)} lines; "
            "export the mesh again"
        )
    size, many = int(counts[0]), int(counts[1])
    word = head[1]
    before = 6 if b"N" in word else 3  # numbers before the colour
    after = 2 if b"ST" in word else 0
    width = int(lengths[1]) if size else before + after
    wide = [before + more + after for more in (0, 3, 4)]
    if width not in wide or np.any(lengths[1 : 1 + size] != width):
        listed = ", ".join(map(str, wide[:-1]))
        raise InputError(
            f"{path}: its vertices do not all have the same {listed} or {wide[-1]} numbers; "
            "export the mesh again"
        )
    start = int(lengths[0])
    vertices = values[start : start + size * width].reshape(size, width)
    faces, notes = _polygons(path, values[start + size * width :], lengths[1 + size :][:many])
    normals, colors = None, None
    if before == 6:
        rest = vertices[:, 3 : width - after]
        if _colors_first(rest):  # as MeshLab writes them; the format says otherwise
            rest = np.roll(rest, 3, axis=1)
        normals, colors = rest[:, :3], rest[:, 3:6] if rest.shape[1] > 3 else None
    elif width > before + after:
        colors = vertices[:, 3:6]
    return Raw(vertices[:, :3], faces, colors, normals, notes=notes)


def _colors_first(columns: np.ndarray) -> bool:
    """Whether colours of 8 bits, and not normals, are the first of normals and colours."""
    first = columns[:, :3]
    if columns.shape[1] == 3 or not len(first) or first.max() <= 1:
        return False
    return bool(np.all((first >= 0) & (first <= 255) & (first == np.rint(first))))


def read_stl(path: Path) -> Raw:
    """A binary or ASCII STL, whose faces repeat their vertices: equal ones are merged, noted.

    Raises InputError where the file ends before the count of its head is met.
    """
    data = read_bytes(path)
    count = int.from_bytes(data[80:84], "little")
    if data.lstrip()[:5].lower() == b"solid" and len(data) != 84 + 50 * count:
        with np.errstate(over="ignore"):
            corners = table(path, data, "vertices", (3,), b"vertex").astype(np.float32)
        if len(corners) % 3 or data.count(b"endfacet") * 3 != len(corners):
            raise InputError(
                f"{path}: has {len(corners)} corners of STL triangles, the last is truncated; "
                "export the mesh again"
            )
    elif len(data) < 84 or len(data) < 84 + 50 * count:
        raise InputError(
            f"{path}: is not an STL, or its head promises {count} triangles and it is truncated "
            f"after {max(len(data) - 84, 0) // 50}; export the mesh again"
        )
    else:
        corners = np.frombuffer(data, _TRIANGLE, count, 84)["corners"].reshape(-1, 3)
    with np.errstate(invalid="ignore"):  # of NaN, which is refused with the vertices
        return _merged(corners)


def _polygons(
    path: Path, values: np.ndarray, lengths: Integer[np.ndarray, " f"]
) -> tuple[np.ndarray, list[str]]:
    """Faces from lines of a number of corners and the corners; what follows is a colour."""
    first = np.cumsum(lengths) - lengths
    corners = _integers(path, values[first])
    if len(wrong := np.flatnonzero((corners < 0) | (corners >= lengths))):
        face = wrong[0]
        raise InputError(
            f"{path}: face {face} says it has {corners[face]} corners, but its line has fewer "
            f"corners: {max(lengths[face] - 1, 0)}; export the mesh again"
        )
    at = np.repeat(first + 1, corners)
    at += np.arange(len(at)) - np.repeat(np.cumsum(corners) - corners, corners)
    return fans(corners, _integers(path, values[at]))


def _integers(path: Path, values: np.ndarray) -> np.ndarray:
    if not np.all((values == np.rint(values)) & (np.abs(values) < 2**53)):
        raise InputError(f"{path}: a face has an index that is not an integer; export it again")
    return values.astype(np.int64)


def _merged(corners: Float32[np.ndarray, "c 3"]) -> Raw:
    """Corners of triangles with equal ones as one vertex, in the order of first appearance."""
    corners = np.ascontiguousarray(corners, np.float32)
    first = firsts(corners)
    new = first == np.arange(len(first), dtype=np.int32)
    rank = np.cumsum(new, dtype=np.int32) - 1
    vertices = corners[new] + np.float32(0)  # -0 becomes 0
    note = f"{len(corners)} corners of an STL's triangles were merged to {len(vertices)} vertices."
    return Raw(vertices, rank[first].reshape(-1, 3), notes=[note])
