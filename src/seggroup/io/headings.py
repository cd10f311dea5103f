"""Text of points: where its rows begin, what names their columns, and rows that hold words."""

import csv
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io.columns import COLUMNS, meaning_of
from seggroup.io.text import NUMBER, line_number

SEPARATORS = bytes.maketrans(b",;\t", b"   ")
_DECIMAL_COMMA = re.compile(rb"[-+]?\d+,\d+([eE][-+]?\d+)?")
_LINE = re.compile(rb"[^\r\n]*(\r\n|\r|\n|$)")
_HEAD_LINES = 64  # within which the first point must come
_UNITS = {"m", "cm", "mm", "ft", "in", "-", ""}


@dataclass(frozen=True)
class Head:
    """Where the rows begin, the names of their columns and the count of points before them.

    separator : of the names; None for blanks
    """

    start: int
    names: list[str]
    separator: str | None
    count: int | None

    @property
    def known(self) -> bool:
        """Whether the names say where points are."""
        return _places(self.names)


def read_head(path: Path, data: bytes) -> Head:
    """What stands before the first row. Raises InputError where there is no row.

    A line of numbers is a row. So is any line without a remark sign after a heading that names x,
    y and z, and one that begins with numbers and has as many columns as the first row of numbers:
    none of them is passed over, whatever words it holds.
    """
    names: list[str] = []
    separator = None
    count = None
    broken: list[tuple[int, int]] = []  # lines that may be rows: where, and how many columns
    at = 0
    for _ in range(_HEAD_LINES):
        end = _LINE.match(data, at)
        if end is None or at >= len(data):
            break
        line = end[0].strip()
        words = line.translate(SEPARATORS).split()
        remark = line.startswith((b"#", b"//"))
        if line and all(map(NUMBER.fullmatch, words)):
            if len(words) != 1 or not words[0].isdigit() or count is not None:
                _refuse_decimal_commas(path, line)
                rows = (place for place, width in broken if width == len(words))
                return Head(next(rows, at), names, separator, count)
            count = int(words[0][:18])
        elif line and not remark and _places(names):
            if not _only_units(line):
                return Head(at, names, separator, count)
        elif line:
            if not remark and _is_number(words[0]):
                if len(words) >= 3 and all(map(_is_number, words[:3])):
                    return Head(at, names, separator, count)
                broken.append((at, len(words)))
            found, mark = split_heading(line.decode("utf-8", "replace"))
            if len(found) >= 3 and (_places(found) or not _places(names)):
                names, separator = found, mark
        at = end.end()
    if count is None and at and data[:at].translate(SEPARATORS).strip() and names:
        return Head(0, [], None, None)  # words and no rows: the parser names the first
    raise InputError(f"{path}: holds no points; write one per line, {COLUMNS}")


def split_heading(line: str) -> tuple[list[str], str | None]:
    """The names in a line of headings, without remark signs, quotes and units in brackets, and
    what separates them (None: blanks)."""
    line = re.sub(r"\[[^\]]*\]|\([^)]*\)", "", line.lstrip("#/ \t"))
    separator = next((mark for mark in ",;\t" if mark in line), None)
    return [name.strip().strip("\"'").strip() for name in line.split(separator)], separator


def named_rows(path: Path, data: bytes, head: Head, notes: list[str]) -> dict[str, np.ndarray]:
    """The columns of rows of which some hold words, by name; numbers may stand in quotes.

    Columns of words that are not needed are left out, noted. Raises InputError, with the line and
    the column, for a needed value that is no number, and for rows of other lengths.
    """
    width = len(head.names)
    wanted = {i for i, name in enumerate(head.names) if meaning_of(name) is not None}
    values: list[array[float] | None] = [array("d") for _ in range(width)]
    words: dict[int, tuple[int, str]] = {}  # the first of each column
    begin = line_number(data, head.start)
    for number, row in _rows(path, data[head.start :], head.separator, begin):
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) != width:
            raise InputError(
                f"{path}: line {number} has {len(row)} columns where the heading names {width}; "
                f"write one point per line, {COLUMNS}"
            )
        for i, word in enumerate(row):
            column = values[i]
            if column is None:
                continue
            text = word.strip().strip("\"'").strip()
            if NUMBER.fullmatch(text.encode()):
                if i in words:
                    raise _no_number(path, *words[i], head.names[i])
                column.append(float(text))
            elif i not in wanted:
                values[i] = None
            elif meaning_of(head.names[i]) not in ("label", "instance") or len(column):
                raise _no_number(path, number, text, head.names[i])
            else:
                words.setdefault(i, (number, text))
    if not any(values):
        raise InputError(f"{path}: holds no points; write one per line, {COLUMNS}")
    for i in words:
        notes.append(f"The names of classes in column {head.names[i]} are not read: write ids.")
        values[i] = None
    if left := [head.names[i] for i in range(width) if values[i] is None and i not in words]:
        more = f" and {len(left) - 6} more" if len(left) > 6 else ""
        notes.append(f"Columns {', '.join(n or '(no name)' for n in left[:6])}{more} hold text: "
                     "they were left out.")  # fmt: skip
    return {
        name: np.frombuffer(column, np.float64)
        for name, column in zip(head.names, values, strict=True)
        if column is not None
    }


def _rows(
    path: Path, body: bytes, separator: str | None, number: int
) -> Iterator[tuple[int, list[str]]]:
    """The words of every line that is no remark, and the line's number."""
    for line in body.decode("utf-8", "replace").splitlines():
        text = line.strip(" \t") if separator != "\t" else line
        if text.strip() and not text.startswith(("#", "//")):
            if separator is None:
                yield number, text.split()
            else:
                try:
                    row = next(csv.reader([text], delimiter=separator, skipinitialspace=True))
                except csv.Error as error:
                    raise InputError(
                        f"{path}: line {number} is no row of a table ({error}); export it again"
                    ) from error
                yield number, row
        number += 1


def _no_number(path: Path, line: int, word: str, column: str) -> InputError:
    labels = meaning_of(column) in ("label", "instance")
    remedy = "write an id, 0 where there is none" if labels else "mend the row or remove it"
    return InputError(
        f"{path}: line {line}: {word[:40]!r} in column {column[:40]} is not a number; {remedy}"
    )


def _places(names: list[str]) -> bool:
    return set("xyz") <= {meaning_of(name) for name in names}


def _only_units(line: bytes) -> bool:
    """Whether a line under the heading gives the units of the columns and nothing else."""
    words = {word.strip("[]()\"' ") for word in re.split(r"[\s,;]+", line.decode("latin-1"))}
    return words <= _UNITS and bool(words & {"m", "cm", "mm", "ft", "in"})


def _is_number(word: bytes) -> bool:
    return NUMBER.fullmatch(word) is not None


def _refuse_decimal_commas(path: Path, line: bytes) -> None:
    words = re.split(rb"[;\s]+", line.strip(b"; \t"))
    if len(words) >= 3 and any(map(_DECIMAL_COMMA.fullmatch, words)):
        raise InputError(
            f"{path}: writes decimals with a comma ({words[0].decode('latin-1')[:20]}); "
            "export it with decimal points"
        )
