"""What real exporters write and readers once took wrongly, a small file each."""

import zipfile

import laspy
import numpy as np
import pytest
from PIL import Image

from seggroup.errors import InputError
from seggroup.io.arrays import read_array
from seggroup.io.classlist import read_class_list
from seggroup.io.placing import AXES, told
from seggroup.io.pointcloud import read_npz, read_text
from seggroup.io.raw import checked
from seggroup.io.scan import read_labelled_scan, read_scan

ROWS = "0,0,1,1,2,3,5\n1,0,2,4,5,6,6\n0,1,3,7,8,9,7\n"
HEAD = "x,y,z,r,g,b,label\n"


def text(tmp_path, content, name="a.csv"):
    (tmp_path / name).write_text(content)
    return read_labelled_scan(tmp_path / name)


@pytest.mark.parametrize("number", [2, 3, 4])
def test_a_row_with_a_word_is_never_passed_over(tmp_path, number):
    lines = (HEAD + ROWS).splitlines()
    lines[number - 1] = lines[number - 1].rpartition(",")[0] + ",NULL"
    with pytest.raises(InputError, match=f"line {number}: 'NULL' in column label"):
        text(tmp_path, "\n".join(lines))
    with pytest.raises(InputError, match=f"line {number - 1}: 'NULL'"):
        text(tmp_path, "\n".join(lines[1:]))


def test_words_above_the_rows_and_units_are_no_rows(tmp_path):
    scan, labels = text(tmp_path, "Unit: m\n2024 scan\nx,y,z,r,g,b,label\nm,m,m,,,,\n" + ROWS)
    assert scan.vertices.tolist() == [[0, 0, 1], [1, 0, 2], [0, 1, 3]]
    assert labels.semantic.tolist() == [5, 6, 7]


def test_columns_of_words_are_left_out(tmp_path):
    rows = [f"{line},{name}" for line, name in zip(ROWS.split(), ("a", '"b, c"', ""), strict=True)]
    scan, labels = text(tmp_path, HEAD.strip() + ",source\n" + "\n".join(rows))
    assert labels.semantic.tolist() == [5, 6, 7]
    assert "Columns source hold text: they were left out." in scan.notes
    quoted = "\n".join(",".join(f'"{n}"' for n in line.split(",")) for line in ROWS.split())
    assert text(tmp_path, HEAD + quoted)[1].semantic.tolist() == [5, 6, 7]
    scan, labels = text(tmp_path, "x,y,z,label\n0,0,0,chair\n1,0,0,table\n0,1,0,\n")
    assert labels is None
    assert "The names of classes in column label are not read: write ids." in scan.notes


@pytest.mark.parametrize("last", [255, 0, 7])
def test_a_constant_seventh_column_is_no_class(tmp_path, last):
    rows = [f"{i} {i % 3} 1 {i} 2 3 {last}" for i in range(40)]
    scan, labels = text(tmp_path, "\n".join(rows), "a.xyz")
    assert labels is None
    assert scan.colors[5].tolist() == [5, 2, 3]


def test_directions_are_normals_and_three_columns_need_no_note(tmp_path):
    angle = np.linspace(0.1, 1.4, 50)
    points = np.column_stack([angle, angle**2, angle])
    normals = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
    np.savetxt(tmp_path / "a.xyz", np.hstack([points, normals]), fmt="%.5f")
    assert np.allclose(read_text(tmp_path / "a.xyz").normals, normals, atol=1e-4)
    np.savetxt(tmp_path / "a.xyz", points)
    assert read_text(tmp_path / "a.xyz").notes == []


def test_arrays_without_a_known_name_are_noted(tmp_path):
    np.savez(tmp_path / "a.npz", points=np.eye(3), sem=np.zeros(3))
    assert read_npz(tmp_path / "a.npz").notes == ["Arrays sem were left out."]


def ply(tmp_path, properties, rows, version="1.0", comment=""):
    names = "".join(f"property {kind} {name}\n" for kind, name in properties)
    (tmp_path / "a.ply").write_text(
        f"ply\nformat ascii {version}\n{comment}element vertex {len(rows)}\n{names}end_header\n"
        + "".join(" ".join(map(str, row)) + "\n" for row in rows)
    )
    return read_labelled_scan(tmp_path / "a.ply")


AXIS = [("float", axis) for axis in "xyz"]
POINTS = [[0, 0, 1], [1, 0, 2], [0, 1, 3]]


def test_ply_writes_minus_one_for_none(tmp_path):
    columns = [*AXIS, ("int", "label"), ("int", "instance")]
    rows = [[*p, *n] for p, n in zip(POINTS, ([-1, -1], [5, 0], [1, 1]), strict=True)]
    scan, labels = ply(tmp_path, columns, rows)
    assert labels.semantic.tolist() == [-1, 5, 1]
    assert labels.instance.tolist() == [-1, 0, 1]
    assert any("count from 0" in note for note in scan.notes)


def test_ply_in_capitals_with_intensity(tmp_path):
    columns = [*(("float", axis) for axis in "XYZ"), ("float", "scalar_Intensity")]
    scan, _ = ply(tmp_path, columns, [[*p, i] for i, p in enumerate(POINTS)])
    assert scan.vertices.tolist() == POINTS
    assert scan.colors[:, 0].tolist() == [0, 128, 255]


def test_ply_of_another_version_and_rows_of_nothing(tmp_path):
    with pytest.raises(InputError, match=r"names version 1\.1"):
        ply(tmp_path, AXIS, POINTS, version="1.1")
    with pytest.raises(InputError, match="has no properties"):
        ply(tmp_path, AXIS, POINTS, comment="element foo 999999999999\n")


def test_constant_colours_give_way_to_a_texture(tmp_path):
    Image.fromarray(np.array([[[9, 8, 7]]], np.uint8)).save(tmp_path / "p.png")
    (tmp_path / "a.mtl").write_text("newmtl m\nmap_Kd p.png\n")
    lines = "".join(f"v {x} {y} {z} 1 1 1\n" for x, y, z in POINTS)
    (tmp_path / "a.obj").write_text(f"mtllib a.mtl\n{lines}vt 0 0\nusemtl m\nf 1/1 2/1 3/1\n")
    assert read_scan(tmp_path / "a.obj").colors.tolist() == [[9, 8, 7]] * 3
    (tmp_path / "a.mtl").write_text("newmtl other\n")
    scan = read_scan(tmp_path / "a.obj")
    assert scan.colors.tolist() == [[255] * 3] * 3
    assert "Materials that no file of materials defines were not used: m." in scan.notes
    colors = [("uchar", name) for name in ("red", "green", "blue")]
    columns = [*AXIS, *colors, ("float", "s"), ("float", "t")]
    rows = [[*p, 255, 255, 255, 0.5, 0.5] for p in POINTS]
    assert (
        ply(tmp_path, columns, rows, comment="comment TextureFile p.png\n")[0].colors.tolist()
        == [[9, 8, 7]] * 3
    )


@pytest.mark.parametrize(
    ("word", "row", "color", "normal"),
    [
        ("NOFF", "0 0 2", None, [0, 0, 1]),
        ("STOFF", "0.1 0.2", None, None),
        ("NSTOFF", "0 0 2 0.1 0.2", None, [0, 0, 1]),
        ("CNOFF", "0 0 1 9 8 7 255", [9, 8, 7], [0, 0, 1]),
        ("NCOFF", "9 8 7 255 0 0 1", [9, 8, 7], [0, 0, 1]),  # as MeshLab orders them
    ],
)
def test_off_with_normals_and_texture_coordinates(tmp_path, word, row, color, normal):
    rows = "".join(f"{x} {y} {z} {row}\n" for x, y, z in POINTS)
    (tmp_path / "a.off").write_text(f"{word}\n3 0 0\n{rows}")
    scan = read_scan(tmp_path / "a.off")
    assert scan.colors[0].tolist() == (color or [128] * 3)
    assert (None if scan.normals is None else scan.normals[0].tolist()) == normal


def test_las_dimensions_in_any_case(tmp_path):
    header = laspy.LasHeader(point_format=3, version="1.2")
    header.scales = [0.001] * 3
    header.add_extra_dim(laspy.ExtraBytesParams("Label", "i4"))
    las = laspy.LasData(header)
    las.x, las.y, las.z = np.array(POINTS, float).T
    las["Label"] = np.array([0, 5, 6])
    las.write(str(tmp_path / "a.las"))
    assert read_labelled_scan(tmp_path / "a.las")[1].semantic.tolist() == [-1, 5, 6]


def test_class_lists_say_a_thing_once(tmp_path):
    for content, words in (
        ("- {id: 1, id: 2, name: a}", "gives 'id' twice"),
        ("- {id: 1, name: a, synonyms: [B]}\n- {id: 2, name: b}", "is a synonym of 'a'"),
    ):
        (tmp_path / "c.yaml").write_text(content)
        with pytest.raises(InputError, match=words):
            read_class_list(tmp_path / "c.yaml")
    (tmp_path / "c.json").write_text('[{"id": 1, "name": "a", "name": "b"}]')
    with pytest.raises(InputError, match="gives 'name' twice"):
        read_class_list(tmp_path / "c.json")


def test_a_scan_without_a_floor_is_in_doubt(real_data):
    scan = read_scan(real_data / "3rscan" / "0988ea78.ply")
    assert not any("not clear" in note for note in scan.notes)
    from seggroup.io.raw import Raw

    lying = scan.vertices[:, [0, 2, 1]] * np.array([1, 1, -1], np.float32)
    turned = checked(real_data, "s", Raw(lying, scan.faces))
    assert told(turned.frame)["up"] in AXES
    assert told(turned.frame)["up"] == "y" or any("not clear" in note for note in turned.notes)
    assert not any(note.startswith("is ") for note in turned.notes)


def test_messages_are_one_printable_line_that_keeps_the_remedy():
    error = InputError(f"a.pcd: has\nfields {'x' * 5000}\x00; export it again")
    assert len(str(error)) <= 600
    assert str(error).isprintable()
    assert str(error).startswith("a.pcd: has fields xxx")
    assert str(error).endswith("; export it again")


def test_a_member_that_is_no_array(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("points.npy", b"not numpy")
    with pytest.raises(InputError, match="points is no numpy array"):
        read_scan(path)


def test_an_array_of_nothing_times_too_much(tmp_path):
    path = tmp_path / "coord.npy"
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (0, 2**62, 4)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(InputError, match="save plain numbers"):
        read_array(path)
