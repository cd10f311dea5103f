"""PLY in all three encodings.

One walk serves them all: an ASCII body is read as if it were binary with every value a
float64. Sizes are checked against the file before anything is allocated. plyfile maps a mesh
of triangles in 9 ms where this takes 17 (319k vertices), but walks polygons and ASCII a value
at a time: 532 and 2067 ms where this takes 106 and 206 (81k vertices).
"""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from seggroup.errors import InputError
from seggroup.io.files import atomic, read_bytes
from seggroup.io.plybody import Columns, Element, Lists, Property, read_rows
from seggroup.io.plytexture import textured
from seggroup.io.raw import Raw, fans, numbers
from seggroup.io.shades import AS_GREY, grey_of
from seggroup.types import Frame, Labels, Scan

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_COLORS = (
    ("red", "green", "blue"),
    ("r", "g", "b"),
    ("diffuse_red", "diffuse_green", "diffuse_blue"),
)
_NAMED = {name for names in _COLORS for name in names} | {"x", "y", "z", "alpha"}
_INTENSITY = ("intensity", "scalar_intensity", "scalar_Intensity", "Intensity", "reflectance")
_FACES = ("vertex_indices", "vertex_index")
_END = re.compile(rb"(?:\r\n|\n|\r)end_header[ \t]*(\r\n|\n|\r|$)")
Elements = dict[str, Columns]


def read_ply(path: Path) -> Raw:
    """The vertices, faces, colours, normals and integers (`label`, …) of a PLY file.

    Without colours those of its texture, where it lies beside the file (`comment TextureFile`).

    Raises InputError for a broken header, a truncated body and faces that are not indices.
    """
    data = read_bytes(path)
    order, declared, start = _header(path, data)
    elements = _body(path, data, order, declared, start)
    vertex = {
        name: values
        for name, values in elements.get("vertex", {}).items()
        if isinstance(values, np.ndarray)
    }
    for axis in "xyz":
        if axis not in vertex and axis.upper() in vertex:
            vertex[axis] = vertex.pop(axis.upper())
    if missing := [axis for axis in "xyz" if axis not in vertex]:
        raise InputError(
            f"{path}: has no vertex property {', '.join(missing)}; export it with x, y and z"
        )
    notes: list[str] = []
    face = elements.get("face", {})
    faces = _faces(path, face, notes)
    if faces is None and (strips := elements.get("tristrips")):
        faces = _strips(path, strips)
    colors = next((_columns(vertex, c) for c in _COLORS if vertex.keys() >= set(c)), None)
    if colors is None or not len(colors) or np.all(colors == colors[0]):
        own, colors = colors, textured(path, data[:start], vertex, face, notes)
        if own is not None and colors is not None:
            notes.append("The colour of its vertices, the same everywhere, gave way to the image.")
        colors = own if colors is None else colors
    intensity = next((vertex[name] for name in _INTENSITY if name in vertex), None)
    if colors is None and intensity is not None and len(intensity):
        colors = grey_of(intensity)
        notes.append(AS_GREY)
    return Raw(
        _columns(vertex, ("x", "y", "z")),
        faces,
        colors,
        _columns(vertex, ("nx", "ny", "nz")) if vertex.keys() >= {"nx", "ny", "nz"} else None,
        {
            name: values
            for name, values in vertex.items()
            if name in ("instance", "label") or (values.dtype.kind in "iu" and name not in _NAMED)
        },
        notes,
    )


def read_elements(path: Path) -> Elements:
    """Every element of a PLY file: its properties by name, arrays or `Lists`.

    Raises InputError naming the element where the file ends early.
    """
    data = read_bytes(path)
    return _body(path, data, *_header(path, data))


def _body(path: Path, data: bytes, order: str, elements: list[Element], start: int) -> Elements:
    """The elements behind a header."""
    if not order:
        blank = b"\n" * data.count(b"\n", 0, start)  # so that lines keep their numbers
        body = numbers(path, blank + data[start:], "values after the header")
        data, start = body.tobytes(), 0
    result: Elements = {}
    for element in elements:
        result[element.name], start = read_rows(path, data, start, order, element)
    if not order and start < len(data):
        raise InputError(
            f"{path}: holds more values than its header promises; its lines do not have the "
            "columns the header names, export it again"
        )
    return result


def write_ply(
    path: Path,
    scan: Scan,
    labels: Labels | None = None,
    colors: UInt8[np.ndarray, "v 3"] | None = None,
) -> None:
    """Write a scan as binary little-endian PLY, whole or not at all, in the scan's order.

    Coordinates are those of the scan's own file (in 64 bits where they lie far from 0), so that
    what is written lies on it. With labels each vertex has `instance` (0 = none), `label` (class
    id, 0 = none) and, where the labels hold one, `confidence`. `colors` take the place of the
    scan's.
    """
    shades = scan.colors if colors is None else colors
    vertices: np.ndarray = scan.vertices
    normals = scan.normals
    if scan.frame != Frame():
        vertices = scan.frame.to_file(scan.vertices)
        normals = None if normals is None else scan.frame.turned_back(normals)
    real = "float" if scan.frame.origin == Frame().origin else "double"
    columns: dict[str, tuple[str, np.ndarray]] = {
        **{axis: (real, vertices[:, i]) for i, axis in enumerate("xyz")},
        **{color: ("uchar", shades[:, i]) for i, color in enumerate(_COLORS[0])},
    }
    if normals is not None:
        columns |= {f"n{axis}": ("float", normals[:, i]) for i, axis in enumerate("xyz")}
    if labels is not None:
        columns["instance"] = ("int", labels.instance + 1)
        columns["label"] = ("int", np.maximum(labels.semantic, 0))
        if labels.confidence is not None:
            columns["confidence"] = ("float", labels.confidence)
    write_columns(path, columns, scan.faces)


def write_columns(
    path: Path, columns: dict[str, tuple[str, np.ndarray]], faces: Int[np.ndarray, "f 3"]
) -> None:
    """Write vertex properties, each a PLY type and its values, and triangles."""
    size = len(next(iter(columns.values()))[1])
    rows = np.empty(size, [(name, "<" + _TYPES[kind]) for name, (kind, _) in columns.items()])
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {size}"]
    for name, (kind, values) in columns.items():
        rows[name] = values
        header.append(f"property {kind} {name}")
    if len(faces):
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    triangles = np.empty(len(faces), [("count", "u1"), ("corners", "<i4", 3)])
    triangles["count"], triangles["corners"] = 3, faces
    with atomic(path) as file:
        file.write("\n".join([*header, "end_header\n"]).encode())
        file.write(rows.tobytes())
        file.write(triangles.tobytes())


def _header(path: Path, data: bytes) -> tuple[str, list[Element], int]:
    """The byte order ("" for ASCII), the elements and where the body begins."""
    if not re.match(rb"ply[ \t]*[\r\n]", data):
        raise InputError(
            f"{path}: is not a PLY file (it does not begin with 'ply'); export it again"
        )
    end = _END.search(data)
    if end is None:
        raise InputError(f"{path}: the PLY header has no end_header line; export the file again")
    lines = re.split(r"\r\n|\n|\r", data[: end.start()].decode("latin-1"))
    order, elements = None, list[Element]()
    for number, line in enumerate(lines[1:], start=2):
        try:
            match line.split():
                case [] | ["comment" | "obj_info", *_]:
                    pass
                case ["format", kind, version] if kind in _ORDERS:
                    if version != "1.0":
                        raise InputError(
                            f"{path}: line {number} of the PLY header names version "
                            f"{version[:20]}, only 1.0 is read; export it again"
                        )
                    order = _ORDERS[kind]
                case ["element", name, size] if size.isascii() and size.isdigit():
                    elements.append(Element(name, int(size), []))
                case ["property", "list", count, kind, name]:
                    elements[-1].properties.append(Property(name, _TYPES[kind], _TYPES[count]))
                case ["property", kind, name]:
                    elements[-1].properties.append(Property(name, _TYPES[kind]))
                case _:
                    raise ValueError
        except (KeyError, IndexError, ValueError) as error:
            raise InputError(
                f"{path}: line {number} of the PLY header cannot be understood "
                f"({line[:80]!r}); export the file again"
            ) from error
    if order is None:
        raise InputError(f"{path}: the PLY header names no format; export the file again")
    if empty := [e for e in elements if e.size > len(data) and not e.properties]:
        raise InputError(
            f"{path}: the PLY header promises {empty[0].size} rows of {empty[0].name[:40]}, which "
            "has no properties; export it again"
        )
    for what, names in (
        ("element", [e.name for e in elements]),
        *((f"property of {e.name}", [p.name for p in e.properties]) for e in elements),
    ):
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(
                f"{path}: the PLY header names the {what} {twice[:40]} twice; export it again"
            )
    return order, elements, end.end()


def _columns(vertex: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """Properties side by side, in the type that holds them all."""
    return np.stack([vertex[name] for name in names], axis=1)


def _faces(path: Path, face: Columns, notes: list[str]) -> np.ndarray | None:
    """Triangles of the face lists; None where the file has no faces."""
    lists = next((face[name] for name in _FACES if name in face), None)
    if not isinstance(lists, Lists):
        if face and any(len(v.lengths if isinstance(v, Lists) else v) for v in face.values()):
            raise InputError(
                f"{path}: its faces have no list named {' or '.join(_FACES)}; export it again"
            )
        return None
    if lists.values.dtype.kind not in "iu":
        raise InputError(f"{path}: its face indices are not integers; export the mesh again")
    faces, repairs = fans(lists.lengths, lists.values)
    notes += repairs
    return faces


def _strips(path: Path, strips: Columns) -> np.ndarray | None:
    """The triangles of strips, in which −1 begins a new one; those without a surface left out."""
    lists = next((strips[name] for name in _FACES if name in strips), None)
    if not isinstance(lists, Lists) or lists.values.dtype.kind not in "iu":
        raise InputError(
            f"{path}: its tristrips have no list of integers named {' or '.join(_FACES)}; "
            "export it with triangles"
        )
    values = lists.values.astype(np.int64)
    end = np.zeros(len(values), bool)  # the last corner of a list
    end[np.cumsum(lists.lengths)[lists.lengths > 0] - 1] = True
    begin = np.concatenate([[True], end[:-1] | (values[:-1] == -1)])[: len(values)]
    strip = np.cumsum(begin)
    place = np.arange(len(values))
    step = place - np.maximum.accumulate(np.where(begin, place, 0))
    corners = np.stack([values[:-2], values[1:-1], values[2:]], axis=1)
    good = (strip[:-2] == strip[2:]) & (corners != -1).all(axis=1)
    good &= (corners != np.roll(corners, 1, axis=1)).all(axis=1)
    odd = step[:-2] % 2 == 1
    corners[odd] = corners[odd][:, [1, 0, 2]]
    return corners[good]
