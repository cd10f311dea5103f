"""Reading the benchmark's text files: one integer a line, one file a scene."""

import typing
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64, Integer, UInt8
from numba import njit

from seggroup.errors import InputError

_MAX_DIGITS = 18  # an integer of more digits may not fit int64
_RESULTS = {"semantic_label_evaluation.txt", "semantic_instance_evaluation.txt"}  # ScanNet's own


@njit(cache=True)
@typing.no_type_check
def _parse(text, values):
    """Write the integer of every line into values; -> how many, or -line where one is none.

    Blanks around a number and blank lines at the end are allowed, as is a carriage return.
    """
    count, line, i = 0, 1, 0
    blank = 0  # first blank line since the last number
    while i < len(text):
        negative, digits, value, closed, fault = False, 0, 0, False, False
        while i < len(text) and text[i] != 10:
            c = text[i]
            if c == 32 or c == 9 or c == 13:
                closed = digits > 0 or negative
            elif 48 <= c <= 57 and not closed:
                digits += 1
                value = 10 * value + (c - 48)
            elif (c == 45 or c == 43) and digits == 0 and not negative and not closed:
                negative = c == 45
            else:
                fault = True
            i += 1
        i += 1
        if fault or digits > _MAX_DIGITS or (digits == 0 and negative):
            return -line
        if digits > 0:
            if blank > 0:
                return -blank
            values[count] = -value if negative else value
            count += 1
        elif blank == 0:
            blank = line
        line += 1
    return count


def read_integers(path: Path) -> Int64[np.ndarray, " n"]:
    """The integers of a text file, one a line. Raises InputError naming file and line."""
    text = _bytes(path)
    values = np.empty(np.count_nonzero(text == ord("\n")) + 1, np.int64)
    count = _parse(text, values)
    if count < 0:
        raise InputError(f"{path}: line {-count} is not one integer; write one integer a line")
    return values[:count]


def read_mask(path: Path, count: int, other: Path) -> Bool[np.ndarray, " n"]:
    """Where the numbers of a mask file are not 0; as `read_vertices` refuses other lengths."""
    values = mask_digits(path)
    if values is None:
        return read_vertices(path, count, other) != 0
    return _of_length(values, path, count, other) != 0


def mask_digits(path: Path) -> UInt8[np.ndarray, " n"] | None:
    """The numbers of a file of single digits, as masks are, without parsing; None: it is none."""
    text = _bytes(path)
    if len(text) % 2:
        return None
    digits, ends = text.reshape(-1, 2).T
    digits = digits - np.uint8(ord("0"))
    single = (ends == ord("\n")).all() and digits.max(initial=0) < 10
    return digits if single else None


def _bytes(path: Path) -> UInt8[np.ndarray, " n"]:
    try:
        return np.frombuffer(Path(path).read_bytes(), np.uint8)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def read_vertices(path: Path, count: int, other: Path) -> Int64[np.ndarray, " n"]:
    """`read_integers`, and refuse a file that has not the `count` lines of the file `other`."""
    return _of_length(read_integers(path), path, count, other)


def _of_length(
    values: Integer[np.ndarray, " n"], path: Path, count: int, other: Path
) -> Integer[np.ndarray, " n"]:
    if len(values) != count:
        raise InputError(
            f"{path}: has {len(values)} lines where {other} has {count}; "
            "write one line for every vertex of the scene's mesh"
        )
    return values


def scene_files(truth_dir: Path, prediction_dir: Path) -> list[tuple[Path, Path]]:
    """(truth, prediction) for every `<scene>.txt`, by name; both folders must hold the same."""
    truth, prediction = _texts(truth_dir), _texts(prediction_dir)
    for name in sorted(truth.keys() ^ prediction.keys()):
        lacking = prediction_dir if name in truth else truth_dir
        raise InputError(f"{Path(lacking) / name}: is missing; truth and prediction go in pairs")
    return [(truth[name], prediction[name]) for name in sorted(truth)]


def _texts(folder: Path) -> dict[str, Path]:
    found = Path(folder).glob("*.txt")
    files = {path.name: path for path in found if path.is_file() and path.name not in _RESULTS}
    if not files:
        raise InputError(f"{folder}: holds no <scene>.txt file; name the folder that does")
    return files
