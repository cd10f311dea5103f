"""Ids of one class list as those of another, in label files and in ScanNet's layout."""

import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seggroup.classes import NYU40
from seggroup.errors import InputError
from seggroup.export.target import Sample
from seggroup.export.targets import TARGETS
from seggroup.io.classlist import ClassList, Named, nyu40, template
from seggroup.io.reading import Reading
from seggroup.io.relisting import read_listed, relisted
from seggroup.io.scannet import write_scene
from seggroup.io.scenes import find_scenes, read_source
from seggroup.io.store import read_class_names, write_labels
from seggroup.types import NONE, Labels, Scan

SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WIDE, ROOMS = template("scannet200"), template("s3dis")
OWN = ClassList(
    {
        2: Named("armchair", (1, 2, 3), ("chair",)),
        7: Named("ground", (1, 2, 3), parent="floor"),
        9: Named("pump", (1, 2, 3)),
    }
)


def of(*ids: int) -> Labels:
    """Labels with these classes, each an instance."""
    return Labels(np.array(ids, np.int32), np.arange(len(ids), dtype=np.int32))


def test_nyu40_labels_under_scannet200_go_by_name():
    """Floor (2) is chair there, and chair (5) is door: as ids they would all be wrong."""
    found, notes = relisted("x", of(1, 2, 5, NONE, 6), NYU40, WIDE)
    assert found.semantic.tolist() == [1, 3, 2, NONE, 6]  # sofa and couch share the id 6
    assert found.instance.tolist() == [0, 1, 2, 3, 4]
    assert notes == []


@pytest.mark.parametrize(
    ("names", "classes", "ids", "expected"),
    [
        (WIDE.names, None, [3, 2, 1163], [2, 5, 40]),  # by parent
        (WIDE.names, template("scannet20"), [3, 2, 1163], [2, 5, NONE]),
        (WIDE.names, ROOMS, [3, 10, 56], [2, 9, 13]),  # floor, office chair, trash can
        (ROOMS.names, None, [1, 4, 11, 13], [22, 38, 10, 40]),
        (ROOMS.names, WIDE, [2, 9, 11], [3, 2, 18]),
        (NYU40, ROOMS, [1, 14, 15, 38, 40], [3, 8, 13, 13, 13]),
        (NYU40, OWN, [5, 2], [2, 7]),  # by synonym; by the only class of a parent
        (OWN.names, OWN, [2, 7, 9], [2, 7, 9]),
    ],
)
def test_tables(names, classes, ids, expected):
    found, _ = relisted("x", of(*ids), names, classes)
    assert found.semantic.tolist() == expected


def test_what_has_no_place():
    found, (note,) = relisted("x", of(2, 9), OWN.names, None)
    assert found.semantic.tolist() == [5, NONE]
    assert found.instance.tolist() == [0, NONE]
    assert note == "1 vertices of classes that the list lacks are no label (pump)."
    with pytest.raises(InputError, match=r"x: 2 vertices .*\(otherfurniture, otherprop\).*nyu40"):
        relisted("x", of(1, 39, 40), NYU40, WIDE)
    with pytest.raises(InputError, match=r"1 vertices .*\(pump\)"):
        relisted("x", of(9), OWN.names, None)  # nothing would be left


def test_a_file_that_names_nothing():
    assert relisted("x", of(1, 99), None, None)[0].semantic.tolist() == [1, 99]
    found, (note,) = relisted("x", of(2, 9), None, OWN)
    assert found.semantic.tolist() == [2, 9]
    assert "does not name its classes" in note
    with pytest.raises(InputError, match=r"x: 1 vertices have class ids .* \(3\)"):
        relisted("x", of(2, 3), None, OWN)
    assert relisted("x", of(1, 40), None, template("scannet20"))[0].semantic.tolist() == [1, NONE]


def test_every_class_of_nyu40_has_a_place_in_s3dis():
    found, _ = relisted("x", of(*NYU40), NYU40, ROOMS)
    assert (found.semantic != NONE).all()
    assert {ROOMS.name(int(i)) for i in found.semantic} == set(ROOMS.names.values()) - {
        "beam", "column"
    }  # fmt: skip


@SETTINGS
@given(st.sampled_from([nyu40(), WIDE, ROOMS, OWN]), st.data())
def test_labels_under_their_own_list_come_back(tmp_path, classes, data):
    ids = data.draw(st.lists(st.sampled_from([NONE, *classes.classes]), min_size=1, max_size=9))
    path = tmp_path / "room.npz"
    write_labels(path, of(*ids), classes.names)
    found, notes = read_listed(path, len(ids), classes)
    assert found.semantic.tolist() == ids
    assert notes == []
    assert read_class_names(path) == {i: classes.name(i) for i in set(ids) - {NONE}}
    before = path.read_bytes()
    write_labels(path, of(*ids), classes.names)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", [b"{", b'{"a": "wall"}', b'{"1": 2}', b"{\xff"])
def test_broken_names(tmp_path, text):
    path = tmp_path / "a.npz"
    np.savez(path, semantic=np.zeros(3))
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = text
    with pytest.raises(InputError, match=r"a\.npz: .*make the labels again"):
        read_class_names(path)


@pytest.mark.parametrize("comment", [b"", b"made by hand", b"[1]"])
def test_another_comment_says_nothing(tmp_path, comment):
    path = tmp_path / "a.npz"
    np.savez(path, semantic=np.zeros(3))
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = comment
    assert read_class_names(path) is None


def test_numpy_sees_three_arrays(tmp_path):
    write_labels(tmp_path / "a.npz", of(1, 2, NONE), nyu40().names)
    with np.load(tmp_path / "a.npz") as archive:
        assert sorted(archive.files) == ["confidence", "instance", "semantic"]
        assert {archive[name].shape for name in archive.files} == {(3,)}


def room() -> tuple[Scan, Labels, np.ndarray]:
    """Forty points of four classes of NYU40: wall, floor, chair, sofa; ten an instance."""
    points = np.random.default_rng(0).random((40, 3)).astype(np.float32) * 3
    colors, faces = np.zeros((40, 3), np.uint8), np.array([[0, 1, 2]], np.int32)
    which = np.arange(40, dtype=np.int32) // 10
    truth = Labels(np.array([1, 2, 5, 6], np.int32)[which], which)
    return Scan("scene0000_00", points, colors, faces), truth, which


def truth_of(folder, classes):
    (source,) = find_scenes([folder], Reading(classes=classes))
    return read_source(source, True)


@pytest.mark.parametrize("aggregation", [True, False])
def test_scannets_labels_have_nyu40s_ids(tmp_path, aggregation):
    scan, truth, segments = room()
    write_scene(tmp_path, scan, segments, truth, 0.01, 20)
    if not aggregation:
        (tmp_path / "scans/scene0000_00/scene0000_00.aggregation.json").unlink()
    assert truth_of(tmp_path, None)[2].semantic[::10].tolist() == [1, 2, 5, 6]
    assert truth_of(tmp_path, WIDE)[2].semantic[::10].tolist() == [1, 3, 2, 6]
    found = truth_of(tmp_path, ROOMS)[2]
    assert found.semantic[::10].tolist() == [3, 2, 9, 10]
    assert (found.instance == truth.instance).all()
    own, _, found = truth_of(tmp_path, OWN)
    assert found.semantic[::10].tolist() == [NONE, 7, 2, NONE]
    assert aggregation or "sofa, wall" in own.notes[-1]


@pytest.mark.parametrize("classes", [nyu40(), WIDE, ROOMS, OWN])
def test_our_scannet_folders_keep_the_names(tmp_path, classes):
    scan, _, segments = room()
    ids = np.array(list(classes.classes), np.int32)[np.array([0, 1, 2, 1])]
    labels = Labels(ids[segments], segments)
    target = TARGETS["scannet"]
    target.write(tmp_path, Sample(scan, labels, segments), classes)
    target.finish(tmp_path, [], classes)
    assert (truth_of(tmp_path, classes)[2].semantic == labels.semantic).all()
    if classes is ROOMS:  # ceiling, floor, wall
        assert truth_of(tmp_path, None)[2].semantic[::10].tolist() == [22, 2, 1, 2]
