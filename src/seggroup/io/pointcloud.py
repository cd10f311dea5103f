"""Point clouds without a header: text columns and numpy arrays."""

import io
import math
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io.files import read_bytes
from seggroup.io.raw import Raw, numbers

_COLUMNS = "columns x y z, then r g b, then nx ny nz (or the normals alone where negative)"
_SEPARATORS = bytes.maketrans(b",;\t", b"   ")


def read_text(path: Path) -> Raw:
    """Rows of numbers: x y z, with r g b and nx ny nz where there are 6 or 9 columns.

    Separated by spaces, commas, semicolons or tabs; one line of headings, a count of points
    and lines that begin with # or // are passed over. Seven columns are x y z intensity r g b.
    Raises InputError for words and for rows of different lengths.
    """
    text = read_bytes(path).removeprefix(b"\xef\xbb\xbf").translate(_SEPARATORS)
    lines = [line for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.lstrip().startswith((b"#", b"//"))]
    while lines and not _is_row(lines[0]) and len(lines) > 1 and _is_row(lines[1]):
        lines = lines[1:]
    if not lines:
        raise InputError(f"{path}: holds no points; write one per line, {_COLUMNS}")
    width = len(lines[0].split())
    values = numbers(path, b"\n".join(lines), "lines")
    if len(values) != width * len(lines) or any(len(line.split()) != width for line in lines):
        wrong = next((i for i, line in enumerate(lines) if len(line.split()) != width), 0)
        raise InputError(
            f"{path}: point {wrong} has {len(lines[wrong].split())} columns where the first "
            f"has {width}; write one point per line, {_COLUMNS}"
        )
    return _from_columns(path, values.reshape(-1, width))


def read_npy(path: Path) -> Raw:
    """An array of n x 3 (xyz), 6 (xyz rgb) or 9 (xyz rgb normals) numbers.

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
    if kind.kind not in "fiu" or len(shape) != 2 or min(shape) < 0:
        raise InputError(
            f"{path}: is an array of {kind} with shape {shape}; "
            "save points as n x 3, 6 or 9 numbers in numpy's format"
        )
    if math.prod(shape) * kind.itemsize > len(data) - stream.tell():
        raise InputError(
            f"{path}: promises a numpy array of shape {shape}, but the file is truncated; "
            "copy or save it again"
        )
    values = np.frombuffer(data, kind, math.prod(shape), stream.tell())
    return _from_columns(path, values.reshape(shape, order="F" if fortran else "C"))


def _is_row(line: bytes) -> bool:
    try:
        return len([float(word) for word in line.split()]) >= 3
    except ValueError:
        return False


def _from_columns(path: Path, values: np.ndarray) -> Raw:
    notes: list[str] = []
    if values.shape[1] == 7:  # .pts: x y z intensity r g b
        notes.append("The fourth of seven columns was taken as an intensity and left out.")
        values = np.delete(values, 3, axis=1)
    if values.shape[1] not in (3, 4, 6, 9):
        raise InputError(
            f"{path}: has {values.shape[1]} columns; write one point per line, {_COLUMNS}"
        )
    xyz, colors, normals = values[:, :3], values[:, 3:6], values[:, 6:9]
    if values.shape[1] == 4:
        notes.append("The fourth column was left out.")
        colors = colors[:, :0]
    if values.shape[1] == 6 and len(colors) and colors.min() < 0:
        notes.append("The last three columns hold negative numbers: they were read as normals.")
        colors, normals = normals, colors
    return Raw(
        xyz,
        colors=colors if colors.shape[1] else None,
        normals=normals if normals.shape[1] else None,
        notes=notes,
    )
