"""The compressed part of a LAZ file, checked before lazrs unpacks it.

lazrs allocates what a file promises and ends the whole process where that is too much, so every
promise is held against the file first: the record that describes the compression, the table of
chunks and, in layered chunks (point formats 6 to 10), the bytes of each layer. Layout: the LASzip
specification, https://downloads.rapidlasso.de/doc/LAZ_Specification_1.4_R1.pdf.
"""

import struct
from pathlib import Path
from typing import BinaryIO

from seggroup.errors import InputError

_RECORD = 22204  # the id of the record that describes the compression
_VARIABLE = 0xFFFFFFFF  # chunk size where each chunk has its own
_LARGEST = 1 << 28  # bytes of a chunk's points; usual are 50,000 points, about 2 MB
_LAYERED = 3  # compressor
_LAYERS = {10: 9, 11: 1, 12: 2, 13: 1}  # of an item's type; of 14 (extra bytes): one a byte
_EXTRA = 14


def check_compression(
    path: Path, file: BinaryIO, records: tuple[int, int], start: int, width: int, count: int
) -> None:
    """Raise InputError for a file whose compressed points promise more than it holds.

    records : how many variable length records there are, and where they begin
    start, width, count : where the points begin, bytes of one of them, how many there are
    """
    size = file.seek(0, 2)
    data = _record(path, file, records, start)
    kind, chunk = struct.unpack_from("<H10xI", data)
    (number,) = struct.unpack_from("<H", data, 32)
    number = min(number, (len(data) - 34) // 6)
    items = [struct.unpack_from("<HH", data, 34 + 6 * i) for i in range(number)]
    if sum(bytes_ for _, bytes_ in items) != width:
        raise InputError(
            f"{path}: its compression is for points of {sum(b for _, b in items)} bytes, but they "
            f"have {width}; export the LAZ again"
        )
    if kind not in (2, 3):
        raise InputError(
            f"{path}: is compressed by method {kind} of LASzip, which is not read; "
            "export the LAZ again, or as LAS"
        )
    if chunk != _VARIABLE and not 0 < chunk * width <= _LARGEST:
        raise InputError(
            f"{path}: packs {chunk} points in one chunk, more than {_LARGEST >> 20} MiB; "
            "export the LAZ with chunks of 50000"
        )
    _check_table_head(path, file, start, size, count)
    at = start + 8
    for points, packed in _table(path, file, data, start):
        if packed > size - at or (points > count and chunk == _VARIABLE):
            raise InputError(
                f"{path}: a chunk of its points has {packed} packed bytes and {points} points, "
                "more than the file; export or copy the LAZ again"
            )
        if kind == _LAYERED:
            _check_layers(path, file, at, packed, width, items)
        at += packed


def _record(path: Path, file: BinaryIO, records: tuple[int, int], start: int) -> bytes:
    """The record that describes the compression."""
    number, at = records
    for _ in range(number):
        file.seek(at)
        head = file.read(54)
        if len(head) < 54 or at + 54 > start:
            break
        kind, length = struct.unpack_from("<HH", head, 18)
        if head[2:16] == b"laszip encoded" and kind == _RECORD:
            data = file.read(length)
            if len(data) == length >= 34:
                return data
        at += 54 + length
    raise InputError(
        f"{path}: its points are compressed, but the record that says how is missing or cut short; "
        "export the LAZ again"
    )


def _check_table_head(path: Path, file: BinaryIO, start: int, size: int, count: int) -> None:
    file.seek(start)
    first = file.read(8)
    table = struct.unpack("<q", first)[0] if len(first) == 8 else 0
    if table == -1:  # written to a stream: the place stands at the very end
        file.seek(size - 8)
        table = struct.unpack("<q", file.read(8))[0]
    chunks = -1
    if start + 8 <= table <= size - 8:
        file.seek(table + 4)
        (chunks,) = struct.unpack("<I", file.read(4))
    if not 0 <= chunks <= min(count, size):
        raise InputError(
            f"{path}: the table of its compressed points is not in the file, so it is truncated; "
            "copy it again"
        )


def _table(path: Path, file: BinaryIO, record: bytes, start: int) -> list[tuple[int, int]]:
    """Points and packed bytes of every chunk."""
    import lazrs

    file.seek(start)
    try:
        return lazrs.read_chunk_table(file, lazrs.LazVlr(record))
    except BaseException as error:  # Rust panics are no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise InputError(
            f"{path}: the table of its compressed points is damaged ({str(error)[:80]}); "
            "copy or export the LAZ again"
        ) from error


def _check_layers(
    path: Path, file: BinaryIO, at: int, packed: int, width: int, items: list[tuple[int, int]]
) -> None:
    """A layered chunk holds a point as it is, a count and the bytes of every layer."""
    layers = sum(size if kind == _EXTRA else _LAYERS.get(kind, 1) for kind, size in items)
    file.seek(at + width + 4)
    head = file.read(4 * layers)
    if len(head) < 4 * layers or sum(struct.unpack(f"<{layers}I", head)) > packed:
        raise InputError(
            f"{path}: a compressed layer of its points is longer than its chunk; "
            "it is damaged, copy or export the LAZ again"
        )
