"""Labels of one class list used under another: by their names, through the commands."""

import json

import numpy as np
import pytest
from toy_files import write_toy

from seggroup.classes import NYU40
from seggroup.io.classlist import ClassList, Named, template, write_class_list
from seggroup.io.scan import read_labelled_scan
from seggroup.io.store import labels_file, read_class_names, read_labels, write_labels
from seggroup.types import NONE, Labels

OWN = ClassList({i: Named(n, (1, 2, 3)) for i, n in {3: "wall", 4: "floor", 2: "chair"}.items()})


@pytest.fixture
def place(tmp_path):
    """A toy scan, and labels of wall, floor and chair that say that they are NYU40's."""
    write_toy(tmp_path / "scans", "a", 0, side=12)
    _, truth = read_labelled_scan(tmp_path / "scans/a.ply")
    known = np.isin(truth.semantic, (1, 2, 5))
    semantic = np.where(known, truth.semantic, np.int32(NONE))
    labels = Labels(semantic, np.where(known, truth.instance, np.int32(NONE)))
    write_labels(labels_file(tmp_path / "labels", "a"), labels, NYU40)
    return tmp_path


def test_export_of_nyu40_labels_under_another_list(place, ok, bad):
    """The ids of NYU40 are never those of ScanNet200: floor would be a chair."""
    labels = read_labels(place / "labels/a.npz", 144)
    for name in ("scannet200", "s3dis"):
        ok("export", place / "scans", "--labels", place / "labels", "--classes", name,
           "--to", "pointcept", "-o", place / name)  # fmt: skip
        (file,) = (place / name).rglob("segment*.npy")
        table = json.loads((place / name / "classes.json").read_text())["classes"]
        names = [table[i]["name"] if i >= 0 else "" for i in np.load(file).tolist()]
        assert names == [NYU40.get(i, "") for i in labels.semantic.tolist()]
    other = Labels(np.full(144, 40, np.int32), np.zeros(144, np.int32))
    write_labels(labels_file(place / "labels", "a"), other, NYU40)
    message = bad("export", place / "scans", "--labels", place / "labels", "--classes",
                  "scannet200", "--to", "pointcept", "-o", place / "no")  # fmt: skip
    assert "144 vertices have classes that have no place in the class list (otherprop)" in message


def test_evaluate_and_check_under_another_list(place, ok):
    write_class_list(place / "own.yaml", OWN)
    truth = read_labels(place / "labels/a.npz", 144)
    ids = np.zeros(41, np.int32)
    ids[[1, 2, 5]] = 3, 4, 2
    own = Labels(np.where(truth.semantic < 0, NONE, ids[truth.semantic]), truth.instance)
    write_labels(labels_file(place / "own", "a"), own, OWN.names)
    scores = ok("evaluate", "semantic", place / "scans", "--labels", place / "own")
    assert [scores["iou"][name] for name in ("wall", "floor", "chair")] == [1, 1, 1]
    again = ok("evaluate", "pseudo", place / "scans", "--labels", place / "own")
    assert again["semantic_iou"]["chair"] == 1
    rows = ok("check", place / "scans", "--labels", place / "own")["classes"]
    assert {row["name"] for row in rows} == {"wall", "floor", "chair"}
    rows = ok("check", place / "scans", "--labels", place / "labels", "--classes",
              place / "own.yaml")["classes"]  # fmt: skip
    assert {(row["name"], row["id"]) for row in rows} == {("wall", 3), ("floor", 4), ("chair", 2)}


def test_propagate_says_what_its_ids_are(place, ok):
    ok("click", place / "scans", "-o", place / "clicks")
    ok("propagate", place / "scans", "--clicks", place / "clicks", "-o", place / "out")
    for name in ("out/a.npz", "out/levels/a.npz"):
        names = read_class_names(place / name)
        assert names.items() <= NYU40.items()
        assert {1, 2, 5} <= names.keys()


def test_a_real_room_as_s3dis(real_data, tmp_path, ok):
    """Every class of NYU40 has a place among the 13; what has no class is clutter."""
    result = ok("export", real_data / "scannet", "--classes", "s3dis", "--to", "s3dis",
                "-o", tmp_path / "out")  # fmt: skip
    assert result["scenes"][0]["points"] == 81369
    known = {name.replace(" ", "-") for name in template("s3dis").names.values()}
    kinds = {p.stem.rsplit("_", 1)[0] for p in (tmp_path / "out").rglob("Annotations/*.txt")}
    assert {"floor", "wall", "sofa", "clutter"} <= kinds <= known


def test_a_model_keeps_the_names_of_its_classes(tmp_path):
    import torch

    from seggroup.downstream.config import UNetConfig
    from seggroup.downstream.models import Design, build, load_model, save_model

    design = Design(UNetConfig(), (3, 4), (4,), ("wall", "floor"))
    save_model(tmp_path / "model.safetensors", build(design, 0), design)
    _, found = load_model(tmp_path / "model.safetensors", torch.device("cpu"))
    assert found == design
    assert found.named == {3: "wall", 4: "floor"}
