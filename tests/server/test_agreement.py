"""Agreement of annotators against counting pairs one by one, and known values."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seggroup.server.agreement import adjusted_rand_index, agreement
from seggroup.types import NONE, Labels

laws = settings(deadline=None, max_examples=60)
segments = st.lists(
    st.tuples(st.integers(-1, 3), st.integers(-1, 3), st.integers(0, 4)), min_size=1
)


def slow_index(first, second, sizes):
    """Slow twin: every pair of vertices, asked whether each partition puts them together."""
    one, two = np.repeat(first, sizes), np.repeat(second, sizes)
    pairs = list(combinations(range(len(one)), 2))
    in_one = np.array([one[a] == one[b] for a, b in pairs], bool)
    in_two = np.array([two[a] == two[b] for a, b in pairs], bool)
    both, a, b = (in_one & in_two).sum(), in_one.sum(), in_two.sum()
    chance = a * b / max(1, len(pairs))
    return 1.0 if (in_one == in_two).all() else (both - chance) / ((a + b) / 2 - chance)


def columns(rows):
    return np.array(rows, np.int32).reshape(-1, 3).T


@laws
@given(segments)
def test_the_index_agrees_with_counting_pairs(rows):
    first, second, sizes = columns(rows)
    index = adjusted_rand_index(first, second, sizes)
    assert index == pytest.approx(slow_index(first, second, sizes), abs=1e-9)
    assert index == pytest.approx(adjusted_rand_index(second, first, sizes), abs=1e-12)
    assert index <= 1 + 1e-12


@laws
@given(segments, st.permutations(range(5)))
def test_equal_partitions_agree_whatever_their_numbers(rows, names):
    first, _, sizes = columns(rows)
    renamed = np.array(names)[first + 1]
    assert adjusted_rand_index(first, renamed, sizes) == pytest.approx(1)


def test_known_values():
    """The example of scikit-learn's documentation; and chance gives about 0."""
    index = adjusted_rand_index(np.array([0, 0, 1, 2]), np.array([0, 0, 1, 1]), np.ones(4, int))
    assert index == pytest.approx(0.5714285714)
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (2, 20_000))
    assert abs(adjusted_rand_index(first, second, np.full(20_000, 30))) < 0.005
    everything, each = np.zeros(6, int), np.arange(6)
    assert adjusted_rand_index(everything, everything, np.full(6, 100_000)) == 1
    assert adjusted_rand_index(everything, each, np.ones(6, int)) == 0
    assert adjusted_rand_index(each, each, np.ones(6, int)) == 1


def labels(semantic, instance):
    return Labels(np.array(semantic, np.int32), np.array(instance, np.int32))


def test_all_pairs_of_annotators_by_name():
    sizes = np.array([5, 3, 2], np.int32)
    found = agreement(
        "room",
        sizes,
        {
            "cho": labels([4, 4, NONE], [0, 1, NONE]),
            "ann": labels([4, 7, NONE], [9, 8, NONE]),
            "bob": labels([4, 7, 7], [0, 1, 1]),
        },
    )
    assert found.scene == "room"
    pairs = [(p.first, p.second, round(p.classes, 6)) for p in found.pairs]
    assert pairs == [("ann", "bob", 0.8), ("ann", "cho", 0.7), ("bob", "cho", 0.5)]
    assert found.pairs[1].instances == pytest.approx(1)
    assert found.pairs[0].instances < 1


def test_one_annotator_has_nobody_to_agree_with():
    assert agreement("room", np.ones(1, np.int32), {"ann": labels([1], [1])}).pairs == []
