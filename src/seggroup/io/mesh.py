"""Triangle meshes of other programs: OBJ, OFF, STL; GLB by trimesh.

trimesh splits and reorders an OBJ's vertices at texture seams, but labels go by the order of
the file; and it takes a truncated STL for an empty one. So these are read here.
"""

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.errors import InputError
from seggroup.io.files import read_bytes
from seggroup.io.raw import Raw, fans, numbers

_SLASHES = re.compile(rb"/\S*")


def read_obj(path: Path) -> Raw:
    """Vertices (with colours where `v` lines have six numbers) and faces, in file order.

    Raises InputError for lines that are not numbers and for faces before their vertices.
    """
    text = read_bytes(path).replace(b"\\\r\n", b" ").replace(b"\\\n", b" ")
    vertex_lines, face_lines, before = [], [], []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith((b"v ", b"v\t")):
            vertex_lines.append(line[1:])
        elif line.startswith((b"f ", b"f\t")):
            face_lines.append(line[1:])
            before.append(len(vertex_lines))
    if not vertex_lines:
        raise InputError(f"{path}: has no vertices ('v' lines); export the mesh again as OBJ")
    table = _table(path, vertex_lines, (3, 4, 6, 7))
    colored = table.shape[1] >= 6
    lines = [_SLASHES.sub(b"", line) for line in face_lines]
    lengths = np.array([len(line.split()) for line in lines], np.int64)
    corners = _integers(path, numbers(path, b"\n".join(lines), "faces"))
    relative = np.repeat(np.array(before, np.int64), lengths)
    corners = np.where(corners < 0, relative + corners, corners - 1)
    faces, notes = fans(lengths, corners)
    if re.search(rb"^\s*usemtl\b", text, re.MULTILINE) and not colored:
        notes.append("Materials and textures of an OBJ are not read.")
    return Raw(table[:, :3], faces, table[:, -3:] if colored else None, notes=notes)


def read_off(path: Path) -> Raw:
    """An ASCII OFF file: a vertex a line, with colours where there are 6 or 7 numbers; polygons.

    Raises InputError where the file ends before the counts of its head are met.
    """
    text = re.sub(rb"#[^\r\n]*", b"", read_bytes(path)).lstrip()
    head = re.match(rb"[CN]?OFF(?=\s)(?!\s+BINARY)", text)
    if head is None or head[0] == b"NOFF":
        raise InputError(f"{path}: is not an ASCII OFF file; export the mesh again")
    lines = [line for line in text[head.end() :].splitlines() if line.strip()]
    counts = _integers(path, numbers(path, lines[0] if lines else b"", "counts of the head"))
    if len(counts) < 2 or counts.min() < 0 or 1 + counts[0] + counts[1] > len(lines):
        raise InputError(
            f"{path}: its head promises {counts.tolist()} vertices, faces (and edges), one a line, "
            f"but it is truncated after {len(lines) - 1} lines; export the mesh again"
        )
    table = _table(path, lines[1 : 1 + counts[0]], (3, 6, 7))
    rows = [line.split() for line in lines[1 + counts[0] : 1 + counts[0] + counts[1]]]
    lengths = _integers(path, numbers(path, b" ".join(row[0] for row in rows), "faces"))
    if any(not 0 <= n < len(row) for n, row in zip(lengths, rows, strict=True)):
        raise InputError(f"{path}: a face has fewer corners than it says; export the mesh again")
    # Numbers after a face's corners are its colour.
    words = [w for n, row in zip(lengths, rows, strict=True) for w in row[1 : 1 + n]]
    faces, notes = fans(lengths, _integers(path, numbers(path, b" ".join(words), "faces")))
    return Raw(table[:, :3], faces, table[:, 3:6] if table.shape[1] > 3 else None, notes=notes)


def read_stl(path: Path) -> Raw:
    """A binary or ASCII STL, whose faces repeat their vertices: equal ones are merged, noted.

    Raises InputError where the file ends before the count of its head is met.
    """
    data = read_bytes(path)
    count = int.from_bytes(data[80:84], "little")
    if data.lstrip().startswith(b"solid") and len(data) != 84 + 50 * count:
        lines = re.findall(rb"^\s*vertex\s+(.*)$", data, re.MULTILINE)
        corners = _table(path, lines, (3,)).astype(np.float32)
        if len(corners) % 3 or data.count(b"endfacet") * 3 != len(corners):
            raise InputError(f"{path}: its last triangle is truncated; export the mesh again")
    elif len(data) < 84 or len(data) < 84 + 50 * count:
        raise InputError(
            f"{path}: is not an STL, or its head promises {count} triangles and it is truncated "
            f"after {max(len(data) - 84, 0) // 50}; export the mesh again"
        )
    else:
        triangle = np.dtype(
            [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("byte count", "<u2")]
        )
        corners = np.frombuffer(data, triangle, count, 84)["corners"].reshape(-1, 3)
    return _merged(corners)


def read_gltf(path: Path) -> Raw:
    """GLB and glTF, by trimesh: the geometries of the scene one after another, in its coordinates.

    Raises InputError for what trimesh cannot read.
    """
    data = read_bytes(path)
    kind = path.suffix.lower().lstrip(".")
    _check_gltf(path, data)
    import trimesh  # half a second: only where a file needs it

    try:
        scene = trimesh.load_scene(path, file_type=kind, process=False)
        parts = [scene.graph[node] for node in sorted(scene.graph.nodes_geometry)]
        pieces = [_piece(scene.geometry[name], transform) for transform, name in parts]
    except Exception as error:  # trimesh raises anything on broken input
        reason = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:160]
        raise InputError(
            f"{path}: cannot be read as {kind.upper()} ({reason}); export the mesh again"
        ) from error
    if not (whole := [piece for piece in pieces if piece is not None]):
        raise InputError(f"{path}: holds no mesh and no points; export the mesh again")
    return _joined(whole)


def _integers(path: Path, values: np.ndarray) -> np.ndarray:
    if not np.all((values == np.rint(values)) & (np.abs(values) < 2**53)):
        raise InputError(f"{path}: a face has an index that is not an integer; export it again")
    return values.astype(np.int64)


def _table(path: Path, lines: list[bytes], widths: tuple[int, ...]) -> np.ndarray:
    """A vertex a line, each of as many numbers as the first."""
    width = len(lines[0].split()) if lines else widths[0]
    values = numbers(path, b"\n".join(lines), "vertices")
    if width not in widths or any(len(line.split()) != width for line in lines):
        raise InputError(
            f"{path}: its vertices do not all have the same {' or '.join(map(str, widths))} "
            "numbers; export the mesh again"
        )
    return values.reshape(-1, width)


def _check_gltf(path: Path, data: bytes) -> None:
    """Refuse accessors that promise more elements than the file has bytes for."""
    try:
        if data[:4] == b"glTF":
            (length,) = struct.unpack_from("<I", data, 12)
            tree: Any = json.loads(data[20 : 20 + length])
        else:
            tree = json.loads(data)
        counts = [int(accessor["count"]) for accessor in tree.get("accessors", [])]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, struct.error) as error:
        raise InputError(
            f"{path}: is not a whole glTF file ({error}); export the mesh again as GLB"
        ) from error
    beside = path.suffix.lower() == ".gltf"  # its buffers may lie in files beside it
    limit = sum(f.stat().st_size for f in path.parent.iterdir()) if beside else len(data)
    if any(not 0 <= count <= limit for count in counts):
        raise InputError(
            f"{path}: promises {max(counts)} elements, more than the file holds; it is truncated"
        )


def _piece(geometry: Any, transform: np.ndarray) -> Raw | None:
    """One geometry of a trimesh scene; None for lines and other things without a surface."""
    vertices = getattr(geometry, "vertices", None)
    if vertices is None or hasattr(geometry, "entities"):
        return None
    vertices = np.array(vertices, np.float64)
    if not np.array_equal(transform, np.eye(4)):
        vertices = vertices @ transform[:3, :3].T + transform[:3, 3]
    faces = np.array(getattr(geometry, "faces", np.zeros((0, 3))), np.int64)
    return Raw(vertices, faces, _shades(geometry))


def _shades(geometry: Any) -> np.ndarray | None:
    """Colours at the vertices, from a texture too; None where the geometry has none."""
    visual = getattr(geometry, "visual", None)
    if visual is not None and visual.kind == "texture":
        material = visual.material
        image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
        flat = getattr(material, "baseColorFactor", None)
        if visual.uv is None or (image is None and flat is None):
            return None
        visual = visual.to_color()
    colors = visual.vertex_colors if visual is not None and visual.kind else None
    if colors is None:
        colors = getattr(geometry, "colors", None)
    if colors is None or len(colors) != len(geometry.vertices):
        return None
    return np.array(colors)[:, :3].astype(np.uint8)


def _joined(pieces: list[Raw]) -> Raw:
    """Geometries one after another; grey where only some have colours."""
    start = np.cumsum([0] + [len(piece.vertices) for piece in pieces])
    faces = [
        piece.faces + first
        for piece, first in zip(pieces, start, strict=False)
        if piece.faces is not None
    ]
    colors = None
    if any(piece.colors is not None for piece in pieces):
        grey = [np.full((len(piece.vertices), 3), 128, np.uint8) for piece in pieces]
        colors = np.concatenate(
            [g if p.colors is None else p.colors for p, g in zip(pieces, grey, strict=True)]
        )
    notes = [f"{len(pieces)} geometries were joined."] if len(pieces) > 1 else []
    vertices = np.concatenate([piece.vertices for piece in pieces])
    return Raw(vertices, np.concatenate(faces), colors, notes=notes)


def _merged(corners: np.ndarray) -> Raw:
    """Corners of triangles with equal ones as one vertex, in the order of first appearance."""
    rows = np.ascontiguousarray(corners, np.float32) + np.float32(0)  # -0 becomes 0
    _, first, inverse = np.unique(rows.view("V12")[:, 0], return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    note = f"{len(rows)} corners of an STL's triangles were merged to {len(order)} vertices."
    return Raw(rows[first[order]], rank[inverse].reshape(-1, 3), notes=[note])
