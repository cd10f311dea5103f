"""S3DIS (aligned, v1.2): `Area_n/<room>/<room>.txt` and `Annotations/<class>_<k>.txt`.

Source: cvg-data.inf.ethz.ch/s3dis; read as in `prepare_data/collect_indoor3d_data.py` of
github.com/AnTao97/dgcnn.pytorch and `preprocess_s3dis.py` of github.com/Pointcept/Pointcept. Some
of its files have a stray control byte in a line (Area_5/hallway_6/Annotations/ceiling_1.txt).
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from seggroup.io.files import read_bytes
from seggroup.io.layouts.naming import finder, semantic_of
from seggroup.io.layouts.source import Scanned, Source, beside, own_segments
from seggroup.io.raw import Raw, checked
from seggroup.io.text import table
from seggroup.types import NONE, Labels

_CONTROL = bytes(byte for byte in range(32) if byte not in b"\t\n\r")
_PART = re.compile(r"(.+)_(\d+)\.txt")  # of Annotations


def find(folder: Path, names: Sequence[str]) -> list[Source]:
    """The room of a folder with `Annotations`; it is named with its area, `Area_1_office_1`."""
    parts = folder / "Annotations"
    if "Annotations" not in names or not parts.is_dir():
        return []
    place = folder.absolute()
    files = sorted(p.name for p in parts.iterdir() if _PART.fullmatch(p.name))
    room = folder / f"{place.name}.txt"
    if not files and not room.is_file():
        return []
    area = place.parent.name
    name = f"{area}_{place.name}" if re.fullmatch(r"(?i)area_\w+", area) else place.name
    scan = room if room.is_file() else parts / files[0]
    truth = {name: parts / name for name in files}
    return [Source(name, scan, beside(scan, list(names)), layout="s3dis", files=truth)]


def read(source: Source, truth: bool) -> Scanned:
    """The room's points in its file's order; an object is an instance, numbered by file name.

    Where the objects have points that the room's file lacks, their points one after another are
    the room (so that none is lost, and truth or none makes no difference to the order).
    """
    notes: list[str] = []
    parts = [read_points(path, notes) for path in source.files.values()]
    sizes = [len(part) for part in parts]
    joined = np.concatenate([np.zeros((0, 6)), *parts])
    if source.scan in source.files.values():
        room, at = joined, np.arange(len(joined))
        notes.append("The room has no file of its own: its objects' points make it.")
    else:
        room = read_points(source.scan, notes)
        found = rows_in(joined, room)
        if found is None:
            notes.append(
                f"{source.scan.name} lacks points of its annotation ({len(room)} and "
                f"{len(joined)} points): the objects' points, one after another, were read."
            )
            room, found = joined, np.arange(len(joined))
        at = found
    raw = Raw(room[:, :3], colors=room[:, 3:], notes=notes)
    scan = checked(source.scan, source.name, raw, source.reading)
    segments = own_segments(source, len(room))
    if not truth:
        return scan, segments, None
    instance = np.full(len(room), NONE, np.int32)
    instance[at] = np.repeat(np.arange(len(parts), dtype=np.int32), sizes)
    names = {i: _class_name(name) for i, name in enumerate(source.files)}
    semantic, unknown = semantic_of(names, instance, finder(source.reading.classes))
    return scan.noting(*unknown), segments, Labels(semantic, instance)


def read_points(path: Path, notes: list[str]) -> Float64[np.ndarray, "n 6"]:
    """The rows x y z r g b of a file; a stray control byte in a line is mended, with a note."""
    text = read_bytes(path)
    if len(text.translate(None, _CONTROL)) != len(text):
        text = _mended(text)
        notes.append(f"{path.name}: a stray control byte was mended.")
    return table(path, text, "lines", (6,))


def rows_in(
    rows: Float64[np.ndarray, "n 6"], room: Float64[np.ndarray, "m 6"]
) -> Int64[np.ndarray, " n"] | None:
    """Where each row is in the room, every place given once; None where one is not in it."""
    if len(rows) > len(room):
        return None
    keys, places = _hashed(rows), _hashed(room)
    order, sorting = np.argsort(places, kind="stable"), np.argsort(keys, kind="stable")
    ordered, wanted = places[order], keys[sorting]
    rank = np.arange(len(wanted)) - np.searchsorted(wanted, wanted)  # among equal rows
    slot = np.searchsorted(ordered, wanted) + rank
    if len(slot) and slot.max() >= len(room):
        return None
    at = np.empty(len(rows), np.int64)
    at[sorting] = order[slot]
    return at if np.array_equal(room[at], rows) else None


def _hashed(rows: Float64[np.ndarray, "n 6"]) -> np.ndarray:
    """A number of 64 bits for each row, equal where the rows are."""
    bits = (rows + 0.0).view(np.uint64)  # + 0: -0 becomes 0
    key = np.zeros(len(rows), np.uint64)
    for column in range(6):
        key = (key ^ bits[:, column]) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    return key


def _mended(text: bytes) -> bytes:
    """Lines without their control bytes, or with a blank in their place where that has six words.

    Nothing else is changed: `-9.1\\x100` is -9.10, `185\\x10187` two numbers.
    """
    lines = text.split(b"\n")
    blank = bytes.maketrans(_CONTROL, b" " * len(_CONTROL))
    for number, line in enumerate(lines):
        without = line.translate(None, _CONTROL)
        if len(without) != len(line):
            lines[number] = without if len(without.split()) == 6 else line.translate(blank)
    return b"\n".join(lines)


def _class_name(file: str) -> str:
    match = _PART.fullmatch(file)
    return file if match is None else match[1]
