"""Point clouds as text and as numpy arrays."""

import numpy as np
import pytest

from seggroup.io.scan import read_scan

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
