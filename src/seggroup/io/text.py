"""Numbers and records of text files (OBJ, OFF, STL, ASCII PLY, rows of points), compiled.

Numbers are rounded exactly, as Python's `float` does. The compiled walk takes numbers of up to 19
digits with the 128-bit products of Eisel and Lemire (Lemire, "Number Parsing at a Gigabyte per
Second", 2021, after Tao's note in nigeltao.github.io/blog/2020/eisel-lemire.html); the few it
cannot decide it leaves to `float`: it puts a NaN with the position of the word in their place.
"""

import re
import typing
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64
from numba import njit

from seggroup.errors import InputError

Bytes = bytes | bytearray | memoryview
NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf(inity)?)", re.I)
_LEAST, _MOST = -64, 64  # powers of ten in the table; others are left to `float`


def _powers() -> np.ndarray:
    """The first 128 bits of the powers of ten, high and low word."""
    rows = []
    for exponent in range(_LEAST, _MOST + 1):
        whole = 10 ** abs(exponent)
        if exponent < 0:
            whole = (1 << (127 + whole.bit_length())) // whole
        shift = whole.bit_length() - 128
        whole = whole >> shift if shift >= 0 else whole << -shift
        rows.append([whole >> 64, whole & (2**64 - 1)])
    return np.array(rows, np.uint64)


_POWERS = _powers()
_TENS = 10.0 ** np.arange(23)  # exact
_U0, _U1, _U2, _U3, _U4, _U8 = (np.uint64(n) for n in (0, 1, 2, 3, 4, 8))
_U9, _U10, _U16, _U32 = (np.uint64(n) for n in (9, 10, 16, 32))
_U52, _U53, _U63, _U64 = (np.uint64(n) for n in (52, 53, 63, 64))
_LOW32, _LOW9 = np.uint64(2**32 - 1), np.uint64(0x1FF)
_MANTISSA = np.uint64(2**52 - 1)
_SIGN = np.uint64(2**63)
_ODD = np.uint64(0xFFF8 << 48)  # a NaN; its other bits are the position of the word
_PAYLOAD = np.uint64(2**51 - 1)
_NO_INDEX = -(2**62)
_F, _V, _VT = (np.frombuffer(word, np.uint8) for word in (b"f", b"v", b"vt"))


def rows(
    path: Path, text: Bytes, what: str, word: bytes = b"", comment: bytes = b""
) -> tuple[Float64[np.ndarray, " n"], Int64[np.ndarray, " r"]]:
    """The numbers of each line one after another, and how many each line has.

    word    : only lines that begin with it, without it; else all lines that are not blank
    comment : what a word begins with that ends its line, one byte

    Raises InputError, with the line, at the first thing that is not a number.
    """
    data = np.frombuffer(text, np.uint8)
    key = np.frombuffer(word, np.uint8)
    words, lines = _size(data, key)
    bits, lengths = np.empty(words, np.uint64), np.empty(lines, np.int64)
    count, size, odd = _parse(data, key, comment[0] if comment else 0, bits, lengths, _POWERS)
    bits = bits[:count]
    if odd:
        _decide(path, text, what, bits)
    return bits.view(np.float64), lengths[:size]


def table(
    path: Path, text: Bytes, what: str, widths: tuple[int, ...], word: bytes = b""
) -> Float64[np.ndarray, "r w"]:
    """Lines of equally many numbers. Raises InputError for a number that is none of `widths`."""
    values, lengths = rows(path, text, what, word)
    width = int(lengths[0]) if len(lengths) else widths[0]
    if width not in widths or np.any(lengths != width):
        raise InputError(
            f"{path}: its {what} do not all have the same {' or '.join(map(str, widths))} "
            "numbers; export the mesh again"
        )
    return values.reshape(-1, width)


def line_number(text: Bytes, position: int) -> int:
    """The line, from 1, in which a byte stands."""
    before = bytes(text[:position])
    return 1 + before.count(b"\n") + before.replace(b"\r\n", b"").count(b"\r")


def _decide(path: Path, text: Bytes, what: str, bits: np.ndarray) -> None:
    """Put Python's numbers where the compiled walk left the positions of words."""
    for index in np.flatnonzero((bits & ~_PAYLOAD) == _ODD):
        start = int(bits[index] & _PAYLOAD)
        word = (bytes(text[start : start + 400]).split(maxsplit=1) or [b""])[0]
        try:
            if b"_" in word:  # Python's own
                raise ValueError
            number = np.float64(float(word))
        except ValueError as error:
            raise InputError(
                f"{path}: line {line_number(text, start)}: {word[:40].decode('latin-1')!r} among "
                f"the {what} is not a number; export the file again"
            ) from error
        bits[index] = number.view(np.uint64) if number == number else np.uint64(0x7FF8 << 48)


@njit(cache=True, nogil=True)
@typing.no_type_check
def _begins(data: np.ndarray, at: int, word: np.ndarray) -> bool:
    """Whether `word` and a blank stand at `at`."""
    stop = at + len(word)
    if stop >= len(data) or (data[stop] > 32):
        return False
    for i in range(len(word)):  # noqa: SIM110 (a generator does not compile)
        if data[at + i] != word[i]:
            return False
    return True


@njit(cache=True, nogil=True)
@typing.no_type_check
def _size(data: np.ndarray, word: np.ndarray) -> tuple[int, int]:
    """How many words and lines there are at most in the lines that begin with `word`."""
    words = lines = at = 0
    while at < len(data):
        while at < len(data) and data[at] <= 32:
            at += 1
        wanted = at < len(data) and (len(word) == 0 or _begins(data, at, word))
        lines += wanted
        inside = False
        while at < len(data) and data[at] != 10 and data[at] != 13:
            blank = data[at] <= 32
            words += wanted and not blank and not inside
            inside = not blank
            at += 1
    return words, lines


@njit(cache=True, nogil=True)
@typing.no_type_check
def _parse(
    data: np.ndarray,
    word: np.ndarray,
    comment: int,
    bits: np.ndarray,
    lengths: np.ndarray,
    powers: np.ndarray,
) -> tuple[int, int, int]:
    """Fill the bits of the numbers and the lines' lengths; how many of both, and odd words."""
    count = lines = odd = at = 0
    stop = len(data)
    while at < stop:
        while at < stop and data[at] <= 32:
            at += 1
        if at == stop:
            break
        first = count
        wanted = len(word) == 0 or _begins(data, at, word)
        if wanted:
            at += len(word)
        while wanted and at < stop and data[at] != 10 and data[at] != 13:
            if data[at] <= 32:
                at += 1
            elif data[at] == comment:
                break
            else:
                bits[count], at = _number(data, at, powers)
                odd += (bits[count] & ~_PAYLOAD) == _ODD
                count += 1
        while at < stop and data[at] != 10 and data[at] != 13:
            at += 1
        if wanted and (count > first or len(word) > 0):
            lengths[lines] = count - first
            lines += 1
    return count, lines, odd


@njit(cache=True, nogil=True)
@typing.no_type_check
def _number(data: np.ndarray, start: int, powers: np.ndarray) -> tuple[int, int]:
    """The bits of the number at `start`, or its position where it is odd, and where it ends."""
    stop, at = len(data), start
    sign = _U0
    if data[at] == 45:
        sign = _SIGN
    if data[at] == 45 or data[at] == 43:
        at += 1
    mantissa, begin = _U0, at
    while at < stop and np.uint8(data[at] - 48) <= 9:
        mantissa = mantissa * _U10 + np.uint64(np.uint8(data[at] - 48))
        at += 1
    digits, exponent = at - begin, 0
    if at < stop and data[at] == 46:
        at += 1
        point = at
        while at < stop and np.uint8(data[at] - 48) <= 9:
            mantissa = mantissa * _U10 + np.uint64(np.uint8(data[at] - 48))
            at += 1
        exponent = point - at
        digits -= exponent
    good = digits > 0
    if digits > 19:  # leading zeros do not count
        while begin < at and (data[begin] == 48 or data[begin] == 46):
            digits -= data[begin] == 48
            begin += 1
        good = digits <= 19
    if good and at < stop and (data[at] == 69 or data[at] == 101):
        at += 1
        minus = at < stop and data[at] == 45
        if at < stop and (data[at] == 45 or data[at] == 43):
            at += 1
        power, digits = 0, 0
        while at < stop and 48 <= data[at] <= 57:
            power = min(power * 10 + data[at] - 48, 9999)
            digits += 1
            at += 1
        exponent += -power if minus else power
        good = digits > 0
    if at < stop and data[at] > 32:
        good = False
        while at < stop and data[at] > 32:
            at += 1
    if good and mantissa == _U0:
        return sign, at
    if good and mantissa >> _U53 == _U0 and -22 <= exponent <= 22:  # both factors are exact
        value = np.float64(mantissa)
        value = value / _TENS[-exponent] if exponent < 0 else value * _TENS[exponent]
        return np.float64(value).view(np.uint64) | sign, at
    if good and _LEAST <= exponent <= _MOST:
        bits = _rounded(mantissa, exponent, powers)
        if bits != _ODD:
            return bits | sign, at
    return _ODD | np.uint64(start), at


@njit(cache=True, nogil=True)
@typing.no_type_check
def _rounded(mantissa: int, exponent: int, powers: np.ndarray) -> int:
    """The bits of the double nearest to mantissa * 10**exponent; `_ODD` where undecided."""
    zeros = _U0
    for step in (_U32, _U16, _U8, _U4, _U2, _U1):
        if mantissa >> (_U64 - step) == _U0:
            mantissa <<= step
            zeros += step
    two = ((217706 * exponent) >> 16) + 64 + 1023 - np.int64(zeros)
    high, low = _product(mantissa, powers[exponent - _LEAST, 0])
    if high & _LOW9 == _LOW9 and low + mantissa < mantissa:
        further, lowest = _product(mantissa, powers[exponent - _LEAST, 1])
        merged = low + further
        if merged < low:
            high += _U1
        if high & _LOW9 == _LOW9 and merged + _U1 == _U0 and lowest + mantissa < mantissa:
            return _ODD
        low = merged
    top = high >> _U63
    result = high >> (top + _U9)
    two -= 1 - np.int64(top)
    if low == _U0 and high & _LOW9 == _U0 and result & _U3 == _U1:
        return _ODD  # half way between two doubles, perhaps
    result = (result + (result & _U1)) >> _U1
    if result >> _U53 > _U0:
        result >>= _U1
        two += 1
    return (np.uint64(two) << _U52) | (result & _MANTISSA)


@njit(cache=True, nogil=True)
@typing.no_type_check
def _product(a: int, b: int) -> tuple[int, int]:
    """The high and low 64 bits of a product."""
    a0, a1, b0, b1 = a & _LOW32, a >> _U32, b & _LOW32, b >> _U32
    low, first, second, high = a0 * b0, a0 * b1, a1 * b0, a1 * b1
    middle = (low >> _U32) + (first & _LOW32) + (second & _LOW32)
    return high + (first >> _U32) + (second >> _U32) + (middle >> _U32), a * b


def faces(
    path: Path, text: Bytes
) -> tuple[Int64[np.ndarray, " c"], Int64[np.ndarray, " c"], Int64[np.ndarray, "f 2"]]:
    """The corners of an OBJ's `f` lines: vertices and texture coordinates, counted from 0.

    Negative indices count back from where they stand; -1 for no texture coordinate. Of every
    face it gives the number of corners and the position of its line.

    Raises InputError for an index that is not an integer.
    """
    data = np.frombuffer(text, np.uint8)
    words, lines = _size(data, _F)
    corners, texels = np.empty(words, np.int64), np.empty(words, np.int64)
    found = np.empty((lines, 2), np.int64)
    count, wrong = _faces(data, corners, texels, found)
    if wrong >= 0:
        word = bytes(text[wrong : wrong + 400]).split(maxsplit=1)[0][:40].decode("latin-1")
        raise InputError(
            f"{path}: line {line_number(text, wrong)}: {word!r} names a corner by an index that "
            "is not an integer; export the mesh again"
        )
    return corners[:count], texels[:count], found


@njit(cache=True, nogil=True)
@typing.no_type_check
def _faces(
    data: np.ndarray, corners: np.ndarray, texels: np.ndarray, found: np.ndarray
) -> tuple[int, int]:
    """Fill the corners of faces; how many there are, and where one is no index (or -1)."""
    count = lines = at = vertices = coordinates = 0
    stop = len(data)
    while at < stop:
        while at < stop and data[at] <= 32:
            at += 1
        if at < stop and data[at] == 118:  # v
            vertices += _begins(data, at, _V)
            coordinates += _begins(data, at, _VT)
        elif at < stop and _begins(data, at, _F):
            found[lines, 1] = at
            first = count
            at += 1
            while at < stop and data[at] != 10 and data[at] != 13:
                if data[at] <= 32:
                    at += 1
                    continue
                if data[at] == 35:  # a remark
                    break
                start = at
                corner, at = _index(data, at)
                texel = 0
                if at < stop and data[at] == 47:
                    at += 1
                    if at < stop and data[at] > 32 and data[at] != 47:
                        texel, at = _index(data, at)
                    if at < stop and data[at] == 47:
                        at += 1
                        while at < stop and data[at] > 32:
                            at += 1
                if corner == _NO_INDEX or texel == _NO_INDEX or (at < stop and data[at] > 32):
                    return count, start
                corners[count] = corner - 1 if corner >= 0 else corner + vertices
                texels[count] = texel - 1 if texel >= 0 else texel + coordinates
                count += 1
            found[lines, 0] = count - first
            lines += 1
        while at < stop and data[at] != 10 and data[at] != 13:
            at += 1
    return count, -1


@njit(cache=True, nogil=True)
@typing.no_type_check
def _index(data: np.ndarray, at: int) -> tuple[int, int]:
    """The integer at `at` and where it ends; `_NO_INDEX` where there is none."""
    minus = data[at] == 45
    if data[at] == 45 or data[at] == 43:
        at += 1
    value, start = 0, at
    while at < len(data) and np.uint8(data[at] - 48) <= 9:
        value = value * 10 + np.int64(np.uint8(data[at] - 48))
        at += 1
    if at == start or at - start > 17:
        return _NO_INDEX, at
    return -value if minus else value, at
