"""Trainers' layouts read back: what we export, what their own scripts write, and broken files."""

import json
import pickle

import numpy as np
import pytest
import torch
from layout_files import write_text_ply

from seggroup.errors import InputError
from seggroup.export.target import Sample
from seggroup.export.targets import TARGETS
from seggroup.io.classlist import ClassList, Named, template
from seggroup.io.reading import Reading
from seggroup.io.scenes import find_scenes, read_source
from seggroup.types import NONE, Labels, Scan

OWN = ClassList(
    {
        3: Named("pipe rack", (1, 2, 3)),
        70: Named("slab", (1, 2, 3), thing=False),
        8: Named("valve", (1, 2, 3)),
    }
)


def sample(classes: ClassList, seed: int = 0) -> Sample:
    """Sixty points: some without a label, instances with gaps, a few to a superpoint."""
    rng = np.random.default_rng(seed)
    points = rng.random((60, 3)).astype(np.float32) * 4
    colors = rng.integers(0, 256, (60, 3), dtype=np.uint8)
    scan = Scan("room_1", points, colors, np.zeros((0, 3), np.int32))
    instance = rng.choice(np.array([NONE, 0, 1, 4, 9], np.int32), 60)
    ids = np.array(list(classes.classes), np.int32)
    semantic = np.where(instance == NONE, np.int32(NONE), ids[instance % len(ids)])
    return Sample(scan, Labels(semantic, instance), (np.arange(60) // 4).astype(np.int32))


def exported(folder, target, one, classes):
    row = TARGETS[target].write(folder, one, classes)
    if finish := TARGETS[target].finish:
        finish(folder, [{**row, "scene": "room_1", "split": one.split}], classes)
    return folder


def read(path, classes=None, truth=True):
    (source,) = find_scenes([path], Reading(classes=classes))
    return read_source(source, truth)


@pytest.mark.parametrize("classes", [template("scannet20"), template("scannet200"), OWN])
@pytest.mark.parametrize(
    ("target", "instances", "superpoints"),
    [
        ("pointcept", True, False),
        ("mmdetection3d", True, False),
        ("oneformer3d", True, True),
        ("kpconv", False, False),
        ("pointgroup", False, False),
        ("softgroup", False, False),
        ("isbnet", False, True),
        ("scannet", True, True),
    ],
)
def test_what_is_exported_is_read_back(tmp_path, target, classes, instances, superpoints):
    one = sample(classes)
    scan, segments, truth = read(exported(tmp_path, target, one, classes), classes)
    assert scan.name == "room_1"
    assert np.array_equal(scan.colors, one.scan.colors)
    moved = one.scan.vertices - scan.vertices
    assert np.ptp(moved, axis=0).max() < 1e-6
    assert np.array_equal(truth.semantic, one.labels.semantic)
    if instances:
        assert np.array_equal(truth.instance, one.labels.instance)
    elif target != "kpconv":  # numbered anew, of things only
        thing = np.isin(one.labels.semantic, classes.things)
        expected = np.full(60, NONE)
        expected[thing] = np.unique(one.labels.instance[thing], return_inverse=True)[1]
        assert truth.instance.tolist() == expected.tolist()
    else:
        assert (truth.instance == NONE).all()
    if superpoints:
        _, first, got = np.unique(segments, return_index=True, return_inverse=True)
        assert np.array_equal(got, one.segments) or np.array_equal(segments, one.segments)
        assert len(first) == 15


def test_classes_json_translates_to_another_list(tmp_path):
    """An export with ScanNet's 20 read with another list: by name, what has none is noted."""
    other = ClassList({2: Named("floor", (1, 2, 3)), 9: Named("chair", (1, 2, 3))})
    classes = template("scannet20")
    one = sample(classes)
    labels = Labels(np.full(60, 5, np.int32), one.labels.instance)
    labels.semantic[:2] = 2, 33  # floor; a toilet, which the other lacks
    folder = exported(tmp_path, "pointcept", Sample(one.scan, labels), classes)
    scan, _, truth = read(folder, other)
    assert truth.semantic[:3].tolist() == [2, NONE, 9]
    assert any("toilet" in note for note in scan.notes)


# As their own scripts write them, without our classes.json.


def write_pointcept(scene, **arrays):
    scene.mkdir(parents=True, exist_ok=True)
    arrays = {"coord": np.eye(3, dtype=np.float32), "color": np.eye(3, dtype=np.uint8)} | arrays
    for name, array in arrays.items():
        np.save(scene / f"{name}.npy", array)
    return scene


def test_pointcepts_own(tmp_path):
    scene = write_pointcept(
        tmp_path / "train" / "scene0000_00",
        segment20=np.array([0, 19, -1]),
        segment200=np.array([9, 1, 0]),
        instance=np.array([4, -1, 0], np.int16),
        normal=np.eye(3),
    )
    scan, _, truth = read(tmp_path)
    assert scan.normals is not None
    assert truth.semantic.tolist() == [1, 39, NONE]
    assert truth.instance.tolist() == [4, NONE, 0]
    assert read(tmp_path, template("scannet200"))[2].semantic.tolist() == [10, 2, 1]
    assert read(tmp_path, truth=False)[2] is None
    for name in ("segment20", "segment200", "instance"):
        (scene / f"{name}.npy").unlink()
    assert read(tmp_path)[2] is None


def test_pointcepts_numbers_need_a_list(tmp_path):
    write_pointcept(tmp_path / "train" / "a", segment=np.array([0, 1, 2]))
    scan, _, truth = read(tmp_path)
    assert (truth.semantic == NONE).all()
    assert "segment.npy was not used: no class list says" in " ".join(scan.notes)
    assert read(tmp_path, OWN)[2].semantic.tolist() == [3, 70, 8]
    room = write_pointcept(tmp_path / "s3dis" / "Area_1" / "office_1", segment=np.array([0, 8, 12]))
    assert read(room)[0].name == "Area_1_office_1"
    assert read(room)[2].semantic.tolist() == [22, 5, 40]


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("coord", np.zeros(3), "has the shape"),
        ("coord", np.zeros((3, 2)), "has the shape"),
        ("color", np.zeros((4, 3)), "not 3 x 3"),
        ("instance", np.zeros(4), "has 4 values for 3 points"),
        ("instance", np.array([0.5, 1, 2]), "must be integers"),
        ("segment20", np.array([0, 1, np.nan]), "must be integers"),
        ("segment20", np.array([0, 1, 2**40]), "must be integers"),
        ("instance", np.array([None, 1, 2]), "save plain numbers"),
    ],
)
def test_broken_pointcept(tmp_path, name, array, words):
    write_pointcept(tmp_path / "a", **{name: array})
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path)
    assert f"{name}.npy" in str(caught.value)


def test_a_truncated_array(tmp_path):
    scene = write_pointcept(tmp_path / "a")
    data = (scene / "coord.npy").read_bytes()
    (scene / "coord.npy").write_bytes(data[:-1])
    with pytest.raises(InputError, match="truncated"):
        read(tmp_path)
    header = data.replace(b"(3, 3)", b"(9999999999, 3)")[: len(data)]
    (scene / "coord.npy").write_bytes(header)
    with pytest.raises(InputError):
        read(tmp_path)


def test_pointgroups_own(tmp_path):
    """By today's torch.save, too; colours are / 127.5 - 1, numbers are float64."""
    colors = np.array([[255, 0, 51]] * 3, np.float32) / 127.5 - 1
    labels = np.array([0.0, 17, -100]), np.array([-100.0, 3, 0])
    (tmp_path / "val").mkdir()
    path = tmp_path / "val" / "scene0011_00_vh_clean_2.ply_inst_nostuff.pth"
    torch.save((np.eye(3, dtype=np.float32), colors, *labels), path)
    scan, _, truth = read(tmp_path)
    assert scan.name == "scene0011_00"
    assert scan.colors[0].tolist() == [255, 0, 51]
    assert truth.semantic.tolist() == [1, 34, NONE]
    assert truth.instance.tolist() == [NONE, 3, 0]
    spformer = np.array([7, 7, 2])
    torch.save((np.eye(3, dtype=np.float32), colors, spformer, *labels), path)
    assert read(path)[1].tolist() == [7, 7, 2]
    torch.save((np.eye(3, dtype=np.float32), colors), path)
    assert read(path)[2] is None


class Evil:
    """A pickle that would write a file where it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_nothing_in_a_pth_is_executed(tmp_path):
    path = tmp_path / "a_inst_nostuff.pth"
    values = [
        Evil(tmp_path / "ran"),
        (np.eye(3), np.eye(3), "text", np.zeros(3)),
        (np.eye(3),),
        {"a": 1},
        (np.eye(3), np.zeros((4, 3))),
        (np.eye(3), np.eye(3), np.zeros(3), np.zeros(2)),
        (np.eye(3), np.eye(3), np.zeros(3), np.array([{}, 1, 2], object)),
    ]
    for value in values:
        torch.save(value, path)
        with pytest.raises(InputError, match=r"a_inst_nostuff\.pth: "):
            read(path)
    path.write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    with pytest.raises(InputError):
        read(path)
    path.write_bytes(b"\x80\x02garbage")
    with pytest.raises(InputError, match="is no tuple of arrays"):
        read(path)
    assert not (tmp_path / "ran").exists()


def test_mmdetections_own(tmp_path):
    """NYU40's ids without any file that says so, as batch_load_scannet_data.py writes them."""
    for part in ("points", "semantic_mask", "instance_mask"):
        (tmp_path / part).mkdir()
    points = np.hstack([np.eye(3), np.full((3, 3), 200)]).astype("<f4")
    points.tofile(tmp_path / "points" / "scene0000_00.bin")
    np.array([5, 0, 41]).tofile(tmp_path / "semantic_mask" / "scene0000_00.bin")
    np.array([1, 0, 2]).tofile(tmp_path / "instance_mask" / "scene0000_00.bin")
    for path in (tmp_path, tmp_path / "points" / "scene0000_00.bin"):
        scan, _, truth = read(path)
        assert scan.colors[0].tolist() == [200] * 3
        assert truth.semantic.tolist() == [5, NONE, NONE]
        assert truth.instance.tolist() == [0, NONE, 1]
    np.array([5, 0]).tofile(tmp_path / "semantic_mask" / "scene0000_00.bin")
    with pytest.raises(InputError, match="is not 3 integers of 64 bits"):
        read(tmp_path)
    (tmp_path / "points" / "scene0000_00.bin").write_bytes(b"123")
    with pytest.raises(InputError, match="is not rows of x y z r g b"):
        read(tmp_path)


def test_kpconvs_own(tmp_path):
    ids = [0, 1, 2, 12, 0, 0, 0, 0]
    path = tmp_path / "training_points" / "scene0000_00.ply"
    write_text_ply(path, {"class": ("int", ids)}, faces=[])
    assert read(path)[2].semantic.tolist() == [NONE, 1, 2, 12, NONE, NONE, NONE, NONE]
    assert read(path.parent)[2].semantic[1] == 1
    area = tmp_path / "original_ply" / "Area_1.ply"
    write_text_ply(area, {"class": ("uchar", ids)}, faces=[])
    assert read(area)[2].semantic.tolist() == [22, 2, 1, 40, 22, 22, 22, 22]
    write_text_ply(area, {"class": ("float", [0.5] * 8)}, faces=[])  # some other quantity
    assert read(area)[2] is None
    classes = {"value": 12, "id": 8, "name": "valve"}
    (tmp_path / "classes.json").write_text(json.dumps({"classes": [classes]}))
    assert read(path, OWN)[2].semantic.tolist() == [NONE, NONE, NONE, 8] + [NONE] * 4


def test_s3dis_text_is_read_back(tmp_path):
    """Millimetres and every point's class and instance, in the room's own order."""
    classes = template("s3dis")
    one = sample(classes)
    instance = np.abs(one.labels.instance)
    labels = Labels(np.array(list(classes.classes), np.int32)[instance % 13], instance)
    scan, _, truth = read(exported(tmp_path, "s3dis", Sample(one.scan, labels), classes), classes)
    assert scan.name == "Area_1_room_1"
    assert np.abs(scan.vertices - one.scan.vertices).max() < 0.0006
    assert np.array_equal(scan.colors, one.scan.colors)
    assert np.array_equal(truth.semantic, labels.semantic)
    pairs = np.unique(np.stack([truth.instance, labels.instance]), axis=1)
    assert pairs.shape[1] == len(np.unique(labels.instance)) == len(np.unique(truth.instance))
