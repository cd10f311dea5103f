"""OBJ, OFF, STL and GLB: literal files, and trimesh's own."""

import numpy as np
import pytest
import trimesh

from seggroup.io.scan import read_scan

SQUARE = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("faces", "expected"),
    [
        ("f 1 2 3\nf 1 3 4\n", [[0, 1, 2], [0, 2, 3]]),
        ("f 1 2 3 4\n", [[0, 1, 2], [0, 2, 3]]),
        ("f 1/1 2/2 3/3\nf 1/1/1 3//2 4/5/6\n", [[0, 1, 2], [0, 2, 3]]),
        ("f -4 -3 -2\nf -4 -2 -1\n", [[0, 1, 2], [0, 2, 3]]),
        ("f 1 2 \\\n3 4\n", [[0, 1, 2], [0, 2, 3]]),
        ("", []),
        ("l 1 2\np 1\n", []),
    ],
)
def test_obj_faces(tmp_path, faces, expected):
    path = tmp_path / "a.obj"
    lines = "".join(f"v {x} {y} {z}\n" for x, y, z in SQUARE)
    path.write_text(f"# a comment\nmtllib a.mtl\no thing\n{lines}vn 0 0 1\nvt 0 0\n{faces}")
    scan = read_scan(path)
    assert scan.vertices.tolist() == SQUARE
    assert scan.faces.tolist() == expected
    assert scan.is_mesh == bool(expected)


def test_obj_relative_indices_count_from_where_they_stand(tmp_path):
    path = tmp_path / "a.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 0 0 1\nf -4 -3 -1\n")
    assert read_scan(path).faces.tolist() == [[0, 1, 2], [0, 1, 3]]


def test_obj_colors_and_texture_note(tmp_path):
    path = tmp_path / "a.obj"
    path.write_text("usemtl wood\nv 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 0 1 0 0 0 0.5\nf 1 2 3\n")
    assert read_scan(path).colors.tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 128]]
    path.write_text("usemtl wood\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    assert read_scan(path).colors.tolist() == [[128] * 3] * 3


@pytest.mark.parametrize(
    ("text", "colors"),
    [
        ("OFF\n4 2 0\n{v}3 0 1 2\n3 0 2 3\n", None),
        ("# made by hand\nOFF 4 1 5\n{v}4 0 1 2 3\n", None),
        ("OFF\n\n4 2 0  # counts\n{v}3 0 1 2 255 0 0\n3 0 2 3 0.5 0.5 0.5 1\n", None),
        ("COFF\n4 1 0\n{c}4 0 1 2 3\n", [9, 8, 7]),
    ],
)
def test_off(tmp_path, text, colors):
    rows = [" ".join(map(str, v)) for v in SQUARE]
    plain, shaded = "\n".join(rows) + "\n", "".join(f"{row} 9 8 7 255\n" for row in rows)
    path = tmp_path / "a.off"
    path.write_text(text.format(v=plain, c=shaded))
    scan = read_scan(path)
    assert scan.vertices.tolist() == SQUARE
    assert scan.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert scan.colors[0].tolist() == (colors or [128] * 3)


@pytest.mark.parametrize("kind", ["stl", "stl_ascii"])
def test_stl_corners_are_merged(tmp_path, kind):
    box = trimesh.creation.box()
    path = tmp_path / "box.stl"
    data = box.export(file_type=kind)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    scan = read_scan(path)
    assert (len(scan.vertices), len(scan.faces)) == (8, 12)
    assert "36 corners of an STL's triangles were merged to 8 vertices." in scan.notes
    ours, theirs = scan.vertices[scan.faces], box.vertices[box.faces]
    assert np.allclose(ours, theirs)


def test_glb_joins_geometries_in_place(tmp_path):
    red = trimesh.creation.box()
    red.visual.vertex_colors = [255, 0, 0, 255]
    plain = trimesh.creation.icosahedron()
    scene = trimesh.Scene()
    move = trimesh.transformations.translation_matrix([10, 0, 0])
    scene.add_geometry(red, geom_name="red", transform=move)
    scene.add_geometry(red, geom_name="red2")
    scene.add_geometry(plain, geom_name="plain")
    path = tmp_path / "room.glb"
    path.write_bytes(scene.export(file_type="glb"))
    scan = read_scan(path)
    assert len(scan.vertices) == 8 + 8 + 12
    assert len(scan.faces) == 12 + 12 + 20
    assert "3 geometries were joined." in scan.notes
    assert scan.vertices[:, 0].max() == 10.5
    reds = (scan.colors == [255, 0, 0]).all(axis=1)
    assert reds.sum() == 16
    assert np.ptp(scan.vertices[scan.faces], axis=1).max() < 2  # no face reaches out of its own


def test_glb_single_mesh_keeps_its_order(tmp_path, small_mesh):
    path = tmp_path / "small.glb"
    mesh = trimesh.Trimesh(
        small_mesh.vertices, small_mesh.faces, vertex_colors=small_mesh.colors, process=False
    )
    path.write_bytes(mesh.export(file_type="glb"))
    scan = read_scan(path)
    assert np.array_equal(scan.vertices, small_mesh.vertices)
    assert np.array_equal(scan.faces, small_mesh.faces)
    assert np.array_equal(scan.colors, small_mesh.colors)


def test_glb_texture_becomes_vertex_colors(tmp_path):
    from PIL import Image

    image = Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8).repeat(2, axis=0))
    visual = trimesh.visual.TextureVisuals(
        uv=np.array([[0, 0], [1, 0], [1, 1], [0, 1]]),
        material=trimesh.visual.material.PBRMaterial(baseColorTexture=image),
    )
    mesh = trimesh.Trimesh(SQUARE, [[0, 1, 2], [0, 2, 3]], visual=visual, process=False)
    path = tmp_path / "t.glb"
    path.write_bytes(mesh.export(file_type="glb"))
    scan = read_scan(path)
    assert scan.colors[0].tolist() == [255, 0, 0]
    assert scan.colors[1].tolist() == [0, 0, 255]


def test_gltf_with_its_buffer_beside_it(tmp_path):
    files = trimesh.Scene(trimesh.creation.box()).export(file_type="gltf")
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert len(read_scan(tmp_path / "model.gltf").faces) == 12
