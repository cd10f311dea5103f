"""One class list of a person's own, from the clicks to the figures and the trainer's files."""

import json

import numpy as np
import pytest
from plyfile import PlyData
from toy_files import write_toy

from seggroup.io.classlist import class_list, read_class_list

PLANT = """
title: Plant room
classes:
  - {id: 101, name: ground, thing: false}
  - {id: 102, name: pump, synonyms: [compressor], parent: machine}
  - {id: 103, name: valve, color: "#ff8800", parent: machine}
  - {id: 205, name: pipe run}
  - {id: 206, name: tank}
"""
IDS = (101, 102, 103, 205)  # of the toys' instances 0 to 3
NAMES = ["ground", "pump", "valve", "pipe run", "tank"]


@pytest.fixture
def plant(tmp_path):
    path = tmp_path / "plant.yaml"
    path.write_text(PLANT)
    return path


@pytest.fixture
def scans(tmp_path):
    for seed, name in enumerate("ab"):
        write_toy(tmp_path / "scans", name, seed, classes=IDS)
    return tmp_path / "scans"


def test_clicks_labels_and_figures_are_of_the_list(plant, scans, tmp_path, ok):
    clicks, labels = tmp_path / "clicks", tmp_path / "labels"
    ok("click", scans, "--classes", plant, "-o", clicks)
    made = json.loads((clicks / "a.clicks.json").read_text())
    assert set(made["classes"].values()) == set(NAMES)
    assert {(c["class_id"], c["class"]) for c in made["clicks"]} <= {
        *zip((101, 102, 103, 205), NAMES, strict=False)
    }
    again = tmp_path / "again"
    ok("click", scans, "--import", clicks, "--classes", plant, "-o", again)
    assert json.loads((again / "a.clicks.json").read_text())["classes"] == made["classes"]

    for method in ("assign", "walk"):
        words = ["--clicks", clicks, "-o", labels / method, "--method", method]
        ok("propagate", scans, *words, "--classes", plant)
        written = PlyData.read(labels / method / "a.ply")["vertex"]["label"]
        assert set(np.unique(written)) <= {0, *IDS}
        figures = ok("evaluate", "pseudo", scans, "--labels", labels / method, "--classes", plant)
        assert list(figures["semantic_iou"]) == NAMES
        assert list(figures["instance_iou"]) == NAMES[1:]  # the ground is no thing
        assert figures["semantic_miou"] > 0.5
    page = tmp_path / "page.md"
    words = ["--labels", labels / "walk", "--classes", plant]
    ok("evaluate", "pseudo", scans, *words, "--report", page)
    assert "pipe run" in page.read_text()
    assert "bathtub" not in page.read_text()
    picture = tmp_path / "a.ply"
    ok("show", scans / "a.ply", *words, "--color", "class", "-o", picture)
    shown = PlyData.read(picture)["vertex"]
    valve = shown["label"] == 103
    assert valve.any()
    assert (shown["red"][valve] == 255).all()
    assert (shown["green"][valve] == 136).all()
    semantic = ok("evaluate", "semantic", scans, "--labels", labels / "walk", "--classes", plant)
    assert list(semantic["iou"]) == NAMES
    instance = ok("evaluate", "instance", scans, "--labels", labels / "walk", "--classes", plant)
    assert list(instance["classes"]) == NAMES[1:]

    out = tmp_path / "pointcept"
    ok("export", scans, "--labels", labels / "walk", "--to", "pointcept", "--classes", plant,
       "-o", out)  # fmt: skip
    (segment,) = (path for path in out.rglob("segment*.npy") if path.parent.name == "a")
    numbers = np.load(segment)
    found = np.load(labels / "walk" / "a.npz")["semantic"]
    place = np.array([[*read_class_list(plant).classes].index(i) if i > 0 else -1 for i in found])
    np.testing.assert_array_equal(numbers.ravel(), place)


def test_a_network_is_trained_on_the_list(plant, scans, tmp_path, ok):
    run, out = tmp_path / "run", tmp_path / "out"
    budget = tmp_path / "dense"
    ok("budget", scans, "--form", "dense", "--minutes", 1000, "--classes", plant, "-o", budget)
    small = ["--channels", 4, "--levels", 2, "--threads", 1, "--voxel", 0.1, "--epochs", 1]
    ok("fit", "semantic", scans, "--labels", budget, "-o", run, "--classes", plant, *small)
    ok("predict", run, scans, "-o", out)
    assert set(np.unique(np.load(out / "a.npz")["semantic"])) <= {101, 102, 103, 205, 206}
    scored = ok("evaluate", "semantic", scans, "--labels", out, "--classes", plant)
    assert list(scored["iou"]) == NAMES


def test_the_papers_network_takes_the_list(plant, scans, tmp_path, ok):
    clicks = tmp_path / "clicks"
    ok("click", scans, "--classes", plant, "-o", clicks)
    words = ["--clicks", clicks, "-o", tmp_path / "run", "--epochs", 1]
    done = ok("train", scans, *words, "--classes", plant)
    assert list(done["metrics"]["semantic_iou"]) == NAMES


def test_classes_that_do_not_fit_are_named(plant, scans, tmp_path, bad, ok):
    message = bad("click", scans, "--classes", "s3dis", "-o", tmp_path / "x")
    assert "a.ply" in message
    assert "class ids that are not in the class list (101, 102, 103, 205)" in message
    assert "--classes" in message
    ok("click", scans, "--classes", plant, "-o", tmp_path / "clicks")
    words = ["--clicks", tmp_path / "clicks", "-o", tmp_path / "y", "--no-truth"]
    message = bad("propagate", scans, *words, "--classes", "s3dis")
    assert "a.clicks.json: knows no class" in message
    assert "did you mean scannet20?" in bad("evaluate", "pseudo", scans, "--labels", tmp_path,
                                            "--classes", "scanet20")  # fmt: skip


def test_nyu40_truth_loses_the_classes_that_a_part_of_it_lacks(tmp_path, ok):
    write_toy(tmp_path / "scans", "a", classes=(1, 2, 5, 40))
    done = ok("info", tmp_path / "scans" / "a.ply", "--classes", "scannet20")
    assert done["instances"] == 3
    assert any("otherprop" in note for note in done["notes"])
    assert ok("info", tmp_path / "scans" / "a.ply")["instances"] == 4


def test_the_templates_are_listed_shown_and_written(tmp_path, ok, bad):
    rows = ok("classes")["templates"]
    assert [row["template"] for row in rows] == ["nyu40", "scannet20", "scannet200", "s3dis"]
    for row in rows:
        path = tmp_path / f"{row['template']}.yaml"
        shown = ok("classes", row["template"], "-o", path)
        assert read_class_list(path) == class_list(row["template"])
        assert len(shown["classes"]) == len(read_class_list(path).classes)
        assert ok("info", path)["classes"] == len(shown["classes"])
    assert "name one" in bad("classes", "-o", tmp_path / "x.yaml")


def test_an_edited_list_is_not_written_over(tmp_path, ok, bad):
    path = tmp_path / "mine.yaml"
    ok("classes", "s3dis", "-o", path)
    ok("classes", "s3dis", "-o", path)  # says the same
    path.write_text(PLANT)
    assert "--overwrite" in bad("classes", "s3dis", "-o", path)
    assert path.read_text() == PLANT
    ok("classes", "s3dis", "-o", path, "--overwrite")
    assert read_class_list(path) == class_list("s3dis")


def test_info_knows_click_files_from_other_json(tmp_path, ok, bad):
    path = tmp_path / "a.json"
    path.write_text('{"0": {"3": 17}}')
    assert ok("info", path)["kind"] == "clicks of the authors"
    path.write_text('{"semantic_miou": 0.5}')
    assert "nothing that this program knows" in bad("info", path)
    path.write_text('[{"id": 1, "name": "pump"}]')
    assert ok("info", path)["kind"] == "class list"
