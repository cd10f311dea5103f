"""Simulated annotators on scenes small enough to know what they click."""

from dataclasses import replace

import numpy as np
import pytest
from toy_scenes import permuted, random_scene, toy_scene

from seggroup.config import AnnotatorConfig
from seggroup.errors import InputError
from seggroup.labels.clicks import instance_classes, seg_level_labels
from seggroup.labels.simulate import STYLES, simulate
from seggroup.types import NONE, Labels

RIGHT = AnnotatorConfig(wrong_segment=0.0, missed=0.0, wrong_class=0.0)

# Instance 0 in a chain 0-1-2 and, apart from it, 4-5 and 7; instance 1 in 3 and 6; 8 is bare.
CONTENTS = [
    {0: 300}, {0: 500}, {0: 100, 1: 40}, {1: 60, 0: 10}, {0: 80},
    {0: 90}, {1: 50, NONE: 400}, {0: 99}, {NONE: 30},
]  # fmt: skip
EDGES = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8)]
CLASSES = {0: 1, 1: 7}


def clicked(scene, clicks):
    """(segment, instance) of every click."""
    return list(zip(scene.segments[clicks.vertex].tolist(), clicks.instance.tolist(), strict=True))


@pytest.fixture
def chain():
    return toy_scene(CONTENTS, EDGES, CLASSES)


@pytest.mark.parametrize(
    ("style", "per", "expected"),
    [
        # The part {7} of 99 vertices is too small; of instance 1 the larger part {3} is clicked
        # although it has 60, its part {6} is not.
        ("top1", "part", [(1, 0), (5, 0), (3, 1)]),
        ("top1", "instance", [(1, 0), (3, 1)]),
        ("all3", "part", [(1, 0), (0, 0), (2, 0), (5, 0), (4, 0), (3, 1)]),
        ("all3", "instance", [(1, 0), (0, 0), (2, 0), (3, 1), (6, 1)]),
        ("central", "part", [(1, 0), (5, 0), (3, 1)]),
    ],
)
def test_what_is_clicked_is_known(chain, style, per, expected):
    clicks = simulate(chain, style, np.random.default_rng(0), per=per)
    assert clicked(chain, clicks) == expected
    assert instance_classes(clicks) == CLASSES


def test_central_is_not_the_largest():
    scene = toy_scene([{0: 120}, {0: 100}, {0: 110}], [(0, 1), (1, 2)], {0: 3})
    assert clicked(scene, simulate(scene, "central", np.random.default_rng(0))) == [(1, 0)]
    assert clicked(scene, simulate(scene, "top1", np.random.default_rng(0))) == [(0, 0)]


@pytest.mark.parametrize("style", STYLES)
def test_every_instance_is_clicked_on_itself_in_its_majority(style):
    for seed in range(20):
        scene = random_scene(seed)
        clicks = simulate(scene, style, np.random.default_rng(seed), replace(RIGHT, min_part=20))
        assert set(clicks.instance) == set(range(6))
        assert (scene.truth.instance[clicks.vertex] == clicks.instance).all()
        assert (scene.truth.semantic[clicks.vertex] == clicks.semantic).all()
        seg_level_labels(clicks, scene.segments)  # nothing contradicts


@pytest.mark.parametrize("style", STYLES)
def test_a_seed_decides_everything(style):
    scene = random_scene(3)
    one, two = (simulate(scene, style, np.random.default_rng(5)) for _ in range(2))
    assert clicked(scene, one) == clicked(scene, two)
    assert (one.vertex == two.vertex).all()
    assert (one.semantic == two.semantic).all()


@pytest.mark.parametrize("style", STYLES)
def test_the_order_of_the_vertices_does_not_matter(style):
    scene = random_scene(8)
    order = np.random.default_rng(0).permutation(len(scene.segments))
    moved = permuted(scene, order)
    one = simulate(scene, style, np.random.default_rng(1))
    two = simulate(moved, style, np.random.default_rng(1))
    assert (one.vertex == order[two.vertex]).all()
    assert (one.instance == two.instance).all()


def test_draws_are_in_proportion_to_size():
    """200 : 100 : 60 vertices; top2 draws 2 : 1 of the first two, random all alike."""
    scene = toy_scene([{0: 60}, {0: 200}, {0: 100}], [(0, 1), (1, 2)], {0: 3})
    rng = np.random.default_rng(0)

    def shares(style, draws=600):
        found = [clicked(scene, simulate(scene, style, rng))[0][0] for _ in range(draws)]
        return np.bincount(found, minlength=3) / draws

    np.testing.assert_allclose(shares("top2"), [0, 2 / 3, 1 / 3], atol=0.07)
    np.testing.assert_allclose(shares("top3"), [60 / 360, 200 / 360, 100 / 360], atol=0.07)
    np.testing.assert_allclose(shares("random"), [1 / 3, 1 / 3, 1 / 3], atol=0.07)


@pytest.mark.parametrize("seed", range(10))
def test_the_vertex_is_the_instance_s_nearest_to_the_segment_s_centroid(seed):
    scene = toy_scene([{0: 60, 1: 50, NONE: 40}], [], CLASSES, seed=seed)
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    assert clicked(scene, clicks) == [(0, 0)]
    own = np.flatnonzero(scene.truth.instance == 0)
    center = scene.scan.vertices.astype(float).mean(axis=0)
    distance = np.linalg.norm(scene.scan.vertices[own] - center, axis=1)
    assert clicks.vertex[0] == own[distance.argmin()]


def test_an_instance_that_is_the_majority_nowhere_takes_a_free_segment():
    """Instance 2 finds segment 0 clicked and takes 1; instance 3, only in segment 0, gets none."""
    contents = [{0: 300, 2: 30, 3: 20}, {0: 200, 2: 20}, {1: 150}]
    scene = toy_scene(contents, [(0, 1), (1, 2)], {0: 1, 1: 2, 2: 5, 3: 7})
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    assert clicked(scene, clicks) == [(0, 0), (2, 1), (1, 2)]
    assert (scene.truth.instance[clicks.vertex] == clicks.instance).all()


def test_two_of_them_do_not_take_one_segment():
    """Instances 2 and 3 both hide in segment 1, which no one clicks; the larger gets it."""
    scene = toy_scene([{0: 300}, {0: 200, 2: 20, 3: 30}], [(0, 1)], {0: 1, 2: 5, 3: 7})
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    assert clicked(scene, clicks) == [(0, 0), (1, 3)]


def test_a_part_of_just_min_part_vertices_is_clicked():
    scene = toy_scene([{0: 300}, {0: 99}, {0: 100}], [], {0: 1})
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    assert clicked(scene, clicks) == [(0, 0), (2, 0)]


def test_the_class_is_the_majority_of_the_instance():
    scene = toy_scene([{4: 120}], [], {4: 5})
    semantic = scene.truth.semantic.copy()
    semantic[:50], semantic[50:60] = 7, NONE  # 60 of class 5 remain against 50
    scene = replace(scene, truth=Labels(semantic, scene.truth.instance))
    assert instance_classes(simulate(scene, "top1", np.random.default_rng(0))) == {4: 5}
    unclassed = toy_scene([{4: 120}], [], {})
    for style in ("top1", "noisy"):
        clicks = simulate(unclassed, style, np.random.default_rng(0))
        assert instance_classes(clicks) == {4: NONE}


@pytest.fixture(scope="module")
def many():
    """400 instances in pairs of segments, each pair between two bare ones: room for errors."""
    contents = [row for i in range(400) for row in ({i: 120}, {i: 100}, {NONE: 3})]
    edges = [(s, s + 1) for s in range(len(contents) - 1)]
    return toy_scene(contents, edges, {i: 1 + i % 40 for i in range(400)})


def test_the_shares_of_errors_are_those_asked_for(many):
    config = AnnotatorConfig(wrong_segment=0.3, missed=0.2, wrong_class=0.15)
    clicks = simulate(many, "noisy", np.random.default_rng(0), config)
    assert len(clicks) / 400 == pytest.approx(0.8, abs=0.06)
    wrong = many.truth.instance[clicks.vertex] != clicks.instance
    assert wrong.mean() == pytest.approx(0.3, abs=0.07)
    other = clicks.semantic != 1 + clicks.instance % 40
    assert other.mean() == pytest.approx(0.15, abs=0.06)
    seg_level_labels(clicks, many.segments)  # errors do not contradict one another


def test_an_annotator_who_does_not_err_is_top1(many):
    one = simulate(many, "noisy", np.random.default_rng(0), RIGHT)
    two = simulate(many, "top1", np.random.default_rng(1))
    assert (one.vertex == two.vertex).all()
    assert (one.semantic == two.semantic).all()


def test_the_most_careless_annotator_still_finds_the_largest_instance(chain):
    config = AnnotatorConfig(wrong_segment=0.0, missed=1.0, wrong_class=1.0)
    clicks = simulate(chain, "noisy", np.random.default_rng(0), config)
    assert set(clicks.instance) == {0}
    assert set(clicks.semantic) == {7}  # the scene's only other class


@pytest.mark.parametrize("truth", [None, "bare"])
def test_a_scene_without_truth_is_refused(chain, truth):
    bare = np.full(len(chain.segments), NONE, np.int32)
    scene = replace(chain, truth=None if truth is None else Labels(bare, bare))
    with pytest.raises(InputError, match="toy: has no true instances"):
        simulate(scene, "top1", np.random.default_rng(0))


def test_an_unknown_style_is_refused(chain):
    with pytest.raises(InputError, match="top1, top2"):
        simulate(chain, "top9", np.random.default_rng(0))
