"""The container of arrays: what is packed comes back; damaged data is refused."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from seggroup.errors import InputError
from seggroup.server.binary import DTYPES, pack, unpack

arrays = st.dictionaries(
    st.text(max_size=8),
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, max_dims=3, min_side=0))
    ),
    max_size=4,
)
heads = st.dictionaries(
    st.text(max_size=8),
    st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
)


@given(heads, arrays)
def test_what_is_packed_comes_back(head, given_arrays):
    read_head, read = unpack(pack(head, given_arrays))
    assert read_head == head
    assert list(read) == list(given_arrays)
    for name, array in given_arrays.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)


@given(arrays)
def test_every_array_begins_at_a_multiple_of_8(given_arrays):
    data = pack({}, given_arrays)
    assert len(data) % 8 == 0
    length = int.from_bytes(data[4:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert all(entry["offset"] % 8 == 0 for entry in header["arrays"].values())


def test_the_bytes_are_those_of_the_format():
    @dataclass(frozen=True)
    class Head:
        layer: str

    header = (
        '{"head":{"layer":"ü"},"arrays":{"a":{"dtype":"uint8","shape":[2],"offset":0},'
        '"b":{"dtype":"int32","shape":[1,1],"offset":8}}}'
    ).encode()
    start = b"SGA1" + len(header).to_bytes(4, "little") + header
    start += bytes(-len(start) % 8)
    packed = pack(Head("ü"), {"a": np.array([7, 8], np.uint8), "b": np.array([[-2]], np.int32)})
    assert packed == start + b"\7\10\0\0\0\0\0\0" + b"\xfe\xff\xff\xff\0\0\0\0"


def test_big_endian_and_strided_arrays_cross_too():
    array = np.arange(12, dtype=">i4").reshape(3, 4).T[::2]
    np.testing.assert_array_equal(unpack(pack({}, {"a": array}))[1]["a"], array)


@pytest.mark.parametrize("dtype", ["float64", "int64", "bool", "U3"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match="dtype"):
        pack({}, {"a": np.zeros(1, dtype)})


def test_a_container_cut_off_anywhere_is_refused():
    data = pack({"x": 1}, {"a": np.arange(2, dtype=np.int32)})
    for length in range(len(data)):
        with pytest.raises(InputError, match="container"):
            unpack(data[:length])


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "object", "shape": [0], "offset": 0},
        {"dtype": "uint8", "shape": [-1], "offset": 0},
        {"dtype": "uint8", "shape": [10**15], "offset": 0},
        {"dtype": "uint8", "shape": [10**30], "offset": 0},
        {"dtype": "uint8", "shape": [0], "offset": -8},
        {"dtype": "uint8", "shape": [0], "offset": 4},
        {"dtype": "uint8", "shape": ["1"], "offset": 0},
        {"dtype": "uint8", "offset": 0},
        [],
        None,
    ],
)
def test_damaged_entries_are_refused(entry):
    header = json.dumps({"head": {}, "arrays": {"a": entry}}).encode()
    data = b"SGA1" + len(header).to_bytes(4, "little") + header + bytes(64)
    with pytest.raises(InputError, match="container"):
        unpack(data)


@pytest.mark.parametrize("header", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe"])
def test_damaged_headers_are_refused(header):
    with pytest.raises(InputError, match="container"):
        unpack(b"SGA1" + len(header).to_bytes(4, "little") + header + bytes(64))
