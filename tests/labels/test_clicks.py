"""Clicks and seg-level labels."""

import numpy as np
import pytest

from seggroup.errors import InputError
from seggroup.labels.clicks import drop_contradictions, instance_classes, seg_level_labels
from seggroup.types import NONE, Clicks

SEGMENTS = np.array([0, 0, 1, 1, 2, 3, 3], np.int32)
CHAIR, TABLE = 5, 7


def clicks(*rows):
    """Clicks from rows of (vertex, instance, class)."""
    return Clicks(*np.array(rows, np.int32).reshape(-1, 3).T)


def test_a_click_labels_its_whole_segment():
    labels = seg_level_labels(clicks((1, 4, CHAIR), (5, 0, TABLE), (2, 4, CHAIR)), SEGMENTS)
    assert labels.instance.tolist() == [4, 4, NONE, 0]
    assert labels.semantic.tolist() == [CHAIR, CHAIR, NONE, TABLE]
    assert labels.at(SEGMENTS).instance.tolist() == [4, 4, 4, 4, NONE, 0, 0]


def test_one_instance_may_be_clicked_twice_in_a_segment():
    labels = seg_level_labels(clicks((0, 4, CHAIR), (1, 4, CHAIR)), SEGMENTS)
    assert labels.instance.tolist() == [4, NONE, NONE, NONE]


def test_an_instance_without_a_class_is_labelled_by_number_alone():
    labels = seg_level_labels(clicks((0, 4, NONE)), SEGMENTS)
    assert (labels.instance[0], labels.semantic[0]) == (4, NONE)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], ["no click"]),
        ([(7, 0, CHAIR)], ["vertex 7", "7 vertices", "another scan"]),
        ([(-1, 0, CHAIR)], ["vertex -1", "outside"]),
        ([(0, NONE, CHAIR)], ["instance -1", "count from 0"]),
        (
            [(0, 3, CHAIR), (1, 8, TABLE)],
            ["vertex 0", "instance 3", "chair", "vertex 1", "instance 8", "table", "segment (0)"],
        ),
        (
            [(0, 3, CHAIR), (5, 3, TABLE)],
            ["vertex 0", "chair", "vertex 5", "table", "two classes", "segments 0 and 3"],
        ),
    ],
)
def test_refusals_name_what_is_wrong(rows, words):
    with pytest.raises(InputError) as error:
        seg_level_labels(clicks(*rows), SEGMENTS)
    for word in words:
        assert word in str(error.value)


def test_dropping_keeps_the_first_of_two_that_contradict():
    given = clicks((0, 3, CHAIR), (1, 8, TABLE), (5, 3, TABLE), (6, 8, TABLE), (0, 3, CHAIR))
    kept, reasons = drop_contradictions(given, SEGMENTS)
    assert kept.vertex.tolist() == [0, 6, 0]
    assert kept.instance.tolist() == [3, 8, 3]
    assert len(reasons) == 2
    assert "one segment (0)" in reasons[0]
    assert "two classes" in reasons[1]


def test_a_dropped_click_does_not_condemn_a_later_one():
    """Its class counts for nothing: instance 8 is free to be a chair afterwards."""
    kept, reasons = drop_contradictions(
        clicks((0, 3, CHAIR), (1, 8, TABLE), (5, 8, CHAIR)), SEGMENTS
    )
    assert kept.vertex.tolist() == [0, 5]
    assert len(reasons) == 1


def test_dropping_leaves_clicks_that_can_be_labelled():
    rng = np.random.default_rng(0)
    for _ in range(50):
        given = clicks(*zip(*rng.integers(0, [[7], [4], [3]], (3, 12)), strict=True))
        kept, reasons = drop_contradictions(given, SEGMENTS)
        assert len(kept) + len(reasons) == len(given)
        labels = seg_level_labels(kept, SEGMENTS)
        assert (labels.instance[SEGMENTS[kept.vertex]] == kept.instance).all()
        again, none = drop_contradictions(kept, SEGMENTS)
        assert none == []
        assert (again.vertex == kept.vertex).all()


def test_instance_classes():
    given = clicks((0, 9, CHAIR), (5, 2, TABLE), (1, 9, CHAIR))
    assert instance_classes(given) == {2: TABLE, 9: CHAIR}
    assert instance_classes(clicks()) == {}
