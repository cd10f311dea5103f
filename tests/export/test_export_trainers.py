"""Each trainer's files, read back by the trainer's own published rules (`reading_rules.py`)."""

import importlib.util
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seggroup.export.target import Sample, one_class, stuff_first, things_only
from seggroup.export.targets import TARGETS
from seggroup.io.classlist import ClassList, Named, class_list
from seggroup.types import NONE, Labels, Scan

place = Path(__file__).with_name("reading_rules.py")
spec = importlib.util.spec_from_file_location("reading_rules", place)
rules = importlib.util.module_from_spec(spec)
spec.loader.exec_module(rules)

SCANNET20 = class_list("scannet20")
OWN = ClassList(
    {
        7: Named("robot", (1, 2, 3)),
        300: Named("ground", (4, 5, 6), thing=False),
        2: Named("lamp", (7, 8, 9)),
    }
)
TRAINERS = [
    "pointcept", "mmdetection3d", "pointgroup", "softgroup",
    "kpconv", "spformer", "isbnet", "oneformer3d",
]  # fmt: skip


def int32(values):
    return np.array(values, np.int32)


def make(semantic, instance, points=None, name="room", split="train"):
    """A cloud with those labels, a superpoint for every pair of points."""
    size = len(semantic)
    if points is None:
        points = np.arange(size * 3).reshape(size, 3) / 4
    scan = Scan(
        name,
        np.asarray(points, np.float32),
        (np.arange(size * 3).reshape(size, 3) * 7 % 256).astype(np.uint8),
        np.zeros((0, 3), np.int32),
        np.tile(np.float32([0, 0, 1]), (size, 1)),
    )
    return Sample(
        scan, Labels(int32(semantic), int32(instance)), int32(np.arange(size) // 2), split
    )


def write(target, folder, samples, classes):
    """What `seggroup export` does, without its records."""
    rows = []
    for sample in samples:
        facts = TARGETS[target].write(folder, sample, classes)
        for file in facts["files"]:
            assert (folder / file).is_file()
        rows.append({"scene": sample.scan.name, "split": sample.split, **facts})
    lists = TARGETS[target].finish(folder, rows, classes)
    assert all((folder / file).is_file() for file in lists)
    written = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert written == {*lists, *(file for row in rows for file in row["files"])}
    return rows


# Five points, ScanNet20: a floor (2), a chair (5) of two points, one without a label, and an
# other furniture (39) without an instance.
FIVE = ([2, 5, 5, NONE, 39], [4, 9, 9, NONE, NONE])


def test_pointcept_five_points(tmp_path):
    write("pointcept", tmp_path, [make(*FIVE)], SCANNET20)
    found = rules.pointcept(tmp_path, "train", "segment20")["room"]
    assert found["semantic"].tolist() == [1, 4, 4, -1, 19]
    assert found["instance"].tolist() == [4, 9, 9, -1, -1]
    assert found["points"][1].tolist() == [0.75, 1.0, 1.25]
    assert found["colors"][1].tolist() == [21, 28, 35]
    assert found["types"] == {
        "coord": "float32", "color": "uint8", "normal": "float32",
        "segment20": "int64", "instance": "int64",
    }  # fmt: skip


def test_mmdetection3d_five_points(tmp_path):
    write("mmdetection3d", tmp_path, [make(*FIVE)], SCANNET20)
    meta, scenes = rules.mmdetection3d(
        tmp_path, "scannet_infos_train.pkl", tuple(SCANNET20.classes), 40
    )
    found = scenes["room"]
    assert found["semantic"].tolist() == [1, 4, 4, 20, 19]  # 20 is ScanNetSegDataset's ignore_index
    assert found["instance"].tolist() == [5, 10, 10, 0, 0]
    assert found["points"][1].tolist() == [0.75, 1.0, 1.25]
    assert found["colors"][1].tolist() == [21, 28, 35]
    assert found["boxes"].tolist() == [[1.125, 1.375, 1.625, 0.75, 0.75, 0.75]]
    assert found["box_classes"].tolist() == [2]  # of cabinet, bed, chair ...
    assert list(meta["categories"])[:3] == ["cabinet", "bed", "chair"]
    assert np.load(tmp_path / "seg_info/train_resampled_scene_idxs.npy").tolist() == [0]
    weight = np.load(tmp_path / "seg_info/train_label_weight.npy")
    assert weight[4] == pytest.approx(1 / np.log(1.2 + 2 / 4))


def test_scenes_are_drawn_by_their_points():
    from seggroup.export.mmdetection3d import seg_infos

    rows = [{"points": 8192 * n, "counts": [1, 0]} for n in (1, 3, 0.01)]
    assert seg_infos(rows)[0].tolist() == [0, 1, 1, 1, 2]


@pytest.mark.parametrize("target", ["pointgroup", "softgroup", "isbnet"])
def test_pointgroup_five_points(tmp_path, target):
    write(target, tmp_path, [make(*FIVE, split="val")], SCANNET20)
    found = rules.pointgroup(tmp_path, "val")["room"]
    assert found["semantic"].tolist() == [1, 4, 4, -100, 19]
    assert found["instance"].tolist() == [-100, 0, 0, -100, -100]
    assert found["semantic"].dtype == found["instance"].dtype == np.float64
    assert found["types"] == ("float32", "float32")
    assert found["points"][1].tolist() == [-0.75, -0.75, -0.75]  # the mean is 1.5, 1.75, 2
    assert found["colors"][1].tolist() == [21, 28, 35]
    if target == "isbnet":
        assert found["superpoints"].tolist() == [0, 0, 1, 1, 2]
        assert found["superpoints"].dtype == np.int64
    else:
        assert rules.val_gt(tmp_path)["room"].tolist() == [0, 5001, 5001, 0, 0]


def test_spformer_five_points(tmp_path):
    write("spformer", tmp_path, [make(*FIVE)], SCANNET20)
    found = rules.spformer(tmp_path, "train")["room"]
    assert found["semantic"].tolist() == [1, 4, 4, -100, 19]
    assert found["instance"].tolist() == [-100, 0, 0, -100, -100]
    assert found["superpoints"].tolist() == [0, 0, 1, 1, 2]


def test_oneformer3d_five_points(tmp_path):
    rows = write("oneformer3d", tmp_path, [make(*FIVE)], SCANNET20)
    name = "scannet_oneformer3d_infos_train.pkl"
    found = rules.mmdetection3d(tmp_path, name, tuple(SCANNET20.classes), 40, True)[1]["room"]
    assert found["semantic"].tolist() == [1, 4, 4, 20, 20]  # the last has no instance
    assert rows[0]["notes"][0].startswith("1 point of things in no one instance")
    instance, labels = rules.oneformer3d_instances(found, 20)
    assert instance.tolist() == [-1, 0, 0, -1, -1]
    assert labels == [2]
    assert found["superpoints"].tolist() == [0, 0, 1, 1, 2]


def test_kpconv_five_points(tmp_path):
    samples = [make(*FIVE, name=split, split=split) for split in ("train", "val", "test")]
    write("kpconv", tmp_path, samples, SCANNET20)
    names = {0: "unclassified"} | {i: c.name for i, c in SCANNET20.classes.items()}
    scenes = rules.kpconv(tmp_path, names)
    assert {name: found["split"] for name, found in scenes.items()} == {
        "train": "train", "val": "val", "test": "test",
    }  # fmt: skip
    assert scenes["train"]["semantic"].tolist() == [2, 5, 5, 0, 39]
    assert scenes["train"]["ignored"].tolist() == [False, False, False, True, False]
    assert scenes["train"]["points"][1].tolist() == [0.75, 1.0, 1.25]
    assert scenes["train"]["colors"][1].tolist() == [21, 28, 35]


@pytest.mark.parametrize("target", ["pointgroup", "isbnet", "spformer"])
def test_test_scenes_have_no_labels(tmp_path, target):
    (row,) = write(target, tmp_path, [make(*FIVE, split="test")], SCANNET20)
    read = rules.spformer if target == "spformer" else rules.pointgroup
    found = read(tmp_path, "test")["room"]
    assert found["semantic"] is None
    assert "without labels" in " ".join(row["notes"])


@st.composite
def scenes(draw):
    """Labels with holes, stuff with instances, numbers with gaps, instances of two classes."""
    size = draw(st.integers(1, 12))
    classes = [NONE, *OWN.classes]
    semantic = draw(st.lists(st.sampled_from(classes), min_size=size, max_size=size))
    instance = draw(st.lists(st.sampled_from([NONE, 0, 3, 70_000]), min_size=size, max_size=size))
    points = draw(
        st.lists(st.tuples(*[st.floats(-100, 100, width=32)] * 3), min_size=size, max_size=size)
    )
    return semantic, instance, points, "room", draw(st.sampled_from(["train", "val"]))


def same_partition(one, other):
    """Whether two numberings make the same groups, -1 and -100 being none."""
    assert ((one < 0) == (other < 0)).all()
    pairs = {(a, b) for a, b in zip(one.tolist(), other.tolist(), strict=True) if a >= 0}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@pytest.mark.parametrize("target", TRAINERS)
@settings(max_examples=20, deadline=None)
@given(drawn=scenes())
def test_nothing_is_lost_that_the_trainer_can_hold(target, drawn):
    sample = make(*drawn)
    labels, order = sample.labels, list(OWN.classes)
    scan, split = sample.scan, sample.split
    places = np.array([order.index(i) if i != NONE else -1 for i in labels.semantic])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(target, root, [sample], OWN)
        if target == "pointcept":
            found = rules.pointcept(root, split, "segment")["room"]
            assert (found["semantic"] == places).all()
            assert (found["instance"] == labels.instance).all()
            assert (found["normals"] == scan.normals).all()
        elif target in ("mmdetection3d", "oneformer3d"):
            infix = "_oneformer3d" if target == "oneformer3d" else ""
            valid = tuple(stuff_first(OWN).classes)
            name = f"scannet{infix}_infos_{split}.pkl"
            _, all_of_them = rules.mmdetection3d(root, name, valid, 300, bool(infix))
            found = all_of_them["room"]
            expected = np.array([valid.index(i) if i != NONE else 3 for i in labels.semantic])
            if infix:
                whole, _ = one_class(labels)
                loose = np.isin(whole.semantic, OWN.things) & (whole.instance == NONE)
                expected[loose] = 3
                if not np.isin(expected, (1, 2)).all():
                    instance, kinds = rules.oneformer3d_instances(found, 3, (0,))
                    assert same_partition(instance, things_only(whole, OWN, NONE))
                    assert all(0 <= kind < 2 for kind in kinds)
                assert (found["superpoints"] == sample.segments).all()
            else:
                assert (found["instance"] == labels.instance + 1).all()
            assert (found["semantic"] == expected).all()
            for box in found["boxes"]:
                low, high = box[:3] - box[3:] / 2, box[:3] + box[3:] / 2
                inside = (scan.vertices >= low - 1e-4) & (scan.vertices <= high + 1e-4)
                assert inside.all(axis=1).any()
        elif target == "kpconv":
            found = rules.kpconv(root, {0: "none"} | dict.fromkeys(order, ""))["room"]
            assert found["split"] == split
            assert (found["semantic"] == np.where(labels.semantic < 0, 0, labels.semantic)).all()
        else:
            read = rules.spformer if target == "spformer" else rules.pointgroup
            found = read(root, split)["room"]
            valid = list(stuff_first(OWN).classes)
            expected = [valid.index(i) if i != NONE else -100 for i in labels.semantic]
            assert (found["semantic"] == expected).all()
            whole, _ = one_class(labels)
            assert same_partition(found["instance"], things_only(whole, OWN, -100))
            if target in ("spformer", "isbnet"):
                assert (found["superpoints"] == sample.segments).all()
        mean = scan.vertices.mean(axis=0, dtype=np.float64)
        shift = mean if "semantic" in found and target in TRAINERS[2:4] + TRAINERS[5:7] else 0
        assert np.allclose(found["points"] + shift, scan.vertices, rtol=1e-6, atol=2e-5)
        assert (found["colors"] == scan.colors).all()


@settings(max_examples=60, deadline=None)
@given(drawn=scenes())
def test_one_class_against_its_twin(drawn):
    labels = make(*drawn).labels
    found, count = one_class(labels)
    expected, wrong = labels.instance.copy(), 0
    for number in set(labels.instance.tolist()) - {NONE}:
        classes = [c for c, i in zip(labels.semantic, labels.instance, strict=True) if i == number]
        known = [c for c in classes if c != NONE]
        main = min(known, key=lambda c: (-known.count(c), c), default=None)
        for vertex in np.flatnonzero(labels.instance == number):
            if labels.semantic[vertex] != main:
                expected[vertex] = NONE
                wrong += labels.semantic[vertex] != NONE
    assert (found.instance == expected).all()
    assert (found.semantic == labels.semantic).all()
    assert count == wrong


def test_stuff_comes_first_in_the_order_of_the_list():
    assert list(stuff_first(OWN).classes) == [300, 7, 2]
    assert list(stuff_first(SCANNET20).classes) == list(SCANNET20.classes)
    # ISBNet's preprocess_scannet200.py: wall 0, floor 1, then chair ...
    assert list(stuff_first(class_list("scannet200")).classes)[:4] == [1, 3, 2, 4]


def test_pth_is_what_torch_saves(tmp_path):
    """By torch itself, in the new form and in this one: equal values; and the old numpy name."""
    import torch

    from seggroup.export.pointgroup import save_pth

    arrays = (np.float32([[1, 2, 3]]), np.arange(300) * 1.5, np.arange(4))
    save_pth(tmp_path / "ours.pth", arrays)
    torch.save(arrays, tmp_path / "torch.pth")
    ours, theirs = rules.load_pth(tmp_path / "ours.pth"), rules.load_pth(tmp_path / "torch.pth")
    for one, other, array in zip(ours, theirs, arrays, strict=True):
        assert one.dtype == other.dtype == array.dtype
        assert (one == array).all()
        assert (other == array).all()
    assert b"numpy._core" not in (tmp_path / "ours.pth").read_bytes()


def test_normals_of_a_mesh_are_weighted_by_area(tmp_path):
    """As `vertex_normal` of Pointcept's preprocess_scannet.py, written anew."""
    from seggroup.export.pointcept import normals_of

    rng = np.random.default_rng(0)
    vertices = rng.normal(size=(20, 3)).astype(np.float32)
    faces = np.array([rng.permutation(19)[:3] for _ in range(30)], np.int32)  # vertex 19 has none
    scan = Scan("mesh", vertices, np.zeros((20, 3), np.uint8), faces)
    expected = np.zeros((20, 3))
    for a, b, c in faces:
        area = np.cross(vertices[b] - vertices[a], vertices[c] - vertices[a]) / 2
        for corner in (a, b, c):
            expected[corner] += area
    expected /= np.linalg.norm(expected, axis=1, keepdims=True) + 1e-8
    assert np.allclose(normals_of(scan), expected, atol=1e-5)


def test_a_cloud_without_normals_gets_some():
    from seggroup.export.pointcept import normals_of

    grid = np.stack(np.meshgrid(np.arange(20), np.arange(20), [0]), -1).reshape(-1, 3)
    points = (grid * 0.02).astype(np.float32)
    scan = Scan("flat", points, np.zeros((400, 3), np.uint8), np.zeros((0, 3), np.int32))
    assert np.allclose(np.abs(normals_of(scan)[:, 2]), 1, atol=1e-3)


def test_what_trainers_cannot_take_is_said(tmp_path):
    (row,) = write("pointgroup", tmp_path / "a", [make([1, 2], [0, 1])], SCANNET20)
    assert "Has no instance of a thing" in row["notes"][0]
    rows = [{"scene": "room", "split": "val"}]
    assert "the list has 1" in TARGETS["spformer"].advice(rows, OWN)[0]
    assert "first 12 characters" in TARGETS["pointgroup"].advice(rows, SCANNET20)[0]
    assert (
        TARGETS["pointgroup"].advice([{"scene": "scene0000_00", "split": "val"}], SCANNET20) == []
    )
    for name in ("mmdetection3d", "oneformer3d"):
        assert "max_cat_id=300" in TARGETS[name].advice(rows, OWN)[0]
        assert TARGETS[name].advice(rows, SCANNET20) == []
    assert "label_to_names" in TARGETS["kpconv"].advice(rows, OWN)[0]
    (row,) = write("pointgroup", tmp_path / "c", [make([5, 5, 7], [0, 0, 0])], SCANNET20)
    assert row["notes"] == ["1 point left an instance, not being of its main class."]
    (row,) = write("oneformer3d", tmp_path / "d", [make([5, 5], [0, 0])], SCANNET20)
    assert "needs a point of stuff" in row["notes"][0]


def test_kpconv_refuses_names_that_its_list_cannot_hold():
    assert "up to a blank" in TARGETS["kpconv"].misnamed("my room", "val")
    assert not TARGETS["kpconv"].misnamed("my room", "train")


def test_kpconv_scores_the_vertices_of_the_mesh(tmp_path):
    sample = make(*FIVE, split="val")
    faces = int32([[0, 1, 2], [2, 3, 4]])
    write("kpconv", tmp_path, [replace(sample, scan=replace(sample.scan, faces=faces))], SCANNET20)
    found = rules.kpconv(tmp_path, {0: ""} | dict.fromkeys(SCANNET20.classes, ""))["room"]
    assert found["faces"].tolist() == faces.tolist()
    assert found["semantic"].tolist() == [2, 5, 5, 0, 39]
