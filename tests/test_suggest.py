"""The next click against a slow twin of its gain, its laws, and hand-made cases."""

import numpy as np
import pytest
from toy_scenes import random_scene

from seggroup.suggest import LEAK, inverse_diagonal, make_guide, next_clicks
from seggroup.types import NONE, Graph


def random_case(seed):
    """The guide and the walker's steps of a graph, every third one in pieces, and some seeds."""
    rng = np.random.default_rng(seed)
    graph = random_scene(seed, nodes=24).graph
    if seed % 3 == 0:
        graph = Graph(graph.size, graph.edges[::4], graph.boundary[::4])
    weights = rng.uniform(0.01, 5, len(graph.edges))
    guide = make_guide(graph, weights, rng.integers(1, 50, graph.size))
    seeds = rng.choice(graph.size, seed % 7, replace=False)
    return guide, steps(graph, weights), seeds, rng.integers(NONE, 4, len(seeds))


def guided(graph, weights=None, size=None):
    """The guide of a graph; weights and sizes are 1 unless given."""
    weights = np.ones(len(graph.edges)) if weights is None else np.array(weights, float)
    return make_guide(graph, weights, np.array([1] * graph.size if size is None else size))


def chain(size):
    """0-1-2- … in a row."""
    pairs = np.stack([np.arange(size - 1), np.arange(1, size)], axis=1).astype(np.int32)
    return Graph(size, pairs, np.ones(size - 1, np.int32))


def steps(graph, weights):
    """The probability of each step of a walker, who gives up with what is missing to 1."""
    matrix = np.zeros((graph.size, graph.size))
    for (a, b), w in zip(graph.edges, weights, strict=True):
        matrix[a, b] = matrix[b, a] = w
    total = matrix.sum(axis=1, keepdims=True)
    return np.divide(matrix, (1 + LEAK) * total, out=np.zeros_like(matrix), where=total > 0)


def first_hit(matrix, targets):
    """Slow twin: (node, target) probability that a walker meets this target first."""
    inner = matrix.copy()
    inner[targets] = 0
    hits = np.eye(len(matrix))[:, targets]
    for _ in range(20_000):
        after = inner @ hits
        after[targets] = np.eye(len(targets))
        if np.abs(after - hits).max(initial=0) < 1e-15:
            break
        hits = after
    return hits


def slow_gains(matrix, size, seeds, instance):
    """Slow twin: every gain by its definition, walking step by step; NaN for the seeds."""
    hits = first_hit(matrix, seeds)
    shares = [hits[:, instance == i].sum(axis=1) for i in np.unique(instance) if i != NONE]
    shares += list(hits[:, instance == NONE].T)  # every declined segment is one by itself
    doubt = 1 - np.max([np.zeros(len(matrix)), *shares], axis=0)
    gains = np.full(len(matrix), np.nan)
    for s in np.setdiff1d(np.arange(len(matrix)), seeds):
        by_s = first_hit(matrix, np.append(seeds, s))[:, -1]
        gains[s] = doubt[s] * (size * doubt * by_s).sum() / size.sum()
    return gains


@pytest.mark.parametrize("seed", range(14))
def test_the_first_place_has_the_largest_gain_of_a_step_by_step_twin(seed):
    guide, matrix, seeds, instance = random_case(seed)
    gains = slow_gains(matrix, guide.size, seeds, instance)
    (place,) = next_clicks(guide, seeds, instance, 1)
    assert gains[place.segment] == pytest.approx(np.nanmax(gains), rel=1e-9)
    assert place.gain == pytest.approx(np.nanmax(gains), rel=1e-9)
    reach = first_hit(matrix, seeds)[place.segment].sum()
    assert place.reach == pytest.approx(reach, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_places_are_free_distinct_and_by_gain(seed):
    guide, _, seeds, instance = random_case(seed)
    places = next_clicks(guide, seeds, instance, 100)
    segments = [place.segment for place in places]
    assert len(set(segments)) == len(segments)
    assert not set(segments) & set(seeds.tolist())
    assert set(segments) <= set(range(24))
    gains = [place.gain for place in places]
    assert gains == sorted(gains, reverse=True)
    assert all(0 < gain <= 1 for gain in gains)
    assert all(0 <= place.reach <= 1 for place in places)
    assert next_clicks(guide, seeds, instance, 3) == places[:3]


@pytest.mark.parametrize("seed", range(6))
def test_the_order_and_the_numbers_of_the_clicks_do_not_matter(seed):
    guide, _, seeds, instance = random_case(seed)
    places = next_clicks(guide, seeds, instance, 5)
    order = np.random.default_rng(0).permutation(len(seeds))
    other = np.where(instance == NONE, NONE, 90 - 7 * instance)[order]
    moved = next_clicks(guide, seeds[order], other, 5)
    assert [p.segment for p in moved] == [p.segment for p in places]
    np.testing.assert_allclose([p.gain for p in moved], [p.gain for p in places], rtol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_whoever_follows_the_suggestions_clicks_every_segment_once(seed):
    guide, _, _, _ = random_case(seed)
    clicked = np.zeros(0, int)
    for number in range(24):
        places = next_clicks(guide, clicked, np.arange(number), 1)
        clicked = np.append(clicked, [place.segment for place in places])
    assert sorted(clicked) == list(range(24))


@pytest.mark.parametrize("seed", range(12))
def test_the_diagonal_of_the_inverse_is_that_of_the_dense_inverse(seed):
    guide, matrix, _, _ = random_case(seed)
    eye = np.eye(len(matrix))
    inverse = guide.factor.solve(eye)
    np.testing.assert_allclose(inverse_diagonal(guide.factor), inverse.diagonal(), rtol=1e-12)
    np.testing.assert_allclose(inverse, inverse.T, rtol=1e-9, atol=1e-15)
    visits = np.linalg.inv(eye - matrix)  # expected visits, of which those to s are G(s, s) stays
    hits = visits / visits.diagonal()
    np.testing.assert_allclose(inverse / inverse.diagonal(), hits, rtol=1e-9, atol=1e-15)


def test_one_segment_and_no_edge():
    guide = guided(Graph(1, np.zeros((0, 2), np.int32), np.zeros(0, np.int32)), size=[7])
    (place,) = next_clicks(guide, np.zeros(0, int), np.zeros(0, int), 8)
    assert (place.segment, place.gain, place.reach) == (0, 1.0, 0.0)
    assert next_clicks(guide, np.array([0]), np.array([3]), 8) == []


def test_segments_that_touch_nothing_gain_themselves():
    guide = guided(Graph(3, np.zeros((0, 2), np.int32), np.zeros(0, np.int32)), size=[2, 5, 3])
    places = next_clicks(guide, np.array([2]), np.array([0]), 8)
    assert [(p.segment, p.gain, p.reach) for p in places] == [(1, 0.5, 0.0), (0, 0.2, 0.0)]


def test_two_touching_segments_by_hand():
    """A walker goes over with 1 / (1 + LEAK): before any click both gain as much, sizes aside."""
    guide = guided(chain(2), size=[3, 1])
    over = 1 / (1 + LEAK)
    (first, second) = next_clicks(guide, np.zeros(0, int), np.zeros(0, int), 2)
    assert (first.segment, second.segment) == (0, 1)
    assert first.gain == pytest.approx((3 + over) / 4)
    assert second.gain == pytest.approx((1 - over) ** 2 / 4)


def test_the_middle_of_a_chain_comes_first():
    (place,) = next_clicks(guided(chain(9)), np.zeros(0, int), np.zeros(0, int), 1)
    assert place.segment == 4


def test_between_two_instances_the_middle_is_torn_and_within_one_nothing_is():
    """Clicks at both ends of a chain: of two instances, or of one."""
    guide, ends = guided(chain(7)), np.array([0, 6])
    (torn,) = next_clicks(guide, ends, np.array([0, 1]), 1)
    (calm,) = next_clicks(guide, ends, np.array([0, 0]), 1)
    assert torn.segment == calm.segment == 3
    assert torn.gain > 5 * calm.gain
    assert torn.reach == calm.reach > 0.75


def test_the_object_behind_a_faint_border_is_suggested():
    """Two cliques of five that touch weakly; one is clicked, so the other is next."""
    pairs = [(a, b) for o in (0, 5) for a in range(o, o + 5) for b in range(a + 1, o + 5)]
    edges = np.array(sorted([*pairs, (4, 5)]), np.int32)
    graph = Graph(10, edges, np.ones(len(edges), np.int32))
    weights = np.where((edges == [4, 5]).all(axis=1), 0.01, 1.0)
    places = next_clicks(guided(graph, weights), np.array([0]), np.array([0]), 2)
    assert places[0].segment >= 5
    assert places[0].gain > 0.3
    assert places[1].gain < 0.1  # one click settles either clique


def test_what_was_declined_is_left_alone_with_its_surroundings():
    places = next_clicks(guided(chain(20)), np.zeros(0, int), np.zeros(0, int), 1)
    declined = np.array([p.segment for p in places])
    (again,) = next_clicks(guided(chain(20)), declined, np.array([NONE]), 1)
    assert abs(again.segment - declined[0]) >= 3


def test_two_declined_segments_are_not_one_instance():
    guide, ends = guided(chain(7)), np.array([0, 6])
    (apart,) = next_clicks(guide, ends, np.array([NONE, NONE]), 1)
    (torn,) = next_clicks(guide, ends, np.array([0, 1]), 1)
    assert apart == torn
