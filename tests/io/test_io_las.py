"""LAS and LAZ: coordinates on map grids, colours of 8 and 16 bits, labels, broken files."""

import struct
from contextlib import suppress

import laspy
import numpy as np
import pytest

from seggroup.errors import InputError
from seggroup.io.las import read_las
from seggroup.io.scan import read_labelled_scan, read_scan

XYZ = np.array([[0, 0, 1], [1, 0, 2], [0, 1, 3.5], [4, 5, 6]])
FORMATS = [(0, "1.2"), (1, "1.2"), (2, "1.2"), (3, "1.2"), (6, "1.4"), (7, "1.4"), (8, "1.4")]


def write(path, points=XYZ, kind=3, version="1.2", scale=1e-3, offset=(0, 0, 0), **columns):
    header = laspy.LasHeader(point_format=kind, version=version)
    header.scales, header.offsets = [scale] * 3, list(offset)
    for name, (_, numpy_kind) in columns.items():
        if name not in header.point_format.dimension_names:
            header.add_extra_dim(laspy.ExtraBytesParams(name, numpy_kind))
    las = laspy.LasData(header)
    las.x, las.y, las.z = np.asarray(points).T
    for name, (values, _) in columns.items():
        setattr(las, name, np.asarray(values))
    las.write(str(path))
    return path


def rgb(values):
    return {name: (values[:, i], "u2") for i, name in enumerate(("red", "green", "blue"))}


@pytest.mark.parametrize("suffix", [".las", ".laz", ".LAZ"])
@pytest.mark.parametrize(("kind", "version"), FORMATS)
def test_every_point_format(tmp_path, suffix, kind, version):
    scan = read_scan(write(tmp_path / f"room{suffix}", kind=kind, version=version))
    np.testing.assert_allclose(scan.vertices, XYZ, atol=1e-6)
    assert not scan.is_mesh


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_a_map_grid_keeps_its_millimetres(tmp_path, suffix):
    points = XYZ + [512_345, 5_403_210, 250] + 0.123
    raw = read_las(write(tmp_path / f"a{suffix}", points, offset=(500_000, 5_000_000, 0)))
    assert raw.origin == (512345.0, 5403210.0, 251.0)
    np.testing.assert_allclose(raw.vertices, XYZ - [0, 0, 1] + 0.123, atol=1e-6)
    assert (raw.unit, raw.up) == ("m", "z")


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([[0, 65535, 32768]] * 4, [0, 255, 128]),  # 16 bits, as the format demands
        ([[0, 255, 17]] * 4, [0, 255, 17]),  # 8 bits, as many programs write
        ([[257, 514, 65535]] * 4, [1, 2, 255]),
    ],
)
def test_colours(tmp_path, stored, expected):
    scan = read_scan(write(tmp_path / "a.laz", **rgb(np.array(stored))))
    assert scan.colors[3].tolist() == expected


def test_intensity_is_grey_only_without_colours(tmp_path):
    intensity = (np.array([0, 10, 20, 30]), "u2")
    grey = read_scan(write(tmp_path / "a.las", intensity=intensity))
    assert (np.diff(grey.colors[:, 0].astype(int)) > 0).all()
    assert any("intensity" in note for note in grey.notes)
    colors = rgb(np.full((4, 3), 7))
    scan = read_scan(write(tmp_path / "b.las", intensity=intensity, **colors))
    assert scan.colors.tolist() == [[7, 7, 7]] * 4
    assert not any("intensity" in note for note in scan.notes)


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_own_labels_come_back(tmp_path, suffix):
    path = write(
        tmp_path / f"a{suffix}",
        instance=([0, 1, 2, 2], "int32"),
        label=([0, 5, 7, 7], "int32"),
        confidence=([0, 1, 0.5, 0.25], "float32"),
    )
    _, labels = read_labelled_scan(path)
    assert labels.instance.tolist() == [-1, 0, 1, 1]
    assert labels.semantic.tolist() == [-1, 5, 7, 7]
    assert read_las(path).properties["confidence"].tolist() == [0, 1, 0.5, 0.25]


def test_classification_is_no_truth(tmp_path):
    path = write(tmp_path / "a.las", classification=([2, 6, 6, 2], "u1"))
    assert read_labelled_scan(path)[1] is None


@pytest.mark.parametrize(
    ("record", "data", "unit"),
    [
        (2112, b'PROJCS["x",UNIT["US survey foot",0.3048]]\0', "ft"),
        (2112, b'PROJCS["x",GEOGCS["y",UNIT["degree",0.01]],UNIT["metre",1]]\0', "m"),
        (34735, struct.pack("<8H", 1, 1, 0, 1, 3076, 0, 1, 9003), "ft"),
        (34735, struct.pack("<8H", 1, 1, 0, 1, 3076, 0, 1, 9001), "m"),
    ],
)
def test_feet_of_the_coordinate_system(tmp_path, record, data, unit):
    header = laspy.LasHeader(point_format=3, version="1.2")
    header.vlrs.append(laspy.VLR("LASF_Projection", record, "", data))
    las = laspy.LasData(header)
    las.x, las.y, las.z = XYZ.T
    las.write(str(tmp_path / "a.las"))
    assert read_las(tmp_path / "a.las").unit == unit


def test_many_chunks_equal_laspy(tmp_path):
    points = np.random.default_rng(0).uniform(-9, 9, (120_000, 3)).round(3)
    colors = np.random.default_rng(1).integers(0, 65536, (len(points), 3))
    path = write(tmp_path / "a.laz", points, **rgb(colors))
    raw, twin = read_las(path), laspy.read(str(path))
    np.testing.assert_allclose(raw.vertices, np.asarray(twin.xyz), atol=1e-6)
    assert np.array_equal(raw.colors[:, 0], np.rint(np.asarray(twin.red) * (255 / 65535)))


def _patched(data, place, value):
    return data[:place] + value + data[place + len(value) :]


def _broken(data: bytes, laz: bytes, layered: bytes) -> dict[str, tuple[bytes, str]]:
    record = laz.index(b"laszip encoded") - 2 + 54
    start, layers = (struct.unpack_from("<I", d, 96)[0] for d in (laz, layered))
    width = struct.unpack_from("<H", layered, 105)[0]
    return {
        "short.las": (data[:100], "too short for the head of a LAS"),
        "version.las": (_patched(data, 24, b"\x02\x07"), "LAS 2.7"),
        "start.las": (_patched(data, 96, b"\xff\xff\xff\x7f"), "outside the"),
        "records.las": (_patched(data, 100, b"\xff\xff\xff\xff"), "4294967295 variable length"),
        "format.las": (_patched(data, 104, b"\x0c"), "format 12"),
        "width.las": (_patched(data, 105, b"\x05\x00"), "in 5 bytes"),
        "count.las": (_patched(data, 107, b"\xff\xff\xff\xff"), "promises 4294967295 points"),
        "cut.las": (data[:-20], "room for at most 3"),
        "scale.las": (_patched(data, 131, struct.pack("<d", np.nan)), "scale or offset"),
        "few.las": (_patched(data, 107, b"\x02\0\0\0"), "2 vertices"),
        "cut14.las": (layered[:300], "1.4 head is cut"),
        "evlr.las": (_patched(layered, 235, struct.pack("<QI", 1 << 40, 1)), "extended records"),
        "cut.laz": (laz[:-30], "table of its compressed points is not in the file"),
        "count.laz": (_patched(laz, 107, b"\xff\xff\xff\xff"), "room for at most"),
        "norecord.laz": (laz.replace(b"laszip encoded", b"lasnip encoded"), "says how is missing"),
        "method.laz": (_patched(laz, record, b"\x01\0"), "method 1 of LASzip"),
        "items.laz": (_patched(laz, record + 36, b"\x15\0"), "compression is for points of"),
        "chunk.laz": (_patched(laz, record + 12, b"\xfe\xff\xff\xff"), "4294967294 points in one"),
        "points.laz": (laz[: start + 8] + laz[start + 60 :], "not in the file"),
        "layer.laz": (_patched(layered, layers + 8 + width + 4, b"\xff" * 4), "compressed layer"),
    }


BROKEN = sorted(_broken(b"\0" * 300, b"\0" * 600 + b"laszip encoded" + b"\0" * 90, b"\0" * 600))


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_have_their_own_message(tmp_path, name):
    points = np.random.default_rng(0).uniform(-9, 9, (40, 3)).round(3)
    las = write(tmp_path / "good.las").read_bytes()
    laz = write(tmp_path / "good.laz", points).read_bytes()
    layered = write(tmp_path / "l.laz", points, kind=7, version="1.4").read_bytes()
    data, words = _broken(las, laz, layered)[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_scan(path)
    assert name in str(caught.value)
    assert words in str(caught.value)


def test_damaged_points_are_an_error_or_points(tmp_path):
    good = write(tmp_path / "a.laz", np.random.default_rng(0).uniform(-9, 9, (500, 3)))
    data = good.read_bytes()
    start = struct.unpack_from("<I", data, 96)[0] + 8
    path = tmp_path / "b.laz"
    for at in range(start, len(data), 97):
        path.write_bytes(_patched(data, at, b"\xff" * min(8, len(data) - at)))
        with suppress(InputError):
            assert read_las(path).vertices.shape == (500, 3)
