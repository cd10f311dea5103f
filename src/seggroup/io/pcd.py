"""PCD, the Point Cloud Library's format: ascii, binary and binary_compressed.

Layout: https://pointclouds.org/documentation/tutorials/pcd_file_format.html. Read here and
not by pypcd4: that is as fast, but allocates what a broken head promises, and fields, colours and
points without a position would still have to be told apart here (times in docs/readers.md).
"""

import re
import typing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numba import njit

from seggroup.errors import InputError
from seggroup.io.files import read_bytes
from seggroup.io.raw import Raw, numbers
from seggroup.io.shades import AS_GREY, eight_bits, grey_of

_KINDS = {
    f"{kind}{size}": f"<{name}{size}"
    for kind, name, sizes in (
        ("F", "f", (4, 8)),
        ("U", "u", (1, 2, 4, 8)),
        ("I", "i", (1, 2, 4, 8)),
    )
    for size in sizes
}
_PACKED = ("rgb", "rgba")
_COLORS = (("r", "g", "b"), ("red", "green", "blue"))
_NORMALS = (("normal_x", "normal_y", "normal_z"), ("nx", "ny", "nz"))
_INTENSITY = ("intensity", "intensities", "i")
_OWN = {"label": "label", "instance": "instance", "object": "instance"}
_WIDEST = 1 << 16  # bytes of one point
_LZF = 100  # LZF makes at most 88 bytes of one


@dataclass(frozen=True)
class Head:
    """What the lines before the points say. `kinds` are numpy's, `start` is the points' byte."""

    fields: tuple[str, ...]
    kinds: tuple[str, ...]
    counts: tuple[int, ...]
    points: int
    data: str
    start: int

    @property
    def width(self) -> int:
        """Bytes of one point."""
        return sum(np.dtype(k).itemsize * n for k, n in zip(self.kinds, self.counts, strict=True))


def read_pcd(path: Path) -> Raw:
    """The points of a PCD file with their colours (or intensity), normals, label and instance.

    Points without a position (NaN, as depth cameras store them) are left out and counted in a
    note. Raises InputError for a broken head and for fewer points than it promises.
    """
    data = read_bytes(path)
    head = _head(path, data)
    match head.data:
        case "ascii":
            columns = _ascii(path, data, head)
        case "binary":
            columns = _binary(path, data, head)
        case _:
            columns = _compressed(path, data, head)
    xyz = np.stack([columns[axis] for axis in "xyz"], axis=1)
    notes: list[str] = []
    colors = _colors(columns, notes)
    triple = next((names for names in _NORMALS if columns.keys() >= set(names)), None)
    normals = None if triple is None else np.stack([columns[n] for n in triple], axis=1)
    properties = {own: columns[name] for name, own in _OWN.items() if name in columns}
    empty = np.isnan(xyz).any(axis=1) if xyz.dtype.kind == "f" else np.zeros(len(xyz), bool)
    if missing := int(np.count_nonzero(empty)):
        notes.append(f"{missing} points without a position (NaN) were left out.")
        xyz = xyz[~empty]
        colors = None if colors is None else colors[~empty]
        normals = None if normals is None else normals[~empty]
        properties = {name: values[~empty] for name, values in properties.items()}
    return Raw(xyz, colors=colors, normals=normals, properties=properties, notes=notes)


def _head(path: Path, data: bytes) -> Head:
    """The head, all of it checked but for the size of the file."""
    end = re.search(rb"^[ \t]*DATA[ \t]+(\w+)[ \t]*\r?(\n|$)", data[: 1 << 20], re.MULTILINE)
    if end is None:
        raise InputError(f"{path}: the PCD head has no DATA line; export the cloud again")
    lines = data[: end.start()].decode("latin-1").splitlines()
    said = {w[0].upper(): tuple(w[1:]) for line in lines if (w := line.split("#")[0].split())}
    fields = said.get("FIELDS") or said.get("COLUMNS") or ()
    if not {"x", "y", "z"} <= set(fields):
        raise InputError(
            f"{path}: the PCD head names the fields {' '.join(fields) or 'none'}; "
            "export the cloud with x, y and z"
        )
    size = len(fields)
    letters, widths = said.get("TYPE", ()), said.get("SIZE", ())
    try:
        counts = tuple(map(int, said.get("COUNT", ("1",) * size)))
        kinds = tuple(_KINDS[a.upper() + b] for a, b in zip(letters, widths, strict=True))
        width, height = (int(said.get(key, ("1",))[0]) for key in ("WIDTH", "HEIGHT"))
        points = int(said["POINTS"][0]) if "POINTS" in said else width * height
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"{path}: SIZE, TYPE, COUNT, WIDTH, HEIGHT or POINTS of the PCD head is missing or "
            f"is no number or type that PCD knows ({error}); export the cloud again"
        ) from error
    if not len(counts) == len(kinds) == size or min(counts) < 0 or points < 0:
        raise InputError(
            f"{path}: the PCD head has {size} FIELDS, but {len(kinds)} of TYPE and SIZE and "
            f"{len(counts)} of COUNT (or a negative one); export the cloud again"
        )
    kind = end[1].decode().lower()
    if kind not in ("ascii", "binary", "binary_compressed"):
        raise InputError(
            f"{path}: its PCD data are {kind!r}; save them as ascii, binary or binary_compressed"
        )
    head = Head(fields, kinds, counts, points, kind, end.end())
    if any(counts[fields.index(axis)] != 1 for axis in "xyz") or head.width > _WIDEST:
        raise InputError(
            f"{path}: one point of this PCD has {head.width} bytes, or its x, y or z is a list; "
            "export the cloud with plain points"
        )
    return head


def _short(path: Path, head: Head, fits: int) -> InputError:
    return InputError(
        f"{path}: the PCD head promises {head.points} points, but the file is truncated: it holds "
        f"at most {fits}; copy or export it again"
    )


def _ascii(path: Path, data: bytes, head: Head) -> dict[str, np.ndarray]:
    width = sum(head.counts)
    if head.points * width > (len(data) - head.start + 1) // 2:
        raise _short(path, head, (len(data) - head.start + 1) // 2 // max(width, 1))
    values = numbers(path, data[head.start :], "points")
    if len(values) < head.points * width:
        raise _short(path, head, len(values) // width)
    if len(values) > head.points * width:
        raise InputError(
            f"{path}: holds {len(values)} numbers where the PCD head promises {head.points} points "
            f"of {width}; export the cloud again"
        )
    table = values.reshape(head.points, width)
    first = np.cumsum((0, *head.counts))
    columns = {}
    for name, kind, count, i in zip(head.fields, head.kinds, head.counts, first, strict=False):
        if count != 1:
            continue
        column = table[:, i]
        if kind[1] != "f":
            limits = np.iinfo(kind)
            if not np.isfinite(column).all() or np.any(
                (column < limits.min) | (column > limits.max) | (column % 1 != 0)
            ):
                raise InputError(
                    f"{path}: field {name} holds what is no integer of {limits.bits} bits; "
                    "export the cloud again"
                )
        with np.errstate(over="ignore"):
            columns[name] = column.astype(kind)
    return columns


def _binary(path: Path, data: bytes, head: Head) -> dict[str, np.ndarray]:
    room = len(data) - head.start
    if head.points * head.width > room:
        raise _short(path, head, room // head.width)
    kinds = [
        (f"{i}", kind, (count,))
        for i, (kind, count) in enumerate(zip(head.kinds, head.counts, strict=True))
    ]
    rows = np.frombuffer(data, np.dtype(kinds), head.points, head.start)
    return {
        name: rows[f"{i}"][:, 0]
        for i, (name, count) in enumerate(zip(head.fields, head.counts, strict=True))
        if count == 1
    }


def _compressed(path: Path, data: bytes, head: Head) -> dict[str, np.ndarray]:
    """Columns one after another, packed by LZF."""
    whole = head.points * head.width
    sizes = np.frombuffer(data[head.start : head.start + 8].ljust(8, b"\0"), "<u4")
    packed, unpacked = int(sizes[0]), int(sizes[1])
    room = len(data) - head.start - 8
    if packed > room or whole > packed * _LZF:
        if room < 0:
            raise _short(path, head, 0)
        if packed > room:
            raise InputError(
                f"{path}: promises {packed} bytes of packed points, but is truncated after "
                f"{room}; copy or export it again"
            )
        raise InputError(
            f"{path}: the PCD head promises {head.points} points, more than {packed} packed bytes "
            "can hold; copy or export it again"
        )
    if unpacked != whole:
        raise InputError(
            f"{path}: its packed points make {unpacked} bytes, but {head.points} points of "
            f"{head.width} bytes were promised; export the cloud again"
        )
    start = head.start + 8
    result = np.empty(whole, np.uint8)
    if _unpack(np.frombuffer(data, np.uint8, packed, start), result) != whole:
        raise InputError(
            f"{path}: its packed points (LZF) are damaged; copy or export the cloud again"
        )
    columns, at = {}, 0
    for name, kind, count in zip(head.fields, head.kinds, head.counts, strict=True):
        size = np.dtype(kind).itemsize * count * head.points
        if count == 1:
            columns[name] = result[at : at + size].view(kind)
        at += size
    return columns


def _colors(columns: dict[str, np.ndarray], notes: list[str]) -> UInt8[np.ndarray, "v 3"] | None:
    """Packed in four bytes as 0xrrggbb, in three fields, or intensity as grey."""
    packed = next((columns[name] for name in _PACKED if name in columns), None)
    if packed is not None and packed.dtype.itemsize >= 4:
        if packed.dtype.itemsize == 8:  # written by tools that know one float only
            packed = packed.astype("<f4" if packed.dtype.kind == "f" else "<u4")
        bits = np.ascontiguousarray(packed).view("<u4")
        return np.stack([bits >> 16 & 255, bits >> 8 & 255, bits & 255], axis=1).astype(np.uint8)
    for names in _COLORS:
        if columns.keys() >= set(names):
            triple = np.stack([columns[name] for name in names], axis=1)
            if triple.dtype.kind == "f" and triple.max(initial=0) <= 1:
                return eight_bits(triple, 1.0)
            return eight_bits(triple)
    for name in _INTENSITY:
        if name in columns:
            notes.append(AS_GREY)
            return grey_of(columns[name])
    return None


@njit(nogil=True, cache=True)
@typing.no_type_check
def _unpack(packed: UInt8[np.ndarray, " n"], result: UInt8[np.ndarray, " m"]) -> int:
    """Undo LZF; the number of bytes made, -1 where the packed bytes make no sense.

    A control byte below 32 is followed by that many bytes plus one; any other names a length
    (3 bits, and a byte more where they are 7) and how far back to copy it from (13 bits).
    """
    read, made = 0, 0
    while read < len(packed):
        control = int(packed[read])
        read += 1
        if control < 32:
            length = control + 1
            if read + length > len(packed) or made + length > len(result):
                return -1
            for _ in range(length):
                result[made] = packed[read]
                made += 1
                read += 1
            continue
        length = control >> 5
        if length == 7:
            if read >= len(packed):
                return -1
            length += int(packed[read])
            read += 1
        if read >= len(packed):
            return -1
        source = made - ((control & 31) << 8) - int(packed[read]) - 1
        read += 1
        length += 2
        if source < 0 or made + length > len(result):
            return -1
        for _ in range(length):
            result[made] = result[source]
            made += 1
            source += 1
    return made
