"""Class sets come back as they were written, and a broken file is refused."""

import numpy as np
import pytest

from seggroup.errors import InputError
from seggroup.io.classsets import read_class_sets, write_class_sets
from seggroup.io.store import labels_file, sets_file
from seggroup.types import ClassSets


def sets_of(*pairs):
    return ClassSets(
        tuple(np.array(members, np.int32) for members, _ in pairs),
        tuple(tuple(classes) for _, classes in pairs),
    )


EXAMPLES = [
    sets_of(),
    sets_of(([], [])),
    sets_of(([0, 1, 2, 3, 4], [1, 2, 40])),
    sets_of(([0, 4], [5]), ([], []), ([1, 2, 4], []), ([3], [1, 7])),
]


@pytest.mark.parametrize("sets", EXAMPLES)
def test_sets_come_back(tmp_path, sets):
    write_class_sets(tmp_path / "a.sets.npz", sets)
    again = read_class_sets(tmp_path / "a.sets.npz", 5)
    assert again.classes == sets.classes
    assert [m.tolist() for m in again.members] == [m.tolist() for m in sets.members]
    assert len(again) == len(sets)
    first = (tmp_path / "a.sets.npz").read_bytes()
    write_class_sets(tmp_path / "a.sets.npz", again)
    assert (tmp_path / "a.sets.npz").read_bytes() == first


def test_sets_lie_beside_the_labels(tmp_path):
    assert sets_file(tmp_path, "scene0000_00").name == "scene0000_00.sets.npz"
    assert sets_file(tmp_path, "a").parent == labels_file(tmp_path, "a").parent


GOOD = {
    "members": np.array([0, 1, 1, 2], np.int32),
    "member_starts": np.array([0, 2, 4]),
    "classes": np.array([5, 5, 7], np.int32),
    "class_starts": np.array([0, 1, 3]),
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"members": np.array([0, 1, 1, 5], np.int32)}, "5 vertices"),
        ({"members": np.array([0, 1, 1, -1], np.int32)}, "5 vertices"),
        ({"members": np.array([0.0, 1, 1, 2])}, "float64"),
        ({"members": np.array([[0, 1, 1, 2]], np.int32)}, "shape"),
        ({"classes": np.array([5, -1, 7], np.int32)}, "below 0"),
        ({"member_starts": np.array([0, 2])}, "do not fit"),
        ({"member_starts": np.array([0, 5])}, "do not fit"),
        ({"member_starts": np.array([0, 5, 4])}, "do not fit"),
        ({"member_starts": np.array([1, 2, 4])}, "do not fit"),
        ({"member_starts": np.array([], np.int64)}, "do not fit"),
        ({"class_starts": np.array([0, 3])}, "without classes"),
        ({"classes": np.array([{}, [], ()], object)}, "not a whole file"),
        ({"classes": None}, "not a whole file"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, change, reason):
    arrays = {name: value for name, value in (GOOD | change).items() if value is not None}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=reason):
        read_class_sets(tmp_path / "a.npz", 5)


def test_the_file_that_the_others_are_broken_from_is_read(tmp_path):
    np.savez(tmp_path / "a.npz", **GOOD)
    assert read_class_sets(tmp_path / "a.npz", 5).classes == ((5,), (5, 7))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nothing", b"no zip at all"])
def test_a_file_of_something_else_is_refused(tmp_path, data):
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(InputError, match=r"empty|not a whole file"):
        read_class_sets(tmp_path / "a.npz", 5)
