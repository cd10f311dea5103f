"""`seggroup export`: splits, confidence, class lists, second runs, and what is refused."""

import json
import shutil

import numpy as np
import pytest
from toy_files import write_toy

from seggroup.export.targets import TARGETS
from seggroup.io.scan import read_labelled_scan
from seggroup.io.store import labels_file, write_labels
from seggroup.types import NONE, Labels

REFUSING = [name for name, target in TARGETS.items() if target.ignore is None]


@pytest.fixture
def scans(tmp_path):
    """Three toy scans with truth: wall, floor, chair and other furniture."""
    for seed, name in enumerate("abc"):
        write_toy(tmp_path / "scans", name, seed, side=12)
    return tmp_path / "scans"


@pytest.fixture
def labels(scans):
    """Labels of the scans: their truth, with a confidence."""
    folder = scans.parent / "labels"
    for path in scans.iterdir():
        _, truth = read_labelled_scan(path)
        sure = np.linspace(0, 1, len(truth), dtype=np.float32)
        write_labels(labels_file(folder, path.stem), Labels(truth.semantic, truth.instance, sure))
    return folder


def files(folder):
    """All files of an export but its records."""
    found = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return {str(p) for p in found if p.parts[0] != ".seggroup-export"}


def test_the_truth_of_a_folder(scans, tmp_path, ok):
    out = tmp_path / "out"
    result = ok("export", scans, "--to", "pointcept", "-o", out)
    assert [row["scene"] for row in result["scenes"]] == ["a", "b", "c"]
    assert {row["split"] for row in result["scenes"]} == {"train"}
    names = {f"train/{s}/{n}.npy" for s in "abc"
             for n in ("coord", "color", "normal", "instance", "segment20")}  # fmt: skip
    assert files(out) == names | {"classes.json"}
    assert result["files"] == len(names) + 1
    assert result["bytes"] == sum((out / name).stat().st_size for name in files(out))
    assert result["cannot_hold"] == ["faces"]
    scan, truth = read_labelled_scan(scans / "b.ply")
    assert (np.load(out / "train/b/coord.npy") == scan.vertices).all()
    places = {1: 0, 2: 1, 5: 4, 39: 19}
    expected = [places[i] for i in truth.semantic]
    assert np.load(out / "train/b/segment20.npy").tolist() == expected
    table = json.loads((out / "classes.json").read_text())
    assert table["no_label"] == -1
    assert table["classes"][4] == {"value": 4, "id": 5, "name": "chair", "thing": True}


def test_confidence_becomes_the_ignore_value(scans, labels, tmp_path, ok):
    out = tmp_path / "out"
    result = ok("export", scans, "--to", "pointcept", "-o", out,
                "--labels", labels, "--confidence", 0.5)  # fmt: skip
    segment = np.load(out / "train/a/segment20.npy")
    sure = np.linspace(0, 1, len(segment), dtype=np.float32) >= 0.5
    assert ((segment == -1) == ~sure).all()
    assert ((np.load(out / "train/a/instance.npy") == -1) == ~sure).all()
    assert result["scenes"][0]["labelled"] == pytest.approx(sure.mean())
    assert "less sure than 0.5" in " ".join(result["scenes"][0]["notes"])
    assert result["cannot_hold"] == ["faces", "confidences"]


@pytest.mark.parametrize("target", REFUSING)
def test_confidence_is_refused_without_an_ignore_value(scans, labels, tmp_path, bad, target):
    words = ("--labels", labels, "--confidence", 0.5)
    message = bad("export", scans, "--to", target, "-o", tmp_path / "out", *words)
    assert "has no ignore value: " in message
    assert message.endswith(" ".join(TARGETS[target].refusal.split()))
    assert not (tmp_path / "out").exists()


def test_truth_has_no_confidence(scans, tmp_path, bad):
    words = ("--to", "pointcept", "-o", tmp_path / "out", "--confidence", 0.5)
    assert "name labels with --labels" in bad("export", scans, *words)


def test_splits_of_a_file_and_of_lists(scans, tmp_path, ok, bad):
    lines = tmp_path / "splits.txt"
    lines.write_text("a train\n\nb val\n")
    out = tmp_path / "out"
    message = bad("export", scans, "--to", "kpconv", "-o", out, "--split", lines)
    assert "c: is in none of the lists" in message
    ok("export", scans, "--to", "kpconv", "-o", out, "--split", lines, "--split", "test")
    assert files(out) == {
        "training_points/a.ply", "training_points/b.ply", "test_points/c.ply",
        "training_meshes/a_mesh.ply", "training_meshes/b_mesh.ply", "test_meshes/c_mesh.ply",
        "scannet_v2_val.txt", "scannetv2-labels.combined.tsv", "classes.json",
    }  # fmt: skip
    assert (out / "scannet_v2_val.txt").read_text() == "b\n"
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "scannetv2_train.txt").write_text("a\nb\n")
    (lists / "scannetv2_val.txt").write_text("c\n")
    (lists / "notes.txt").write_text("nothing of this is a scene\n")
    result = ok("export", scans, "--to", "kpconv", "-o", out, "--split", lists)
    assert [row["split"] for row in result["scenes"]] == ["train", "train", "val"]
    assert "test_points/c.ply" not in files(out)
    (lists / "scannetv2_test.txt").write_text("a\n")
    message = bad("export", scans, "--to", "kpconv", "-o", out, "--split", lists)
    assert "a is in" in message
    lines.write_text("a\n")
    assert "line 1 is no" in bad("export", scans, "--to", "kpconv", "-o", out, "--split", lines)
    assert "neither train" in bad("export", scans, "--to", "kpconv", "-o", out, "--split", "dev")


def test_a_second_run_leaves_nothing_stale(scans, tmp_path, ok):
    out = tmp_path / "out"
    ok("export", scans, "--to", "mmdetection3d", "-o", out)
    ok("export", scans / "a.ply", "--to", "mmdetection3d", "-o", out, "--split", "val")
    both = {"scannet_infos_train.pkl", "scannet_infos_val.pkl"}
    assert both <= files(out)
    result = ok("export", scans / "b.ply", "--to", "mmdetection3d", "-o", out)
    assert result["removed"] == ["c"]
    assert result["kept"] == ["a"]
    assert {p.stem for p in (out / "points").iterdir()} == {"a", "b"}
    ok("export", scans / "a.ply", "--to", "mmdetection3d", "-o", out)  # moves to training
    assert "scannet_infos_val.pkl" not in files(out)
    assert {p.stem for p in (out / "points").iterdir()} == {"a"}
    before = {name: (out / name).read_bytes() for name in files(out)}
    ok("export", scans / "a.ply", "--to", "mmdetection3d", "-o", out)
    assert {name: (out / name).read_bytes() for name in files(out)} == before


def test_an_interrupted_run_is_mended_by_the_next(scans, tmp_path, ok, bad):
    out = tmp_path / "out"
    broken = scans / "b.ply"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:200])
    bad("export", scans, "--to", "pointcept", "-o", out)
    assert "train/a/coord.npy" in files(out)
    broken.write_bytes(whole)
    ok("export", broken, "--to", "pointcept", "-o", out)
    assert {name.split("/")[1] for name in files(out) if "/" in name} == {"b"}


def test_other_targets_and_class_lists_stay_apart(scans, tmp_path, ok, bad):
    out = tmp_path / "out"
    ok("export", scans / "a.ply", "--to", "pointcept", "-o", out)
    message = bad("export", scans / "b.ply", "--to", "pointgroup", "-o", out)
    assert "holds an export for pointcept" in message
    own = tmp_path / "own.yaml"
    own.write_text(
        "[{id: 1, name: one}, {id: 2, name: two}, {id: 5, name: five}, {id: 39, name: x}]"
    )
    words = ("--to", "pointcept", "-o", out, "--classes", own)
    message = bad("export", scans / "b.ply", *words, "--split", "val")
    assert "with another class list" in message
    ok("export", scans / "b.ply", *words)  # takes the place of all training scenes
    assert {name for name in files(out) if "segment" in name} == {"train/b/segment.npy"}


def test_classes_outside_the_list_are_said(scans, tmp_path, ok, bad):
    own = tmp_path / "some.yaml"
    own.write_text("[{id: 5, name: chair}, {id: 2, name: floor, thing: false}]")
    result = ok("export", scans / "a.ply", "--to", "pointcept", "-o", tmp_path / "out",
                "--classes", own)  # fmt: skip
    segment = np.load(tmp_path / "out/train/a/segment.npy")
    _, truth = read_labelled_scan(scans / "a.ply")
    assert (segment == np.select([truth.semantic == 5, truth.semantic == 2], [0, 1], NONE)).all()
    assert "not in the list" in " ".join(result["scenes"][0]["notes"])
    own.write_text("[{id: 7, name: table}]")
    words = ("--to", "pointcept", "-o", tmp_path / "out2", "--classes", own)
    assert "none of its classes (ids 1, 2, 5" in bad("export", scans / "a.ply", *words)


def test_scans_and_labels_are_never_written_over(scans, labels, tmp_path, bad):
    assert "which is read" in bad("export", scans, "--to", "ply", "-o", scans)
    assert "which is read" in bad("export", scans, "--to", "ply", "-o", tmp_path)
    words = ("--to", "ply", "-o", labels, "--labels", labels)
    assert "which is read" in bad("export", scans, *words)
    whole = (labels / "b.npz").read_bytes()
    (labels / "b.npz").write_bytes(whole[:-30])
    words = ("--to", "ply", "-o", tmp_path / "out", "--labels", labels)
    assert "not a whole label file" in bad("export", scans, *words)
    assert not (tmp_path / "out").exists()
    words = ("--to", "ply", "-o", tmp_path / "out", "--labels", tmp_path / "missing")
    assert "is no folder" in bad("export", scans, *words)
    (labels / "b.npz").unlink()
    words = ("--to", "ply", "-o", tmp_path / "out", "--labels", labels)
    assert "no labels of this scene" in bad("export", scans, *words)


def test_test_scenes_need_no_labels(scans, tmp_path, ok, bad):
    scan = scans / "bare.xyz"
    np.savetxt(scan, np.random.default_rng(0).random((50, 3)))
    words = ("--to", "pointcept", "-o", tmp_path / "out")
    assert "has no labels of its own" in bad("export", scan, *words)
    result = ok("export", scan, *words, "--split", "test")
    assert result["scenes"][0]["labelled"] == 0
    assert (np.load(tmp_path / "out/test/bare/segment20.npy") == -1).all()


def test_superpoints_are_the_segments_of_the_file(scans, tmp_path, ok):
    ok("segment", scans, "-o", scans)
    result = ok("export", scans, "--to", "oneformer3d", "-o", tmp_path / "out", "--jobs", 2)
    assert len(result["scenes"]) == 3
    ids = np.array(json.loads(next(scans.glob("a.*segs.json")).read_text())["segIndices"])
    found = np.fromfile(tmp_path / "out/super_points/a.bin", np.int64)
    assert (np.unique(ids, return_inverse=True)[1] == found).all()


def test_the_targets_are_listed(ok, bad, scans, tmp_path):
    listed = ok("export", "--list")["targets"]
    assert {"pointcept", "mmdetection3d", "pointgroup", "softgroup", "kpconv"} <= {
        row["target"] for row in listed
    }
    assert all(row["title"] for row in listed)
    (one,) = ok("export", "--list", "--to", "kpconv")["targets"]
    assert one["target"] == "kpconv"
    assert "instances" in one["cannot_hold"]
    message = bad("export", scans, "--to", "pointcep", "-o", tmp_path / "out")
    assert "did you mean pointcept?" in message
    assert "oneformer3d" in message
    assert "needs SCENES" in bad("export", scans)


def test_records_that_name_other_files_remove_nothing(scans, tmp_path, ok):
    out, precious = tmp_path / "out", tmp_path / "precious.txt"
    precious.write_text("mine")
    ok("export", scans / "a.ply", "--to", "pointcept", "-o", out)
    record = out / ".seggroup-export/pointcept/scenes/a.json"
    facts = json.loads(record.read_text())
    facts["files"] += ["../precious.txt", str(precious)]
    record.write_text(json.dumps(facts))
    ok("export", scans / "b.ply", "--to", "pointcept", "-o", out)
    assert precious.read_text() == "mine"
    assert not (out / "train/a").exists()


def test_a_real_room(real_data, tmp_path, ok):
    """ScanNet's scene0000_00 for every trainer, read back by PointGroup's rule."""
    out = tmp_path / "out"
    for target in ("pointcept", "kpconv", "mmdetection3d", "isbnet"):
        result = ok("export", real_data / "scannet", "--to", target, "-o", out)
        assert result["scenes"][0]["points"] == 81369
        shutil.rmtree(out)


@pytest.mark.parametrize("target", ["s3dis", "scannet-benchmark", "kpconv"])
def test_names_that_a_format_cannot_hold_are_refused(scans, tmp_path, bad, target):
    (scans / "a.ply").rename(scans / "my room.ply")
    words = ("--to", target, "-o", tmp_path / "out", "--split", "val")
    assert "rename the scan" in bad("export", scans, *words)
    assert not (tmp_path / "out").exists()


def test_a_scene_without_any_label_is_said(scans, labels, tmp_path, ok):
    nothing = np.full(len(read_labelled_scan(scans / "a.ply")[1]), NONE, np.int32)
    write_labels(labels_file(labels, "a"), Labels(nothing, nothing))
    result = ok("export", scans, "--to", "pointcept", "-o", tmp_path / "o", "--labels", labels)
    said = ["no label at all" in " ".join(row["notes"]) for row in result["scenes"]]
    assert said == [True, False, False]
