"""PLY, GLB and LAZ, read back by plyfile, trimesh, laspy and by hand."""

import json
import struct

import laspy
import numpy as np
import pytest
import trimesh
from plyfile import PlyData
from toy_samples import five, random_sample

from seggroup.errors import InputError
from seggroup.export.target import Sample
from seggroup.export.viewers import write_glb_scene, write_laz_scene, write_ply_scene, write_viewer
from seggroup.io.classlist import nyu40
from seggroup.io.reading import Reading
from seggroup.io.scan import read_labelled_scan
from seggroup.types import Frame, Labels, Scan

FRAME = Frame(0.001, (1, -3, 2), (5e6, -2e5, 0.0))  # of a file in millimetres, y up, far away


def glb_of(path):
    """The JSON and the arrays of a GLB, by the specification."""
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    assert size % 4 == 0
    value = json.loads(data[20 : 20 + size])
    (binary,) = struct.unpack_from("<I", data, 20 + size)
    body = data[28 + size :]
    assert len(body) == binary == value["buffers"][0]["byteLength"]
    arrays = []
    for accessor in value["accessors"]:
        view = value["bufferViews"][accessor["bufferView"]]
        kind = {5126: "<f4", 5125: "<u4", 5121: "u1"}[accessor["componentType"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        assert view["byteOffset"] % 4 == 0
        values = np.frombuffer(body, kind, accessor["count"] * width, view["byteOffset"])
        assert values.nbytes == view["byteLength"]
        arrays.append(values.reshape(-1, width) if width > 1 else values)
    return value, arrays


def test_five_points_as_ply(tmp_path):
    facts = write_ply_scene(tmp_path, five(), nyu40())
    assert facts["files"] == ["five.ply"]
    vertex = PlyData.read(tmp_path / "five.ply")["vertex"]
    assert vertex["instance"].tolist() == [0, 4, 4, 0, 8]
    assert vertex["label"].tolist() == [1, 5, 5, 0, 4]
    assert vertex["confidence"].tolist() == [1, 0.5, 0.75, 0, 0.25]
    assert vertex["red"].tolist() == [255, 0, 0, 1, 128]


def test_five_points_as_glb(tmp_path):
    write_glb_scene(tmp_path, five(), nyu40())
    value, arrays = glb_of(tmp_path / "five.glb")
    (primitive,) = value["meshes"][0]["primitives"]
    columns = {name: arrays[i] for name, i in primitive["attributes"].items()}
    assert columns["POSITION"].tolist()[1] == [1.5, 0.25, 0]  # y up
    assert columns["POSITION"].tolist()[2] == [1.5, 0.25, -2]
    assert columns["COLOR_0"].tolist()[3] == [1, 2, 3, 255]
    assert columns["_INSTANCE"].tolist() == [0, 4, 4, 0, 8]
    assert columns["_LABEL"].tolist() == [1, 5, 5, 0, 4]
    assert columns["_CONFIDENCE"].tolist() == [1, 0.5, 0.75, 0, 0.25]
    assert arrays[primitive["indices"]].tolist() == [0, 1, 2]
    position = value["accessors"][primitive["attributes"]["POSITION"]]
    assert position["min"] == columns["POSITION"].min(axis=0).tolist()
    assert position["max"] == columns["POSITION"].max(axis=0).tolist()


@pytest.mark.parametrize("seed", range(2))
def test_trimesh_reads_the_glb_and_our_reader_every_vertex(tmp_path, seed):
    sample = random_sample(seed)
    write_glb_scene(tmp_path, sample, nyu40())
    mesh = trimesh.load(tmp_path / f"toy{seed}.glb", process=False).geometry[f"toy{seed}"]
    turned = np.stack([mesh.vertices[:, 0], -mesh.vertices[:, 2], mesh.vertices[:, 1]], axis=1)
    np.testing.assert_array_equal(turned, sample.scan.vertices)
    np.testing.assert_array_equal(mesh.faces, sample.scan.faces)
    np.testing.assert_array_equal(mesh.visual.vertex_colors[:, :3], sample.scan.colors)
    instance = mesh.vertex_attributes["_INSTANCE"].astype(int)
    np.testing.assert_array_equal(instance.ravel() - 1, sample.labels.instance)
    scan, labels = read_labelled_scan(tmp_path / f"toy{seed}.glb", Reading("m", "y"))
    np.testing.assert_array_equal(scan.vertices, sample.scan.vertices)
    np.testing.assert_array_equal(scan.colors, sample.scan.colors)
    np.testing.assert_array_equal(labels.semantic, sample.labels.semantic)
    np.testing.assert_array_equal(labels.instance, sample.labels.instance)


def test_a_cloud_is_points_in_the_glb(tmp_path):
    write_glb_scene(tmp_path, random_sample(3, mesh=False), nyu40())
    value, arrays = glb_of(tmp_path / "toy3.glb")
    (primitive,) = value["meshes"][0]["primitives"]
    assert primitive["mode"] == 0
    assert "indices" not in primitive
    assert np.allclose(np.linalg.norm(arrays[primitive["attributes"]["NORMAL"]], axis=1), 1)


@pytest.mark.parametrize("frame", [Frame(), FRAME])
@pytest.mark.parametrize("ending", [".laz", ".las"])
def test_laspy_reads_all_to_the_scale(tmp_path, frame, ending):
    sample = random_sample(4, mesh=False)
    vertices, colors = sample.scan.vertices, sample.scan.colors
    scan = Scan("toy", vertices, colors, sample.scan.faces, None, (), frame)
    path = tmp_path / f"a{ending}"
    write_viewer(path, scan, sample.labels)
    with laspy.open(path) as file:
        assert file.header.are_points_compressed == (ending == ".laz")
        data = file.read()
    places = np.stack([data.x, data.y, data.z], axis=1)
    np.testing.assert_allclose(places, frame.to_file(vertices), atol=0.51e-4 / frame.unit)
    np.testing.assert_array_equal(np.stack([data.red, data.green, data.blue], 1) // 257, colors)
    assert data.points["instance"].dtype == np.int32
    np.testing.assert_array_equal(data.points["instance"], sample.labels.instance + 1)
    np.testing.assert_array_equal(data.points["label"], np.maximum(sample.labels.semantic, 0))
    np.testing.assert_array_equal(data.points["confidence"], sample.labels.confidence)


def test_our_reader_gets_the_laz_back(tmp_path):
    sample = random_sample(6, mesh=False)
    write_laz_scene(tmp_path, sample, nyu40())
    scan, labels = read_labelled_scan(tmp_path / "toy6.laz", Reading("m", "z"))
    np.testing.assert_allclose(scan.vertices, sample.scan.vertices, atol=0.51e-4)
    np.testing.assert_array_equal(scan.colors, sample.scan.colors)
    np.testing.assert_array_equal(labels.semantic, sample.labels.semantic)
    np.testing.assert_array_equal(labels.instance, sample.labels.instance)


def test_a_ply_lies_on_the_file_it_came_from(tmp_path):
    sample = random_sample(7, mesh=False)
    source = sample.scan
    scan = Scan("a", source.vertices, source.colors, source.faces, source.normals, (), FRAME)
    write_ply_scene(tmp_path, Sample(scan, sample.labels), nyu40())
    vertex = PlyData.read(tmp_path / "a.ply")["vertex"]
    places = np.stack([vertex[axis] for axis in "xyz"], axis=1)
    np.testing.assert_allclose(places, FRAME.to_file(source.vertices), atol=1e-6)
    normals = np.stack([vertex[f"n{axis}"] for axis in "xyz"], axis=1)
    np.testing.assert_array_equal(FRAME.turned(normals), source.normals)


def test_without_labels_there_are_no_properties(tmp_path):
    scan = random_sample(8).scan
    for ending in (".ply", ".glb", ".laz"):
        write_viewer(tmp_path / f"a{ending}", scan, None)
    assert "label" not in PlyData.read(tmp_path / "a.ply")["vertex"].data.dtype.names
    assert set(glb_of(tmp_path / "a.glb")[0]["meshes"][0]["primitives"][0]["attributes"]) == {
        "POSITION",
        "COLOR_0",
    }
    assert list(laspy.read(tmp_path / "a.laz").point_format.extra_dimension_names) == []


def test_what_cannot_be_written_is_refused(tmp_path):
    sample = five()
    with pytest.raises(InputError, match=r"\.ply, \.glb, \.laz, \.las"):
        write_viewer(tmp_path / "a.fbx", sample.scan, sample.labels)
    huge = Labels(sample.labels.semantic, np.full(5, 2**25, np.int32))
    with pytest.raises(InputError, match="number them anew"):
        write_viewer(tmp_path / "a.glb", sample.scan, huge)
    assert list(tmp_path.iterdir()) == []
