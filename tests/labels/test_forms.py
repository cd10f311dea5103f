"""Every form of labels agrees with the truth, gives no more than it says, and repeats."""

from dataclasses import replace

import numpy as np
import pytest
from reference_forms import asked_points, covering, lloyd, plus_plus_seeds
from toy_rooms import boxes_room
from toy_scenes import random_scene, toy_scene

from seggroup.config import SubcloudConfig
from seggroup.errors import InputError
from seggroup.geometry.prepare import prepare
from seggroup.labels.clicks import seg_level_labels
from seggroup.labels.forms import (
    active_points,
    cover,
    dense,
    hand_made_features,
    k_means,
    random_points,
    scene_tags,
    seg_level,
    subclouds,
)
from seggroup.labels.simulate import STYLES, simulate
from seggroup.types import NONE, Labels

POINTS = {"random": random_points, "active": active_points}


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def room():
    """A floor with 30 boxes; a tenth of its vertices is not annotated."""
    scan, truth = boxes_room(30)
    hidden = rng(5).random(len(truth)) < 0.1
    semantic, instance = truth.semantic.copy(), truth.instance.copy()
    semantic[hidden] = instance[hidden] = NONE
    return prepare(scan, truth=Labels(semantic, instance))


def given(labels):
    """The vertices that have a label."""
    return np.flatnonzero((labels.semantic != NONE) | (labels.instance != NONE))


def assert_true(labels, scene):
    """Wherever a label is given it is the truth; elsewhere there is none at all."""
    at = given(labels)
    assert np.array_equal(labels.semantic[at], scene.truth.semantic[at])
    assert np.array_equal(labels.instance[at], scene.truth.instance[at])
    assert len(labels) == len(scene.segments)


def test_dense_labels_are_the_truth(room):
    labels = dense(room)
    assert_true(labels, room)
    assert np.array_equal(given(labels), given(room.truth))


@pytest.mark.parametrize("style", STYLES)
def test_seg_level_labels_are_the_clicks_on_their_whole_segments(style):
    scene = random_scene(3)
    labels = seg_level(scene, style, rng(1))
    clicks = simulate(scene, style, rng(1))
    of_segments = seg_level_labels(clicks, scene.segments)
    assert np.array_equal(labels.instance[clicks.vertex], clicks.instance)
    for vertex, segment in enumerate(scene.segments.tolist()):
        assert labels.instance[vertex] == of_segments.instance[segment]
        assert labels.semantic[vertex] == of_segments.semantic[segment]


def test_top1_segments_of_one_instance_each_are_all_true():
    scene = random_scene(4)
    labels = seg_level(scene, "top1", rng())
    assert_true(labels, scene)
    assert set(labels.instance) - {NONE} == set(scene.truth.instance)


@pytest.mark.parametrize("kind", POINTS)
@pytest.mark.parametrize("number", [1, 20, 50])
def test_points_are_so_many_and_true(room, kind, number):
    labels = POINTS[kind](room, number, rng())
    assert_true(labels, room)
    assert len(given(labels)) == number


@pytest.mark.parametrize("kind", POINTS)
def test_points_repeat_with_the_seed_and_differ_with_another(room, kind):
    first, same, other = (given(POINTS[kind](room, 20, rng(s))) for s in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", POINTS)
def test_more_points_than_vertices_label_every_vertex(kind):
    scene = toy_scene([{0: 4}, {1: 3, NONE: 2}], [(0, 1)], {0: 5, 1: 7})
    labels = POINTS[kind](scene, 50, rng())
    assert np.array_equal(given(labels), given(scene.truth))


@pytest.mark.parametrize("kind", POINTS)
def test_no_points_are_refused(room, kind):
    with pytest.raises(InputError, match="from 1 on"):
        POINTS[kind](room, 0, rng())


def test_a_smaller_number_of_drawn_points_is_among_a_larger_one(room):
    few, many = (given(random_points(room, n, rng())) for n in (20, 50))
    assert set(few) < set(many)


def test_active_points_meet_more_instances_than_drawn_ones(room):
    found = {kind: [] for kind in POINTS}
    for kind, points in POINTS.items():
        for seed in range(5):
            labels = points(room, 20, rng(seed))
            found[kind].append(len(set(labels.instance) - {NONE}))
    assert np.mean(found["active"]) > np.mean(found["random"]) + 2


def test_active_points_stand_for_the_rest_better_than_drawn_ones(room):
    features = hand_made_features(room.scan)

    def error(kind, seed):
        chosen = features[given(POINTS[kind](room, 20, rng(seed)))]
        return min_distance(features, chosen).mean()

    active, drawn = ([error(kind, s) for s in range(5)] for kind in ("active", "random"))
    assert max(active) < min(drawn)


def min_distance(values, chosen):
    """Distance of every value from the nearest chosen one."""
    return np.min([np.linalg.norm(values - one, axis=1) for one in chosen], axis=0)


def test_active_points_are_the_slow_twin_s():
    scene = toy_scene([{0: 20, NONE: 5}, {1: 15}, {NONE: 8}], [], {0: 5, 1: 7}, spread=0.3)
    features = rng(7).normal(size=(48, 4)).astype(np.float32)
    labels = active_points(scene, 6, rng(2), features)
    centers = lloyd(features, plus_plus_seeds(features, 6, rng(2)), 50)
    annotated = (scene.truth.instance != NONE).tolist()
    assert given(labels).tolist() == asked_points(features, centers, annotated)


@pytest.mark.parametrize("seed", range(5))
def test_k_means_is_the_slow_twin_s(seed):
    values = rng(seed).normal(size=(60, 3)).astype(np.float32)
    slow = lloyd(values, plus_plus_seeds(values, 5, rng(seed)), 50)
    assert np.allclose(k_means(values, 5, rng(seed)), slow, atol=1e-5)


def test_k_means_finds_clusters_that_are_there():
    middle = np.array([[0, 0], [10, 0], [0, 10], [10, 10]], np.float32)
    values = np.repeat(middle, 25, axis=0) + rng(1).normal(0, 0.1, (100, 2)).astype(np.float32)
    centers = k_means(values, 4, rng())
    order = np.lexsort(centers.round().T)
    assert np.allclose(centers[order], middle, atol=0.1)


def test_k_means_gives_no_more_centers_than_values_differ():
    values = np.repeat(np.float32([[1, 2], [3, 4]]), 5, axis=0)
    assert sorted(k_means(values, 4, rng()).tolist()) == [[1, 2], [3, 4]]


def test_a_cluster_without_annotated_vertices_gives_no_point():
    scene = toy_scene([{0: 10}, {NONE: 10}], [], {0: 5})
    at = np.repeat(np.float32([[0.0], [9.0]]), 10, axis=0)
    labels = active_points(scene, 2, rng(), at)
    assert len(given(labels)) == 1


def test_hand_made_features_weigh_alike_in_any_unit(room):
    features = hand_made_features(room.scan)
    assert features.shape == (len(room.segments), 9)
    for part in np.split(features, 3, axis=1):
        assert np.allclose(part.mean(axis=0), 0, atol=1e-4)
        assert np.isclose((part**2).sum(axis=1).mean(), 1, atol=1e-3)
    millimetres = replace(room.scan, vertices=room.scan.vertices * 1000)
    assert np.allclose(hand_made_features(millimetres), features, atol=1e-4)
    assert hand_made_features(replace(room.scan, normals=None)).shape[1] == 6


def test_features_of_a_scan_of_one_colour_are_finite(room):
    grey = replace(room.scan, colors=np.full_like(room.scan.colors, 127))
    assert np.isfinite(hand_made_features(grey)).all()


@pytest.mark.parametrize("seed", range(3))
def test_spheres_are_the_slow_twin_s(seed):
    points = (4 * rng(seed).random((80, 3))).astype(np.float32)
    slow = covering(points, 1.0, rng(seed).permutation(80).tolist())
    assert [sphere.tolist() for sphere in cover(points, 1.0, rng(seed))] == slow


def test_subclouds_hold_every_vertex_and_name_its_class(room):
    sets = subclouds(room, rng())
    assert np.array_equal(np.unique(np.concatenate(sets.members)), np.arange(len(room.segments)))
    for members, classes in zip(sets.members, sets.classes, strict=True):
        assert classes == tuple(sorted(set(room.truth.semantic[members].tolist()) - {NONE}))
        spread = np.ptp(room.scan.vertices[members], axis=0)
        assert (spread <= 4).all()
    assert 4 <= len(sets) <= 20  # a room of 6 m by 6 m
    assert any(len(c) < len(scene_tags(room).classes[0]) for c in subclouds_of(room, 0.7).classes)


def subclouds_of(scene, radius, fewest=1):
    return subclouds(scene, rng(), SubcloudConfig(radius, fewest))


def test_subclouds_repeat_with_the_seed(room):
    first, same, other = (subclouds(room, rng(s)) for s in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first.members, same.members, strict=True))
    assert first.classes == same.classes
    assert [m.tolist() for m in first.members] != [m.tolist() for m in other.members]


def test_subclouds_by_hand():
    # Segments 1 m apart and 0 wide: 3 chairs, 1 table, a gap of nothing annotated.
    contents = [{0: 3}, {1: 1}, {NONE: 2}]
    scene = toy_scene(contents, [], {0: 5, 1: 7}, spread=0.0)
    everything = subclouds_of(scene, 5.0)
    assert [m.tolist() for m in everything.members] == [[0, 1, 2, 3, 4, 5]]
    assert everything.classes == ((5, 7),)
    assert subclouds_of(scene, 5.0, fewest=2).classes == ((5,),)
    apart = subclouds_of(scene, 0.5)
    told = {c: m.tolist() for m, c in zip(apart.members, apart.classes, strict=True)}
    assert told == {(5,): [0, 1, 2], (7,): [3]}  # the sphere of the gap says nothing


@pytest.mark.parametrize(("radius", "fewest"), [(0.0, 1), (-1.0, 1), (float("nan"), 1), (2.0, 0)])
def test_subclouds_of_no_size_are_refused(room, radius, fewest):
    with pytest.raises(InputError, match="above 0"):
        subclouds_of(room, radius, fewest)


def test_tags_of_a_scene_are_its_classes(room):
    sets = scene_tags(room)
    assert [m.tolist() for m in sets.members] == [list(range(len(room.segments)))]
    assert sets.classes == ((2, 3, 5, 7, 14, 29, 39),)


FORMS_OF_TRUTH = [
    dense,
    lambda scene: seg_level(scene, "top1", rng()),
    lambda scene: random_points(scene, 5, rng()),
    lambda scene: active_points(scene, 5, rng()),
    lambda scene: subclouds(scene, rng()),
    scene_tags,
]


@pytest.mark.parametrize("form", FORMS_OF_TRUTH)
def test_a_scene_without_truth_is_refused(room, form):
    nothing = np.full(len(room.segments), NONE, np.int32)
    for truth in (None, Labels(nothing, nothing)):
        with pytest.raises(InputError, match=r"truth|no true instances"):
            form(replace(room, truth=truth))


@pytest.mark.parametrize("form", [scene_tags, lambda scene: subclouds(scene, rng())])
def test_class_sets_need_classes(form):
    with pytest.raises(InputError, match="no classes"):
        form(toy_scene([{0: 5}], [], {}))
