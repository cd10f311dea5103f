"""The body of a PLY file: rows of values and lists, read without trusting the header.

An ASCII body is given as the bytes of its numbers in float64, so that one walk serves all
encodings. `order` is numpy's byte order, "" for such a body.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from seggroup.errors import InputError


@dataclass(frozen=True)
class Property:
    """One property of an element: `kind` and `count` are numpy's names of the declared types."""

    name: str
    kind: str
    count: str | None = None  # of a list: the type of its length

    def stored(self, order: str) -> np.dtype:
        """How a value lies in the body."""
        return np.dtype(order + self.kind if order else "f8")

    def counted(self, order: str) -> np.dtype:
        """How a list's length lies in the body."""
        return np.dtype(order + str(self.count) if order else "f8")


@dataclass(frozen=True)
class Element:
    """One element of the header: `size` rows of its properties."""

    name: str
    size: int
    properties: list[Property]


@dataclass(frozen=True)
class Lists:
    """Lists of each row: row i has the next `lengths[i]` of `values`."""

    lengths: Int64[np.ndarray, " n"]
    values: np.ndarray


Columns = dict[str, np.ndarray | Lists]


def read_rows(
    path: Path, data: bytes, start: int, order: str, element: Element
) -> tuple[Columns, int]:
    """The properties of one element by name, and where the next element begins.

    Nothing is allocated before the file is known to be long enough. Raises InputError where
    it is not, and for list lengths and integers that are none.
    """
    least = sum(
        (p.counted(order) if p.count else p.stored(order)).itemsize for p in element.properties
    )
    if element.size * least > len(data) - start:
        raise _ends_early(path, element, (len(data) - start) // least)
    if element.size == 0 or not element.properties:
        none = np.zeros(0, np.int64)
        return {
            p.name: Lists(none, np.zeros(0, p.kind)) if p.count else np.zeros(0, p.kind)
            for p in element.properties
        }, start
    columns, end = _even_rows(path, data, start, order, element) or _uneven_rows(
        path, data, start, order, element
    )
    return {
        p.name: Lists(column.lengths, _declared(path, element, p, column.values))
        if p.count
        else _declared(path, element, p, column.values)
        for p, column in zip(element.properties, columns, strict=True)
    }, end


def _even_rows(
    path: Path, data: bytes, start: int, order: str, element: Element
) -> tuple[list[Lists], int] | None:
    """One view of the data, where all rows have lists as long as the first row's."""
    first, _ = _walk(path, data, start, order, element, rows=1)
    fields: list[tuple] = []
    for i, (p, (_, lengths)) in enumerate(zip(element.properties, first, strict=True)):
        if p.count:
            fields.append((f"length {i}", p.counted(order)))
        fields.append((f"values {i}", p.stored(order), (lengths[0],)))
    row = np.dtype(fields)
    end = start + element.size * row.itemsize
    if end > len(data):
        return None
    rows = np.frombuffer(data, row, element.size, start)
    columns = []
    for i, (p, (_, lengths)) in enumerate(zip(element.properties, first, strict=True)):
        if p.count and not np.all(rows[f"length {i}"] == lengths[0]):
            return None
        values = rows[f"values {i}"].reshape(-1)
        columns.append(Lists(np.broadcast_to(np.int64(lengths[0]), element.size), values))
    return columns, end


def _uneven_rows(
    path: Path, data: bytes, start: int, order: str, element: Element
) -> tuple[list[Lists], int]:
    """Row after row, where lists differ in length."""
    found, end = _walk(path, data, start, order, element, element.size)
    raw = np.frombuffer(data, np.uint8)
    columns = []
    for p, (offsets, sizes) in zip(element.properties, found, strict=True):
        lengths = np.array(sizes)
        kind = p.stored(order)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        at = np.repeat(offsets, lengths) + within * kind.itemsize
        columns.append(Lists(lengths, raw[at[:, None] + np.arange(kind.itemsize)].view(kind)[:, 0]))
    return columns, end


def _walk(
    path: Path, data: bytes, start: int, order: str, element: Element, rows: int
) -> tuple[list[tuple[list[int], list[int]]], int]:
    """Where the values of each property begin and how many they are, in every row."""
    found: list[tuple[list[int], list[int]]] = [([], []) for _ in element.properties]
    steps = [
        (
            p.stored(order).itemsize,
            struct.Struct((order or "=") + p.counted(order).char) if p.count else None,
            *columns,
        )
        for p, columns in zip(element.properties, found, strict=True)
    ]
    at, end = start, len(data)
    for row in range(rows):
        for size, counted, offsets, lengths in steps:
            length = 1
            if counted is not None:
                if at + counted.size > end:
                    raise _ends_early(path, element, row)
                (count,) = counted.unpack_from(data, at)
                if not (0 <= count <= end and count == int(count)):
                    raise InputError(
                        f"{path}: row {row} of element {element.name} has a list of {count} "
                        "values, more than the file holds; export it again"
                    )
                length, at = int(count), at + counted.size
            offsets.append(at)
            lengths.append(length)
            at += length * size
        if at > end:
            raise _ends_early(path, element, row)
    return found, at


def _declared(path: Path, element: Element, p: Property, values: np.ndarray) -> np.ndarray:
    """Values in the type the header declares; of an ASCII body's numbers, integers must be so."""
    kind = np.dtype(p.kind)
    if kind.kind in "iu" and values.dtype.kind == "f" and len(values):
        limits = np.iinfo(kind)
        low, high = values.min(), values.max()
        if not (limits.min <= low and high <= limits.max and np.all(values == np.rint(values))):
            raise InputError(
                f"{path}: property {p.name} of element {element.name} holds a value that is no "
                f"{kind.name}; export the file again"
            )
    with np.errstate(over="ignore"):
        return values.astype(kind, copy=False)


def _ends_early(path: Path, element: Element, whole: int) -> InputError:
    return InputError(
        f"{path}: the header promises {element.size} of element {element.name}, but the file "
        f"is truncated after {whole}; copy or export it again"
    )
