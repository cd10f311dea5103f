"""Point clouds as text and as numpy arrays."""

import numpy as np
import pytest

from seggroup.errors import InputError
from seggroup.io.pointcloud import read_npy, read_npz, read_text
from seggroup.io.scan import read_labelled_scan, read_scan

XYZ = [[0, 0, 1], [1, 0, 2], [0, 1, 3.5]]


def rows(*columns, separator=" ") -> str:
    table = np.hstack([np.array(XYZ), *(np.tile(c, (3, 1)) for c in columns)])
    return "".join(separator.join(f"{value:g}" for value in row) + "\n" for row in table)


@pytest.mark.parametrize("suffix", [".xyz", ".txt", ".csv", ".pts"])
@pytest.mark.parametrize(
    ("text", "color", "normal"),
    [
        (rows(), [128, 128, 128], None),
        ("X,Y,Z,R,G,B\n" + rows([1, 2, 255], separator=","), [1, 2, 255], None),
        ("3\n" + rows([0.5, 0, 1], separator=" "), [128, 0, 255], None),
        ("# comment\n\n" + rows([1, 2, 3], [0, 0, 2], separator="\t"), [1, 2, 3], [0, 0, 1]),
        ("//X Y Z Nx Ny Nz\n" + rows([0, 0, -1], separator=";"), [128, 128, 128], [0, 0, -1]),
        ("3\n" + rows([-17], [1, 2, 3]), [1, 2, 3], None),
        (rows([7]), [128, 128, 128], None),
        ("\ufeff" + rows([1, 2, 3]).replace("\n", "\r\n"), [1, 2, 3], None),
    ],
)
def test_text(tmp_path, suffix, text, color, normal):
    path = tmp_path / f"cloud{suffix}"
    path.write_text(text, encoding="utf-8", newline="")
    scan = read_scan(path)
    assert scan.vertices.tolist() == XYZ
    assert scan.colors[2].tolist() == color
    assert (None if scan.normals is None else scan.normals[1].tolist()) == normal
    assert not scan.is_mesh


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("width", [3, 6, 9])
def test_npy(tmp_path, kind, width):
    array = np.arange(5 * 9).reshape(5, 9)[:, :width].astype(kind)
    np.save(tmp_path / "cloud.npy", np.asfortranarray(array))
    scan = read_scan(tmp_path / "cloud.npy")
    assert scan.vertices.tolist() == array[:, :3].tolist()
    assert (scan.colors[1].tolist() == array[1, 3:6].tolist()) == (width > 3)
    assert (scan.normals is None) == (width < 9)


def test_normals_without_direction_are_not_used(tmp_path):
    array = np.zeros((4, 9))
    array[:, 0] = range(4)
    np.save(tmp_path / "cloud.npy", array)
    scan = read_scan(tmp_path / "cloud.npy")
    assert scan.normals is None
    assert any("4 of the file's normals have no direction" in note for note in scan.notes)


RGB = [[255, 0, 1], [2, 3, 4], [5, 6, 70]]
CLASSES, INSTANCES = [0, 5, 7], [0, 1, 1]


def table(*columns, heading=None, separator=" "):
    lines = [separator.join(f"{v:g}" for v in row) for row in np.column_stack([XYZ, *columns])]
    return "\n".join(([heading] if heading else []) + lines) + "\n"


@pytest.mark.parametrize(
    "heading",
    [
        "x y z r g b label instance",
        "# x y z Red Green Blue semantic object_id",
        "//X Y Z R G B Class Instance",
        "x [m] y [m] z [m] R(8 bit) G(8 bit) B(8 bit) label instance",
        '"x";"y";"z";"red";"green";"blue";"classID";"instance id"',
    ],
)
def test_a_heading_names_the_columns(tmp_path, heading):
    separator = ";" if ";" in heading else " "
    path = tmp_path / "a.txt"
    path.write_text(table(RGB, CLASSES, INSTANCES, heading=heading, separator=separator))
    scan, labels = read_labelled_scan(path)
    assert scan.vertices.tolist() == XYZ
    assert scan.colors.tolist() == RGB
    assert labels.semantic.tolist() == [-1, 5, 7]
    assert labels.instance.tolist() == [-1, 0, 0]


def test_named_columns_in_any_order(tmp_path):
    path = tmp_path / "a.csv"
    named = {
        "id": [1, 2, 3],
        "b": np.array(RGB)[:, 2],
        "z": np.array(XYZ)[:, 2],
        "g": np.array(RGB)[:, 1],
        "time": [0.1, 0.2, 0.3],
        "x": np.array(XYZ)[:, 0],
        "r": np.array(RGB)[:, 0],
        "y": np.array(XYZ)[:, 1],
        "nx": [0, 0, 0],
    }
    rows = "\n".join(",".join(f"{v:g}" for v in row) for row in zip(*named.values(), strict=True))
    path.write_text(",".join(named) + "\n" + rows)
    scan = read_scan(path)
    assert scan.vertices.tolist() == XYZ
    assert scan.colors.tolist() == RGB
    assert "Columns id, time, nx were left out." in scan.notes


@pytest.mark.parametrize(
    ("columns", "colors", "label", "instance", "words"),
    [
        (([1, 2, 3],), None, None, None, "fourth column was taken for intensity"),
        (([1, 2, 3], [4, 5, 6]), None, None, None, "last two columns were left out"),
        (([-9, 999, 3], RGB), RGB, None, None, None),  # intensity r g b
        ((RGB, CLASSES, INSTANCES), RGB, CLASSES, INSTANCES, "class and instance"),
        (([999, 5, 5], RGB, CLASSES), RGB, CLASSES, None, "last column was taken for classes"),
        (([0.5, 5, 5], RGB, [0.5, 1, 1]), None, None, None, "last 5 columns were left out"),
        ((RGB, [[0, 0, 1]] * 3), RGB, None, None, None),
        (([[0, 0, -1]] * 3, RGB), RGB, None, None, "read as normals"),
    ],
)
def test_columns_without_names(tmp_path, columns, colors, label, instance, words):
    path = tmp_path / "a.txt"
    path.write_text(table(*columns))
    raw = read_text(path)
    assert raw.vertices.tolist() == XYZ
    if colors is not None:
        assert raw.colors.tolist() == colors
    assert raw.properties.get("label", np.array(None)).tolist() == label
    assert raw.properties.get("instance", np.array(None)).tolist() == instance
    assert any(words in note for note in raw.notes) if words else not raw.notes


def test_seven_columns_with_classes_last(tmp_path):
    rng = np.random.default_rng(0)
    points, colors = rng.normal(size=(99, 3)), rng.integers(0, 256, (99, 3))
    classes = rng.integers(0, 5, 99)
    path = tmp_path / "a.txt"
    np.savetxt(path, np.column_stack([points, colors, classes]), fmt="%g")
    raw = read_text(path)
    assert raw.colors.tolist() == colors.tolist()
    assert raw.properties["label"].tolist() == classes.tolist()
    path.write_text("99\n" + path.read_text())  # a PTS file: intensity r g b
    assert "label" not in read_text(path).properties


def test_text_equals_loadtxt(tmp_path):
    values = np.random.default_rng(0).normal(size=(2000, 3)) * [1, 1e-5, 1e7]
    path = tmp_path / "a.xyz"
    np.savetxt(path, values, header="made by numpy")
    assert np.array_equal(read_text(path).vertices, np.loadtxt(path))


def test_minus_one_is_none_too(tmp_path):
    np.savez(tmp_path / "a.npz", points=XYZ, label=[-1, 0, 4], instance=[-1, 0, 1])
    _, labels = read_labelled_scan(tmp_path / "a.npz")
    assert labels.semantic.tolist() == [-1, -1, 4]
    assert labels.instance.tolist() == [-1, 0, 1]
    assert "Class 0 was read as no class, like -1." in read_npz(tmp_path / "a.npz").notes


@pytest.mark.parametrize("points", ["points", "xyz", "Coord", "vertices"])
def test_npz_by_the_usual_names(tmp_path, points):
    faces, normals = np.array([[0, 1, 2]]), np.array([[0.0, 0, 1]] * 3)
    more = {"color": np.array(RGB, np.uint8), "normal": normals, "faces": faces}
    np.savez_compressed(tmp_path / "a.npz", **{points: np.array(XYZ, np.float32)}, **more)
    raw = read_npz(tmp_path / "a.npz")
    assert raw.vertices.tolist() == XYZ
    assert raw.colors.tolist() == RGB
    assert raw.faces.tolist() == faces.tolist()
    assert raw.normals.tolist() == normals.tolist()


def test_one_array_of_any_name_and_named_fields(tmp_path):
    wide = np.column_stack([XYZ, RGB])
    np.savez(tmp_path / "a.npz", data=wide)
    assert read_npz(tmp_path / "a.npz").colors.tolist() == RGB
    fields = np.zeros(3, [("z", "f4"), ("y", "f8"), ("x", "i2"), ("label", "u1")])
    fields["x"], fields["y"], fields["z"] = np.array(XYZ).T
    fields["label"] = CLASSES
    np.save(tmp_path / "a.npy", fields)
    raw = read_npy(tmp_path / "a.npy")
    assert raw.vertices.tolist() == XYZ
    assert raw.properties["label"].tolist() == CLASSES


def save(path, **arrays):
    np.savez_compressed(path, **arrays)


def write(path, text):
    path.write_text(text)


BROKEN = {
    "comma.csv": (write, {"text": "1,5;2,5;3,5\n" * 4}, "decimals with a comma (1,5)"),
    "comma.txt": (write, {"text": "1,5 2,5 3,5\n" * 4}, "export it with decimal points"),
    "count.pts": (write, {"text": "9\n" + "1 2 3\n" * 4}, "promises 9 points in its first line"),
    "wide.txt": (write, {"text": "1 " * 12 + "\n"}, "12 columns"),
    "word.txt": (write, {"text": "x y z\n1 2 3\n1 2 three\n"}, "line 3: 'three'"),
    "ragged.csv": (write, {"text": "x,y,z\n1,2,3\n1,2\n"}, "line 3 has 2 columns"),
    "heading.csv": (write, {"text": "x,y,z\n"}, "line 1: 'x'"),
    "names.npz": (save, {"a": [1], "b": [2]}, "named a, b"),
    "flat.npz": (save, {"points": np.zeros(9)}, "points float64 (9,)"),
    "words.npz": (save, {"points": np.array([["a", "b", "c"]])}, "points <U1"),
    "objects.npz": (save, {"points": np.array([[{}, 1, 2]], object)}, "not a whole archive"),
    "label.npz": (save, {"points": XYZ, "label": [1, 2]}, "label of shape (2,)"),
    "colors.npz": (save, {"points": XYZ, "colors": [[1, 2]] * 3}, "colors have 2 columns"),
    "faces.npz": (save, {"points": XYZ, "faces": [[0.5, 1, 2]]}, "faces are float64"),
    "bomb.npz": (save, {"points": np.zeros((4_000_000, 3))}, "unpack to 96000128 bytes"),
    "bomb.npy": (save, {"points": np.zeros((2, 2))}, "2 columns"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_have_their_own_message(tmp_path, name):
    make, arguments, words = BROKEN[name]
    made = tmp_path / (name if make is write else "made.npz")
    make(made, **arguments)
    path = made.rename(tmp_path / name)
    with pytest.raises(InputError) as caught:
        read_scan(path)
    assert name in str(caught.value)
    assert words in str(caught.value)


def test_a_cut_archive_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, points=XYZ)
    data = path.read_bytes()
    for stop in range(10, len(data) - 1, 37):
        path.write_bytes(data[:stop])
        with pytest.raises(InputError, match=r"a\.npz"):
            read_scan(path)
