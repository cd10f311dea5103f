"""Blocks: every vertex is inside one, slow twins, and joining what was cut."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seggroup.errors import InputError
from seggroup.geometry.blocks import Block, blocks, gather, joined, part_of
from seggroup.geometry.prepare import prepare
from seggroup.types import NONE, Labels


def building(seed, n=400):
    return np.random.default_rng(seed).uniform(0, [20, 14, 3], (n, 3)).astype(np.float32)


def cut(truth, block, rng):
    """A block's own view of the truth: its instances are numbered anew."""
    part = truth.at(block.outer)
    numbers = np.unique(part.instance[part.instance != NONE])
    new = rng.permutation(len(numbers)).astype(np.int32)
    known = part.instance != NONE
    instance = part.instance.copy()
    instance[known] = new[np.searchsorted(numbers, part.instance[known])]
    return block, Labels(part.semantic, instance, part.confidence)


def join(parts, size):
    """Labels of all vertices; instances numbered by their first vertex."""
    numbers = joined([(block.outer, labels.instance) for block, labels in parts])
    labels = gather(
        [
            (block, replace(labels, instance=common))
            for (block, labels), common in zip(parts, numbers, strict=True)
        ],
        size,
    )
    first = list(dict.fromkeys(labels.instance[labels.instance != NONE].tolist()))
    place = {NONE: NONE} | {number: i for i, number in enumerate(first)}
    return replace(
        labels, instance=np.array([place[i] for i in labels.instance.tolist()], np.int32)
    )


def alike(first, second):
    """Whether two numberings are one up to the numbers."""
    pairs = {(int(a), int(b)) for a, b in zip(first, second, strict=True)}
    none = all((a == NONE) == (b == NONE) for a, b in pairs)
    return none and len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@pytest.mark.parametrize(("size", "overlap"), [(5.0, 0.0), (5.0, 1.0), (3.0, 4.0), (100.0, 1.0)])
def test_blocks_are_squares_that_see_beyond(size, overlap):
    points = building(0)
    found = blocks(points, size, overlap)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([block.inner for block in found])), np.arange(len(points))
    )
    for block in found:
        assert np.isin(block.inner, block.outer).all()
        assert np.ptp(points[block.inner, :2], axis=0).max() <= size + 1e-4
        seen = points[block.outer, :2]
        assert np.ptp(seen, axis=0).max() <= size + 2 * overlap + 1e-4
        gap = np.linalg.norm(points[:, None, :2] - points[block.inner, :2], axis=2)
        if overlap:  # what lies within the overlap of an inner point is seen
            near = np.flatnonzero(gap.min(axis=1) < overlap - 1e-4)
            far = np.setdiff1d(near, block.outer)
            assert len(far) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.floats(2, 30), st.floats(0, 3))
def test_groups_stay_whole(seed, size, overlap):
    points = building(seed, 120)
    group = np.random.default_rng(seed).integers(0, 15, 120)
    group = np.unique(group, return_inverse=True)[1]
    found = blocks(points, size, overlap, group)
    home = np.full(120, -1)
    plain = blocks(points, size, overlap)
    for number, block in enumerate(found):
        home[block.inner] = number
        for one in np.unique(group[block.outer]):
            assert np.isin(np.flatnonzero(group == one), block.outer).all()
    assert (home >= 0).all()
    for one in range(group.max() + 1):
        assert len(np.unique(home[group == one])) == 1
    assert len(found) <= len(plain)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.floats(3, 30), st.integers(0, 5))
def test_a_truth_that_was_cut_comes_back(seed, size, number):
    """Instances lie in spots smaller than the overlap, so every cut one is seen whole twice."""
    rng = np.random.default_rng([seed, number])
    points = building(seed, 300)
    spot = np.floor(points[:, :2] / 1.0).astype(int)
    _, instance = np.unique(spot, axis=0, return_inverse=True)
    instance = np.where(rng.random(300) < 0.1, NONE, instance.ravel()).astype(np.int32)
    truth = Labels(np.where(instance == NONE, NONE, instance % 7).astype(np.int32), instance)
    parts = [cut(truth, block, rng) for block in blocks(points, size, 1.5)]
    joined = join(parts, 300)
    assert alike(joined.instance, truth.instance)
    np.testing.assert_array_equal(joined.semantic, truth.semantic)
    again = join([parts[i] for i in rng.permutation(len(parts))], 300)
    np.testing.assert_array_equal(again.instance, joined.instance)


def test_one_block_is_the_identity():
    instance = np.array([0, 0, NONE, 1, 2], np.int32)
    labels = Labels(instance + 3, instance, np.linspace(0, 1, 5).astype(np.float32))
    everything = np.arange(5, dtype=np.int32)
    joined = join([(Block(everything, everything), labels)], 5)
    np.testing.assert_array_equal(joined.instance, instance)
    np.testing.assert_array_equal(joined.semantic, labels.semantic)
    np.testing.assert_array_equal(joined.confidence, labels.confidence)


def test_a_chain_over_three_blocks_by_hand():
    """A wall through all blocks is one; what only touches, or is none, is not."""
    at = lambda *numbers: np.array(numbers, np.int32)  # noqa: E731
    first = Block(at(0, 1, 2), at(0, 1, 2, 3, 4))
    second = Block(at(3, 4, 5), at(1, 2, 3, 4, 5, 6, 7))
    third = Block(at(6, 7, 8), at(4, 5, 6, 7, 8))
    parts = [
        (first, Labels(at(1, 1, 1, 1, 1), at(0, 0, 0, 0, 0))),
        (second, Labels(at(1, 1, 1, 1, 1, 2, 1), at(4, 4, 4, 4, 4, 2, 4))),
        (third, Labels(at(1, 1, 2, 1, 1), at(1, 1, 0, 1, NONE))),
    ]
    joined = join(parts, 9)
    assert joined.instance.tolist() == [0, 0, 0, 0, 0, 0, 1, 0, NONE]
    assert joined.semantic.tolist() == [1, 1, 1, 1, 1, 1, 2, 1, 1]
    assert joined.confidence is None


def test_what_one_block_sees_as_one_does_not_weld_two_of_its_neighbours():
    at = lambda *numbers: np.array(numbers, np.int32)  # noqa: E731
    left = Block(at(0, 1, 2, 3), at(0, 1, 2, 3, 4, 5))
    right = Block(at(4, 5, 6), at(2, 3, 4, 5, 6))
    two = Labels(at(1, 1, 1, 1, 1, 1), at(0, 0, 0, 0, 1, 1))  # 2 and 3 of one, 4 and 5 of another
    one = Labels(at(1, 1, 1, 1, 1), at(0, 0, 0, 0, 0))
    assert join([(left, two), (right, one)], 7).instance.tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_gathering_keeps_the_numbers():
    at = lambda *numbers: np.array(numbers, np.int32)  # noqa: E731
    parts = [
        (Block(at(0, 2), at(0, 1, 2)), Labels(at(5, 6, 7), at(15, 16, 17))),
        (Block(at(1), at(1, 2)), Labels(at(8, 9), at(18, 19))),
    ]
    assert gather(parts, 4).instance.tolist() == [15, 18, 17, NONE]
    assert gather(parts, 4).semantic.tolist() == [5, 8, 7, NONE]


def test_a_part_of_a_scene_is_the_scene_between_its_vertices(small_mesh):
    scene = prepare(small_mesh)
    chosen = np.arange(scene.graph.size) % 3 > 0
    vertices = np.flatnonzero(chosen[scene.segments]).astype(np.int32)
    part = part_of(scene, vertices)
    np.testing.assert_array_equal(part.scan.vertices, scene.scan.vertices[vertices])
    ids = scene.segment_ids[scene.segments]
    np.testing.assert_array_equal(part.segment_ids[part.segments], ids[vertices])
    names = {(int(a), int(b)) for a, b in part.segment_ids[part.graph.edges]}
    whole = scene.segment_ids[scene.graph.edges].tolist()
    kept = set(scene.segment_ids[chosen].tolist())
    assert names == {(a, b) for a, b in whole if a in kept and b in kept}
    place = {int(v): i for i, v in enumerate(vertices)}
    expected = [[place[i] for i in f] for f in small_mesh.faces.tolist() if set(f) <= place.keys()]
    assert part.scan.faces.tolist() == expected
    everything = part_of(scene, np.arange(len(scene.segments), dtype=np.int32))
    np.testing.assert_array_equal(everything.graph.edges, scene.graph.edges)
    np.testing.assert_array_equal(everything.segments, scene.segments)


def test_lengths_that_are_none_are_refused():
    for size, overlap in ((0.0, 1.0), (-1.0, 1.0), (float("nan"), 1.0), (1.0, -1.0), (1e-4, 0.0)):
        with pytest.raises(InputError, match="blocks of"):
            blocks(building(0), size, overlap)
