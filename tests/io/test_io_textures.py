"""Materials and textures as colours of vertices: OBJ, PLY, glTF."""

import numpy as np
import pytest
from PIL import Image

from seggroup.errors import InputError
from seggroup.io import texture
from seggroup.io.scan import read_scan

RED, GREEN, BLUE, WHITE = [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]
SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
PLACES = "vt 0.1 0.1\nvt 0.9 0.1\nvt 0.9 0.9\nvt 0.1 0.9\n"
FACES = "f 1/1 2/2 3/3\nf 1/1 3/3 4/4\n"


def picture(path, rows=((RED, GREEN), (BLUE, WHITE))):
    Image.fromarray(np.array(rows, np.uint8)).save(path)


def obj(folder, mtl, text=f"mtllib a.mtl\n{SQUARE}{PLACES}usemtl m\n{FACES}"):
    (folder / "a.obj").write_text(text)
    (folder / "a.mtl").write_text(mtl)
    return read_scan(folder / "a.obj")


@pytest.mark.parametrize(
    "mtl",
    [
        "newmtl m\nmap_Kd p.png\n",
        "newmtl m\r\nKd 0 0 0\r\nmap_Kd p.png\r\n",
        "newmtl m\nmap_Kd -s 1 1 1 -clamp on p.png\n",
        "newmtl other\nKd 1 0 0\nnewmtl m\n  map_Kd ./p.png\n",
        "newmtl m\nmap_Kd C:\\scans\\p.png\n",
    ],
)
def test_obj_texture_counts_from_its_lower_left(tmp_path, mtl):
    picture(tmp_path / "p.png")
    scan = obj(tmp_path, mtl)
    assert scan.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert scan.colors.tolist() == [BLUE, WHITE, GREEN, RED]
    assert "Textures were sampled to colours of the vertices." in scan.notes


def test_a_seam_gives_the_mean_and_coordinates_repeat(tmp_path):
    picture(tmp_path / "p.png")
    text = f"mtllib a.mtl\n{SQUARE}{PLACES}vt 3.1 -0.1\nusemtl m\nf 1/1 2/2 3/3\nf 1/2 3/3 4/5\n"
    scan = obj(tmp_path, "newmtl m\nmap_Kd p.png\n", text)
    assert scan.colors.tolist() == [[128, 128, 255], WHITE, GREEN, RED]


def test_materials_without_texture_and_several_libraries(tmp_path):
    (tmp_path / "b.mtl").write_text("newmtl n\nKd 0 1 0\n")
    text = f"mtllib a.mtl b.mtl\nmtllib none.mtl\n{SQUARE}usemtl m\nf 1 2 3\nusemtl n\nf 3 4 4\n"
    scan = obj(tmp_path, "newmtl m\nKd 1 0 0\n", text)
    assert scan.colors.tolist() == [RED, RED, [128, 128, 0], GREEN]
    assert "The file of materials none.mtl is not beside the OBJ." in scan.notes


@pytest.mark.parametrize("name", ["../p.png", "/etc/hostname", "none.png", "..", "a\0b"])
def test_texture_elsewhere_is_noted_and_the_plain_colour_used(tmp_path, name):
    folder = tmp_path / "scan"
    folder.mkdir()
    picture(tmp_path / "p.png")
    scan = obj(folder, f"newmtl m\nKd 0 0 1\nmap_Kd {name}\n")
    assert scan.colors.tolist() == [BLUE] * 4
    assert any(note.startswith("Textures that are not beside the OBJ") for note in scan.notes)


def test_link_out_of_the_folder_is_not_followed(tmp_path):
    folder = tmp_path / "scan"
    folder.mkdir()
    picture(tmp_path / "p.png")
    (folder / "p.png").symlink_to(tmp_path / "p.png")
    assert obj(folder, "newmtl m\nKd 0 0 1\nmap_Kd p.png\n").colors.tolist() == [BLUE] * 4


def test_broken_and_huge_images_are_noted(tmp_path, monkeypatch):
    (tmp_path / "p.png").write_bytes(b"\x89PNG broken")
    scan = obj(tmp_path, "newmtl m\nmap_Kd p.png\n")
    assert scan.colors.tolist() == [[128] * 3] * 4
    assert any("not an image that can be read" in note for note in scan.notes)
    picture(tmp_path / "p.png")
    monkeypatch.setattr(texture, "MOST_PIXELS", 3)
    with pytest.raises(InputError, match="2 x 2 pixels is too large"):
        texture.read_image(tmp_path / "p.png")


def slow_sample(image, s, t):
    """One texel: coordinates repeat, t counts from below."""
    height, width = image.shape[:2]
    s, t = (x if 0 <= x <= 1 else x - np.floor(x) for x in (s, t))
    column, row = min(int(s * width), width - 1), min(int(t * height), height - 1)
    return image[height - 1 - row, column].tolist()


def test_sampled_as_a_slow_twin_does():
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    where = np.concatenate([rng.uniform(-3, 3, (200, 2)), [[0, 0], [1, 1], [0, 1], [1, 0]]])
    expected = [slow_sample(image, s, t) for s, t in where.tolist()]
    assert texture.sampled(image, where).tolist() == expected


PLY = (
    "ply\nformat ascii 1.0\ncomment TextureFile p.png\nelement vertex 4\n"
    "property float x\nproperty float y\nproperty float z\n"
)


@pytest.mark.parametrize("names", [("s", "t"), ("u", "v"), ("texture_u", "texture_v")])
def test_ply_texture_by_vertex(tmp_path, names):
    picture(tmp_path / "p.png")
    head = PLY + "".join(f"property float {name}\n" for name in names)
    rows = "0 0 0 .1 .1\n1 0 0 .9 .1\n1 1 0 .9 .9\n0 1 0 .1 .9\n"
    (tmp_path / "a.ply").write_text(f"{head}end_header\n{rows}")
    scan = read_scan(tmp_path / "a.ply")
    assert scan.colors.tolist() == [BLUE, WHITE, GREEN, RED]
    (tmp_path / "p.png").unlink()
    scan = read_scan(tmp_path / "a.ply")
    assert scan.colors.tolist() == [[128] * 3] * 4
    assert any("p.png is not beside the PLY" in note for note in scan.notes)


def test_ply_texture_by_corner(tmp_path):
    picture(tmp_path / "p.png")
    face = "element face 1\nproperty list uchar int vertex_indices\n"
    head = f"{PLY}{face}property list uchar float texcoord\nend_header\n"
    rows = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3 8 .1 .1 .9 .1 .9 .9 .1 .9\n"
    (tmp_path / "a.ply").write_text(head + rows)
    assert read_scan(tmp_path / "a.ply").colors.tolist() == [BLUE, WHITE, GREEN, RED]
