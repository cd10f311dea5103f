"""The instances of labels one by one, against a slow twin and by hand."""

import numpy as np
import pytest

from seggroup.errors import first_few
from seggroup.labels.objects import grouped, mixed, objects
from seggroup.types import NONE, Labels


@pytest.mark.parametrize("seed", range(6))
def test_groups_and_objects_are_the_slow_ones(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(0, 60))
    instance = rng.choice([NONE, 0, 3, 4, 2**31 - 2], size).astype(np.int32)
    semantic = rng.choice([NONE, 2, 5], size).astype(np.int32)
    there = sorted(set(instance.tolist()) - {NONE})
    every = {i: np.flatnonzero(instance == i).tolist() for i in there}
    assert {i: points.tolist() for i, points in grouped(instance).items()} == every
    known = {i: [p for p in points if semantic[p] != NONE] for i, points in every.items()}
    found = objects(Labels(semantic, instance))
    assert {o.number: o.points.tolist() for o in found} == {i: p for i, p in known.items() if p}
    for one in found:
        classes = semantic[one.points].tolist()
        assert one.semantic == min(classes, key=lambda c: (-classes.count(c), c))
        assert one.other == sum(c != one.semantic for c in classes)
        assert one.confidence == 1.0
    assert len(mixed(found)) == any(one.other for one in found)


def test_confidence_is_the_mean():
    labels = Labels(
        np.array([4, 4, 7], np.int32),
        np.array([1, 1, 1], np.int32),
        np.array([0.5, 1.0, np.nan], np.float32),
    )
    (one,) = objects(labels)
    assert (one.number, one.semantic, one.other, one.confidence) == (1, 4, 1, 0.5)
    assert mixed([one]) == [
        "1 instance has vertices of more than one class: 1 vertex takes the class that most of "
        "the instance has."
    ]


def test_the_first_few():
    assert first_few([]) == ""
    assert first_few(range(5)) == "0, 1, 2, 3, 4"
    assert first_few("abcdef") == "a, b, c, d, e …"
    assert first_few("abc", 2) == "a, b …"
