"""What a file is, by its first bytes: any ending or none, and what is no scan."""

import gzip
import io
import json
import struct
import zipfile

import laspy
import numpy as np
import pye57
import pytest

from seggroup.errors import InputError
from seggroup.io.kinds import SUFFIXES, kind_of
from seggroup.io.scan import READERS, read_scan
from seggroup.io.scenes import find_scenes

XYZ = np.array([[0, 0, 1], [1, 0, 2], [0, 1, 3.5], [4, 5, 6]])
ROWS = "0 0 1\n1 0 2\n0 1 3.5\n4 5 6\n"
PLY = (
    "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\n"
    f"property float z\nend_header\n{ROWS}"
)
PCD = (
    "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\n"
    f"TYPE F F F\nCOUNT 1 1 1\nWIDTH 4\nHEIGHT 1\nPOINTS 4\nDATA ascii\n{ROWS}"
)
STL = "solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 1\nvertex 1 0 2\nvertex 0 1 3.5\n"
STL += "endloop\nendfacet\nendsolid x\n"


def _npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, XYZ)
    return stream.getvalue()


def _npz(**arrays) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **(arrays or {"points": XYZ}))
    return stream.getvalue()


def _zip(*names) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "nothing")
    return stream.getvalue()


def _las(suffix, folder) -> bytes:
    las = laspy.LasData(laspy.LasHeader(point_format=0, version="1.2"))
    las.x, las.y, las.z = XYZ.T
    las.write(str(folder / f"made{suffix}"))
    return (folder / f"made{suffix}").read_bytes()


def _e57(folder) -> bytes:
    with pye57.E57(str(folder / "made.e57"), mode="w") as file:
        file.write_scan_raw({f"cartesian{a}": XYZ[:, i].copy() for i, a in enumerate("XYZ")})
    return (folder / "made.e57").read_bytes()


def _glb() -> bytes:
    positions = XYZ.astype("<f4").tobytes()
    tree = json.dumps(
        {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "mode": 0}]}],
            "accessors": [{"count": 4, "type": "VEC3", "componentType": 5126, "bufferView": 0}],
            "bufferViews": [{"buffer": 0, "byteLength": 48}],
            "buffers": [{"byteLength": 48}],
        }
    ).encode()
    tree += b" " * (-len(tree) % 4)
    chunks = struct.pack("<II", len(tree), 0x4E4F534A) + tree
    chunks += struct.pack("<II", 48, 0x004E4942) + positions
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def _binary_stl() -> bytes:
    triangle = struct.pack("<12fH", 0, 0, 1, *XYZ[:3].ravel(), 0)
    return b"solid ".ljust(80) + struct.pack("<I", 2) + triangle * 2


@pytest.fixture
def contents(tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    texts = {
        "ply": PLY,
        "obj": "# a\n\nmtllib a.mtl\no thing\n" + "".join(f"v {r}\n" for r in ROWS.splitlines()),
        "off": f"OFF\n4 0 0\n{ROWS}",
        "stl": STL,
        "pcd": PCD,
        "text": ROWS,
    }
    return {kind: text.encode() for kind, text in texts.items()} | {
        "npy": _npy(),
        "npz": _npz(),
        "las": _las(".las", folder),
        "laz": _las(".laz", folder),
        "e57": _e57(folder),
        "gltf": _glb(),
        "binary stl": _binary_stl(),
    }


def test_content_decides_whatever_the_name(tmp_path, contents):
    for kind, data in contents.items():
        expected = {"laz": "las", "binary stl": "stl"}.get(kind, kind)
        for suffix in ["", ".bak", *SUFFIXES, ".PLY", ".Laz"]:
            path = tmp_path / f"scan{suffix}"
            path.write_bytes(data)
            found, notes = kind_of(path)
            assert found == expected, (kind, suffix)
            misleads = SUFFIXES.get(suffix.lower(), expected) != expected
            assert len(notes) == misleads


@pytest.mark.parametrize("kind", ["ply", "obj", "off", "pcd", "text", "npy", "npz", "las", "e57"])
def test_read_without_and_under_a_wrong_ending(tmp_path, contents, kind):
    for name in ("scan", "scan.xyz", "scan.PCD"):
        (tmp_path / name).write_bytes(contents[kind])
        scan = read_scan(tmp_path / name)
        np.testing.assert_allclose(np.ptp(scan.vertices, axis=0), [4, 5, 5], atol=1e-2)


def test_a_misleading_name_is_said(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text(PLY)
    assert read_scan(path).notes[0] == "Its name ends in .xyz, but it is a PLY file."


def test_a_scan_of_any_name_is_found(tmp_path):
    path = tmp_path / "export.dat"
    path.write_text(PLY)
    (source,) = find_scenes([path])
    assert len(read_scan(source.scan).vertices) == 4


@pytest.mark.parametrize(
    ("prefix", "text", "kind"),
    [
        (b"\xef\xbb\xbf", ROWS, "text"),
        (b"\n\n   \n", ROWS, "text"),
        (b"# x y z\n// made by hand\n", ROWS, "text"),
        (b"4\n", ROWS, "text"),
        (b'"X","Y","Z"\r\n', ROWS.replace(" ", ","), "text"),
        (b"\xef\xbb\xbf# OBJ of a room\n", "v 0 0 1\nv 1 0 2\nv 0 0 3\nf 1 2 3\n", "obj"),
        (b"\n# off\n"[:1], f"COFF\n4 0 0\n{ROWS}", "off"),
        (b"VERSION .7\n", PCD.split("VERSION 0.7\n")[1], "pcd"),
        (b" \n", '{"asset": {"version": "2.0"}, "meshes": []}', "gltf"),
    ],
)
@pytest.mark.parametrize("name", ["scan", "scan.ply", "scan.txt"])
def test_marks_blanks_and_remarks_before(tmp_path, prefix, text, kind, name):
    (tmp_path / name).write_bytes(prefix + text.encode())
    assert kind_of(tmp_path / name)[0] == kind


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.off", b"3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", "off"),  # rows, but not a table
        ("a.ply", b"solid nothing\n", "ply"),
        ("a.stl", b"\x00\xff" * 300, "stl"),
        ("a.obj", bytes(range(256)) * 4, "obj"),
        ("a.xyz", b"once upon a time\n", "text"),
    ],
)
def test_the_ending_decides_where_the_content_does_not(tmp_path, name, data, kind):
    (tmp_path / name).write_bytes(data)
    assert kind_of(tmp_path / name) == (kind, [])


NO_SCAN = {
    "photo.ply": (b"\x89PNG\r\n\x1a\n" + bytes(20), "an image"),
    "photo.jpg": (b"\xff\xd8\xff\xe0" + bytes(20), "an image"),
    "plan.pdf": (b"%PDF-1.7\n", "a PDF"),
    "room.ply.gz": (gzip.compress(PLY.encode()), "gunzip"),
    "room.ply": (gzip.compress(PLY.encode()), "packed by gzip"),
    "room.tar.bz2": (b"BZh91AY&SY" + bytes(9), "bzip2"),
    "room.7z": (b"7z\xbc\xaf\x27\x1c" + bytes(9), "7z or RAR"),
    "rooms.zip": (_zip("rooms/a.laz", "b.txt"), "such as rooms/a.laz"),
    "words.zip": (_zip("a.doc"), "is a zip archive"),
    "cut.zip": (_zip("a.ply")[:-8], "damaged zip"),
    "thing.usdz": (_zip("thing.usdc"), "USDZ"),
    "model.pth": (_zip("archive/data.pkl"), "PyTorch"),
    "film.mp4": (b"\0\0\0\x20ftypisom" + bytes(9), "a video"),
    "room.blend": (b"BLENDER-v300", "a Blender file"),
    "room.fbx": (b"Kaydara FBX Binary  \0", "an FBX file"),
    "text.fbx": (b"; FBX 7.3.0 project file\n", "an FBX file"),
    "room.usda": (b"#usda 1.0\n", "a USD file"),
    "room.dwg": (b"AC1032" + bytes(9), "AutoCAD"),
    "room.ifc": (b"ISO-10303-21;\n", "STEP or IFC"),
    "room.wrl": (b"#VRML V2.0 utf8\n", "VRML"),
    "room.dae": (b'<?xml version="1.0"?>\n<COLLADA>', "COLLADA"),
    "room.rcs": (b"\x01\x02\x03\x04" * 9, "E57, LAZ or PLY"),
    "room.rcp": (b"project", "files ending in .rcp"),
    "scan.ptx": (b"2\n2\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n1 0 0 0\n1 2 3 .5\n", "files ending in .ptx"),
    "drive.bag": (b"#ROSBAG V2.0\n", "ROS bag"),
    "data.h5": (b"\x89HDF\r\n\x1a\n", "database"),
    "data.pkl": (b"\x80\x04\x95" + bytes(20), "a pickle"),
    "page.ply": (b"<!DOCTYPE html><html>", "a web page"),
    "room.glb": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "notes.json": (b'{"objects": [1, 2]}', "JSON"),
    "wide.txt": ("0 0 0\n".encode("utf-16"), "UTF-16"),
    "unknown": (b"\x01\x02\x03\x04" * 50, "scans end in"),
    "readme.md": (b"# Rooms\nThree rooms.\n", "can be recognised"),
}


@pytest.mark.parametrize("name", NO_SCAN)
def test_what_is_no_scan_says_what_it_is(tmp_path, name):
    data, words = NO_SCAN[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_scan(tmp_path / name)
    assert name in str(caught.value)
    assert words in str(caught.value)
    assert ";" in str(caught.value) or ":" in str(caught.value).split(name)[1][2:]  # a remedy


def test_every_ending_has_a_reader():
    assert READERS.keys() == SUFFIXES.keys()
    assert {".las", ".laz", ".e57", ".pcd", ".npz", ".asc", ".csv"} <= READERS.keys()
