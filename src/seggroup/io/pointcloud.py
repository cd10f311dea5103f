"""Point clouds without a format of their own: text columns and numpy arrays."""

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io import text as numbers
from seggroup.io.arrays import read_array, read_arrays
from seggroup.io.columns import (
    COLUMNS,
    from_named,
    from_unnamed,
    from_zero,
    shades,
)
from seggroup.io.files import read_bytes
from seggroup.io.headings import SEPARATORS, named_rows, read_head
from seggroup.io.raw import Raw

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
    head = read_head(path, data)
    notes: list[str] = []
    body = b"\n" * len(data[: head.start].splitlines()) + data[head.start :]  # lines keep numbers
    if b"//" in body:
        body = re.sub(rb"^[ \t]*//[^\r\n]*", b"", body, flags=re.MULTILINE)
    try:
        values, lengths = numbers.rows(path, body.translate(SEPARATORS), "points", comment=b"#")
    except InputError:
        if not head.known:
            raise
        lengths = np.zeros(0, np.int64)
    width = int(lengths[0]) if len(lengths) else 0
    even = width > 0 and bool(np.all(lengths == width))
    fits = width == len(head.names) or head.separator is None  # a name may hold a blank
    if head.known and not (even and fits):
        columns = named_rows(path, data, head, notes)
        points = from_named(columns, notes) if len(set(head.names)) == len(head.names) else None
        if points is None:
            raise InputError(f"{path}: its heading names a column twice; give each its own name")
        _check_count(path, head.count, len(points.vertices))
        return points
    if not len(lengths):
        raise InputError(f"{path}: holds no points; write one per line, {COLUMNS}")
    if len(wrong := np.flatnonzero(lengths != width)):
        raise InputError(
            f"{path}: point {wrong[0]} has {lengths[wrong[0]]} columns where the first "
            f"has {width}; write one point per line, {COLUMNS}"
        )
    _check_count(path, head.count, len(lengths))
    table = values.reshape(-1, width)
    if len(head.names) == width and len(set(head.names)) == width:
        named = from_named(dict(zip(head.names, table.T, strict=True)), notes)
        if named is not None:
            return named
    counted = head.count is not None or path.suffix.lower() == ".pts"
    return from_unnamed(path, table, notes, counted)


def _check_count(path: Path, count: int | None, found: int) -> None:
    if count is not None and count > found:
        raise InputError(
            f"{path}: promises {count} points in its first line, but it is truncated after "
            f"{found}; copy or export it again"
        )


def read_npy(path: Path) -> Raw:
    """An array of n x 3 (xyz), 6 (xyz rgb) or 9 (xyz rgb normals) numbers, or with named fields.

    Raises InputError for other shapes and types; pickled objects are never opened.
    """
    values = read_array(path, fields=True)
    kind = values.dtype
    if values.ndim != (2 if kind.names is None else 1) or kind.kind == "b":
        raise InputError(
            f"{path}: is an array of {kind} with shape {values.shape}; "
            "save points as n x 3, 6 or 9 numbers in numpy's format"
        )
    if kind.names is not None:
        raw = from_named({name: values[name] for name in kind.names}, [])
        if raw is None:
            raise InputError(
                f"{path}: its array has the fields {', '.join(kind.names)[:80]}; "
                "name three of them x, y and z"
            )
        return raw
    return from_unnamed(path, values, [])


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
    raw = _from_arrays(path, {meaning: read[name] for meaning, name in picks.items()})
    if left := sorted(set(members) - set(picks.values())):
        more = f" and {len(left) - 6} more" if len(left) > 6 else ""
        raw.notes.append(f"Arrays {', '.join(left[:6])[:160]}{more} were left out.")
    return raw


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
