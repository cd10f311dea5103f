"""E57: scans joined under their poses, invalid points, colours of any range, broken files."""

import struct

import numpy as np
import pye57
import pytest
from pye57 import libe57

from seggroup.errors import InputError
from seggroup.io.e57 import read_e57
from seggroup.io.scan import read_scan

XYZ = np.array([[0, 0, 1], [1, 0, 2], [0, 1, 3.5], [4, 5, 6]])
COLORS = np.array([[255, 0, 1], [2, 3, 4], [5, 6, 7], [8, 9, 10]])
HEADING = b'<?xml version="1.0" encoding="UTF-8"?>'
QUARTER = np.array([np.sqrt(0.5), 0, 0, np.sqrt(0.5)])  # about z: x becomes y


def scan_of(points=XYZ, colors=None, **more):
    data = {f"cartesian{axis}": points[:, i].copy() for i, axis in enumerate("XYZ")}
    if colors is not None:
        for i, name in enumerate(("Red", "Green", "Blue")):
            data[f"color{name}"] = colors[:, i].astype("u1")
    return data | more


def write(path, *scans):
    """Scans, each a dict of columns, or a pair of one and its (rotation, translation)."""
    with pye57.E57(str(path), mode="w") as file:
        for scan in scans:
            data, pose = scan if isinstance(scan, tuple) else (scan, None)
            rotation, translation = pose or (None, None)
            file.write_scan_raw(data, rotation=rotation, translation=translation)
    return path


def write_nodes(path, fields, columns, limits=None):
    """One scan whose prototype and limits are given as nodes' constructors."""
    image = libe57.ImageFile(str(path), "w")
    image.extensionsAdd("", libe57.E57_V1_0_URI)
    root, scan = image.root(), libe57.StructureNode(image)
    prototype = libe57.StructureNode(image)
    for name, node in fields.items():
        prototype.set(name, node(image))
    if limits is not None:
        box = libe57.StructureNode(image)
        box.set("colorRedMaximum", libe57.IntegerNode(image, limits))
        scan.set("colorLimits", box)
    points = libe57.CompressedVectorNode(image, prototype, libe57.VectorNode(image, True))
    scan.set("points", points)
    root.set("data3D", libe57.VectorNode(image, True))
    root["data3D"].append(scan)
    buffers = libe57.VectorSourceDestBuffer()
    arrays = [np.ascontiguousarray(columns[name], np.float64) for name in fields]
    for name, array in zip(fields, arrays, strict=True):
        buffers.append(libe57.SourceDestBuffer(image, name, array, len(array), True, True))
    writer = points.writer(buffers)
    writer.write(len(arrays[0]))
    writer.close()
    image.close()
    return path


def real(image):
    return libe57.FloatNode(image, 0.0, libe57.E57_DOUBLE, -1e9, 1e9)


def short(image):
    return libe57.IntegerNode(image, 0, 0, 65535)


def test_one_scan(tmp_path):
    scan = read_scan(write(tmp_path / "a.e57", scan_of(colors=COLORS)))
    assert scan.vertices.tolist() == XYZ.tolist()
    assert scan.colors.tolist() == COLORS.tolist()
    assert not any("joined" in note for note in scan.notes)


def test_scans_are_joined_under_their_poses(tmp_path):
    poses = (np.array([1.0, 0, 0, 0]), np.array([10.0, 0, 0])), (QUARTER, np.zeros(3))
    raw = read_e57(write(tmp_path / "a.e57", *((scan_of(), pose) for pose in poses)))
    turned = np.stack([-XYZ[:, 1], XYZ[:, 0], XYZ[:, 2]], axis=1)
    np.testing.assert_allclose(raw.vertices, [*np.add(XYZ, [10, 0, 0]), *turned], atol=1e-6)
    assert raw.notes == ["2 scans of the file were joined."]
    assert (raw.unit, raw.up) == ("m", "z")


def test_equals_pye57_with_any_pose(tmp_path):
    rng = np.random.default_rng(0)
    turn = rng.normal(size=4)
    pose = turn / np.linalg.norm(turn), rng.normal(size=3)
    points = rng.normal(size=(500, 3))
    path = write(tmp_path / "a.e57", (scan_of(points), pose))
    with pye57.E57(str(path)) as file:
        twin = file.read_scan(0, ignore_missing_fields=True)
    expected = np.stack([twin[f"cartesian{axis}"] for axis in "XYZ"], axis=1)
    np.testing.assert_allclose(read_e57(path).vertices, expected, atol=1e-5)


def test_far_scans_keep_one_origin(tmp_path):
    pose = np.array([1.0, 0, 0, 0]), np.array([512_345.25, 5_403_210.0, 0])
    raw = read_e57(write(tmp_path / "a.e57", (scan_of(), pose), (scan_of(), pose)))
    assert raw.origin == (512345.0, 5403210.0, 1.0)
    np.testing.assert_allclose(raw.vertices[4:], np.add(XYZ, [0.25, 0, -1]), atol=1e-6)


def test_invalid_points_are_left_out_and_counted(tmp_path):
    state = np.array([0, 1, 0, 0, 2, 0], np.int8)
    data = scan_of(np.vstack([XYZ, XYZ[:2] + 1]), cartesianInvalidState=state)
    raw = read_e57(write(tmp_path / "a.e57", data))
    assert raw.vertices.tolist() == [*XYZ[[0, 2, 3]].tolist(), [2, 1, 3]]
    assert raw.notes == ["2 points that the file marks as invalid were left out."]


def test_intensity_where_there_are_no_colours(tmp_path):
    bright = np.array([0, 1, 2, 3], np.float32)
    path = write(tmp_path / "a.e57", scan_of(colors=COLORS), scan_of(intensity=bright))
    raw = read_e57(path)
    assert raw.colors[:4].tolist() == COLORS.tolist()
    assert (np.diff(raw.colors[4:, 0].astype(int)) > 0).all()
    assert any("intensity of 1 scans" in note for note in raw.notes)


def test_a_scan_without_any_shade_is_grey_beside_a_coloured_one(tmp_path):
    raw = read_e57(write(tmp_path / "a.e57", scan_of(), scan_of(colors=COLORS)))
    assert raw.colors.tolist() == [[128, 128, 128]] * 4 + COLORS.tolist()
    assert read_e57(write(tmp_path / "b.e57", scan_of())).colors is None


@pytest.mark.parametrize("limit", [None, 65535, 4095])
def test_colours_of_more_than_eight_bits(tmp_path, limit):
    names = [f"color{name}" for name in ("Red", "Green", "Blue")]
    fields = dict.fromkeys([f"cartesian{a}" for a in "XYZ"], real) | dict.fromkeys(names, short)
    wide = np.array([[0, 4095, 2048]] * 4)
    columns = {f"cartesian{a}": XYZ[:, i] for i, a in enumerate("XYZ")}
    columns |= {name: wide[:, i] for i, name in enumerate(names)}
    raw = read_e57(write_nodes(tmp_path / "a.e57", fields, columns, limit))
    top = limit or 65535
    assert raw.colors[0].tolist() == np.rint(wide[0] * 255 / top).tolist()


def test_spherical_coordinates(tmp_path):
    names = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
    values = np.array([[2, 0, 0], [2, np.pi / 2, 0], [2, 0, np.pi / 2]])
    columns = {name: values[:, i] for i, name in enumerate(names)}
    raw = read_e57(write_nodes(tmp_path / "a.e57", dict.fromkeys(names, real), columns))
    np.testing.assert_allclose(raw.vertices, [[2, 0, 0], [0, 2, 0], [0, 0, 2]], atol=1e-6)


def _checksum(page: bytes) -> bytes:
    """CRC-32C of a page, as E57 stores it."""
    crc = 0xFFFFFFFF
    for byte in page:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return struct.pack(">I", crc ^ 0xFFFFFFFF)


def _rewritten(data: bytes, old: bytes, new: bytes) -> bytes:
    """Replace text of the XML by as many bytes and put the pages' checksums right."""
    assert len(old) == len(new)
    plain = b"".join(data[at : at + 1020] for at in range(0, len(data), 1024))
    assert old in plain
    plain = plain.replace(old, new)
    pages = [plain[at : at + 1020] for at in range(0, len(plain), 1020)]
    return b"".join(page + _checksum(page) for page in pages)


def _patched(data, place, value):
    return data[:place] + value + data[place + len(value) :]


def _broken(data: bytes) -> dict[str, tuple[bytes, str]]:
    size = struct.pack("<Q", len(data) * 2)
    xml = struct.unpack_from("<Q", data, 24)[0]
    return {
        "short.e57": (data[:30], "too short for the head of an E57"),
        "version.e57": (_patched(data, 8, b"\x09"), "version 9"),
        "page.e57": (_patched(data, 40, b"\0\x10"), "pages of 4096"),
        "cut.e57": (data[:-1024], "so the E57 file is truncated"),
        "longer.e57": (_patched(data, 16, size), f"says that it is {len(data) * 2} bytes"),
        "xml.e57": (_patched(data, 24, b"\xff" * 6), "outside the file"),
        "checksum.e57": (_patched(data, 1100, b"\x55\x55"), "cannot be read as E57 (E57Exception"),
        "binary.e57": (_patched(data, xml, b"\0" * 8), "does not begin as XML"),
        "bomb.e57": (
            _rewritten(data, HEADING, b"<?xml?><!DOCTYPE a [ ]>".ljust(len(HEADING))),
            "entities of its own",
        ),
        "field.e57": (_rewritten(data, b"cartesianZ", b"cartesianQ"), "neither cartesian nor"),
        "count.e57": (
            _rewritten(data, b'recordCount="4"', b'recordCount="5"'),
            "ends 1 points before",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("number", range(11))
def test_broken_files_have_their_own_message(tmp_path, number):
    data = write(tmp_path / "good.e57", scan_of(colors=COLORS)).read_bytes()
    name, (broken, words) = list(_broken(data).items())[number]
    path = tmp_path / name
    path.write_bytes(broken)
    with pytest.raises(InputError) as caught:
        read_scan(path)
    assert name in str(caught.value)
    assert words in str(caught.value)


def test_points_that_are_all_invalid(tmp_path):
    data = scan_of(cartesianInvalidState=np.array([2, 2, 2, 0], np.int8))
    path = write(tmp_path / "a.e57", data)
    bytes_ = path.read_bytes()
    assert read_e57(path).vertices.tolist() == [[4, 5, 6]]
    with pytest.raises(InputError, match="1 vertices"):
        read_scan(path)
    assert path.read_bytes() == bytes_  # pye57 removes files that it cannot open
