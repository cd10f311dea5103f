"""PCD in its three encodings against the published layout and pypcd4's files; broken files."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seggroup.errors import InputError
from seggroup.io.pcd import _unpack, read_pcd
from seggroup.io.scan import read_labelled_scan, read_scan

XYZ = np.array([[0, 0, 1], [1, 0, 2], [0, 1, 3.5], [4, 5, 6]])
RGB = np.array([[255, 0, 1], [2, 3, 4], [5, 6, 7], [8, 9, 10]])
PACKED = (RGB[:, 0] << 16 | RGB[:, 1] << 8 | RGB[:, 2]).astype(np.uint32)
ENCODINGS = ["ascii", "binary", "binary_compressed"]
LETTERS = {"f": "F", "u": "U", "i": "I"}


def literal(data: bytes) -> bytes:
    """LZF without any back reference."""
    return b"".join(
        bytes([len(part) - 1]) + part
        for part in (data[at : at + 32] for at in range(0, len(data), 32))
    )


def pcd(columns, encoding="binary", counts=None, **head) -> bytes:
    """A PCD file of named columns: n values, or n x count."""
    size = len(next(iter(columns.values())))
    kinds = {name: np.asarray(values).dtype for name, values in columns.items()}
    lines = {
        "VERSION": "0.7",
        "FIELDS": " ".join(columns),
        "SIZE": " ".join(str(kind.itemsize) for kind in kinds.values()),
        "TYPE": " ".join(LETTERS[kind.kind] for kind in kinds.values()),
        "COUNT": " ".join(str(np.asarray(v).reshape(size, -1).shape[1]) for v in columns.values()),
        "WIDTH": size,
        "HEIGHT": 1,
        "VIEWPOINT": "0 0 0 1 0 0 0",
        "POINTS": size,
        "DATA": encoding,
    } | head
    text = "# .PCD v0.7 - Point Cloud Data file format\n"
    text += "".join(f"{key} {value}\n" for key, value in lines.items() if value is not None)
    arrays = [np.asarray(values).reshape(size, -1) for values in columns.values()]
    if encoding == "ascii":
        rows = [" ".join(str(v) for a in arrays for v in a[i].tolist()) for i in range(size)]
        return (text + "\n".join(rows) + "\n").encode()
    if encoding == "binary":
        rows = [b"".join(array[i].tobytes() for array in arrays) for i in range(size)]
        return text.encode() + b"".join(rows)
    plain = b"".join(array.tobytes() for array in arrays)
    packed = literal(plain)
    return text.encode() + struct.pack("<II", len(packed), len(plain)) + packed


def axes(kind=np.float32, points=XYZ):
    return {axis: points[:, i].astype(kind) for i, axis in enumerate("xyz")}


def write(path, data):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, np.int32])
def test_positions_of_every_type(tmp_path, encoding, kind):
    scan = read_scan(write(tmp_path / "a.pcd", pcd(axes(kind), encoding)))
    assert scan.vertices.tolist() == XYZ.astype(kind).tolist()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "colors",
    [
        {"rgb": PACKED},
        {"rgba": PACKED | 0x7F000000},
        {"rgb": PACKED.view(np.float32)},
        {"r": RGB[:, 0].astype("u1"), "g": RGB[:, 1].astype("u1"), "b": RGB[:, 2].astype("u1")},
        {n: RGB[:, i].astype("f4") / 255 for i, n in enumerate(("red", "green", "blue"))},
    ],
)
def test_colours_in_all_their_forms(tmp_path, encoding, colors):
    columns = {"_": np.zeros((4, 3), np.uint8), **axes(), **colors, "ring": np.zeros(4, "u2")}
    scan = read_scan(write(tmp_path / "a.pcd", pcd(columns, encoding)))
    assert scan.colors.tolist() == RGB.tolist()
    assert scan.vertices.tolist() == XYZ.tolist()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_normals_and_labels(tmp_path, encoding):
    columns = axes() | {f"normal_{a}": np.full(4, a == "z", "f4") for a in "xyz"}
    columns |= {"label": np.array([0, 3, 4, 4], "u4"), "object": np.array([0, 1, 2, 2], "i4")}
    scan, labels = read_labelled_scan(write(tmp_path / "a.pcd", pcd(columns, encoding)))
    assert scan.normals.tolist() == [[0, 0, 1]] * 4
    assert labels.semantic.tolist() == [-1, 3, 4, 4]
    assert labels.instance.tolist() == [-1, 0, 1, 1]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_points_without_a_position_are_left_out_and_counted(tmp_path, encoding):
    points = XYZ.copy()
    points[1] = np.nan
    columns = {**axes(points=points), "rgb": PACKED, "label": np.arange(4, dtype="u4")}
    raw = read_pcd(write(tmp_path / "a.pcd", pcd(columns, encoding, WIDTH=2, HEIGHT=2)))
    assert raw.vertices.tolist() == XYZ[[0, 2, 3]].tolist()
    assert raw.colors.tolist() == RGB[[0, 2, 3]].tolist()
    assert raw.properties["label"].tolist() == [0, 2, 3]
    assert raw.notes == ["1 points without a position (NaN) were left out."]


def test_old_and_sparse_heads(tmp_path):
    data = pcd(axes(), "ascii", COUNT=None, POINTS=None, VIEWPOINT=None)
    assert len(read_pcd(write(tmp_path / "a.pcd", data)).vertices) == 4
    old = data.replace(b"FIELDS", b"COLUMNS").replace(b"# .PCD", b"#x").replace(b"\n", b"\r\n")
    assert len(read_pcd(write(tmp_path / "b.pcd", old)).vertices) == 4


def test_intensity_is_grey(tmp_path):
    columns = axes() | {"intensity": np.arange(4, dtype="f4")}
    raw = read_pcd(write(tmp_path / "a.pcd", pcd(columns)))
    assert (np.diff(raw.colors[:, 0].astype(int)) > 0).all()


def unpack_slowly(packed: bytes) -> bytes:
    """LZF, read as its description reads."""
    result, at = bytearray(), 0
    while at < len(packed):
        control, at = packed[at], at + 1
        if control < 32:
            result += packed[at : at + control + 1]
            at += control + 1
            continue
        length = control >> 5
        if length == 7:
            length, at = length + packed[at], at + 1
        source = len(result) - ((control & 31) << 8) - packed[at] - 1
        at += 1
        for i in range(length + 2):
            result.append(result[source + i])
    return bytes(result)


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=20), st.integers(3, 200), st.integers(1, 60)))
)
def test_unpacking_equals_its_slow_twin(runs):
    packed, size = b"", 0
    for text, length, back in runs:
        packed += bytes([len(text) - 1]) + text
        size += len(text)
        back = min(back, size) - 1
        length -= 2
        packed += bytes([length << 5 | back >> 8] if length < 7 else [7 << 5, length - 7])
        packed += bytes([back & 255])
        size += length + 2
    result = np.zeros(size, np.uint8)
    assert _unpack(np.frombuffer(packed, np.uint8), result) == size
    assert result.tobytes() == unpack_slowly(packed)


@given(st.binary(max_size=300), st.integers(0, 400))
def test_unpacking_anything_stays_within_bounds(packed, size):
    result = np.zeros(size + 8, np.uint8)
    made = _unpack(np.frombuffer(packed, np.uint8), result[:size])
    assert -1 <= made <= size
    assert not result[size:].any()


GOOD = {encoding: pcd(axes(), encoding) for encoding in ENCODINGS}
BROKEN = {
    "nodata.pcd": (GOOD["ascii"].replace(b"DATA ascii", b"DATE ascii"), "no DATA line"),
    "noz.pcd": (GOOD["ascii"].replace(b"x y z", b"x y w"), "names the fields x y w"),
    "type.pcd": (GOOD["ascii"].replace(b"TYPE F", b"TYPE Q"), "no number or type that PCD knows"),
    "size.pcd": (GOOD["ascii"].replace(b"SIZE 4", b"SIZE 3"), "'F3'"),
    "points.pcd": (pcd(axes(), POINTS="many"), "'many'"),
    "fields.pcd": (pcd(axes(), COUNT="1 1"), "3 FIELDS, but 3 of TYPE and SIZE and 2 of COUNT"),
    "minus.pcd": (pcd(axes(), POINTS=-4), "or a negative one"),
    "lists.pcd": (pcd(axes(), COUNT="1 2 1"), "x, y or z is a list"),
    "wide.pcd": (pcd(axes() | {"d": np.zeros((4, 99999), "u1")}), "one point of this PCD has"),
    "encoding.pcd": (pcd(axes(), "binary", DATA="zipped"), "'zipped'"),
    "cut.pcd": (GOOD["binary"][:-1], "holds at most 3"),
    "cutascii.pcd": (GOOD["ascii"][:-12], "promises 4 points"),
    "huge.pcd": (pcd(axes(), POINTS=10**15), "promises 1000000000000000 points"),
    "hugeascii.pcd": (pcd(axes(), "ascii", POINTS=10**15), "promises 1000000000000000 points"),
    "more.pcd": (pcd(axes(), "ascii", POINTS=3), "holds 12 numbers"),
    "words.pcd": (GOOD["ascii"].replace(b"3.5", b"x.y"), "is not a number"),
    "half.pcd": (pcd(axes("i4"), "ascii").replace(b"4 5 6", b"4 5 .5"), "no integer of 32 bits"),
    "cutpacked.pcd": (GOOD["binary_compressed"][:-1], "truncated"),
    "nopacked.pcd": (GOOD["binary_compressed"].split(b"compressed\n")[0] + b"compressed\n",
                     "at most 0"),
    "sizes.pcd": (pcd(axes(), "binary_compressed", POINTS=3), "make 48 bytes"),
    "lzf.pcd": (GOOD["binary_compressed"][:-50] + b"\xff" * 50, "(LZF) are damaged"),
    "inf.pcd": (pcd(axes(points=np.where(XYZ == 6, np.inf, XYZ))), "not finite"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_have_their_own_message(tmp_path, name):
    data, words = BROKEN[name]
    with pytest.raises(InputError) as caught:
        read_scan(write(tmp_path / name, data))
    assert name in str(caught.value)
    assert words in str(caught.value)
