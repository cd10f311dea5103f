"""The geometry's codec: what must stay exactly, how far positions may move, and the goldens."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden_geometry import FOLDER, golden_file, goldens, scene_of

from seggroup.io.scenes import find_scenes
from seggroup.pipeline import load_scene
from seggroup.server.binary import unpack
from seggroup.server.geometry import decode_geometry, encode_geometry, gzipped


def rotations(face):
    x, y, z = map(int, face)
    return ((x, y, z), (y, z, x), (z, x, y))


def triangles(faces):
    """The oriented triangles, each with the corner first that makes it smallest."""
    return sorted(min(rotations(face)) for face in faces)


def quantum_of(vertices):
    side = float(np.ptp(vertices.astype(float), axis=0).max(initial=0)) if len(vertices) else 0.0
    return min(max(0.00019, side / 2**20), side / 2**14)


def check(scene):
    """The properties that the module promises."""
    scan, decoded = scene.scan, decode_geometry(encode_geometry(scene))
    np.testing.assert_array_equal(decoded.colors, scan.colors)
    np.testing.assert_array_equal(decoded.segments, scene.segments)
    np.testing.assert_array_equal(decoded.segment_ids, scene.segment_ids)
    assert triangles(decoded.faces) == triangles(scan.faces)
    moved = np.abs(decoded.positions.astype(float) - scan.vertices.astype(float))
    # Half a quantum; the answer is then rounded to float32, and so may the bound be.
    allowed = quantum_of(scan.vertices) / 2 + np.spacing(np.abs(scan.vertices)) / 2
    assert (moved <= allowed * (1 + 1e-6)).all()
    if scan.is_mesh or scan.normals is None:
        assert decoded.normals is None
    else:
        np.testing.assert_array_equal(decoded.normals, np.rint(127 * scan.normals))
    return decoded


seeds = st.integers(0, 2**32 - 1)


def odd_scene(seed, n, m, scale, offset, ids, normals):
    """Anything a reader lets through: faces that hardly fit together, points of any size."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(n, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return scene_of(
        10.0**scale * rng.normal(size=(n, 3)) + 10.0**offset * rng.normal(size=3),
        rng.integers(0, n, (m, 3)),
        rng.integers(0, 256, (n, 3)),
        rng.integers(0, ids, n),
        directions if normals else None,
    )


odd_scenes = {
    "seed": seeds,
    "n": st.integers(1, 12),
    "m": st.integers(0, 30),
    "scale": st.integers(-6, 6),
    "offset": st.integers(-3, 4),
    "ids": st.sampled_from([1, 3, 10**6, 2**31]),
    "normals": st.booleans(),
}


@given(st.fixed_dictionaries(odd_scenes))
@settings(max_examples=300, deadline=None)
def test_everything_stays_but_positions_within_half_a_quantum(options):
    check(odd_scene(**options))


@given(st.fixed_dictionaries(odd_scenes))
@settings(max_examples=30, deadline=None)
def test_the_same_scene_gives_the_same_bytes(options):
    first, second = odd_scene(**options), odd_scene(**options)
    assert gzipped(encode_geometry(first)) == gzipped(encode_geometry(second))


def patch(seed, w, h, kept, flipped, seam):
    """A piece of a w by h grid with holes and flipped faces; its last `seam` vertices on others.

    This is what the steps to the left and to the right are made for, and fronts that meet.
    """
    rng = np.random.default_rng(seed)
    i = (np.arange(w - 1)[:, None] * h + np.arange(h - 1)).ravel()
    quads = np.stack([i, i + h, i + h + 1, i + 1], 1)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    faces = faces[rng.random(len(faces)) < kept]
    turned = rng.random(len(faces)) < flipped
    faces[turned] = faces[turned, ::-1]
    points, colors = rng.normal(size=(w * h, 3)), rng.integers(0, 256, (w * h, 3))
    return scene_of(points, faces % (w * h - seam), colors, rng.integers(0, 4, w * h))


@given(
    seeds,
    st.integers(2, 12),
    st.integers(2, 12),
    st.sampled_from([0.5, 0.9, 1.0]),
    st.sampled_from([0.0, 0.05]),
    st.integers(0, 3),
)
@settings(max_examples=150, deadline=None)
def test_surfaces_with_holes_seams_and_flipped_faces_stay(seed, w, h, kept, flipped, seam):
    check(patch(seed, w, h, kept, flipped, seam))
    check(patch(seed, w, h, kept, flipped, min(seam, 1) * h))  # a tube


@pytest.mark.parametrize("name", goldens())
def test_goldens_keep_the_promises(name):
    check(goldens()[name])


@pytest.mark.parametrize("name", goldens())
def test_goldens_are_as_committed(name):
    """After a change of the format run make_golden_geometry.py, and look at what has changed."""
    assert (FOLDER / f"golden-geometry-{name}.bin").read_bytes() == golden_file(goldens()[name])


def test_a_room_in_metres_moves_less_than_a_tenth_of_a_millimetre(small_mesh):
    scene = scene_of(
        small_mesh.vertices, small_mesh.faces, small_mesh.colors, np.zeros(len(small_mesh.vertices))
    )
    decoded = check(scene)
    assert np.abs(decoded.positions.astype(float) - small_mesh.vertices).max() < 1e-4


def test_a_room_in_millimetres_costs_hardly_more(small_mesh):
    metres = goldens()["mesh"]
    points = 10 * metres.scan.vertices  # 6 m wide
    sizes = [
        len(gzipped(encode_geometry(replace(metres, scan=replace(metres.scan, vertices=v)))))
        for v in (points, 1000 * points)
    ]
    assert sizes[1] < 1.5 * sizes[0]


def test_a_scan_far_from_the_origin_keeps_its_shape():
    scene = goldens()["mesh"]
    far = (scene.scan.vertices + np.array([500_000, -4_000_000, 100])).astype(np.float32)
    check(replace(scene, scan=replace(scene.scan, vertices=far)))


def test_two_triangles_by_hand():
    """The second face lies across the edge from 2 to 1 of the first: one step, one name."""
    points = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)])
    faces = np.array([(0, 1, 2), (2, 1, 3)])
    scene = scene_of(points, faces, np.full((4, 3), 9), np.array([5, 5, 5, 8]))
    head, arrays = unpack(encode_geometry(scene))
    quantum = 1 / 2**14
    assert head == {"vertices": 4, "faces": 2, "origin": [0.0, 0.0, 0.0], "quantum": quantum}
    assert arrays["steps"].tolist() == [1]
    # From n = 4 to 0, from 0 to 1, from 1 to 2, from the larger of 2 and 1 to 3: -4, 1, 1, 1.
    assert arrays["names"].tolist() == [[7, 2, 2, 2]]
    # 0; one quantum unit is 2^-14: x of 1, then y of 2 less x of 1; 3 is where it is expected.
    assert (arrays["positions"] * np.array([1, 256]).reshape(2, 1, 1)).sum(axis=0).tolist() == [
        [0, 2**15, 2**15 - 1, 0],
        [0, 0, 2**15, 0],
        [0, 0, 0, 0],
    ]
    assert arrays["colors"].tolist() == [[0] * 4, [9, 0, 0, 0], [0] * 4]
    assert arrays["segments"].tolist() == [[0, 0, 0, 2]]
    assert arrays["segment_ids"].tolist() == [[10, 6]]


def test_gzipped_is_gzip_without_a_time():
    data = bytes(range(256)) * 10
    assert zlib.decompress(gzipped(data), 16 + zlib.MAX_WBITS) == data
    assert gzipped(data)[4:8] == bytes(4)


@pytest.mark.parametrize(
    ("path", "budget"),
    [("scannet/scans/scene0000_00", 8.5), ("3rscan/0988ea78.ply", 8.5), ("scannet50k", 10.5)],
)
def test_real_scans_stay_and_fit_the_budget(real_data, path, budget):
    scene = load_scene(find_scenes([real_data / path])[0])
    decoded = check(scene)
    assert np.abs(decoded.positions.astype(float) - scene.scan.vertices).max() < 1e-4
    assert len(gzipped(encode_geometry(scene))) < budget * len(scene.scan.vertices)
