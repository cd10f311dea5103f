"""Over-segmentation: the slow twin, the oracle, laws."""

import os
from pathlib import Path

import numpy as np
import pytest
import reference
from helpers import bumpy_grid

from seggroup.config import OversegmentConfig
from seggroup.geometry import oversegment
from seggroup.geometry.mesh import vertex_normals
from seggroup.geometry.oversegment import dense_segments, segment_mesh


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_slow_twin(seed):
    vertices, faces = bumpy_grid(np.random.default_rng(seed))
    segments, ids = segment_mesh(vertices, faces)
    np.testing.assert_array_equal(ids[segments], reference.segment_mesh(vertices, faces))
    assert 1 < len(ids) < len(vertices)


def test_normals_equal_the_slow_twin_also_with_degenerate_faces():
    vertices, faces = bumpy_grid(np.random.default_rng(3))
    faces[::7, 1] = faces[::7, 0]
    np.testing.assert_array_equal(
        vertex_normals(vertices, faces), reference.vertex_normals(vertices, faces)
    )


def test_radix_sort_is_stable_and_orders_negative_weights():
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1, 5000).astype(np.float32).round(1)
    weights[:2] = 0.0, -0.0
    order = oversegment.stable_order(weights)
    np.testing.assert_array_equal(order, np.argsort(weights, kind="stable"))


def test_a_power_of_two_changes_nothing_and_a_thousand_next_to_nothing():
    vertices, faces = bumpy_grid(np.random.default_rng(1), side=30)
    segments, _ = segment_mesh(vertices, faces)
    np.testing.assert_array_equal(segments, segment_mesh(vertices * np.float32(1024), faces)[0])
    thousand, _ = segment_mesh(vertices * np.float32(1000), faces)
    pairs = np.unique(np.stack([segments, thousand]), axis=1)
    assert abs(pairs.shape[1] - len(np.unique(segments))) <= 2


def test_larger_k_gives_no_more_segments_and_small_segments_join():
    vertices, faces = bumpy_grid(np.random.default_rng(2), side=30)
    counts = [
        len(segment_mesh(vertices, faces, OversegmentConfig(k=k))[1]) for k in (0.001, 0.1, 10.0)
    ]
    assert counts == sorted(counts, reverse=True)
    segments, _ = segment_mesh(vertices, faces, OversegmentConfig(min_size=40))
    assert np.bincount(segments).min() >= 40


def test_isolated_vertices_are_segments_of_their_own():
    vertices = np.eye(4, 3, dtype=np.float32)
    segments, ids = segment_mesh(vertices, np.array([[0, 1, 2]], np.int32))
    np.testing.assert_array_equal(segments == segments[3], [False, False, False, True])
    assert ids[segments[3]] == 3


def test_dense_segments_keep_the_order_of_the_files_ids():
    segments, ids = dense_segments(np.array([70, 5, 70, 9]))
    np.testing.assert_array_equal(segments, [2, 0, 2, 1])
    np.testing.assert_array_equal(ids, [5, 9, 70])


MESHES = {
    "scene0000_00": "scannet/scans/scene0000_00/scene0000_00_vh_clean_2.ply",
    "office_chairs": "unlabelled/office_chairs.ply",
    "0988ea78": "3rscan/0988ea78.ply",
}


def oracle(name):
    if not (os.environ.get("SEGGROUP_REAL_DATA") and os.environ.get("SEGGROUP_ORACLE")):
        pytest.skip("SEGGROUP_REAL_DATA and SEGGROUP_ORACLE are not set")
    path = Path(os.environ["SEGGROUP_ORACLE"]) / "oversegment" / f"{name}.npz"
    return np.load(path)["segIndices"]


@pytest.mark.parametrize("name", MESHES)
def test_equals_scannets_tool_number_for_number(name):
    expected = oracle(name)
    from seggroup.io.scan import read_scan

    scan = read_scan(Path(os.environ["SEGGROUP_REAL_DATA"]) / MESHES[name])
    segments, ids = segment_mesh(scan.vertices, scan.faces)
    np.testing.assert_array_equal(ids[segments], expected)


def test_zero_area_faces_stay_near_scannets_arbitrary_answer():
    expected = oracle("scene_00097_02_unmodified")
    from seggroup.io.scan import read_scan

    scan = read_scan(Path(os.environ["SEGGROUP_REAL_DATA"]) / "multiscan/scene_00097_02.ply")
    segments, _ = segment_mesh(scan.vertices, scan.faces)
    assert adjusted_rand_index(segments, dense_segments(expected)[0]) >= 0.85


def adjusted_rand_index(a, b):
    pairs = lambda counts: (counts * (counts - 1) / 2).sum()  # noqa: E731
    joint = np.unique(np.stack([a, b]), axis=1, return_counts=True)[1].astype(float)
    rows, columns = pairs(np.bincount(a).astype(float)), pairs(np.bincount(b).astype(float))
    chance = rows * columns / (len(a) * (len(a) - 1) / 2)
    return (pairs(joint) - chance) / ((rows + columns) / 2 - chance)
