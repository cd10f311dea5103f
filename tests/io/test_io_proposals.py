"""Files of overlapping proposals: what is written comes back, what is broken is refused."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seggroup.errors import InputError
from seggroup.io.proposals import (
    Proposals,
    pack_proposals,
    read_proposals,
    write_proposals,
)
from seggroup.io.store import proposals_file

ROWS = [(np.array([0, 3, 4]), 5, 0.75), (np.array([3]), 39, 0.25), (np.array([], int), 7, 1.0)]


@pytest.fixture
def path(tmp_path):
    write_proposals(tmp_path / "room.proposals.npz", pack_proposals(ROWS))
    return tmp_path / "room.proposals.npz"


def test_what_is_written_comes_back(path):
    read = read_proposals(path, 5)
    assert len(read) == 3
    for i, (points, semantic, score) in enumerate(ROWS):
        assert read.points(i).tolist() == points.tolist()
        assert (read.semantic[i], read.score[i]) == (semantic, score)


def test_no_proposals_are_proposals(tmp_path):
    write_proposals(tmp_path / "a.npz", pack_proposals([]))
    assert len(read_proposals(tmp_path / "a.npz", 0)) == 0


def test_the_same_bytes_every_time(path, tmp_path):
    write_proposals(tmp_path / "again.npz", pack_proposals(ROWS))
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_the_name_of_the_file(tmp_path):
    assert proposals_file(tmp_path, "room") == tmp_path / "room.proposals.npz"
    with pytest.raises(InputError, match="cannot be the name"):
        proposals_file(tmp_path, "../room")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"point": np.array([0, 3, 5, 3])}, "vertex outside"),
        ({"point": np.array([0, -1, 4, 3])}, "vertex outside"),
        ({"point": np.array([3, 4, 3, 3])}, "vertex twice"),
        ({"offset": np.array([0, 3, 4])}, "score do not fit"),
        ({"offset": np.array([0, 4, 3, 4])}, "does not divide"),
        ({"offset": np.array([1, 3, 4, 4])}, "does not divide"),
        ({"offset": np.array([0, 3, 4, 5])}, "does not divide"),
        ({"score": np.array([0.5, np.nan, 1], np.float32)}, "not a finite number"),
        ({"score": np.array([0.5, 1], np.float32)}, "score do not fit"),
        ({"score": np.array([0.5, 1, 2])}, "not a row of float32"),
        ({"semantic": np.array([5, -1, 7], np.int32)}, "class below 0"),
        ({"point": np.zeros((2, 2), np.int64)}, "not a row of int64"),
        ({"point": np.array([None], object)}, "not a whole file"),
        ({"point": np.zeros(10_000, np.int64)}, "more points than"),
        ({"score": np.zeros(10**6, np.float32)}, "more than 100,000 proposals"),
        ({"score": None}, "not a whole file"),
    ],
)
def test_refuses_what_does_not_fit(tmp_path, change, message):
    packed = pack_proposals(ROWS)
    arrays = {name: getattr(packed, name) for name in ("offset", "point", "semantic", "score")}
    arrays = {name: array for name, array in (arrays | change).items() if array is not None}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError, match=message):
        read_proposals(tmp_path / "bad.npz", 5)


@given(st.binary(max_size=200), st.integers(0, 1500))
def test_broken_bytes_are_refused(tmp_path_factory, noise, place):
    path = tmp_path_factory.mktemp("broken") / "a.npz"
    write_proposals(path, pack_proposals(ROWS))
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + noise)
    with contextlib.suppress(InputError):
        assert isinstance(read_proposals(path, 5), Proposals)
