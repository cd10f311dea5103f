"""Numbers and records of text: to the bit what Python's `float` reads."""

from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seggroup.errors import InputError
from seggroup.io import text

PATH = Path("a.txt")
SETTINGS = settings(max_examples=300, deadline=None)


def bits(values) -> list[int]:
    return np.asarray(values, np.float64).view(np.uint64).tolist()


@SETTINGS
@given(st.lists(st.floats(allow_nan=False), min_size=1), st.sampled_from(["r", ".6f", ".17g", "e"]))
def test_floats_are_read_to_the_bit(values, form):
    words = [repr(v) if form == "r" else format(v, form) for v in values]
    read, lengths = text.rows(PATH, " ".join(words).encode(), "points")
    assert bits(read) == bits([float(word) for word in words])
    assert lengths.tolist() == [len(words)]


@SETTINGS
@given(
    st.from_regex(
        r"[-+]?([0-9]{1,25}\.?[0-9]{0,25}|\.[0-9]{1,25})([eE][-+]?[0-9]{1,3})?", fullmatch=True
    )
)
@example("9007199254740993")
@example("1e22")
@example("1e23")
@example("-0")
@example("0e999")
@example("1e-400")
@example("00000000000000000000000001.5")
@example("8.5e-323")
@example("99999999999999999999")
def test_any_spelling_is_read_to_the_bit(word):
    read, _ = text.rows(PATH, word.encode(), "points")
    assert bits(read) == bits([float(word)])


@SETTINGS
@given(st.floats(1e-12, 1e15), st.booleans())
def test_half_way_between_two_doubles(value, above):
    getcontext().prec = 120
    middle = (Decimal(value) + Decimal(float(np.nextafter(value, np.inf)))) / 2
    word = str(middle + (Decimal(10) ** -60 if above else 0))
    read, _ = text.rows(PATH, word.encode(), "points")
    assert bits(read) == bits([float(word)])


@pytest.mark.parametrize(
    ("data", "values", "lengths"),
    [
        (b"1 2\n3\n", [1, 2, 3], [2, 1]),
        (b"\r\n 1\t2 \r\n\r\n3", [1, 2, 3], [2, 1]),
        (b"1\r2\r", [1, 2], [1, 1]),
        (b"1 2 # 3\n# 4\n5", [1, 2, 5], [2, 1]),
        (b"+1. .5 -0 1e2 1E+2", [1, 0.5, -0.0, 100, 100], [5]),
        (b"inf -Infinity", [np.inf, -np.inf], [2]),
        (b" \n", [], []),
    ],
)
def test_lines(data, values, lengths):
    read, found = text.rows(PATH, data, "points", comment=b"#")
    assert bits(read) == bits(values)
    assert found.tolist() == lengths


def test_nan_is_a_number_that_nothing_takes_for_a_place():
    read, _ = text.rows(PATH, b"1 nan -nan 2", "points")
    assert np.isnan(read).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    "word", ["x", "1_0", "0x10", "--1", "1e", "1e+", ".", "-", "1.2.3", "1,5", "é", "1#"]
)
def test_what_is_no_number_is_named_with_its_line(word):
    with pytest.raises(InputError, match=r"a.txt: line 3: .* among the points is not a number"):
        text.rows(PATH, b"1 2\n\n3 " + word.encode() + b" 4\n", "points")


def test_only_lines_of_a_word():
    data = b"v 1 2\nvt 3\n  v\t4\nvn 5\nv\nv 6"
    read, lengths = text.rows(PATH, data, "vertices", b"v")
    assert (read.tolist(), lengths.tolist()) == ([1, 2, 4, 6], [2, 1, 0, 1])


def slow_faces(data: bytes):
    """The corners of OBJ faces, a word at a time."""
    corners, texels, counts = [], [], {"v": 0, "vt": 0}
    lengths = []
    for line in data.decode().splitlines():
        words = line.split("#")[0].split()
        if words and words[0] in counts:
            counts[words[0]] += 1
        if words and words[0] == "f":
            lengths.append(len(words) - 1)
            for word in words[1:]:
                vertex, texel = [*word.split("/"), ""][:2]
                for index, found, before in (
                    (int(vertex), corners, counts["v"]),
                    (int(texel or 0), texels, counts["vt"]),
                ):
                    found.append(index - 1 if index >= 0 else index + before)
    return corners, texels, lengths


CORNER = st.builds(
    lambda v, rest: f"{v}{rest}",
    st.integers(-9, 99),
    st.sampled_from(["", "/1", "/-2", "//3", "/2/5", "/-1/-1", "/4/"]),
)
LINE = st.one_of(
    st.sampled_from(["v 1 2 3", "vt 0 1", "vn 0 0 1", "", "# f 1 2 3", "usemtl f", "f", "fo 1 2"]),
    st.lists(CORNER, min_size=1, max_size=5).map(lambda words: "f " + " ".join(words)),
)


@SETTINGS
@given(st.lists(LINE, max_size=12), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_faces_as_a_slow_twin_reads_them(lines, end):
    data = end.join(["v 0 0 0", *lines]).encode()
    corners, texels, found = text.faces(PATH, data)
    expected = slow_faces(data + b" ")
    lines_without_corners = sum(line == "f" for line in lines)
    assert corners.tolist() == expected[0]
    assert texels.tolist() == expected[1]
    lengths = [n for n in found[:, 0].tolist() if n or lines_without_corners]
    assert [n for n in lengths if n] == [n for n in expected[2] if n]


@pytest.mark.parametrize("word", ["a", "1.5", "1/x", "1e3", "-", "1/2/3x/ 4/y", "9" * 30])
def test_a_corner_that_is_no_index(word):
    with pytest.raises(InputError, match=r"line 2: .* not an integer"):
        text.faces(PATH, b"v 0 0 0\nf 1 1 " + word.encode())
