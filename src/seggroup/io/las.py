"""LAS and LAZ, by laspy and lazrs (ASPRS LAS 1.0 to 1.4, point formats 0 to 10).

Points are read a million at a time. Their integers are kept as they are until the last is
read, then turned in place into metres from the whole number below the smallest: coordinates
of a map grid keep their millimetres, and 20 million coloured points take 360 MB. The format's
own `classification` (ground, vegetation, building) is no class of a room and no truth.
"""

import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32

from seggroup.errors import InputError
from seggroup.io.files import check_file
from seggroup.io.laz import check_compression
from seggroup.io.raw import Raw
from seggroup.io.reading import Unit
from seggroup.io.shades import AS_GREY, eight_bits, grey_of

_CHUNK = 1_000_000
_SMALL, _DENSEST = 4_000_000, 4  # so many points of a LAZ, and so many a byte, are believed
_SIZES = (20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67)  # bytes of a point in formats 0 to 10
_SIGNATURE = {"instance", "label", "confidence"}  # extra dimensions that the export writes
_NEAR = 1e4  # coordinates within this are left as they are
_FEET = re.compile(rb'UNIT\["([^"]*)"', re.IGNORECASE)
_GEO_KEYS, _WKT, _LINEAR_UNIT = 34735, 2112, 3076


def read_las(path: Path) -> Raw:
    """The points of a LAS or LAZ file: colours, else intensity as grey, and our labels.

    Extra dimensions `instance` and `label`, in any case, become properties. Raises InputError for
    a broken head, for a file shorter than its head says and for compressed points that are damaged.
    """
    size = check_file(path)
    count = _check_head(path, size)
    import laspy

    try:
        with laspy.open(path, laz_backend=laspy.LazBackend.LazrsParallel) as reader:
            columns = _columns(path, reader, count)
            header = reader.header
            scales, offsets = np.array(header.scales), np.array(header.offsets)
            unit = _unit(header)
    except InputError:
        raise
    except BaseException as error:  # laspy raises anything; lazrs panics beside Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise InputError(
            f"{path}: its points cannot be unpacked ({_reason(error)}); it is damaged, "
            "export or copy the LAS again"
        ) from error
    if not (np.isfinite(scales).all() and np.isfinite(offsets).all() and np.all(scales != 0)):
        raise InputError(
            f"{path}: the scale or offset in its head is no number ({scales.tolist()}, "
            f"{offsets.tolist()}); export the LAS again"
        )
    vertices, origin = _placed(columns.pop("xyz"), scales, offsets)
    notes = []
    colors = columns.pop("rgb", None)
    colors = None if colors is None else eight_bits(colors)
    intensity = columns.pop("intensity", None)
    if colors is None and intensity is not None and intensity.any():
        colors = grey_of(intensity)
        notes.append(AS_GREY)
    if unit == "ft":
        notes.append("Its coordinate system is in feet.")
    return Raw(
        vertices, colors=colors, properties=columns, notes=notes, unit=unit, up="z", origin=origin
    )


def _columns(path: Path, reader: Any, count: int) -> dict[str, np.ndarray]:
    """What is used of every point, as it is stored."""
    names = set(reader.header.point_format.dimension_names)
    kinds: dict[str, np.dtype] = {"xyz": np.dtype(("<i4", 3))}
    if {"red", "green", "blue"} <= names:
        kinds["rgb"] = np.dtype(("<u2", 3))
    kinds["intensity"] = np.dtype("<u2")
    extra = {name.lower(): name for name in sorted(names, reverse=True)
             if name.lower() in _SIGNATURE}  # fmt: skip
    kinds |= {own: reader.header.point_format.dimension_by_name(name).dtype
              for own, name in extra.items()}  # fmt: skip
    columns = {name: np.empty(count, kind) for name, kind in kinds.items()}
    first = 0
    for points in reader.chunk_iterator(_CHUNK):
        stop = first + len(points)
        for i, (axis, color) in enumerate(zip("XYZ", ("red", "green", "blue"), strict=True)):
            columns["xyz"][first:stop, i] = points.array[axis]
            if "rgb" in columns:
                columns["rgb"][first:stop, i] = points.array[color]
        for name in columns.keys() - {"xyz", "rgb"}:
            columns[name][first:stop] = points.array[extra.get(name, name)]
        first = stop
    if first < count:
        raise InputError(
            f"{path}: its head promises {count} points, but it is truncated after {first}; "
            "copy or export it again"
        )
    return columns


def _placed(
    stored: Int32[np.ndarray, "v 3"], scales: np.ndarray, offsets: np.ndarray
) -> tuple[Float32[np.ndarray, "v 3"], tuple[float, float, float]]:
    """Stored integers as coordinates, in the same memory, and the origin taken from them."""
    origin = np.zeros(3)
    if len(stored):
        with np.errstate(all="ignore"):
            ends = np.stack([stored.min(axis=0), stored.max(axis=0)]) * scales + offsets
        if np.abs(ends).max() > _NEAR:
            origin = np.floor(ends.min(axis=0))
    with np.errstate(all="ignore"):
        shift = offsets - origin
    vertices = stored.view(np.float32)
    for first in range(0, len(stored), _CHUNK):
        part = slice(first, first + _CHUNK)
        with np.errstate(over="ignore", invalid="ignore"):
            vertices[part] = stored[part] * scales + shift
    return vertices, (float(origin[0]), float(origin[1]), float(origin[2]))


def _check_head(path: Path, size: int) -> int:
    """The number of points, once everything the head promises is known to fit the file."""
    with open(path, "rb") as file:
        head = file.read(375)
        if len(head) < 227 or head[:4] != b"LASF":
            raise InputError(
                f"{path}: is too short for the head of a LAS file ({len(head)} bytes), or does "
                "not begin with LASF; copy it again"
            )
        version = head[24], head[25]
        length, start, records = struct.unpack_from("<HII", head, 94)
        kind, width, count = struct.unpack_from("<BHI", head, 104)
        packed, kind = bool(kind & 0xC0), kind & 0x3F
        if version[0] != 1 or version[1] > 4:
            raise InputError(
                f"{path}: is LAS {version[0]}.{version[1]}; export it as LAS 1.2 or 1.4"
            )
        if version[1] == 4:
            if len(head) < 375:
                raise InputError(f"{path}: its LAS 1.4 head is cut short; copy it again")
            count = struct.unpack_from("<Q", head, 247)[0] or count
        if not 227 <= length <= start <= size:
            raise InputError(
                f"{path}: its points begin at byte {start}, outside the {size} bytes of the file; "
                "copy or export the LAS again"
            )
        if records * 54 > start - length:
            raise InputError(
                f"{path}: promises {records} variable length records, more than lie before its "
                "points; export the LAS again"
            )
        if kind > 10 or width < _SIZES[kind]:
            raise InputError(
                f"{path}: has points of format {kind} in {width} bytes, which LAS does not know; "
                "export it in formats 0 to 10"
            )
        most = _SMALL + (size - start) * _DENSEST if packed else (size - start) // width
        if count > most:
            raise InputError(
                f"{path}: its head promises {count} points, but it is truncated: it has room for "
                f"at most {most}; copy or export it again"
            )
        if version[1] == 4:
            extended, number = struct.unpack_from("<QI", head, 235)
            if number and (extended > size or number * 60 > size - extended):
                raise InputError(
                    f"{path}: its extended records begin at byte {extended}, past its end; "
                    "copy or export the LAS again"
                )
        if packed:
            check_compression(path, file, (records, length), start, width, count)
    return count


def _unit(header: Any) -> Unit:
    """Metres, unless the coordinate system says feet (US or international)."""
    for record in header.vlrs:
        data = record.record_data_bytes() if hasattr(record, "record_data_bytes") else b""
        if record.record_id == _WKT and record.user_id == "LASF_Projection":
            names = [name.lower() for name in _FEET.findall(data)]
            if any(b"foot" in name or b"feet" in name for name in names):
                return "ft"
        if record.record_id == _GEO_KEYS and len(data) >= 8:
            keys = np.frombuffer(data[: len(data) // 8 * 8], "<u2").reshape(-1, 4)
            if np.any((keys[:, 0] == _LINEAR_UNIT) & np.isin(keys[:, 3], (9002, 9003))):
                return "ft"
    return "m"


def _reason(error: BaseException) -> str:
    return re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:120]
