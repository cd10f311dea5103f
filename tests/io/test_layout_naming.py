"""Names and numbers of data sets as ids of a class list."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seggroup.errors import InputError
from seggroup.io.classlist import ClassList, Named, nyu40, template
from seggroup.io.layouts.naming import by_corners, finder, of_nyu40
from seggroup.io.layouts.numbered import class_ids, numbering_of, places
from seggroup.io.layouts.s3dis import rows_in
from seggroup.io.relisting import has_nyu40_ids, translated
from seggroup.io.scannet import CLASS_TABLE
from seggroup.types import NONE

OWN = ClassList(
    {
        7: Named("seat", (0, 0, 0), ("chair", "sofa")),
        9: Named("lid", (0, 0, 0)),
        12: Named("wall", (0, 0, 0), thing=False),
    }
)


def test_finder_without_a_list():
    find = finder(None)
    assert [find(n) for n in ("Office_Chair", "wall", "board", "clutter", "quark")] == [
        5, 1, 30, 40, None
    ]  # fmt: skip
    assert finder(template("scannet20"))("pillow") == 18  # left out later, with its vertices


def test_finder_of_an_own_list():
    find = finder(OWN)
    names = ("Seat", "couch", "armchair", "lid", "wall", "desk", "class 3", "quark")
    assert [find(n) for n in names] == [7, 7, 7, 9, 12, None, None, None]


def test_finder_with_scannets_table(tmp_path):
    (tmp_path / CLASS_TABLE).write_text(
        "id\traw_category\tnyu40id\n10\toffice chair\t5\n2\tstack\t5\n9999\tthing\t40\n0\tx\t0\n"
    )
    inner = tmp_path / "scans" / "scene0000_00"
    inner.mkdir(parents=True)
    find = finder(template("scannet200"), inner)
    assert [find(n) for n in ("office chair", "stack", "thing", "couch", "quark")] == [
        10, 2, None, 6, None
    ]  # fmt: skip
    find = finder(None, inner)
    assert [find(n) for n in ("stack", "thing", "x", "couch")] == [5, 40, None, 6]
    too_deep = inner / "a" / "b"
    too_deep.mkdir(parents=True)
    assert finder(None, too_deep)("stack") is None


def test_translated():
    ids = np.array([1, 5, 6, 14, NONE], np.int32)
    assert translated(ids, nyu40(), None) is ids
    assert translated(ids, nyu40(), template("scannet20")) is ids
    assert translated(ids, nyu40(), OWN).tolist() == [12, 7, 7, NONE, NONE]
    of_s3dis = np.arange(1, 14, dtype=np.int32)
    assert translated(of_s3dis, template("s3dis"), None).tolist() == [
        22, 2, 1, 38, 38, 9, 8, 7, 5, 6, 10, 30, 40
    ]  # fmt: skip
    assert of_nyu40(np.array([0, 41, 22, 30], np.int32), template("s3dis")).tolist() == [
        NONE, NONE, 1, 12
    ]  # fmt: skip
    wide = translated(np.array([10, 8, 2], np.int32), template("scannet200"), None)
    assert wide.tolist() == [5, 15, 5]
    assert has_nyu40_ids(None)
    assert has_nyu40_ids(template("scannet20"))
    assert not has_nyu40_ids(OWN)


def test_numbers_beyond_the_list_are_noted():
    notes: list[str] = []
    numbers = np.array([0, 2, 3, -100, 3], np.int32)
    found = class_ids(numbers, places(OWN), OWN, OWN, notes)
    assert found.tolist() == [7, 12, NONE, NONE, NONE]
    assert notes == ["1 class numbers are beyond the class list and were left without a class: 3."]
    notes.clear()
    assert class_ids(numbers[:2] // 2 + 1, places(OWN), OWN, None, notes).tolist() == [NONE, 1]
    assert "without one: lid" in notes[0]


@pytest.mark.parametrize(
    "row",
    ['{"value": 0, "id": 0, "name": "a"}', '{"value": -1, "id": 1, "name": "a"}', "3",
     '{"value": 1, "id": 1}', '{"value": 1, "id": 99999999, "name": "a"}'],
)  # fmt: skip
def test_broken_numberings(tmp_path, row):
    (tmp_path / "classes.json").write_text('{"classes": [' + row + "]}")
    with pytest.raises(InputError, match=r"classes\.json: class 0 of classes needs a value"):
        numbering_of(tmp_path / "train" / "scene")


def test_another_programs_classes_are_passed_over(tmp_path):
    (tmp_path / "classes.json").write_text('["wall"]')
    assert numbering_of(tmp_path) is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 3)), max_size=40))
def test_majority_of_corners_against_counting(corners):
    vertex, ids = (np.array([c[i] for c in corners], np.int64) for i in (0, 1))
    for v, got in enumerate(by_corners(vertex, ids, 6).tolist()):
        votes = [i for w, i in corners if w == v and i >= 0]
        best = max(sorted(set(votes)), key=votes.count) if votes else NONE
        assert got == best


@given(st.data())
def test_rows_are_found_where_they_are(data):
    """Some of a room's rows in any order, repeats among them; one that is not there: None."""
    ints = st.lists(st.integers(-1, 1), min_size=6, max_size=6)
    room = np.array(data.draw(st.lists(ints, min_size=1, max_size=12)), np.float64)
    picked = data.draw(st.permutations(range(len(room))))[: data.draw(st.integers(0, len(room)))]
    at = rows_in(room[picked].reshape(-1, 6), room)
    assert at is not None
    assert len(set(at.tolist())) == len(picked)
    assert np.array_equal(room[at], room[picked].reshape(-1, 6))
    assert rows_in(np.concatenate([room, room[:1]]), room) is None
    strange = np.concatenate([room[picked].reshape(-1, 6), [[5.0] * 6]])
    assert len(strange) > len(room) or rows_in(strange, room) is None
