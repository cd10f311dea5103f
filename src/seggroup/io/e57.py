"""E57 (ASTM E2807), by libE57Format through pye57: all the scans of a file in one cloud.

pye57's own reader keeps every field of a scan in float64 and takes colours for 8 bits; here
the same library is asked a million points at a time. What it would follow without a limit
(the length of the file, entities of its XML, counts of points) is checked before.
"""

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from seggroup.errors import InputError
from seggroup.io.files import check_file
from seggroup.io.raw import GREY, Raw
from seggroup.io.shades import eight_bits, grey_of

_CHUNK = 1_000_000
_SMALL, _DENSEST = 4_000_000, 4  # so many points, and so many a byte of the file, are believed
_PAGE = 1024  # bytes, of which the last 4 are a checksum
_FAR = 1e4
_CARTESIAN = ("cartesianX", "cartesianY", "cartesianZ")
_SPHERICAL = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
_COLORS = ("colorRed", "colorGreen", "colorBlue")
_NORMALS = ("nor:normalX", "nor:normalY", "nor:normalZ")
_STATES = ("cartesianInvalidState", "sphericalInvalidState")


@dataclass
class _Parts:
    """What has been read so far, a part a chunk (colours: a part a scan)."""

    vertices: list[Float32[np.ndarray, "_ 3"]] = field(default_factory=list)
    normals: list[Float32[np.ndarray, "_ 3"] | None] = field(default_factory=list)
    colors: list[UInt8[np.ndarray, "_ 3"]] = field(default_factory=list)
    origin: Float64[np.ndarray, " 3"] | None = None
    scans: int = 0
    left_out: int = 0
    colored: int = 0
    by_intensity: int = 0


def read_e57(path: Path) -> Raw:
    """The points of all scans of an E57 file under their poses, with colours or intensities.

    Points that the scanner marked as invalid have no position: they are left out and counted
    in a note. Raises InputError for a damaged file and for one without points.
    """
    size = check_file(path)
    _check(path, size)
    from pye57 import libe57

    parts = _Parts()
    try:
        image = libe57.ImageFile(str(path), "r")
        try:
            with np.errstate(all="ignore"):  # broken numbers are found by what they lead to
                _read_all(path, libe57, image, size, parts)
        finally:
            image.close()
    except InputError:
        raise
    except Exception as error:  # libE57 raises anything
        reason = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:120]
        raise InputError(
            f"{path}: cannot be read as E57 ({reason}); it is damaged, copy or export it again"
        ) from error
    if not parts.vertices:
        raise InputError(f"{path}: its E57 scans hold no valid points; export them again")
    notes = [f"{parts.scans} scans of the file were joined."] if parts.scans > 1 else []
    if parts.left_out:
        notes.append(f"{parts.left_out} points that the file marks as invalid were left out.")
    if parts.by_intensity:
        notes.append(f"The intensity of {parts.by_intensity} scans without colours became grey.")
    coloured = parts.colored + parts.by_intensity
    normals = [part for part in parts.normals if part is not None]
    origin = np.zeros(3) if parts.origin is None else parts.origin
    return Raw(
        np.concatenate(parts.vertices),
        colors=np.concatenate(parts.colors) if coloured else None,
        normals=np.concatenate(normals) if len(normals) == len(parts.vertices) else None,
        notes=notes,
        unit="m",
        up="z",
        origin=(float(origin[0]), float(origin[1]), float(origin[2])),
    )


def _check(path: Path, size: int) -> None:
    """Refuse files cut short and XML that could grow in memory."""
    with open(path, "rb") as file:
        head = file.read(48)
        if len(head) < 48 or head[:8] != b"ASTM-E57":
            raise InputError(
                f"{path}: is too short for the head of an E57 file ({len(head)} bytes), or does "
                "not begin with ASTM-E57; copy it again"
            )
        major, _, length, start, xml, page = struct.unpack_from("<IIQQQQ", head, 8)
        if major != 1 or page != _PAGE:
            raise InputError(
                f"{path}: is E57 of version {major} with pages of {page} bytes; export it as "
                "E57 1.0 with pages of 1024"
            )
        if length != size:
            raise InputError(
                f"{path}: says that it is {length} bytes long but has {size}, so the E57 file is "
                "truncated; copy it again"
            )
        if not 48 <= start < size or xml > size:
            raise InputError(
                f"{path}: its XML section begins at byte {start} and has {xml} bytes, outside the "
                "file; copy or export the E57 again"
            )
        file.seek(start - start % page)
        pages = file.read()
    text = b"".join(pages[at : at + page - 4] for at in range(0, len(pages), page))
    text = text[start % page :][:xml]
    if not text.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<?xml") or b"<!" in text.replace(
        b"<![CDATA[", b""
    ).replace(b"<!--", b""):
        raise InputError(
            f"{path}: its XML section does not begin as XML in UTF-8 or defines entities of its "
            "own, which E57 does not need; export it again"
        )


def _read_all(path: Path, libe57: Any, image: Any, size: int, parts: _Parts) -> None:
    root = image.root()
    scans = [root["data3D"][i] for i in range(root["data3D"].childCount())]
    total = sum(scan["points"].childCount() for scan in scans)
    if total > _SMALL + size * _DENSEST:
        raise InputError(
            f"{path}: promises {total} points in {size} bytes, more than an E57 file can hold; "
            "export it again"
        )
    for number, scan in enumerate(scans):
        if scan["points"].childCount():
            _read_scan(path, libe57, image, scan, number, parts)


def _read_scan(path: Path, libe57: Any, image: Any, scan: Any, number: int, parts: _Parts) -> None:
    """One scan, a chunk at a time."""
    points = scan["points"]
    prototype = libe57.StructureNode(points.prototype())
    names = [prototype.get(i).elementName() for i in range(prototype.childCount())]
    place = next((p for p in (_CARTESIAN, _SPHERICAL) if set(p) <= set(names)), None)
    if place is None:
        raise InputError(
            f"{path}: scan {number} of the E57 file has neither cartesian nor spherical "
            f"coordinates ({', '.join(names)[:80]}); export it with x, y and z"
        )
    state = _STATES[place is _SPHERICAL]
    wanted = [n for n in (*place, *_COLORS, *_NORMALS, "intensity", state) if n in names]
    room = min(points.childCount(), _CHUNK)
    kinds = dict.fromkeys(place, np.float64) | {state: np.int8}
    columns = {name: np.empty(room, kinds.get(name, np.float32)) for name in wanted}
    buffers = libe57.VectorSourceDestBuffer()
    for name, column in columns.items():
        buffers.append(libe57.SourceDestBuffer(image, name, column, room, True, True))
    rotation, shift = _pose(path, scan, number)
    turned = None if np.array_equal(rotation, np.eye(3)) else rotation.T
    shades: list[np.ndarray] = []
    colored = set(_COLORS) <= set(names)
    lit = "intensity" in names
    left = points.childCount()
    reader = points.reader(buffers)
    try:
        while left > 0 and (count := reader.read()):
            left -= count
            part = {name: column[:count] for name, column in columns.items()}
            xyz = np.stack([part[name] for name in place], axis=1)
            if place is _SPHERICAL:
                xyz = _cartesian(xyz)
            valid = np.isfinite(xyz).all(axis=1)
            if state in part:
                valid &= part[state] == 0
            parts.left_out += count - int(np.count_nonzero(valid))
            if not valid.any():
                continue
            if not valid.all():
                xyz, part = xyz[valid], {name: values[valid] for name, values in part.items()}
            _place(parts, xyz if turned is None else xyz @ turned, shift)
            parts.normals.append(_normals(part, turned))
            if colored:
                shades.append(np.stack([part[name] for name in _COLORS], axis=1))
            elif lit:
                shades.append(part["intensity"].copy())  # the buffer is filled again
    finally:
        reader.close()
    if left:
        raise InputError(
            f"{path}: scan {number} of the E57 file ends {left} points before the number it "
            "promises; copy or export it again"
        )
    parts.scans += 1
    held = sum(map(len, parts.vertices)) - sum(map(len, parts.colors))
    shade = None
    if shades and colored:
        shade = _eight_bits(path, scan, np.concatenate(shades))
        parts.colored += shade is not None
    elif shades:
        shade = grey_of(np.concatenate(shades))
        parts.by_intensity += 1
    parts.colors.append(np.full((held, 3), GREY, np.uint8) if shade is None else shade)


def _place(
    parts: _Parts, points: Float64[np.ndarray, "n 3"], shift: Float64[np.ndarray, " 3"]
) -> None:
    """Add points, less the origin that the first of them sets where they lie far away."""
    if parts.origin is None:
        low = (points + shift).min(axis=0)
        parts.origin = np.floor(low) if np.abs(low).max() > _FAR else np.zeros(3)
    with np.errstate(over="ignore"):
        parts.vertices.append((points + (shift - parts.origin)).astype(np.float32))


def _normals(
    part: dict[str, np.ndarray], turned: Float64[np.ndarray, "3 3"] | None
) -> Float32[np.ndarray, "_ 3"] | None:
    if not set(_NORMALS) <= part.keys():
        return None
    normals = np.stack([part[name] for name in _NORMALS], axis=1)
    return (normals if turned is None else normals @ turned).astype(np.float32)


def _cartesian(spherical: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    """Of range, azimuth (from x towards y) and elevation (from the horizon), in radians."""
    reach, azimuth, elevation = spherical.T
    flat = reach * np.cos(elevation)
    return np.stack(
        [flat * np.cos(azimuth), flat * np.sin(azimuth), reach * np.sin(elevation)], axis=1
    )


def _pose(
    path: Path, scan: Any, number: int
) -> tuple[Float64[np.ndarray, "3 3"], Float64[np.ndarray, " 3"]]:
    """Rotation and translation of a scan into the file's coordinates; none where it has none."""
    rotation, shift = np.eye(3), np.zeros(3)
    if not scan.isDefined("pose"):
        return rotation, shift
    pose = scan["pose"]
    if pose.isDefined("translation"):
        shift = np.array([float(pose["translation"][axis].value()) for axis in "xyz"])
    if pose.isDefined("rotation"):
        turn = np.array([float(pose["rotation"][axis].value()) for axis in "wxyz"])
        length = np.linalg.norm(turn)
        if not (np.isfinite(length) and length > 0):
            raise InputError(
                f"{path}: the pose of scan {number} of the E57 file is no rotation; export it again"
            )
        w, x, y, z = turn / length
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
    if not np.isfinite(shift).all():
        raise InputError(
            f"{path}: the pose of scan {number} of the E57 file moves it by what is no number; "
            "export it again"
        )
    return rotation, shift


def _eight_bits(
    path: Path, scan: Any, colors: Float32[np.ndarray, "n 3"]
) -> UInt8[np.ndarray, "n 3"] | None:
    """Colours by the scan's own limits, else by the largest value."""
    if not np.isfinite(colors).all() or colors.min() < 0:
        raise InputError(
            f"{path}: its colours are negative or no numbers; export the E57 file again"
        )
    top = None
    if scan.isDefined("colorLimits") and scan["colorLimits"].isDefined("colorRedMaximum"):
        top = float(scan["colorLimits"]["colorRedMaximum"].value())
    if top is None or not colors.max() <= top < 2**32:
        top = 1.0 if 0 < colors.max() <= 1 else None
    return eight_bits(colors, top)
