"""Augmentation and cropping of training scenes."""

from dataclasses import replace

import numpy as np
import pytest
from toy_models import toy_cloud

from seggroup.downstream.augment import augment, crop, elastic, part, recolored, turned
from seggroup.downstream.cloud import Tags
from seggroup.downstream.config import AugmentConfig, augmentation

NOTHING = augmentation("none")


@pytest.fixture
def cloud():
    return toy_cloud(np.random.default_rng(0), 500)


def test_nothing_to_change_changes_nothing(cloud):
    same = augment(cloud, NOTHING, np.random.default_rng(0))
    np.testing.assert_allclose(same.points, cloud.points, atol=1e-6)
    np.testing.assert_array_equal(same.colors, cloud.colors)


def test_the_same_generator_gives_the_same_scene_and_labels_stay(cloud):
    one, two = (augment(cloud, AugmentConfig(), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.points, two.points)
    np.testing.assert_array_equal(one.colors, two.colors)
    assert one.semantic is cloud.semantic
    assert one.instance is cloud.instance
    assert not np.allclose(one.points, cloud.points)


@pytest.mark.parametrize("seed", range(5))
def test_rotation_flip_and_scale_keep_shapes(cloud, seed):
    config = replace(NOTHING, rotation=180.0, flip=True, scale=0.1)
    moved = augment(cloud, config, np.random.default_rng(seed)).points
    size = np.linalg.norm(moved[0] - moved[1]) / np.linalg.norm(cloud.points[0] - cloud.points[1])
    assert 0.9 <= size <= 1.1
    ours, theirs = moved[:, None] - moved, cloud.points[:, None] - cloud.points
    np.testing.assert_allclose(
        np.linalg.norm(ours, axis=-1), size * np.linalg.norm(theirs, axis=-1), atol=1e-4
    )
    np.testing.assert_allclose(moved[:, 2], size * cloud.points[:, 2], atol=1e-4)  # z stays up


def test_jitter_keeps_floors_level(cloud):
    moved = augment(cloud, replace(NOTHING, jitter=0.5), np.random.default_rng(1)).points
    np.testing.assert_allclose(moved[:, 2], cloud.points[:, 2], atol=1e-6)


def test_turning_is_a_rotation_about_the_vertical():
    points = np.array([[1, 0, 5], [0, 2, 0]], np.float32)
    np.testing.assert_allclose(turned(points, np.pi / 2), [[0, 1, 5], [-2, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(turned(turned(points, 1.0), -1.0), points, atol=1e-6)


def test_an_elastic_field_is_smooth_and_of_the_stated_strength():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 4, (2000, 3)).astype(np.float32)
    shift = elastic(points, 0.4, 3.2, np.random.default_rng(1)) - points
    assert 0.1 < shift.std() < 0.6  # metres
    near = points + np.float32(0.01)
    other = elastic(near, 0.4, 3.2, np.random.default_rng(1)) - near
    assert np.abs(shift - other).max() < 0.1
    none = np.zeros((1, 3), np.float32)
    assert elastic(none, 0.4, 3.2, rng).shape == (1, 3)


def test_colours_stay_in_their_range_and_are_sometimes_gone(cloud):
    wild = AugmentConfig(color_shift=2.0, color_noise=1.0, color_drop=0.0)
    assert np.abs(recolored(cloud.colors, wild, np.random.default_rng(0))).max() <= 1
    gone = replace(wild, color_drop=1.0)
    assert not recolored(cloud.colors, gone, np.random.default_rng(0)).any()


def test_a_crop_holds_the_points_nearest_its_centre(cloud):
    assert crop(cloud, 500, np.random.default_rng(0)) is cloud
    rng = np.random.default_rng(5)
    center = cloud.points[np.random.default_rng(5).integers(500), :2]
    small = crop(cloud, 120, rng)
    distance = np.linalg.norm(cloud.points[:, :2] - center, axis=1)
    expected = np.sort(np.argsort(distance)[:120])
    np.testing.assert_array_equal(small.points, cloud.points[expected])
    np.testing.assert_array_equal(small.semantic, cloud.semantic[expected])


def test_tags_stay_where_most_of_their_points_do(cloud):
    classes = np.array([True, False, True])
    whole, cut = Tags(np.arange(0, 100), classes), Tags(np.arange(50, 400), classes)
    few = part(replace(cloud, tags=(whole, cut)), np.arange(10, 200))
    assert len(few.tags) == 1
    np.testing.assert_array_equal(few.tags[0].points, np.arange(90))
