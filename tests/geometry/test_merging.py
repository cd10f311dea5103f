"""Merging by Ward's cost: a slow twin, laws, and a table worked out by hand."""

import numpy as np
import pytest

from seggroup.geometry.merging import merge_similar, numbered


def slow(features, edges, limit):
    """Regions as sets; in every round each picks its cheapest neighbour, and those agree merge."""
    members = [{i} for i in range(len(features))]
    while True:
        mean = [features[sorted(one)].astype(float).mean(axis=0) for one in members]
        of = {i: number for number, one in enumerate(members) for i in one}
        costs = [{} for _ in members]
        for i, j in {(of[a], of[b]) for a, b in edges.tolist() if of[a] != of[b]}:
            a, b = len(members[i]), len(members[j])
            cost = a * b / (a + b) * ((mean[i] - mean[j]) ** 2).sum()
            if cost < limit:
                costs[i][j] = costs[j][i] = cost
        pick = {i: min(near, key=near.get) for i, near in enumerate(costs) if near}
        joined = {i: j for i, j in pick.items() if pick[j] == i and i < j}
        for i, j in pick.items():
            if pick[j] != i:
                assert len(members[j]) < 16 * len(members[i])  # none of the early joining
        if not joined:
            break
        for i, j in joined.items():
            members[i] |= members[j]
        members = [one for i, one in enumerate(members) if i not in set(joined.values())]
    region = np.empty(len(features), int)
    for number, one in enumerate(members):
        region[list(one)] = number
    return region


def grid(side):
    """The edges of a square grid of side x side nodes, each once."""
    number = np.arange(side * side).reshape(side, side)
    rows = np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1)
    columns = np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1)
    return np.concatenate([rows, columns]).astype(np.int32)


def same(one, other):
    pairs = np.unique(np.stack([one, other]), axis=1).shape[1]
    return pairs == len(np.unique(one)) == len(np.unique(other))


@pytest.mark.parametrize("seed", range(6))
def test_mutual_choices_merge(seed):
    features = np.random.default_rng(seed).normal(0, 1, (64, 3)).astype(np.float32)
    edges = grid(8)
    assert same(merge_similar(features, edges, 1.2, 1), slow(features, edges, 1.2))


@pytest.mark.parametrize("seed", range(4))
def test_clear_parts_are_found_with_small_ones_joined(seed):
    rng = np.random.default_rng(seed)
    part = (np.arange(400) // 20 >= 10).astype(int)
    features = (part[:, None] * 2 + rng.normal(0, 0.05, (400, 2))).astype(np.float32)
    specks = rng.choice(400, 12, replace=False)
    features[specks] += 0.9  # nearer to the second part's mean than any threshold allows
    found = merge_similar(features, grid(20), 0.3, 8)
    clean = np.setdiff1d(np.arange(400), specks)
    assert len(np.unique(found)) == 2
    assert same(found[clean], part[clean])


def test_by_hand():
    """A path 0 . 1 .. 2 ... 5: costs 0.5 of squared steps, then means of pairs."""
    features = np.array([[0], [1], [3], [6]], np.float32)
    edges = np.array([[0, 1], [1, 2], [2, 3]], np.int32)
    # steps cost 0.5, 2, 4.5; {0 1} at 0.5 and 3 cost 2/3 * 6.25 = 4.17, so 4.5 is the dearer
    assert merge_similar(features, edges, 0.4, 1).tolist() == [0, 1, 2, 3]
    assert merge_similar(features, edges, 1.0, 1).tolist() == [0, 0, 1, 2]
    assert merge_similar(features, edges, 4.4, 1).tolist() == [0, 0, 0, 1]
    assert merge_similar(features, edges, 100.0, 1).tolist() == [0, 0, 0, 0]
    assert merge_similar(features, edges, 1.0, 2).tolist() == [0, 0, 0, 0]  # 2 and 3 are small
    assert merge_similar(features, edges[:2], 1.0, 2).tolist() == [0, 0, 0, 1]  # 3 is alone


def test_equal_points_merge_whatever_their_number():
    """Ties everywhere; and a hub that everything touches."""
    assert len(np.unique(merge_similar(np.zeros((2500, 2), "f4"), grid(50), 0.1, 1))) == 1
    spokes = np.stack([np.zeros(3000, "i4"), np.arange(1, 3001, dtype="i4")], axis=1)
    features = np.random.default_rng(0).normal(0, 0.01, (3001, 2)).astype(np.float32)
    assert len(np.unique(merge_similar(features, spokes, 1.0, 1))) == 1


def test_what_happens_far_away_changes_nothing():
    rng = np.random.default_rng(3)
    one, other = (rng.normal(0, 1, (100, 3)).astype(np.float32) for _ in range(2))
    edges = grid(10)
    both = merge_similar(
        np.concatenate([one, other]), np.concatenate([edges, edges + np.int32(100)]), 2.0, 3
    )
    assert same(both[:100], merge_similar(one, edges, 2.0, 3))
    assert same(both[100:], merge_similar(other, edges, 2.0, 3))


def test_segments_are_numbered_by_their_lowest_point():
    segments, ids = numbered(np.array([2, 0, 2, 1, 0], np.int32))
    assert segments.tolist() == [0, 1, 0, 2, 1]
    assert ids.tolist() == [0, 1, 3]
