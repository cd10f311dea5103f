"""PLY: the same scan from every encoding, checked against plyfile; and writing."""

import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from plyfile import PlyData, PlyElement

from seggroup.io.ply import read_elements, read_ply, write_ply
from seggroup.io.plybody import Lists
from seggroup.io.scan import read_labelled_scan, read_scan
from seggroup.types import Labels, Scan

ENCODINGS = {"ascii": (True, "="), "little": (False, "<"), "big": (False, ">")}
SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def plyfile_bytes(encoding: str, vertices, colors, polygons, **properties) -> bytes:
    """A PLY as plyfile writes it; `polygons` is a list of lists of corners."""
    columns = {axis: vertices[:, i] for i, axis in enumerate("xyz")}
    columns |= {color: colors[:, i] for i, color in enumerate(("red", "green", "blue"))}
    columns |= properties
    rows = np.empty(len(vertices), [(name, values.dtype) for name, values in columns.items()])
    for name, values in columns.items():
        rows[name] = values
    face = np.empty(len(polygons), [("vertex_indices", object)])
    face["vertex_indices"] = [np.array(p, np.int32) for p in polygons]
    text, order = ENCODINGS[encoding]
    stream = io.BytesIO()
    elements = [PlyElement.describe(rows, "vertex"), PlyElement.describe(face, "face")]
    PlyData(elements, text, order).write(stream)
    return stream.getvalue()


@pytest.fixture
def tetrahedron() -> tuple[np.ndarray, np.ndarray, list[list[int]]]:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.5]], np.float32)
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [7, 8, 9]], np.uint8)
    return vertices, colors, [[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
def test_every_encoding_reads_alike(tmp_path, tetrahedron, encoding, kind):
    vertices, colors, polygons = tetrahedron
    path = tmp_path / "shape.ply"
    instance, label = np.array([0, 1, 2, 300], np.uint16), np.array([0, 5, 40, 1], np.int32)
    path.write_bytes(
        plyfile_bytes(
            encoding, vertices.astype(kind), colors, polygons, instance=instance, label=label
        )
    )
    scan, labels = read_labelled_scan(path)
    assert scan.name == "shape"
    assert scan.vertices.tolist() == vertices.astype(kind).tolist()
    assert scan.colors.tolist() == colors.tolist()
    assert scan.faces.tolist() == polygons
    assert scan.notes == ()
    assert labels.instance.tolist() == [-1, 0, 1, 299]
    assert labels.semantic.tolist() == [-1, 5, 40, 1]


@SETTINGS
@given(
    vertices=arrays(
        np.float32,
        st.tuples(st.integers(3, 20), st.just(3)),
        elements=st.floats(-100, 100, width=32),
    ),
    data=st.data(),
    encoding=st.sampled_from(list(ENCODINGS)),
)
def test_any_scan_survives(tmp_path, vertices, data, encoding):
    size = len(vertices)
    colors = data.draw(arrays(np.uint8, (size, 3)))
    corner = st.integers(0, size - 1)
    polygons = data.draw(st.lists(st.lists(corner, min_size=0, max_size=6), max_size=12))
    path = tmp_path / "any.ply"
    path.write_bytes(plyfile_bytes(encoding, vertices, colors, polygons))
    scan = read_scan(path)
    assert np.array_equal(scan.vertices, vertices)
    assert np.array_equal(scan.colors, colors)
    fans = [[p[0], b, c] for p in polygons for b, c in pairwise(p[1:])]
    assert scan.faces.tolist() == fans
    assert any("more than three corners" in n for n in scan.notes) == any(
        len(p) > 3 for p in polygons
    )
    again = tmp_path / "again.ply"
    write_ply(again, scan)
    copy = read_scan(again)
    assert np.array_equal(copy.vertices, scan.vertices)
    assert np.array_equal(copy.faces, scan.faces)


@pytest.mark.parametrize("confidence", [None, np.array([0, 0.5, 1, 0.25], np.float32)])
def test_written_labels_are_read_by_plyfile_and_by_us(tmp_path, tetrahedron, confidence):
    vertices, colors, polygons = tetrahedron
    scan = Scan("t", vertices, colors, np.array(polygons, np.int32))
    labels = Labels(
        np.array([-1, 3, 40, 2], np.int32), np.array([-1, 0, 70_000, 5], np.int32), confidence
    )
    path = tmp_path / "t.ply"
    write_ply(path, scan, labels, colors[::-1])
    ply = PlyData.read(path, mmap=False)
    assert ply.byte_order == "<"
    assert ply["vertex"]["instance"].tolist() == [0, 1, 70_001, 6]
    assert ply["vertex"]["label"].tolist() == [0, 3, 40, 2]
    assert ("confidence" in ply["vertex"]) == (confidence is not None)
    assert ply["vertex"]["red"].tolist() == colors[::-1, 0].tolist()
    _, found = read_labelled_scan(path)
    assert found.semantic.tolist() == labels.semantic.tolist()
    assert found.instance.tolist() == labels.instance.tolist()
    assert not list(tmp_path.glob(".*"))


def test_cloud_with_normals_survives(tmp_path):
    cloud = Scan(
        "c",
        np.eye(3, dtype=np.float32),
        np.zeros((3, 3), np.uint8),
        np.zeros((0, 3), np.int32),
        np.eye(3, dtype=np.float32)[::-1].copy(),
    )
    write_ply(tmp_path / "c.ply", cloud)
    scan = read_scan(tmp_path / "c.ply")
    assert scan.normals.tolist() == cloud.normals.tolist()
    assert not scan.is_mesh
    assert "point cloud" in scan.notes[0]


HEAD = "ply\nformat ascii 1.0\nelement vertex 3\n" + "".join(f"property float {a}\n" for a in "xyz")


@pytest.mark.parametrize(
    ("properties", "values", "expected"),
    [
        (["float red", "float green", "float blue"], "0 0.5 1", [0, 128, 255]),
        (["uchar r", "uchar g", "uchar b"], "1 2 255", [1, 2, 255]),
        (["uchar diffuse_red", "uchar diffuse_green", "uchar diffuse_blue"], "1 1 1", [1, 1, 1]),
        (["ushort red", "ushort green", "ushort blue"], "0 257 65535", [0, 1, 255]),
        (["float red", "float green", "float blue"], "0 12.6 255", [0, 13, 255]),
        (["uchar red"], "9", [128, 128, 128]),
    ],
)
def test_colors_of_every_kind(tmp_path, properties, values, expected):
    head = HEAD + "".join(f"property {p}\n" for p in properties) + "end_header\n"
    path = tmp_path / "c.ply"
    path.write_text(head + "".join(f"{i} 0 0 {values}\n" for i in range(3)))
    assert read_scan(path).colors.tolist() == [expected] * 3


def test_lists_elsewhere_and_windows_line_ends(tmp_path):
    """Lists and scalars in any order, elements nobody knows, CRLF, a mesh after the vertices."""
    text = (
        "ply\nformat ascii 1.0\ncomment end_header is not here\nobj_info made by hand in Århus\n"
        "element camera 1\nproperty list uchar float pose\nproperty int id\n"
        "element vertex 3\nproperty double z\nproperty double y\nproperty double x\n"
        "element nothing 5\n"
        "element face 2\nproperty uchar flag\nproperty list int uint vertex_index\n"
        "property list uchar float texcoord\nend_header\n"
        "4 1 2 3 4 9\n3 2 1\n6 5 4\n9 8 7.5\n"
        "0 3 0 1 2 6 0 0 0 0 0 0\n1 3 2 1 0 0\n"
    )
    path = tmp_path / "w.ply"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    elements = read_elements(path)
    pose = elements["camera"]["pose"]
    assert isinstance(pose, Lists)
    assert pose.values.tolist() == [1, 2, 3, 4]
    raw = read_ply(path)
    assert raw.vertices.tolist() == [[1, 2, 3], [4, 5, 6], [7.5, 8, 9]]
    assert raw.faces.tolist() == [[0, 1, 2], [2, 1, 0]]


def slow_strips(lists):
    """Triangles of strips, one after another; −1 begins a new strip."""
    result = []
    for corners in lists:
        strip = []
        for corner in [*corners, -1]:
            if corner == -1:
                for i in range(len(strip) - 2):
                    a, b, c = strip[i : i + 3]
                    if len({a, b, c}) == 3:
                        result.append([b, a, c] if i % 2 else [a, b, c])
                strip = []
            else:
                strip.append(corner)
    return result


@SETTINGS
@given(st.lists(st.lists(st.integers(-1, 5), max_size=9), max_size=4))
def test_triangle_strips(tmp_path, lists):
    head = HEAD.replace("vertex 3", "vertex 6")
    head += f"element tristrips {len(lists)}\nproperty list int int vertex_indices\nend_header\n"
    body = "".join(f"{i} {i * i} 0\n" for i in range(6))
    body += "".join(" ".join(map(str, [len(corners), *corners])) + "\n" for corners in lists)
    path = tmp_path / "s.ply"
    path.write_text(head + body)
    assert read_scan(path).faces.tolist() == slow_strips(lists)


def test_every_integer_of_a_vertex_is_kept(tmp_path):
    """3RScan's and others' own numbers; colours and floats are none."""
    names = ["ushort objectId", "uint globalId", "uchar NYU40", "float quality", "uchar red"]
    head = HEAD + "".join(f"property {name}\n" for name in names) + "end_header\n"
    path = tmp_path / "a.ply"
    path.write_text(head + "".join(f"{i} 0 0 {i + 1} {2**32 - 1 - i} 40 0.5 9\n" for i in range(3)))
    raw = read_ply(path)
    assert {name: values.tolist() for name, values in raw.properties.items()} == {
        "objectId": [1, 2, 3],
        "globalId": [2**32 - 1, 2**32 - 2, 2**32 - 3],
        "NYU40": [40, 40, 40],
    }
    assert read_labelled_scan(path)[1] is None


def test_binary_uneven_lists_agree_with_ascii(tmp_path, tetrahedron):
    vertices, colors, _ = tetrahedron
    polygons = [[0, 1, 2], [0, 1, 2, 3], [3, 2], [1, 2, 3], [0, 1, 2, 3]]
    faces = []
    for encoding in ENCODINGS:
        path = tmp_path / f"{encoding}.ply"
        path.write_bytes(plyfile_bytes(encoding, vertices, colors, polygons))
        scan = read_scan(path)
        faces.append(scan.faces.tolist())
        assert scan.notes == (
            "2 faces with more than three corners were split into triangles.",
            "1 faces with fewer than three corners were left out.",
        )
    assert faces[0] == faces[1] == faces[2]
    assert faces[0] == [[0, 1, 2], [0, 1, 2], [0, 2, 3], [1, 2, 3], [0, 1, 2], [0, 2, 3]]


def test_far_coordinates_are_shifted_and_duplicates_counted(tmp_path):
    points = np.array([[5e5, 5.1e6, 100], [5e5 + 0.01, 5.1e6, 100], [5e5, 5.1e6, 100]])
    colors = np.zeros((3, 3), np.uint8)
    path = tmp_path / "utm.ply"
    path.write_bytes(plyfile_bytes("little", points, colors, []))
    scan = read_scan(path)
    assert np.allclose(scan.vertices[1] - scan.vertices[0], [0.01, 0, 0], atol=1e-6)
    assert any("(500000, 5100000, 100) was subtracted" in note for note in scan.notes)
    assert any("1 vertices lie exactly on another" in note for note in scan.notes)


def test_millimetres_stay_as_they_are(tmp_path):
    points = np.array([[-9000, 0, 0], [12000, 0, 0], [0, 3000, 0]], np.float32)
    path = tmp_path / "mm.ply"
    path.write_bytes(plyfile_bytes("little", points, np.zeros((3, 3), np.uint8), [[0, 1, 2]]))
    assert read_scan(path).vertices.tolist() == points.tolist()


def test_room_survives_as_scannet_name(tmp_path: Path, small_mesh):
    path = tmp_path / "scene0000_00_vh_clean_2.ply"
    write_ply(path, small_mesh)
    scan = read_scan(path)
    assert scan.name == "scene0000_00"
    assert np.array_equal(scan.faces, small_mesh.faces)
    assert 500 <= len(scan.vertices) <= 900
