"""Point clouds: kNN edges by brute force, normals and their signs, laws of the segmentation."""

import numpy as np
import pytest

from seggroup.config import OversegmentConfig
from seggroup.geometry.cloud import knn_edges, spatial_order
from seggroup.geometry.neighbours import nearest
from seggroup.geometry.normals import oriented, principal_axes
from seggroup.geometry.oversegment import merge_edges
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
    axes = principal_axes(points, nearest(points, points, 12)[1])
    normals = oriented(points, axes, knn_edges(points, 10, 3.0))
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


@pytest.mark.parametrize("seed", range(3))
def test_axes_are_those_of_lapack(seed):
    points = np.random.default_rng(seed).normal(0, [1, 1, 0.05], (300, 3)).astype(np.float32)
    index = nearest(points, points, 8)[1]
    axes = principal_axes(points, index)
    for axis, row in zip(axes, index, strict=True):
        expected = np.linalg.eigh(np.cov(points[row].T.astype(float)))[1][:, 0]
        assert abs(float(axis @ expected)) > 1 - 1e-5


def test_axes_of_lines_and_single_places_are_unit_vectors():
    line = np.linspace(0, 1, 9, dtype=np.float32)[:, None] * np.array([[1, 2, 3]], np.float32)
    for points in (line, np.ones((9, 3), np.float32)):
        axes = principal_axes(points, nearest(points, points, 8)[1])
        np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1, rtol=1e-5)
    assert np.abs(principal_axes(line, nearest(line, line, 8)[1]) @ line[-1]).max() < 1e-3


def with_normals(points, normals):
    scan = cloud(points)
    return Scan("given", scan.vertices, scan.colors, scan.faces, normals.astype(np.float32))


def test_normals_that_do_not_stand_on_the_surface_are_estimated_anew():
    points, plane = room_corner(np.random.default_rng(4))
    scene = prepare(with_normals(points, np.eye(3)[(plane + 1) % 3]))
    np.testing.assert_array_equal(scene.scan.normals, prepare(cloud(points)).scan.normals)
    assert "estimated anew" in scene.scan.notes[-1]


def test_flipped_normals_are_turned_to_agree():
    rng = np.random.default_rng(5)
    points, plane = room_corner(rng)
    signs = rng.choice([-1, 1], (len(points), 1))
    scene = prepare(with_normals(points, np.eye(3)[plane] * signs))
    assert "turned to agree" in scene.scan.notes[-1]
    inner = (points + np.eye(3)[plane] > 0.3).all(axis=1)
    along = scene.scan.normals[np.arange(len(points)), plane]
    assert np.abs(along).min() == 1
    for number in range(3):  # across a right angle there is nothing to agree on
        assert abs((along[inner & (plane == number)] > 0).mean() - 0.5) > 0.49


def test_signs_of_normals_do_not_matter_for_segments():
    rng = np.random.default_rng(6)
    points, plane = room_corner(rng)
    given = np.eye(3)[plane] + rng.normal(0, 0.05, (len(points), 3))
    given /= np.linalg.norm(given, axis=1, keepdims=True)
    signs = rng.choice([-1, 1], (len(points), 1))
    one, other = prepare(with_normals(points, given)), prepare(with_normals(points, given * signs))
    np.testing.assert_array_equal(one.segments, other.segments)


def agreement(one, other):
    """The adjusted Rand index of two partitions."""
    pairs = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(pairs, (one, other), 1)

    def chosen(counts):
        return float((counts * (counts - 1) / 2).sum())

    both, a, b = chosen(pairs), chosen(pairs.sum(axis=1)), chosen(pairs.sum(axis=0))
    chance = a * b / chosen(np.array([len(one)]))
    return (both - chance) / ((a + b) / 2 - chance)


def test_order_of_the_points_does_not_matter():
    points, _ = room_corner(np.random.default_rng(7))
    order = np.random.default_rng(8).permutation(len(points))
    scene, other = prepare(cloud(points)), prepare(cloud(points[order]))
    assert agreement(scene.segments[order], other.segments) == 1
    assert scene.graph.size == other.graph.size
    assert np.array_equal(np.sort(scene.graph.boundary), np.sort(other.graph.boundary))


@pytest.mark.parametrize("degrees", [30, 45, 90, 137])
def test_yaw_does_not_matter(degrees):
    points, _ = room_corner(np.random.default_rng(9))
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    scene, other = prepare(cloud(points)), prepare(cloud(turned.astype(np.float32)))
    assert agreement(scene.segments, other.segments) > 0.999


def test_ids_are_the_lowest_points_of_the_segments():
    scene = prepare(cloud(room_corner(np.random.default_rng(10))[0]))
    first = [int(np.flatnonzero(scene.segments == s)[0]) for s in range(scene.graph.size)]
    assert scene.segment_ids.tolist() == first == sorted(first)


@pytest.mark.parametrize("points", [1, 2, 5, 30])
def test_tiny_clouds_and_coinciding_points(points):
    scene = prepare(cloud(np.zeros((points, 3), np.float32)), config=OversegmentConfig(min_size=1))
    assert len(scene.segments) == points
    assert np.isfinite(scene.scan.normals).all()


def test_merging_by_edges_is_that_of_meshes():
    """METHOD section 1: the same algorithm on the kNN graph, its numbers aside."""
    points, _ = room_corner(np.random.default_rng(11))
    scene = prepare(cloud(points), config=OversegmentConfig(cloud_merging="edges"))
    order = spatial_order(points)
    edges = knn_edges(points[order], 10, 3.0)
    both = np.concatenate([edges, edges[:, ::-1]], axis=1).reshape(-1, 2)
    normals = np.ascontiguousarray(scene.scan.normals[order])
    segments, _ = merge_edges(points[order], normals, both, OversegmentConfig())
    assert agreement(scene.segments[order], segments) > 0.999  # ties aside
    assert scene.graph.size < prepare(cloud(points)).graph.size
