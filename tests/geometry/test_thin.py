"""Thinning: a slow twin, its laws, and a table by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seggroup.config import ThinConfig
from seggroup.errors import InputError
from seggroup.geometry.thin import contracted, thin, voxel_for
from seggroup.types import Scan

NO_FACES = np.zeros((0, 3), np.int32)


def some_scan(seed, n=300, faces=0, normals=False):
    rng = np.random.default_rng(seed)
    vertices = rng.normal(0, 1, (n, 3)).astype(np.float32)
    vertices[rng.integers(0, n, n // 10)] = vertices[rng.integers(0, n, n // 10)]
    across = rng.normal(0, 1, (n, 3))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return Scan(
        "some",
        vertices,
        rng.integers(0, 256, (n, 3)).astype(np.uint8),
        rng.integers(0, n, (faces, 3)).astype(np.int32),
        across.astype(np.float32) if normals else None,
    )


def slow_thin(scan, voxel):
    """Kept vertices, groups and mean colours with dictionaries."""
    points = scan.vertices.astype(np.float64)
    cells: dict[tuple, list[int]] = {}
    for i, key in enumerate(((points - points.min(axis=0)) // voxel).astype(int).tolist()):
        cells.setdefault(tuple(key), []).append(i)
    rows = []
    for members in cells.values():
        away = ((points[members] - points[members].mean(axis=0)) ** 2).sum(axis=1)
        shade = np.floor(scan.colors[members].mean(axis=0, dtype=float) + 0.5)
        rows.append((members[int(np.argmin(away))], members, shade))
    rows.sort(key=lambda row: row[0])
    group = np.zeros(len(points), int)
    for number, (_, members, _) in enumerate(rows):
        group[members] = number
    return [row[0] for row in rows], group, np.array([row[2] for row in rows])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("voxel", [0.05, 0.3, 2.0, 50.0])
def test_it_does_what_the_slow_twin_does(seed, voxel):
    scan = some_scan(seed)
    thinned, thinning = thin(scan, voxel)
    kept, group, colors = slow_thin(scan, voxel)
    assert thinning.kept.tolist() == kept
    np.testing.assert_array_equal(thinning.group, group)
    np.testing.assert_array_equal(thinned.colors, colors)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-3, 10), st.booleans(), st.booleans())
def test_laws(seed, voxel, mesh, normals):
    scan = some_scan(seed, 80, 60 * mesh, normals and not mesh)
    thinned, thinning = thin(scan, voxel)
    kept, group = thinning.kept, thinning.group
    np.testing.assert_array_equal(group[kept], np.arange(len(kept)))
    assert np.all(np.diff(kept) > 0)
    np.testing.assert_array_equal(thinned.vertices, scan.vertices[kept])
    assert group.shape == (len(scan.vertices),)
    assert 0 <= group.min() <= group.max() == len(kept) - 1
    apart = np.abs(scan.vertices - thinned.vertices[group]).max()
    assert apart <= voxel * (1 + 1e-5)
    assert thinning.whole is scan
    if thinned.normals is not None:
        np.testing.assert_allclose(np.linalg.norm(thinned.normals, axis=1), 1, atol=1e-5)
    again, same = thin(scan, voxel)
    np.testing.assert_array_equal(same.group, group)
    np.testing.assert_array_equal(again.colors, thinned.colors)


def test_no_voxel_keeps_everything_and_a_tiny_one_all_that_differ():
    scan = some_scan(1)
    thinned, thinning = thin(scan, 0.0)
    assert thinned is scan
    np.testing.assert_array_equal(thinning.group, np.arange(300))
    thinned, _ = thin(scan, 1e-5)
    assert len(thinned.vertices) == len(np.unique(scan.vertices, axis=0))


def test_a_table_by_hand():
    """Two voxels of 1 m along x; in the first the middle point is nearest the mean."""
    vertices = np.array([[0, 0, 0], [0.9, 0, 0], [0.5, 0, 0], [1.5, 0, 0]], np.float32)
    colors = np.array([[0, 0, 0], [0, 3, 255], [1, 3, 255], [9, 9, 9]], np.uint8)
    normals = np.array([[0, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float32)
    thinned, thinning = thin(Scan("t", vertices, colors, NO_FACES, normals), 1.0)
    assert thinning.kept.tolist() == [2, 3]
    assert thinning.group.tolist() == [0, 0, 0, 1]
    assert thinned.colors.tolist() == [[0, 2, 170], [9, 9, 9]]
    half = 1 / np.sqrt(5)
    np.testing.assert_allclose(thinned.normals, [[0, half, 2 * half], [1, 0, 0]], rtol=1e-6)


def test_of_equally_near_vertices_the_first_is_kept():
    vertices = np.array([[0, 0, 0], [0.5, 0, 0], [5, 5, 5]], np.float32)
    normals = np.array([[0, 0, 1], [0, 0, -1], [1, 0, 0]], np.float32)
    scan = Scan("t", vertices, np.zeros((3, 3), np.uint8), NO_FACES, normals)
    thinned, thinning = thin(scan, 1.0)
    assert thinning.kept.tolist() == [0, 2]
    assert thinned.normals.tolist() == [[0, 0, 1], [1, 0, 0]]  # they cancel: its own


@pytest.mark.parametrize("seed", range(5))
def test_faces_are_contracted_as_by_sets(seed):
    rng = np.random.default_rng(seed)
    faces = rng.integers(0, 40, (200, 3)).astype(np.int32)
    group = rng.integers(0, 8, 40)
    seen, expected = set(), []
    for face in group[faces].tolist():
        if len(set(face)) == 3 and frozenset(face) not in seen:
            seen.add(frozenset(face))
            expected.append(face)
    assert contracted(faces, group).tolist() == expected


def test_a_mesh_without_a_face_left_is_a_cloud():
    scan = some_scan(2, 50, 40)
    thinned, _ = thin(scan, 100.0)
    assert len(thinned.vertices) == 1
    assert not thinned.is_mesh


def test_the_voxel_is_the_smallest_that_leaves_no_more_than_the_limit():
    scan = some_scan(3, 1000)
    ladder = (0.1, 0.2, 0.4)
    counts = {voxel: len(thin(scan, voxel)[0].vertices) for voxel in (*ladder, 0.8, 1.6)}
    assert voxel_for(scan, ThinConfig(1000, ladder)) == 0
    for limit in sorted(counts.values()):
        voxel = voxel_for(scan, ThinConfig(limit, ladder))
        assert counts[voxel] <= limit
        assert all(counts[v] > limit for v in counts if v < voxel)
    assert voxel_for(scan, ThinConfig(1, (0.1,))) > 1.6


def test_a_voxel_that_is_none_is_refused():
    scan = some_scan(4)
    for voxel in (-1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="voxel"):
            thin(scan, float(voxel))
    far = replace(scan, vertices=scan.vertices * np.float32(1e12))
    with pytest.raises(InputError, match="too small"):
        thin(far, 1e-3)
    assert voxel_for(far, ThinConfig(10)) > 1
