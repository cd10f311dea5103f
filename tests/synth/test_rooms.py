"""Furnished rooms: classes, instances, variety, and objects that touch."""

import numpy as np
import pytest

from seggroup.classes import BENCHMARK20, NYU40, NYU40_IDS
from seggroup.synth.rooms import furnish, inside, outline


@pytest.fixture(scope="module")
def rooms():
    return [furnish(np.random.default_rng(seed)) for seed in range(20)]


def classes(room):
    """The class of each instance."""
    _, first = np.unique(room.face_instance, return_index=True)
    return room.face_semantic[first]


def test_all_benchmark_classes_occur(rooms):
    found = set(np.concatenate([classes(room) for room in rooms]))
    assert found >= set(BENCHMARK20)
    assert found <= set(NYU40)


def test_arrays_fit_together(rooms):
    for room in rooms:
        assert np.isfinite(room.vertices).all()
        assert np.isfinite(room.texture).all()
        assert room.faces.min() >= 0
        assert room.faces.max() < len(room.vertices)
        assert room.face_material.max() < len(room.materials.color)
        np.testing.assert_array_equal(
            np.unique(room.face_instance), np.arange(room.face_instance.max() + 1)
        )


def test_an_instance_has_one_class(rooms):
    for room in rooms:
        pairs = np.unique(np.stack([room.face_instance, room.face_semantic]), axis=1)
        assert pairs.shape[1] == room.face_instance.max() + 1


def test_the_same_seed_gives_the_same_room():
    a, b = (furnish(np.random.default_rng(7)) for _ in range(2))
    assert a.vertices.tobytes() == b.vertices.tobytes()
    assert a.texture.tobytes() == b.texture.tobytes()
    assert a.faces.tobytes() == b.faces.tobytes()
    assert a.face_instance.tobytes() == b.face_instance.tobytes()


def test_rooms_vary(rooms):
    counts = [room.face_instance.max() + 1 for room in rooms]
    assert len(set(counts)) > 10
    assert min(counts) >= 15
    assert np.median(counts) > 25
    assert len({len(room.outline) for room in rooms}) >= 3
    sides = [np.ptp(room.vertices[:, :2], axis=0).max() for room in rooms]
    assert max(sides) > 1.5 * min(sides)


def test_chairs_vary(rooms):
    chair = NYU40_IDS["chair"]
    heights, faces = [], set()
    for room in rooms:
        for i in np.unique(room.face_instance[room.face_semantic == chair]):
            mine = room.faces[room.face_instance == i]
            heights.append(float(room.vertices[mine][..., 2].max()))
            faces.add(len(mine))
    assert len(faces) >= 3
    assert np.std(heights) > 0.05


def test_floors_are_at_zero_and_rooms_are_turned(rooms):
    angles = []
    for room in rooms:
        floor = room.vertices[room.faces[room.face_semantic == NYU40_IDS["floor"]]]
        assert floor[..., 2].max() == pytest.approx(0, abs=1e-6)
        side = room.outline[1] - room.outline[0]
        angles.append(np.degrees(np.arctan2(side[1], side[0])) % 90)
    assert np.std(angles) > 10


def outside(points, corners):
    """How far the points (n, 2) lie outside the polygon, metres."""
    along = np.roll(corners, -1, axis=0) - corners
    offset = points[:, None] - corners
    t = np.clip((offset * along).sum(-1) / (along**2).sum(-1), 0, 1)
    distance = np.linalg.norm(offset - t[..., None] * along, axis=-1).min(1)
    return np.where(inside(points, corners), 0, distance)


def test_furniture_stands_in_its_room(rooms):
    built_in = ("wall", "floor", "ceiling", "window", "door", "blinds", "curtain")
    for room in rooms:
        loose = ~np.isin(room.face_semantic, [NYU40_IDS[name] for name in built_in])
        points = room.vertices[room.faces[loose]].mean(1)[:, :2]
        assert (outside(points, room.outline) < 0.05).mean() > 0.98


def test_things_touch(rooms):
    """In most rooms several pairs of things are less than 2 cm apart, box to box."""
    shell = [NYU40_IDS[n] for n in ("wall", "floor", "ceiling")]
    touching = []
    for room in rooms:
        ids = np.flatnonzero(~np.isin(classes(room), shell))
        spans = [
            (c.min((0, 1)), c.max((0, 1)))
            for c in (room.vertices[room.faces[room.face_instance == i]] for i in ids)
        ]
        low, high = (np.array(side) for side in zip(*spans, strict=True))
        gap = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(-1)
        touching.append((gap[np.triu_indices(len(ids), 1)] < 0.02).sum())
    assert np.median(touching) >= 8


def test_outlines_run_counter_clockwise_and_have_several_shapes():
    rng = np.random.default_rng(0)
    shapes = [outline(rng, 3.0, 6.0) for _ in range(40)]
    for corners in shapes:
        x, y = corners.astype(float).T
        assert (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() > 0
    assert {len(corners) for corners in shapes} == {4, 5, 6, 8}


def test_inside_a_polygon():
    ell = np.array([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)], float)
    points = np.array([(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5), (-0.1, 0.5), (3, 0.5)])
    np.testing.assert_array_equal(inside(points, ell), [True, True, False, True, False, False])
