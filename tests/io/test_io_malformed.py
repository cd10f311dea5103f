"""Broken and hostile files: each gets one clear error, never another, in little time and memory."""

import io
import json
import pickle
import re
import resource
import struct
import time
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from seggroup.errors import InputError
from seggroup.io.scan import READERS, read_labelled_scan, read_scan

XYZ = "property float x\nproperty float y\nproperty float z\n"
FACE = "property list uchar int vertex_indices\n"
ASCII = "ply\nformat ascii 1.0\n"
LITTLE = "ply\nformat binary_little_endian 1.0\n"
POINTS = "0 0 0\n1 0 0\n0 1 0\n"
THREE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
DATA = THREE.tobytes()
HUGE = 10**12


def ply(vertices, faces=None, body="", head=ASCII, end="end_header\n") -> bytes:
    text = f"{head}element vertex {vertices}\n{XYZ}"
    text += "" if faces is None else f"element face {faces}\n{FACE}"
    return (text + end).encode() + (body if isinstance(body, bytes) else body.encode())


def npy(array, **options) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def npy_claiming(shape) -> bytes:
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + bytes(36)


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=THREE, b=THREE)
    return stream.getvalue()


def glb(tree: object, binary: bytes = b"") -> bytes:
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    if binary:
        chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def gltf_tree(count, offset=0) -> dict:
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "mode": 4}]}],
        "accessors": [
            {"count": count, "type": "VEC3", "componentType": 5126}
            | ({} if offset is None else {"bufferView": 0})
        ],
        "bufferViews": [{"buffer": 0, "byteOffset": offset or 0, "byteLength": 36}],
        "buffers": [{"byteLength": 36}],
    }


def stl(claimed: int, triangles: bytes) -> bytes:
    return bytes(80) + struct.pack("<I", claimed) + triangles


def indexed_tree(count, kind=5121, form="VEC3") -> dict:
    """Three vertices, and their indices behind them."""
    tree = gltf_tree(3)
    tree["meshes"][0]["primitives"][0]["indices"] = 1
    tree["accessors"][0]["type"] = form
    tree["accessors"].append({"count": 3, "type": "SCALAR", "componentType": kind, "bufferView": 1})
    tree["bufferViews"].append({"buffer": 0, "byteOffset": 36, "byteLength": 3})
    return tree


BESIDE = gltf_tree(3) | {"buffers": [{"byteLength": 36, "uri": "../room.bin"}]}
STRIPS = (
    ply(3).decode().replace("end_header\n", "element tristrips 1\n")
    + "property list int int vertex_indices\nend_header\n" + POINTS
)  # fmt: skip
NAN = THREE.copy()
NAN[1, 2] = np.nan
OBJ = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"
OFF = "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"

# name of the file, its bytes, words that its message must hold
CORPUS = [
    ("empty.ply", b"", "empty"),
    ("notply.ply", b"solid nothing\n", "not a PLY file"),
    ("onlyword.ply", b"ply\n", "no end_header"),
    ("noend.ply", ply(3, body=POINTS, end=""), "no end_header"),
    ("noformat.ply", b"ply\nelement vertex 3\n" + XYZ.encode() + b"end_header\n", "format"),
    ("format.ply", ply(3, head="ply\nformat middle_endian 1.0\n"), "line 2"),
    ("version.ply", ply(3, head="ply\nformat ascii 9.0\n"), "line 2"),
    ("negative.ply", ply(-3), "line 3"),
    ("fraction.ply", ply("3.5"), "line 3"),
    ("digits.ply", ply("9" * 6000), "line 3"),
    ("superscript.ply", ply("³"), "line 3"),
    ("type.ply", ply(3).replace(b"float y", b"quaternion y"), "line 5"),
    ("orphan.ply", f"{ASCII}property float x\nend_header\n".encode(), "line 3"),
    ("twice.ply", ply(3).replace(b"float y", b"float x"), "twice"),
    ("same.ply", f"{ASCII}{('element vertex 0' + chr(10)) * 2}end_header\n".encode(), "twice"),
    ("binaryheader.ply", b"ply\n\xff\xfe\x00\n" + bytes(100), "no end_header"),
    ("noz.ply", ply(3, body=POINTS).replace(b"float z", b"float w"), "no vertex property z"),
    ("novertex.ply", f"{ASCII}end_header\n".encode(), "no vertex property"),
    ("huge.ply", ply(HUGE, body=DATA, head=LITTLE), "truncated after 3"),
    ("hugeascii.ply", ply(HUGE, body=POINTS), "truncated after 3"),
    ("hugefaces.ply", ply(3, HUGE, DATA + bytes(13), LITTLE), "element face"),
    ("hugelist.ply", ply(3, 1, POINTS + "1e12 0 1 2\n"), "list of"),
    ("hugelength.ply", ply(3, 1, DATA + b"\xff" * 13, LITTLE), "list of 255"),
    (
        "hugecount.ply",
        ply(3, 1, DATA + b"\xff" * 16, LITTLE).replace(b"uchar int", b"uint int"),
        "list of 4294967295",
    ),
    (
        "minuscount.ply",
        ply(3, 1, DATA + b"\xff" * 16, LITTLE).replace(b"uchar int", b"int int"),
        "list of -1",
    ),
    ("nancount.ply", ply(3, 1, POINTS + "nan 0 1 2\n"), "list of nan"),
    ("halfcount.ply", ply(3, 1, POINTS + "2.5 0 1 2\n"), "list of 2.5"),
    ("cut.ply", ply(3, body=DATA[:-1], head=LITTLE), "truncated after 2"),
    ("cutfaces.ply", ply(3, 2, DATA + b"\x03" + bytes(12), LITTLE), "truncated"),
    ("cutascii.ply", ply(3, body="0 0 0\n1 0 0\n"), "truncated after 2"),
    ("words.ply", ply(3, body="0 0 0\n1 zero 0\n0 1 0\n"), "not a number"),
    ("nan.ply", ply(3, body=NAN.tobytes(), head=LITTLE), "not finite, the first is vertex 1"),
    ("inf.ply", ply(3, body="0 0 0\n1 0 0\n0 -inf 0\n"), "first is vertex 2"),
    ("overflow.ply", ply(3, body="0 0 0\n1 0 0\n0 1e60 0\n").replace(b"float", b"double"), "1e+60"),
    ("range.ply", ply(3, 1, POINTS + "3 0 1 3\n"), "face 0 names vertex [0, 1, 3]"),
    ("minusindex.ply", ply(3, 2, POINTS + "3 0 1 2\n3 0 -1 2\n"), "face 1"),
    ("halfindex.ply", ply(3, 1, POINTS + "3 0 1 1.5\n"), "int32"),
    (
        "floatindex.ply",
        ply(3, 1, POINTS + "3 0 1 2\n").replace(b"uchar int", b"uchar float"),
        "not integers",
    ),
    (
        "otherlist.ply",
        ply(3, 1, POINTS + "3 0 1 2\n").replace(b"vertex_ind", b"corner_ind"),
        "vertex_indices",
    ),
    ("none.ply", ply(0), "0 vertices"),
    ("one.ply", ply(1, body="0 0 0\n"), "nothing to label"),
    ("two.ply", ply(2, 0, DATA[:24], LITTLE), "nothing to label"),
    (
        "color.ply",
        ply(3, body="0 0 0 300 0 0\n" * 3).replace(
            b"float z\n",
            b"float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\n",
        ),
        "property red",
    ),
    (
        "floatcolor.ply",
        ply(3, body="0 0 0 nan 0 0\n" * 3).replace(
            b"float z\n",
            b"float z\nproperty float red\nproperty float green\nproperty float blue\n",
        ),
        "colours",
    ),
    (
        "label.ply",
        ply(3, body="0 0 0 -4\n" * 3).replace(b"float z\n", b"float z\nproperty int label\n"),
        "label must be integers",
    ),
    ("columns.ply", ply(3, body="0 0 0 9\n" * 3), "more values than its header"),
    (
        "halflabel.ply",
        ply(3, body="0 0 0 0.5\n" * 3).replace(b"float z\n", b"float z\nproperty float label\n"),
        "label must be integers",
    ),
    ("empty.obj", b"\n", "no vertices"),
    ("words.obj", OBJ.encode() + b"v one two three\n", "not a number"),
    ("ragged.obj", OBJ.encode() + b"v 1 2\n", "the same 3 or"),
    ("range.obj", OBJ.encode() + b"f 1 2 4\n", "out of the range"),
    ("zero.obj", OBJ.encode() + b"f 0 1 2\n", "out of the range"),
    ("before.obj", OBJ.encode() + b"f -1 -2 -9\n", "out of the range"),
    ("half.obj", OBJ.encode() + b"f 1 2 2.5\n", "not an integer"),
    ("hugeindex.obj", OBJ.encode() + b"f 1 2 1e300\n", "not an integer"),
    ("nan.obj", OBJ.encode() + b"v nan 0 0\n", "first is vertex 3"),
    ("binary.obj", bytes(range(256)) * 4, "no vertices"),
    ("empty.off", b"", "empty"),
    ("head.off", OFF.encode()[3:], "not an ASCII OFF"),
    ("binary.off", b"OFF BINARY\n" + bytes(40), "not an ASCII OFF"),
    ("counts.off", b"OFF\n", "truncated"),
    ("huge.off", OFF.replace("3 1 0", f"{HUGE} {HUGE} 0", 1).encode(), "truncated"),
    ("minus.off", OFF.replace("3 1 0", "-3 1 0", 1).encode(), "truncated"),
    ("cut.off", OFF[:-9].encode(), "truncated"),
    ("corners.off", OFF.replace("3 0 1 2", "3 0 1").encode(), "fewer corners"),
    ("hugecorners.off", OFF.replace("3 0 1 2", "1e12 0 1 2").encode(), "fewer corners"),
    ("range.off", OFF.replace("3 0 1 2", "3 0 1 7").encode(), "out of the range"),
    ("words.off", OFF.replace("1 0 0", "1 a 0").encode(), "not a number"),
    ("empty.stl", b"", "empty"),
    ("garbage.stl", b"\x00\xff" * 300, "STL"),
    ("huge.stl", stl(2**32 - 1, bytes(50)), "STL"),
    ("cut.stl", stl(2, bytes(70)), "STL"),
    ("zero.stl", stl(0, b""), "0 vertices"),
    ("nan.stl", stl(1, struct.pack("<12fH", *range(10), np.nan, 0, 0)), "first is vertex 2"),
    ("solid.stl", b"solid thing\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\n", "truncated"),
    ("words.stl", b"solid thing\nvertex 0 zero 0\n", "not a number"),
    ("ragged.stl", b"solid thing\nvertex 0 0\n", "same 3"),
    ("empty.glb", b"", "empty"),
    ("garbage.glb", b"glTF" + b"\xff" * 200, "glTF"),
    ("cut.glb", glb(gltf_tree(3), DATA)[:60], "glTF"),
    ("json.glb", glb(b"{nonsense"), "glTF"),
    ("utf.glb", glb(b'{"a": "\xff\xfe"}'), "glTF"),
    ("list.glb", glb([1, 2]), "glTF"),
    ("deep.glb", glb(b"[" * 200_000), "glTF"),
    ("nothing.glb", glb({"asset": {"version": "2.0"}}), "no mesh"),
    ("huge.glb", glb(gltf_tree(HUGE), DATA), "promises"),
    ("hugesparse.glb", glb(gltf_tree(HUGE, None), DATA), "promises"),
    ("wordcount.glb", glb(gltf_tree("many"), DATA), "glTF"),
    ("offset.glb", glb(gltf_tree(3, 10**9), DATA), "up to byte 1000000036"),
    ("range.gltf", json.dumps(gltf_tree(3)).encode(), "up to byte 36 of 0"),
    ("version.glb", glb({})[:4] + b"\x01" + glb({})[5:], "version 1"),
    ("draco.glb", glb({"extensionsRequired": ["KHR_draco_mesh_compression"]}), "KHR_draco"),
    ("cycle.glb", glb(gltf_tree(3) | {"nodes": [{"children": [0]}]}), "node 0 has two parents"),
    (
        "bomb.glb",
        glb(gltf_tree(3) | {"nodes": [{"children": [i, i]} for i in range(1, 64)] + [{}]}),
        "node 63 has two",
    ),
    ("nobuffer.gltf", json.dumps(BESIDE).encode(), "not beside it"),
    ("indices.glb", glb(indexed_tree(9), DATA + bytes([0, 1, 9])), "names vertex 9"),
    ("floats.glb", glb(indexed_tree(9, 5126), DATA * 4), "not unsigned integers"),
    ("scalar.glb", glb(indexed_tree(9, form="VEC2"), DATA), "is VEC2 where 3"),
    ("strips.ply", (STRIPS + "4 0 1 2 7\n").encode(), "face 1 names vertex [2, 1, 7]"),
    ("nostrips.ply", (STRIPS + "1 0\n").replace("vertex_ind", "corner_ind").encode(), "tristrips"),
    ("words.xyz", b"once upon a time\nthere was a cloud\n", "not a number"),
    ("word.xyz", POINTS.encode() + b"1 2 x\n", "not a number"),
    ("ragged.xyz", POINTS.encode() + b"1 2\n", "point 3 has 2 columns"),
    ("swapped.xyz", b"1 2 3\n1 2\n1 2 3 4\n", "point 1 has 2 columns"),
    ("comments.txt", b"# nothing\n\n", "no points"),
    ("two.csv", b"1,2\n3,4\n5,6\n", "2 columns"),
    ("utf16.txt", "1 2 3\n".encode("utf-16"), "UTF-16"),
    ("nan.pts", b"0 0 0\nnan 1 2\n0 1 1\n", "first is vertex 1"),
    ("colors.xyz", b"0 0 0 1 2 70000\n" * 3, "colours"),
    ("pickled.npy", npy(np.array([{}, []], object), allow_pickle=True), "numpy"),
    ("pickle.npy", pickle.dumps([1, 2]), "numpy"),
    ("empty.npy", b"", "empty"),
    ("cut.npy", npy(THREE)[:-5], "numpy"),
    ("magic.npy", npy(THREE)[:9], "numpy"),
    ("claims.npy", npy_claiming((HUGE, 3)), "numpy"),
    ("overclaims.npy", npy_claiming((2**62, 2**62)), "numpy"),
    ("bracket.npy", npy(THREE)[:42] + b"[" + npy(THREE)[43:], "numpy"),
    ("minus.npy", npy_claiming((-1, 3)), "numpy"),
    ("flat.npy", npy(np.zeros(9)), "shape (9,)"),
    ("words.npy", npy(np.array([["a", "b", "c"]])), "array of"),
    ("complex.npy", npy(np.zeros((3, 3), complex)), "complex"),
    ("eleven.npy", npy(np.zeros((3, 11))), "11 columns"),
    ("archive.npy", npz(), "named a, b"),
    ("none.npy", npy(np.zeros((0, 6))), "0 vertices"),
    ("nan.npy", npy(NAN), "first is vertex 1"),
    ("scan.e57", b"ASTM-E57", "too short for the head of an E57"),
    ("noname", b"once upon a time\n", "scans end in"),
]


@pytest.mark.parametrize(("name", "data", "words"), CORPUS, ids=[name for name, _, _ in CORPUS])
def test_malformed_file_gets_one_clear_error(tmp_path, name, data, words):
    path = tmp_path / name
    path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    with pytest.raises(InputError) as caught:
        read_labelled_scan(path)
    message = str(caught.value)
    assert name in message
    assert words in message
    assert "\n" not in message
    assert len(message) < 400 + len(str(path))
    assert time.perf_counter() - start < 5  # trimesh's import is in it once
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kilobytes


# Faults that are the same in several encodings or formats, and so may share their message.
SHARED = [
    *("empty.off", "empty.stl", "empty.glb", "empty.npy", "noend.ply", "binaryheader.ply"),
    *("hugeascii.ply", "cutascii.ply", "nan.pts", "nan.npy", "nan.stl", "range.obj", "zero.stl"),
    *("none.npy", "colors.xyz", "halflabel.ply", "binary.obj", "bracket.npy"),
]


def test_every_fault_has_its_own_message_and_a_remedy(tmp_path):
    messages: dict[str, str] = {}
    for name, data, _ in CORPUS:
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(InputError) as caught:
            read_labelled_scan(path)
        message = str(caught.value).replace(str(path), "FILE")
        assert message.startswith("FILE: ")
        assert re.search(
            "[;,] (export|save|check|copy|write|remove|use|name|a scan)|convert", message
        )
        if name not in SHARED:
            assert message not in messages, f"{name} and {messages[message]}: {message}"
            messages[message] = name
    assert len(messages) >= 100


def test_corpus_is_large():
    assert len(CORPUS) >= 120


@pytest.mark.parametrize("suffix", READERS)
def test_folder_and_missing_file(tmp_path, suffix):
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(InputError, match=f"folder{suffix}: is a folder"):
        read_scan(tmp_path / f"folder{suffix}")
    with pytest.raises(InputError, match="does not exist"):
        read_scan(tmp_path / f"missing{suffix}")


def test_folder_without_suffix_and_device(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_scan(tmp_path)
    link = tmp_path / "zero.ply"
    link.symlink_to("/dev/zero")
    with pytest.raises(InputError, match="not a regular file"):
        read_scan(link)


def test_degenerate_faces_are_kept(tmp_path):
    path = tmp_path / "d.ply"
    path.write_bytes(ply(3, 2, POINTS + "3 0 0 1\n3 0 1 2\n"))
    assert read_scan(path).faces.tolist() == [[0, 0, 1], [0, 1, 2]]


SEEDS = {
    ".ply": [ply(3, 1, POINTS + "3 0 1 2\n"), ply(3, 1, DATA + b"\x03" + bytes(12), LITTLE)],
    ".obj": [OBJ.encode() + b"f 1 2 3\nf -1 -2 -3\n"],
    ".off": [OFF.encode()],
    ".stl": [stl(1, struct.pack("<12fH", *range(12), 0))],
    ".glb": [glb(gltf_tree(3), DATA)],
    ".npy": [npy(THREE)],
    ".xyz": [POINTS.encode()],
}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    suffix=st.sampled_from(list(SEEDS)),
    seed=st.integers(0, 1),
    edits=st.lists(st.tuples(st.integers(0, 1000), st.binary(max_size=4)), max_size=6),
    cut=st.integers(0, 1200),
)
@example(suffix=".glb", seed=0, edits=[], cut=0)
def test_bytes_changed_at_random(tmp_path, suffix, seed, edits, cut):
    """Whatever the bytes: a scan or an InputError."""
    data = bytearray(SEEDS[suffix][seed % len(SEEDS[suffix])])
    for at, replacement in edits:
        at %= len(data)
        data[at : at + len(replacement)] = replacement
    path = tmp_path / f"fuzz{suffix}"
    path.write_bytes(data[: len(data) - cut % len(data)])
    with suppress(InputError):
        scan = read_scan(path)
        assert np.isfinite(scan.vertices).all()
        assert len(scan.faces) == 0 or scan.faces.max() < len(scan.vertices)
