"""GLB and glTF: files written here by the specification, and trimesh as a second opinion."""

import base64
import io
import json
import struct

import numpy as np
import pytest
import trimesh
from PIL import Image

from seggroup.errors import InputError
from seggroup.io.gltf import read_gltf

POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
KINDS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}


def glb(attributes, indices=None, nodes=None, mode=4, further=None, embedded=True) -> bytes:
    """A file of one primitive: arrays by attribute (a pair: and `normalized`)."""
    tree = {"asset": {"version": "2.0"}, "accessors": [], "bufferViews": [], "scene": 0}
    binary = b""

    def add(values, normalized=False):
        nonlocal binary
        values = np.ascontiguousarray(values)
        rows = values.reshape(len(values), -1)
        pad = -rows.shape[1] * rows.itemsize % 4 if rows.shape[1] > 1 else 0
        data = b"".join(row.tobytes() + bytes(pad) for row in rows)
        view = {"buffer": 0, "byteOffset": len(binary), "byteLength": len(data)}
        tree["bufferViews"].append(view | ({"byteStride": len(data) // len(rows)} if pad else {}))
        binary += data + bytes(-len(data) % 4)
        form = "SCALAR" if rows.shape[1] == 1 else f"VEC{rows.shape[1]}"
        kind = KINDS[values.dtype.str[1:]]
        tree["accessors"].append(
            {"bufferView": len(tree["bufferViews"]) - 1, "type": form, "componentType": kind}
            | {"count": len(rows), "normalized": normalized}
        )
        return len(tree["accessors"]) - 1

    primitive = {"mode": mode, "attributes": {}}
    for name, values in attributes.items():
        pair = values if isinstance(values, tuple) else (values, False)
        primitive["attributes"][name] = add(*pair)
    if indices is not None:
        primitive["indices"] = add(indices)
    tree |= {"meshes": [{"primitives": [primitive]}], "nodes": nodes or [{"mesh": 0}]}
    tree["scenes"] = [{"nodes": [0]}]
    if further:
        further(tree, primitive, add)
    tree["buffers"] = [{"byteLength": len(binary)}]
    if not embedded:
        tree["buffers"][0]["uri"] = (
            "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
        )
        return json.dumps(tree).encode()
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<2I", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<2I", len(binary), 0x004E4942) + binary
    return b"glTF" + struct.pack("<2I", 2, 12 + len(chunks)) + chunks


def read(tmp_path, data, name="a.glb"):
    (tmp_path / name).write_bytes(data)
    return read_gltf(tmp_path / name)


@pytest.mark.parametrize("kind", ["u1", "u2", "u4"])
@pytest.mark.parametrize("embedded", [True, False])
def test_indices_of_every_type(tmp_path, kind, embedded):
    data = glb({"POSITION": POINTS}, np.array([0, 1, 2, 3, 1, 0], kind), embedded=embedded)
    raw = read(tmp_path, data)
    assert raw.vertices.tolist() == POINTS.tolist()
    assert raw.faces.tolist() == [[0, 1, 2], [3, 1, 0]]
    assert (raw.unit, raw.up, raw.colors) == ("m", "y", None)


@pytest.mark.parametrize(
    ("mode", "faces"),
    [
        (0, None),
        (4, [[0, 1, 2]]),
        (5, [[0, 1, 2], [2, 1, 3]]),
        (6, [[0, 1, 2], [0, 2, 3]]),
    ],
)
def test_modes_without_indices(tmp_path, mode, faces):
    raw = read(tmp_path, glb({"POSITION": POINTS}, mode=mode))
    assert raw.faces is None if faces is None else raw.faces.tolist() == faces


def test_lines_alone_are_no_scan(tmp_path):
    with pytest.raises(InputError, match="no mesh and no points"):
        read(tmp_path, glb({"POSITION": POINTS}, mode=1))


@pytest.mark.parametrize("width", [3, 4])
@pytest.mark.parametrize(
    ("values", "normalized"),
    [
        (np.array([0, 51, 255, 102], "u1"), True),
        (np.array([0, 51 * 257, 65535, 102 * 257], "u2"), True),
        (np.array([0, 0.2, 1, 0.4], "f4"), False),
        (np.array([0, 51, 255, 102], "u1"), False),
    ],
)
def test_colours_of_every_type(tmp_path, width, values, normalized):
    colors = np.tile(values[:, None], (1, width))
    raw = read(tmp_path, glb({"POSITION": POINTS, "COLOR_0": (colors, normalized)}, mode=0))
    assert raw.colors.tolist() == [[n] * 3 for n in (0, 51, 255, 102)]


def test_labels_of_our_own_export(tmp_path):
    columns = {"_INSTANCE": np.array([0, 1, 2, 70_000], "f4"), "_LABEL": np.arange(4, dtype="u2")}
    raw = read(tmp_path, glb({"POSITION": POINTS, **columns}, mode=0))
    assert raw.properties["instance"].tolist() == [0, 1, 2, 70_000]
    assert raw.properties["instance"].dtype.kind == "i"
    assert raw.properties["label"].tolist() == [0, 1, 2, 3]


def test_quantized_positions(tmp_path):
    values = (POINTS * 32767).astype("i2")
    raw = read(tmp_path, glb({"POSITION": (values, True)}, mode=0))
    assert raw.vertices.tolist() == POINTS.tolist()


def test_transforms_agree_with_trimesh(tmp_path):
    turn = np.array([1.0, -2.0, 0.5, 3.0])
    nodes = [
        {"children": [1, 2], "translation": [1, 2, 3], "rotation": (turn / 3.775).tolist()},
        {"mesh": 0, "scale": [1, 2, 3]},
        {"children": [3], "matrix": [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 7, 8, 9, 1]},
        {"mesh": 0},
    ]
    turn /= np.linalg.norm(turn)
    nodes[0]["rotation"] = turn.tolist()
    data = glb({"POSITION": POINTS}, np.array([0, 1, 2, 0, 2, 3], "u1"), nodes)
    raw = read(tmp_path, data)
    theirs = trimesh.load_scene(io.BytesIO(data), file_type="glb", process=False).to_mesh()
    assert len(raw.vertices) == 8
    order = np.lexsort(np.round(raw.vertices, 5).T), np.lexsort(np.round(theirs.vertices, 5).T)
    assert np.allclose(raw.vertices[order[0]], theirs.vertices[order[1]], atol=1e-5)
    assert raw.notes == ["2 geometries were joined."]
    area = trimesh.Trimesh(raw.vertices, raw.faces, process=False).area
    assert np.isclose(area, theirs.area)


def test_texture_colour_and_tint(tmp_path):
    image = io.BytesIO()
    Image.fromarray(
        np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], np.uint8)
    ).save(image, "PNG")
    places = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]], np.float32)

    def textured(tree, primitive, add, factor=None):
        address = "data:image/png;base64," + base64.b64encode(image.getvalue()).decode()
        surface = {"baseColorTexture": {"index": 0}}
        tree["images"], tree["textures"] = [{"uri": address}], [{"source": 0}]
        tree["materials"] = [{"pbrMetallicRoughness": surface}]
        primitive["material"] = 0

    raw = read(tmp_path, glb({"POSITION": POINTS, "TEXCOORD_0": places}, further=textured))
    assert raw.colors.tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]

    def plain(tree, primitive, add):
        surface = {"baseColorFactor": [1, 0.5, 0, 1]}
        tree["materials"] = [{"pbrMetallicRoughness": surface}]
        primitive["material"] = 0

    raw = read(tmp_path, glb({"POSITION": POINTS}, further=plain))
    assert raw.colors.tolist() == [[255, 128, 0]] * 4


@pytest.mark.parametrize(
    ("shade", "factor", "expected"),
    [
        (255, None, [200, 100, 40]),
        (51, None, [40, 20, 8]),
        (255, [0.5, 1, 0, 1], [100, 100, 0]),
    ],
)
def test_colour_texture_and_factor_are_multiplied(tmp_path, shade, factor, expected):
    image = io.BytesIO()
    Image.fromarray(np.array([[[200, 100, 40]]], np.uint8)).save(image, "PNG")

    def textured(tree, primitive, add):
        address = "data:image/png;base64," + base64.b64encode(image.getvalue()).decode()
        surface = {"baseColorTexture": {"index": 0}}
        if factor is not None:
            surface["baseColorFactor"] = factor
        tree["images"], tree["textures"] = [{"uri": address}], [{"source": 0}]
        tree["materials"] = [{"pbrMetallicRoughness": surface}]
        primitive["material"] = 0

    columns = {
        "POSITION": POINTS,
        "TEXCOORD_0": np.full((4, 2), 0.5, np.float32),
        "COLOR_0": (np.full((4, 3), shade, np.uint8), True),
    }
    assert read(tmp_path, glb(columns, further=textured)).colors.tolist() == [expected] * 4
