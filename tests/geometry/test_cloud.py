"""Point clouds: kNN edges by brute force, normals and their signs, laws of the segmentation."""

import numpy as np
import pytest

from seggroup.config import OversegmentConfig
from seggroup.geometry.cloud import cloud_normals, knn_edges
from seggroup.geometry.prepare import prepare
from seggroup.types import Scan


def room_corner(rng, n=1500):
    """Points on a floor and two walls that meet in a corner, 2 m each, and the plane of each."""
    plane = np.arange(3).repeat(n // 3)
    points = rng.uniform(0.05, 2, (n, 3))
    points[np.arange(n), plane] = rng.normal(0, 0.001, n)
    return points.astype(np.float32), plane


def cloud(points):
    return Scan("cloud", points, np.full((len(points), 3), 128, np.uint8), np.empty((0, 3), "i4"))


@pytest.mark.parametrize("seed", range(4))
def test_knn_edges_are_brute_force(seed):
    points = np.random.default_rng(seed).normal(0, 1, (80, 3)).astype(np.float32)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = np.argsort(distance, axis=1)[:, 1:6]
    length = np.take_along_axis(distance, near, axis=1)
    limit = 1.5 * np.median(length)
    expected = {
        (min(i, int(j)), max(i, int(j)))
        for i in range(80)
        for j, d in zip(near[i], length[i], strict=True)
        if d <= limit
    }
    assert {tuple(e) for e in knn_edges(points, 5, 1.5).tolist()} == expected


def test_normals_are_across_the_planes_and_face_the_inside():
    points, plane = room_corner(np.random.default_rng(0))
    normals = cloud_normals(points, knn_edges(points, 10, 3.0), 12)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, rtol=1e-5)
    inner = (points + np.eye(3)[plane] > 0.3).all(axis=1)  # away from the edges
    assert (normals[inner, plane[inner]] > 0.9).mean() > 0.95


def test_planes_become_segments():
    points, plane = room_corner(np.random.default_rng(1))
    scene = prepare(cloud(points))
    pure = sum(np.bincount(plane[scene.segments == s]).max() for s in range(scene.graph.size))
    assert pure / len(points) > 0.95
    largest = np.bincount(scene.segments).argsort()[-3:]
    assert len({int(np.bincount(plane[scene.segments == s]).argmax()) for s in largest}) == 3


def test_units_do_not_matter():
    points, _ = room_corner(np.random.default_rng(2))
    scene = prepare(cloud(points))
    exact = prepare(cloud(points * np.float32(1024)))
    np.testing.assert_array_equal(scene.segments, exact.segments)
    near = prepare(cloud(points * np.float32(1000)))
    pairs = np.unique(np.stack([scene.segments, near.segments]), axis=1, return_counts=True)[1]
    assert np.sort(pairs)[-scene.graph.size :].sum() / len(points) > 0.99


def test_normals_of_the_file_are_used():
    points, plane = room_corner(np.random.default_rng(3))
    given = np.eye(3, dtype=np.float32)[plane]
    scan = cloud(points)
    scene = prepare(Scan("given", scan.vertices, scan.colors, scan.faces, given))
    assert scene.scan.normals is given


@pytest.mark.parametrize("points", [1, 2, 5, 30])
def test_tiny_clouds_and_coinciding_points(points):
    scene = prepare(cloud(np.zeros((points, 3), np.float32)), config=OversegmentConfig(min_size=1))
    assert len(scene.segments) == points
    assert np.isfinite(scene.scan.normals).all()
