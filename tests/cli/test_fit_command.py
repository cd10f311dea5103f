"""`seggroup fit` and `seggroup predict`: what they write, resume and refuse."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from toy_files import write_toy

from seggroup.io.proposals import read_proposals
from seggroup.io.store import labels_file, sets_file

SMALL = ["--channels", 4, "--levels", 2, "--batch", 2, "--threads", 1]
SIZES = {"unet": ["--voxel", 0.1], "kpconv": ["--voxel", 0.1], "pointgroup": ["--voxel", 0.1]}


@pytest.fixture
def scans(tmp_path):
    for seed, name in enumerate("abc"):
        write_toy(tmp_path / "scans", name, seed)
    return tmp_path / "scans"


@pytest.fixture
def labels(scans, tmp_path, ok):
    ok("budget", scans, "--form", "dense", "--minutes", 1000, "-o", tmp_path / "dense")
    return tmp_path / "dense"


def command(model):
    task = "instance" if model == "pointgroup" else "semantic"
    return ["fit", task, "--model", model, *SMALL, *SIZES[model]]


@pytest.mark.parametrize("model", SIZES)
def test_fit_predict_and_score(model, scans, labels, tmp_path, ok):
    run, out = tmp_path / "run", tmp_path / "out"
    validation = ["--validation", scans / "c.ply"]
    words = [*command(model), scans, "--labels", labels, "-o", run, *validation]
    done = ok(*words, "--epochs", 3)
    assert [row["epoch"] for row in done["history"]] == [1, 2, 3]
    assert done["scenes"] == 3
    assert done["history"][0]["validation"]["miou"] >= 0
    assert {path.name for path in run.iterdir()} == {
        "model.safetensors",
        "best.safetensors",
        "training.safetensors",
        "curve.csv",
        "report.html",
        "run.json",
    }
    with open(run / "curve.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["semantic"]) for row in rows] == [
        row["losses"]["semantic"] for row in done["history"]
    ]
    assert json.loads((run / "run.json").read_text())["config"]["model"] == model

    predicted = ok("predict", run, scans, "-o", out, "--rotations", 2, "--benchmark", "--ply")
    assert [row["scene"] for row in predicted["scenes"]] == ["a", "b", "c"]
    found = np.load(out / "a.npz")
    assert found["semantic"].shape == (24 * 24,)
    assert (out / "a.ply").exists()
    figures = ok("evaluate", "semantic", scans, "--labels", out)
    assert 0 <= figures["miou"] <= 1
    ok("evaluate", "check", "semantic", out / "benchmark" / "semantic", "--scenes", scans)
    if model == "pointgroup":
        read_proposals(out / "a.proposals.npz", 24 * 24)
        ok("evaluate", "instance", scans, "--labels", out)
        ok("evaluate", "check", "instance", out / "benchmark" / "instance", "--scenes", scans)
        row = predicted["scenes"][0]
        assert (row["instances"] == 0) == bool(row["note"])
    best = ok("predict", run, scans / "a.ply", "-o", tmp_path / "best", "--best")
    assert len(best["scenes"]) == 1


def test_a_longer_run_is_another_one_and_an_equal_one_is_not_redone(scans, labels, tmp_path, ok):
    words = [*command("unet"), scans, "--labels", labels, "-o", tmp_path / "run", "--epochs", 2]
    first = ok(*words)
    again = ok(*words)
    assert again["history"] == first["history"]
    assert again["seconds"] == first["seconds"]  # those of the training, not of this call


@pytest.mark.parametrize(("epoch", "before"), [(2, True), (4, True), (4, False)])
def test_a_killed_run_goes_on_to_the_same_weights(
    scans, labels, tmp_path, ok, monkeypatch, epoch, before
):
    words = [*command("unet"), scans, "--labels", labels, "--epochs", 4]
    words += ["--validation", scans / "c.ply", "--validate-every", 1]
    ok(*words, "-o", tmp_path / "whole")
    import seggroup.downstream.fit as loop

    save = loop._save

    def killed(folder, *rest):
        if len(rest[-1]) == epoch and before:
            raise KeyboardInterrupt
        save(folder, *rest)
        if len(rest[-1]) == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_save", killed)
    with pytest.raises(AssertionError):
        ok(*words, "-o", tmp_path / "cut")
    monkeypatch.setattr(loop, "_save", save)
    ok(*words, "-o", tmp_path / "cut")
    for name in ("model.safetensors", "best.safetensors", "run.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_several_processes_train_one_model_and_one_speaks(scans, labels, tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
    launch += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "-m", "seggroup.cli"]
    words = [*command("pointgroup"), scans, "--labels", labels, "-o", tmp_path / "run"]
    words += ["--epochs", 2, "--batch", 1, "--validation", scans / "c.ply", "--json"]
    done = subprocess.run(
        [*launch, *map(str, words)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    history = json.loads(done.stdout)["history"]  # one object, not one a process
    assert len(history) == 2
    assert {"model.safetensors", "best.safetensors", "report.html", "run.json"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }


def test_class_sets_train_by_the_same_command(scans, tmp_path, ok):
    folder = tmp_path / "tags"
    ok("budget", scans, "--form", "scene", "--minutes", 1000, "-o", folder)
    assert sets_file(folder, "a").exists()
    run = tmp_path / "run"
    done = ok(*command("unet"), scans, "--labels", folder, "-o", run, "--epochs", 1)
    assert done["history"][0]["losses"]["tags"] > 0
    out = tmp_path / "out"
    ok("predict", run, scans, "-o", out, "--restrict", folder)
    assert set(np.load(out / "a.npz")["semantic"]) <= {1, 2, 5, 39}


def test_only_scenes_with_labels_are_used(scans, labels, tmp_path, seggroup):
    labels_file(labels, "b").unlink()
    words = [*command("unet"), scans, "--labels", labels, "-o", tmp_path / "run", "--epochs", 1]
    done = seggroup(*words)
    assert done.code == 0
    assert "1 scenes have no labels there and were left out" in done.err


def test_bad_input_is_answered(scans, labels, tmp_path, bad):
    words = [*command("unet"), scans, "-o", tmp_path / "run", "--epochs", 1]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds labels of none of the 3 scenes" in bad(*words, "--labels", empty)
    assert "--voxel -1.0: must be more than 0" in bad(*words, "--labels", labels, "--voxel", -1)
    assert "cannot be read as safetensors" in bad("predict", scans / "a.ply", scans, "-o", empty)
    assert "no such file" in bad("predict", empty / "x", scans, "-o", empty)
    wrong = ["--model", "pointgroup", "--labels", labels]
    assert "does not learn semantic labels" in bad("fit", "semantic", scans, "-o", empty, *wrong)
    assert "are of pointgroup" in bad(*words, "--labels", labels, "--radius", 0.1)
    labels_file(labels, "a").write_bytes(b"PK\3\4 not an archive")
    assert "a.npz" in bad(*words, "--labels", labels)


def test_a_coarse_scan_gets_coarser_voxels_and_is_told_so(scans, labels, tmp_path, seggroup):
    run = tmp_path / "run"
    words = ["fit", "semantic", *SMALL, scans, "--labels", labels, "-o", run, "--epochs", 1]
    done = seggroup(*words)
    assert done.code == 0, done.err
    assert "times as far as ScanNet's" in done.err
    record = json.loads((run / "run.json").read_text())
    assert record["config"]["network"]["voxel"] > 0.03
