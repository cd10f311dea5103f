"""Point clouds without a format of their own: text columns and numpy arrays."""

import io
import math
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io import text as numbers
from seggroup.io.arrays import read_arrays
from seggroup.io.columns import (
    COLUMNS,
    from_named,
    from_unnamed,
    from_zero,
    shades,
    split_heading,
)
from seggroup.io.files import read_bytes
from seggroup.io.raw import Raw

_SEPARATORS = bytes.maketrans(b",;\t", b"   ")
_NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf(inity)?)", re.I)
_DECIMAL_COMMA = re.compile(rb"[-+]?\d+,\d+([eE][-+]?\d+)?")
_HEAD_LINES = 64  # within which the first point must come
_LARGEST, _DENSEST = 64 << 20, 64  # bytes of an archive's arrays: so many, or so many per byte
_ARRAYS = {
    "points": ("points", "xyz", "coord", "coords", "vertices", "pos", "positions", "pc"),
    "colors": ("colors", "color", "colours", "rgb"),
    "normals": ("normals", "normal"),
    "faces": ("faces", "face", "triangles"),
    "intensity": ("intensity", "reflectance"),
    "label": ("label", "labels", "semantic", "semantics", "segment", "class", "semantic_label"),
    "instance": ("instance", "instances", "instance_label", "instance_labels", "instance_id"),
}


def read_text(path: Path) -> Raw:
    """Rows of numbers, with a heading line that names the columns, or without.

    Separated by spaces, commas, semicolons or tabs; a count of points and lines that begin with
    # or // are passed over. Names decide in any order; else there are x y z, with r g b and
    nx ny nz where there are 6 or 9 columns, intensity r g b where there are 7.
    Raises InputError for words, for rows of different lengths and for decimal commas.
    """
    data = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    start, heading, count = _head(path, data)
    body = b"\n" * len(data[:start].splitlines()) + data[start:]  # so lines keep their numbers
    if b"//" in body:
        body = re.sub(rb"^[ \t]*//[^\r\n]*", b"", body, flags=re.MULTILINE)
    values, lengths = numbers.rows(path, body.translate(_SEPARATORS), "points", comment=b"#")
    if not len(lengths):
        raise InputError(f"{path}: holds no points; write one per line, {COLUMNS}")
    width = int(lengths[0])
    if len(wrong := np.flatnonzero(lengths != width)):
        raise InputError(
            f"{path}: point {wrong[0]} has {lengths[wrong[0]]} columns where the first "
            f"has {width}; write one point per line, {COLUMNS}"
        )
    if count is not None and count > len(lengths):
        raise InputError(
            f"{path}: promises {count} points in its first line, but it is truncated after "
            f"{len(lengths)}; copy or export it again"
        )
    table = values.reshape(-1, width)
    notes: list[str] = []
    if len(heading) == width and len(set(heading)) == width:
        named = from_named(dict(zip(heading, table.T, strict=True)), notes)
        if named is not None:
            return named
    return from_unnamed(path, table, notes, count is not None or path.suffix.lower() == ".pts")


def _head(path: Path, data: bytes) -> tuple[int, list[str], int | None]:
    """Where the rows begin, the names of the columns and the count of points before them."""
    heading: list[str] = []
    count = None
    at = 0
    for _ in range(_HEAD_LINES):
        end = re.compile(rb"[^\r\n]*(\r\n|\r|\n|$)").match(data, at)
        if end is None or at >= len(data):
            break
        line = end[0].strip()
        words = line.translate(_SEPARATORS).split()
        if line and not line.startswith((b"#", b"//")) and all(map(_NUMBER.fullmatch, words)):
            if len(words) != 1 or not words[0].isdigit() or count is not None:
                _refuse_decimal_commas(path, line)
                return at, heading, count
            count = int(words[0][:18])
        elif line:
            names = split_heading(line.decode("utf-8", "replace"))
            heading = names if len(names) >= 3 else heading
        at = end.end()
    if count is None and at and data[:at].translate(_SEPARATORS).strip() and heading:
        return 0, [], None  # words and no rows: the parser names the first
    raise InputError(f"{path}: holds no points; write one per line, {COLUMNS}")


def _refuse_decimal_commas(path: Path, line: bytes) -> None:
    words = re.split(rb"[;\s]+", line.strip(b"; \t"))
    if len(words) >= 3 and any(map(_DECIMAL_COMMA.fullmatch, words)):
        raise InputError(
            f"{path}: writes decimals with a comma ({words[0].decode('latin-1')[:20]}); "
            "export it with decimal points"
        )


def read_npy(path: Path) -> Raw:
    """An array of n x 3 (xyz), 6 (xyz rgb) or 9 (xyz rgb normals) numbers, or with named fields.

    Raises InputError for other shapes and types; pickled objects are never opened.
    """
    data = read_bytes(path)
    stream = io.BytesIO(data)
    try:
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[np.lib.format.read_magic(stream)]
        shape, fortran, kind = read(stream)
    except Exception as error:  # the header is a Python literal, its parser raises anything
        raise InputError(
            f"{path}: does not begin as a numpy array does; save it with numpy.save"
        ) from error
    fields = kind.names is not None and all(kind[name].kind in "fiu" for name in kind.names)
    if not (kind.kind in "fiu" and len(shape) == 2) and not (fields and len(shape) == 1):
        raise InputError(
            f"{path}: is an array of {kind} with shape {shape}; "
            "save points as n x 3, 6 or 9 numbers in numpy's format"
        )
    if min(shape) < 0 or math.prod(shape) * kind.itemsize > len(data) - stream.tell():
        raise InputError(
            f"{path}: promises a numpy array of shape {shape}, but the file is truncated; "
            "copy or save it again"
        )
    values = np.frombuffer(data, kind, math.prod(shape), stream.tell())
    if kind.names is not None:
        raw = from_named({name: values[name] for name in kind.names}, [])
        if raw is None:
            raise InputError(
                f"{path}: its array has the fields {', '.join(kind.names)[:80]}; "
                "name three of them x, y and z"
            )
        return raw
    return from_unnamed(path, values.reshape(shape, order="F" if fortran else "C"), [])


def read_npz(path: Path) -> Raw:
    """Arrays by their usual names: points (xyz, coord …), colors, normals, faces, labels.

    One array alone is read as an NPY file is. Raises InputError where no array holds points and
    where arrays do not fit each other.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path))) as archive:
            members = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
    except InputError:
        raise
    except Exception as error:  # zipfile raises anything
        raise InputError(
            f"{path}: is not a whole archive of numpy arrays ({str(error)[:160]}); "
            "save it with numpy.savez"
        ) from error
    lower = {name.lower(): name for name in members}
    picks = {
        meaning: lower[next(n for n in names if n in lower)]
        for meaning, names in _ARRAYS.items()
        if any(n in lower for n in names)
    }
    if "points" not in picks:
        if len(members) != 1:
            raise InputError(
                f"{path}: its numpy arrays are named {', '.join(members)[:80] or 'nothing'}; "
                "name the n x 3 one points"
            )
        picks = {"points": members[0]}

    size = path.stat().st_size

    def too_large(sizes: Mapping[str, int]) -> str:
        total = sum(sizes.values())
        fits = total <= _LARGEST + _DENSEST * size
        return "" if fits else f"its arrays unpack to {total} bytes; save them with numpy.savez"

    read = read_arrays(
        path, set(picks.values()), too_large, "archive of numpy arrays", "save it with numpy.savez"
    )
    return _from_arrays(path, {meaning: read[name] for meaning, name in picks.items()})


def _from_arrays(path: Path, arrays: dict[str, np.ndarray]) -> Raw:
    points = arrays["points"]
    if points.ndim != 2 or any(a.dtype.kind not in "fiub" for a in arrays.values()):
        kinds = ", ".join(f"{n} {a.dtype} {a.shape}" for n, a in arrays.items())
        raise InputError(f"{path}: its arrays are {kinds[:160]}; save points as n x 3 numbers")
    notes: list[str] = []
    arrays = {n: a.reshape(len(points)) if a.shape == (len(points), 1) else a
              for n, a in arrays.items()}  # fmt: skip
    shapes = {"colors": 2, "normals": 2, "intensity": 1, "label": 1, "instance": 1}
    for name, dimensions in shapes.items():
        if name in arrays and (arrays[name].ndim != dimensions or len(arrays[name]) != len(points)):
            raise InputError(
                f"{path}: has {len(points)} points but {name} of shape {arrays[name].shape}; "
                "save one row a point"
            )
    faces = arrays.get("faces")
    if faces is not None and (faces.shape[1:] != (3,) or faces.dtype.kind not in "iu"):
        raise InputError(
            f"{path}: its faces are {faces.dtype} of shape {faces.shape}; "
            "save triangles as n x 3 integers"
        )
    for name in ("colors", "normals"):
        if name in arrays and not 3 <= arrays[name].shape[1] <= 4:
            raise InputError(f"{path}: its {name} have {arrays[name].shape[1]} columns; save three")
    base = Raw(points) if points.shape[1] == 3 else from_unnamed(path, points, notes)
    colors = arrays.get("colors", base.colors)
    return Raw(
        base.vertices,
        None if faces is None else faces.astype(np.int64),
        shades(colors, arrays.get("intensity"), notes),
        arrays["normals"][:, :3] if "normals" in arrays else base.normals,
        {
            name: from_zero(name, arrays[name], notes)
            for name in ("label", "instance")
            if name in arrays
        },
        notes,
    )
