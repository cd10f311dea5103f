"""Simulated scans: truth, resolution, noise, holes, and the same bytes for the same seed."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from seggroup.classes import NYU40, NYU40_IDS
from seggroup.errors import InputError
from seggroup.synth import ScannerConfig, make_room
from seggroup.synth.fusion import Fused, canonical, cleaned, welded
from seggroup.synth.rooms import furnish
from seggroup.synth.scan import _open3d, scan_room
from seggroup.types import NONE

QUICK = ScannerConfig(fewest_frames=24, most_frames=24, voxel=0.03)
SEED = 6


def digest(scan, labels):
    arrays = (scan.vertices, scan.colors, scan.faces, labels.semantic, labels.instance)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


@pytest.fixture(scope="module")
def room():
    return furnish(np.random.default_rng(SEED))


@pytest.fixture(scope="module")
def quick(room):
    return scan_room(room, np.random.default_rng(0), "room", QUICK)


@pytest.fixture(scope="module")
def scanned():
    return make_room(SEED, "small")


def test_a_scan_is_a_sound_mesh(scanned):
    scan, labels = scanned
    assert scan.name == "small"
    assert 15_000 < len(scan.vertices) < 120_000
    assert np.isfinite(scan.vertices).all()
    np.testing.assert_array_equal(np.unique(scan.faces), np.arange(len(scan.vertices)))
    assert (scan.faces != np.roll(scan.faces, 1, axis=1)).all()
    assert len(labels) == len(scan.vertices)


def test_labels_are_consistent(scanned):
    _, labels = scanned
    annotated = labels.instance != NONE
    np.testing.assert_array_equal(annotated, labels.semantic != NONE)
    assert 0.85 < annotated.mean() < 1
    numbers = np.unique(labels.instance[annotated])
    np.testing.assert_array_equal(numbers, np.arange(len(numbers)))
    assert len(numbers) >= 12
    pairs = np.unique(np.stack([labels.instance, labels.semantic])[:, annotated], axis=1)
    assert pairs.shape[1] == len(numbers)
    assert set(labels.semantic[annotated]) <= set(NYU40)
    assert np.bincount(labels.instance[annotated]).min() >= ScannerConfig().smallest_instance


def test_spacing_is_that_of_scannet(scanned):
    """Fused at about 2 cm and decimated: ScanNet's meshes have edges of 2 to 9 cm."""
    scan, _ = scanned
    corners = scan.vertices[scan.faces]
    edge = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)
    assert 0.02 < np.median(edge) < 0.06
    assert np.percentile(edge, 99) < 0.2


def test_the_floor_is_noisy_but_flat(scanned):
    scan, labels = scanned
    heights = scan.vertices[labels.semantic == NYU40_IDS["floor"], 2]
    assert abs(np.median(heights)) < 0.02
    assert 0.001 < heights.std() < 0.03


def test_colours_are_lively(scanned):
    scan, _ = scanned
    assert 50 < scan.colors.mean() < 190
    assert scan.colors.std() > 15


def test_parts_of_the_room_are_never_seen(room, quick):
    def area(vertices, faces):
        a, b, c = (vertices[faces[:, i]] for i in range(3))
        return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2

    scan, _ = quick
    assert area(scan.vertices, scan.faces) < 0.8 * area(room.vertices, room.faces)


def test_more_noise_makes_a_rougher_floor(room, quick):
    def roughness(scan, labels):
        return scan.vertices[labels.semantic == NYU40_IDS["floor"], 2].std()

    noisy = replace(QUICK, noise=0.01, bias=0.01)
    rough = scan_room(room, np.random.default_rng(0), "room", noisy)
    assert roughness(*rough) > 1.3 * roughness(*quick)


def test_the_same_seed_gives_the_same_bytes_in_another_process():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_scan as t;"
        "print(t.digest(*t.make_room(t.SEED, 'small', t.QUICK)))"
    )
    folder = __file__.rpartition("/")[0]
    other = subprocess.run(
        [sys.executable, "-c", program, folder], capture_output=True, text=True, check=True
    )
    assert other.stdout.split()[-1] == digest(*make_room(SEED, "small", QUICK))


def test_the_scan_of_a_room_varies_with_the_generator(room, quick):
    other, _ = scan_room(room, np.random.default_rng(1), "room", QUICK)
    assert len(other.vertices) != len(quick[0].vertices)


def test_canonical_order_forgets_the_order_it_was_given():
    rng = np.random.default_rng(0)
    vertices = rng.normal(size=(30, 3)).astype(np.float32)
    faces = rng.permuted(np.tile(np.arange(30), (40, 1)), axis=1)[:, :3]
    order = rng.permutation(30)
    rank = np.argsort(order)
    shuffled = np.roll(rank[faces][rng.permutation(40)], 1, axis=1)
    a = canonical(vertices, vertices, faces)
    b = canonical(vertices[order], vertices[order], shuffled)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)


def strip(cells, x=0.0):
    """A flat ribbon of 2 x cells triangles."""
    xs = np.arange(cells + 1) * 0.1 + x
    vertices = np.array([(a, y, 0) for a in xs for y in (0, 0.1)], np.float32)
    i = 2 * np.arange(cells)
    faces = np.concatenate(
        [np.stack([i, i + 1, i + 2], 1), np.stack([i + 1, i + 3, i + 2], 1)]
    ).astype(np.int32)
    return Fused(vertices, vertices, faces)


def test_small_pieces_are_cleaned_away():
    large, small = strip(10), strip(2, x=5)
    both = Fused(
        np.concatenate([large.vertices, small.vertices]),
        np.concatenate([large.colors, small.colors]),
        np.concatenate([large.faces, small.faces + len(large.vertices)]),
    )
    kept = cleaned(both, 10)
    np.testing.assert_array_equal(kept.vertices, large.vertices)
    np.testing.assert_array_equal(kept.faces, large.faces)


def test_welding_joins_what_shares_a_cell():
    mesh = strip(4)
    assert len(welded(mesh, 0.01).vertices) == len(mesh.vertices)
    assert len(welded(mesh, 10.0).vertices) == 1
    assert len(welded(mesh, 10.0).faces) == 0


def test_without_open3d_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(InputError, match=r"pip install 'seggroup\[synth\]'"):
        _open3d()


def test_importing_synth_does_not_import_open3d():
    program = "import sys, seggroup.synth; print('open3d' in sys.modules, 'torch' in sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert out.stdout.split() == ["False", "False"]
