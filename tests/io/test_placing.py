"""Units and axes: what is stated wins, what is clear is recognised, the rest stays as it is."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import bumpy_grid

from seggroup.errors import InputError
from seggroup.io.placing import AXES, METRES, extents, in_frame, placed, told
from seggroup.io.ply import write_ply
from seggroup.io.raw import Raw, checked
from seggroup.io.reading import AS_FOUND, Reading
from seggroup.io.scan import read_scan
from seggroup.types import Frame, Labels, Scan

NOWHERE = (0.0, 0.0, 0.0)


def room(furnished=True, size=(5.0, 4.0, 2.5), step=0.1):
    """A floor, four walls and, where furnished, tables and leaning boards: points of a room."""
    x, y, z = (np.arange(0, side, step) for side in size)
    grid = lambda a, b: [c.ravel() for c in np.meshgrid(a, b, indexing="ij")]  # noqa: E731
    parts = []
    a, b = grid(x, y)
    parts.append(np.column_stack([a, b, 0 * a]))
    for at in (0, size[0]):
        a, b = grid(y, z)
        parts.append(np.column_stack([0 * a + at, a, b]))
    for at in (0, size[1]):
        a, b = grid(x, z)
        parts.append(np.column_stack([a, 0 * a + at, b]))
    if furnished:
        for corner in ((1, 1), (3, 1), (1, 2.5), (3, 2.5)):
            a, b = grid(np.arange(0, 1, step / 2), np.arange(0, 1, step / 2))
            parts.append(np.column_stack([a + corner[0], b + corner[1], 0.4 + 0.5 * a]))
    return np.concatenate(parts)


def frame_of(points, reading=AS_FOUND, unit=None, up=None, far=False):
    return placed(points, np.zeros((0, 3), np.int32), NOWHERE, far, unit, up, reading)


def turned(points, degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])


def test_every_axis_gives_a_rotation_that_turns_it_up():
    for name, axes in AXES.items():
        frame = Frame(axes=axes)
        matrix = frame.turned(np.eye(3)).T
        assert np.linalg.det(matrix) == pytest.approx(1)
        upward = np.zeros((1, 3))
        upward[0, "xyz".index(name[-1])] = -1 if name[0] == "-" else 1
        assert frame.turned(upward).tolist() == [[0, 0, 1]]
        assert told(frame) == {"unit": "m", "up": name}


@pytest.mark.parametrize("unit", METRES)
@pytest.mark.parametrize("up", AXES)
def test_what_is_stated_is_done_and_the_frame_leads_back(unit, up):
    points = np.random.default_rng(0).normal(size=(50, 3))
    frame, notes = frame_of(points, Reading(unit, up))
    assert notes == []
    assert told(frame) == {"unit": unit, "up": up}
    ours = in_frame(points, frame)
    np.testing.assert_allclose(frame.to_file(ours), points, atol=1e-6 / METRES[unit])
    np.testing.assert_array_equal(ours, frame.of_file(points).astype(np.float32))


def test_what_is_stated_wins_over_the_format():
    frame, _ = frame_of(room(), Reading("ft", "x"), unit="m", up="y")
    assert told(frame) == {"unit": "ft", "up": "x"}


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 200])
@pytest.mark.parametrize("unit", ["m", "cm", "mm"])
def test_a_room_is_recognised_whatever_its_yaw(degrees, unit):
    points = turned(room(), degrees) / METRES[unit]
    frame, notes = frame_of(points)
    assert told(frame) == {"unit": unit, "up": "z"}
    assert len(notes) == (unit != "m")
    for up, axes in AXES.items():
        frame, _ = frame_of(Frame(axes=axes).to_file(points))
        assert told(frame) == {"unit": unit, "up": up}


def test_the_format_is_a_strong_hint_but_no_order():
    upright = Frame(axes=AXES["y"]).to_file(room())
    frame, notes = frame_of(upright, unit="m", up="y")
    assert (told(frame), notes) == ({"unit": "m", "up": "y"}, [])
    frame, notes = frame_of(room(), unit="m", up="y")  # a room with z up, in a glTF
    assert told(frame)["up"] == "z"
    assert "The axis z was taken for up and not y" in notes[0]
    frame, notes = frame_of(1000 * room(), unit="m", up="z")
    assert told(frame)["unit"] == "mm"
    assert "in metres the scan would be 2,400 m high" in notes[0]
    frame, notes = frame_of(100 * room(), unit="m", up="z")  # may be a tower
    assert told(frame)["unit"] == "m"
    assert "unusual" in notes[0]


@pytest.mark.parametrize(
    ("scale", "note"),
    [
        ((0.06, 0.06, 0.1), "0.3"),  # a thing of 25 cm
        ((60, 50, 10), "m wide and 24 m high"),  # a building of 300 m
        ((3.2808, 3.2808, 3.2808), None),  # a room in feet
        ((39.37, 39.37, 39.37), "m wide"),  # in inches: said, not guessed
    ],
)
def test_in_doubt_it_is_metres_and_that_is_said(scale, note):
    frame, notes = frame_of(room() * scale)
    assert told(frame) == {"unit": "m", "up": "z"}
    assert (notes == []) if note is None else note in notes[0]


def test_maps_coordinates_are_metres():
    frame, _ = frame_of(100 * room(), far=True)
    assert told(frame)["unit"] == "m"


def test_few_points_show_nothing():
    frame, _ = frame_of(1000 * room()[:900])
    assert told(frame) == {"unit": "m", "up": "z"}


def test_extents_do_not_change_with_the_yaw():
    points = room() - 40
    for degrees in (0, 30, 77):
        np.testing.assert_allclose(extents(turned(points, degrees)), extents(points), rtol=1e-9)


@pytest.mark.parametrize("unit", ["m", "cm", "mm"])
@pytest.mark.parametrize("up", ["z", "y", "-x"])
def test_coordinates_in_64_bits_come_back_exactly(unit, up, tmp_path):
    rng = np.random.default_rng(1)
    points = rng.uniform(-9, 9, (2000, 3)).astype(np.float32)
    stated = Frame(METRES[unit], AXES[up])
    file = Frame(axes=AXES[up]).to_file(points) * {"m": 1, "cm": 100, "mm": 1000}[unit]
    scan = checked(tmp_path, "s", Raw(file), Reading(unit, up))
    assert scan.frame == stated
    np.testing.assert_array_equal(scan.vertices, points)


def test_far_coordinates_and_those_a_reader_took_off_are_in_the_frame(tmp_path):
    points = room() + np.array([500_000.0, 4_000_000.0, 100.0])
    scan = checked(tmp_path, "s", Raw(points))
    assert scan.frame.origin == (500_000, 4_000_000, 100)
    assert any("far from the origin" in note for note in scan.notes)
    np.testing.assert_allclose(scan.frame.to_file(scan.vertices), points, atol=1e-6)
    taken = checked(tmp_path, "s", Raw(room(), origin=(500_000.0, 4_000_000.0, 100.0)))
    np.testing.assert_allclose(taken.frame.to_file(taken.vertices), points, atol=1e-6)


def test_a_scan_in_metres_is_what_its_file_holds(tmp_path):
    points = room().astype(np.float32)
    scan = checked(tmp_path, "s", Raw(points))
    assert scan.frame == Frame()
    assert scan.vertices.tobytes() == points.tobytes()
    assert not any("Units" in note or "up" in note for note in scan.notes)


def test_normals_turn_with_the_scan(tmp_path):
    normals = np.tile([0.0, 1.0, 0.0], (2000, 1))
    scan = checked(tmp_path, "s", Raw(np.random.default_rng(0).normal(size=(2000, 3)),
                                      normals=normals), Reading("m", "y"))  # fmt: skip
    assert scan.normals is not None
    assert scan.normals[0].tolist() == [0, 0, 1]


@pytest.mark.parametrize("shift", [NOWHERE, (650_000.0, 5_000_000.0, 0.0)])
def test_a_written_ply_lies_on_the_file(tmp_path, shift):
    rng = np.random.default_rng(0)
    vertices, faces = bumpy_grid(rng, 10)
    file = np.float64([1, 1, 0.2]) * 1000 * vertices + shift
    scan = checked(tmp_path, "s", Raw(file, faces), Reading("mm", "-y"))
    path = tmp_path / "out.ply"
    instance = np.zeros(len(vertices), np.int32)
    write_ply(path, replace(scan, normals=scan.vertices), Labels(instance + 5, instance))
    again = read_scan(path, Reading("mm", "-y"))
    np.testing.assert_allclose(again.vertices, scan.vertices, atol=1e-5)
    assert again.frame == scan.frame
    raw = read_scan(path, Reading("m", "z"))
    np.testing.assert_allclose(raw.frame.to_file(raw.vertices), file, rtol=1e-6, atol=1e-4)


def test_numbers_that_are_no_room_are_refused(tmp_path):
    with pytest.raises(InputError, match="no size of a room"):
        checked(tmp_path, "s", Raw(np.array([[0, 0, 0], [1e31, 0, 0], [0, 1e31, 0]])))


def test_real_scans_are_upright_and_in_metres(real_data):
    for path in sorted(real_data.glob("*/*.ply")):
        scan = read_scan(path)
        assert scan.frame == Frame(), path.name
        millimetres = scan.vertices.astype(np.float64) * 1000
        frame, _ = placed(millimetres, scan.faces, NOWHERE, False, None, None, AS_FOUND)
        assert told(frame) == {"unit": "mm", "up": "z"}, path.name


def test_an_empty_surface_shows_nothing():
    flat = np.zeros((5000, 3))
    assert told(frame_of(flat)[0]) == {"unit": "m", "up": "z"}
    faces = np.zeros((5000, 3), np.int32)
    frame, _ = placed(flat, faces, NOWHERE, False, None, None, AS_FOUND)
    assert isinstance(Scan("s", flat.astype(np.float32), np.zeros((5000, 3), np.uint8), faces,
                           frame=frame).frame, Frame)  # fmt: skip
