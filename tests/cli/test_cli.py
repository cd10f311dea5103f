"""Every subcommand, in this process: what it writes, prints and refuses."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from plyfile import PlyData
from toy_files import write_toy

from seggroup.io.scannet import write_scene
from seggroup.io.scenes import find_scenes, read_source


@pytest.fixture
def scans(tmp_path):
    for seed, name in enumerate("ab"):
        write_toy(tmp_path / "scans", name, seed)
    return tmp_path / "scans"


@pytest.fixture
def clicks(scans, ok):
    ok("click", scans, "-o", scans.parent / "clicks")
    return scans.parent / "clicks"


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "timing.json"
    }


def test_the_whole_chain(scans, tmp_path, ok, seggroup):
    mesh = scans / "a.ply"
    segmented = ok("segment", mesh, "-o", tmp_path / "a.segs.json")
    assert segmented["vertices"] == 24 * 24
    assert segmented["faces"] == 2 * 23 * 23
    assert segmented["seconds"] > 0
    file = json.loads((tmp_path / "a.segs.json").read_text())
    assert len(file["segIndices"]) == 24 * 24
    assert len(set(file["segIndices"])) == segmented["segments"]

    clicked = ok("click", mesh, "-o", tmp_path / "c", "--style", "top1")
    assert clicked["scenes"][0]["clicks"] >= 4
    assert (tmp_path / "c" / "a.clicks.json").exists()

    trained = ok("train", mesh, "--clicks", tmp_path / "c", "-o", tmp_path / "run", "--epochs", 2)
    assert [row["epoch"] for row in trained["history"]] == [1, 2]
    assert {"run.json", "metrics.json", "model.safetensors"} <= contents(tmp_path / "run").keys()

    out = tmp_path / "out"
    spread = ["--weights", tmp_path / "run", "-o", out]
    ok("propagate", mesh, "--clicks", tmp_path / "c", *spread)
    labels = np.load(out / "a.npz")
    assert labels["semantic"].dtype == labels["instance"].dtype == np.int32
    assert labels["confidence"].dtype == np.float32
    assert {array.shape for array in labels.values()} == {(24 * 24,)}
    vertex = PlyData.read(out / "a.ply")["vertex"]
    np.testing.assert_array_equal(vertex["instance"], labels["instance"] + 1)

    figures = ok("evaluate", "pseudo", mesh, "--labels", out)
    assert figures["semantic_miou"] == trained["metrics"]["semantic_miou"]
    assert {"instance_miou", "coverage", "purity", "ece"} <= figures.keys()
    of_run = ok("evaluate", "pseudo", mesh, "--labels", tmp_path / "run")
    assert list(of_run["levels"]) == ["1", "2", "3", "4", "final"]

    small = ["--size", "64x48"]
    ok("show", mesh, "--labels", out, "-o", tmp_path / "a.png", *small)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (64, 48)
    ok("show", mesh, "--labels", out / "a.npz", "-o", tmp_path / "shown.ply")
    shown = PlyData.read(tmp_path / "shown.ply")["vertex"]
    np.testing.assert_array_equal(shown["label"], labels["semantic"])

    kinds = {
        mesh: "mesh",
        scans: "scenes",
        tmp_path / "a.segs.json": "segments",
        tmp_path / "c" / "a.clicks.json": "clicks",
        tmp_path / "run": "run of seggroup train",
        tmp_path / "run" / "model.safetensors": "checkpoint",
        out / "a.npz": "labels",
    }
    for path, kind in kinds.items():
        assert ok("info", path)["kind"] == kind
    for words in (["info", mesh], ["evaluate", "pseudo", mesh, "--labels", out]):  # for people
        assert seggroup(*words).code == 0


def test_a_run_repeats_byte_for_byte_and_resumes(scans, clicks, tmp_path, ok):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train = ["train", scans, "--clicks", clicks]
    ok(*train, "-o", whole, "--epochs", 2)
    ok(*train, "-o", parts, "--epochs", 1)
    first = contents(parts)
    ok(*train, "-o", parts, "--epochs", 2)
    assert contents(parts) == contents(whole)
    assert contents(parts)["model.safetensors"] != first["model.safetensors"]
    ok(*train, "-o", tmp_path / "seed", "--epochs", 2, "--seed", 1)
    assert contents(tmp_path / "seed")["model.safetensors"] != contents(whole)["model.safetensors"]


def test_jobs_and_truth_change_no_byte(scans, clicks, tmp_path, ok):
    for name, more in {"one": [], "two": ["--jobs", 2], "blind": ["--no-truth"]}.items():
        ok("propagate", scans, "--clicks", clicks, "-o", tmp_path / name, *more)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    for name in ("a.npz", "b.npz", "a.ply", "b.ply"):
        assert contents(tmp_path / "one")[name] == contents(tmp_path / "blind")[name]


@pytest.mark.parametrize("style", ["top1", "top2", "top3", "all3", "random", "central", "noisy"])
def test_styles_repeat_by_seed(scans, tmp_path, ok, style):
    for folder, seed in (("x", 3), ("y", 3)):
        ok("click", scans, "-o", tmp_path / folder, "--style", style, "--seed", seed)
    assert contents(tmp_path / "x") == contents(tmp_path / "y")
    assert contents(tmp_path / "x").keys() == {"a.clicks.json", "b.clicks.json"}


def test_the_authors_format_comes_back(scans, clicks, tmp_path, ok):
    ok("click", scans, "-o", tmp_path / "authors", "--format", "authors")
    assert contents(tmp_path / "authors").keys() == {"a.json", "b.json"}
    ok("click", scans, "-o", tmp_path / "back", "--import", tmp_path / "authors")
    columns = [
        [
            {tuple(c[k] for k in ("instance", "class_id", "vertex", "segment")) for c in f}
            for f in (json.loads((d / f"{n}.clicks.json").read_text())["clicks"] for n in "ab")
        ]
        for d in (clicks, tmp_path / "back")
    ]
    assert columns[0] == columns[1]
    for folder in ("authors", "back"):
        ok("propagate", scans, "--clicks", tmp_path / folder, "-o", tmp_path / f"{folder}-out")
    out = [contents(tmp_path / f"{folder}-out")["a.npz"] for folder in ("authors", "back")]
    assert out[0] == out[1]


def test_the_scannet_layout(scans, tmp_path, ok):
    scan, _, truth = read_source(find_scenes([scans / "a.ply"])[0])
    ids = np.repeat(np.arange(24, dtype=np.int32), 24) * 24
    write_scene(tmp_path / "root", scan, ids, truth, 0.01, 20)
    for scene in (tmp_path / "root", tmp_path / "root" / "scans" / "a"):
        row = ok("segment", scene, "-o", tmp_path / "a.segs.json")
        assert row["segments"] == 24
        assert row["reused"]
    assert ok("info", tmp_path / "root" / "scans" / "a")["instances"] == 4


def test_levels_thresholds_and_released(scans, clicks, tmp_path, ok):
    base = ["propagate", scans / "a.ply", "--clicks", clicks, "--method", "seggroup"]
    coverage = []
    for level in ("1", "2", "3", "4", "final"):
        row = ok(*base, "-o", tmp_path / level, "--level", level)["scenes"][0]
        coverage.append(row["labelled"])
    assert coverage == sorted(coverage)
    assert coverage[-1] == 1
    ok(*base, "-o", tmp_path / "t", "--thresholds", "0,0,0", "--level", "4")
    first = np.load(tmp_path / "1" / "a.npz")["instance"]
    np.testing.assert_array_equal(np.load(tmp_path / "t" / "a.npz")["instance"], first)


def test_reports(scans, clicks, tmp_path, ok, bad):
    ok("propagate", scans, "--clicks", clicks, "-o", tmp_path / "out")
    pseudo = ["evaluate", "pseudo", scans, "--labels", tmp_path / "out"]
    for ending in ("html", "md", "json"):
        ok(*pseudo, "--report", tmp_path / f"report.{ending}")
        assert (tmp_path / f"report.{ending}").stat().st_size > 100
    assert "report ends in" in bad(*pseudo, "--report", tmp_path / "report.xls")


def test_benchmark_files(tmp_path, ok, bad):
    for name in ("truth", "prediction"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("1\n2\n5\n5\n")
    both = ["--truth", tmp_path / "truth", "--prediction", tmp_path / "prediction"]
    assert ok("evaluate", "semantic", *both)["miou"] == 1
    assert "a.txt" in bad("evaluate", "instance", *both)
    (tmp_path / "prediction" / "a.txt").write_text("1\n2\n")
    assert "a.txt" in bad("evaluate", "semantic", *both)
    (tmp_path / "prediction" / "a.txt").unlink()
    assert "prediction" in bad("evaluate", "semantic", *both)


# --- what is refused ---


def test_usage(bad, seggroup):
    for words in (["fly"], ["segment"], ["segment", "x", "--k", "?"], ["train", "x"]):
        bad(*words)
    for words in (["--help"], ["--version"], ["train", "--help"], ["evaluate", "--help"]):
        assert seggroup(*words).code == 0
    for command in ("segment", "click", "train", "propagate", "show", "synth", "demo", "info"):
        out = seggroup(command, "--help").out
        assert all(option in out for option in ("--json", "--seed", "--device")), command


@pytest.mark.parametrize("command", ["segment", "click", "train", "propagate", "show", "info"])
def test_scenes_that_are_none(command, scans, tmp_path, bad):
    (tmp_path / "void").mkdir()
    (tmp_path / "notes.pdf").write_text("hello")
    (tmp_path / "cut.ply").write_bytes((scans / "a.ply").read_bytes()[:900])
    (tmp_path / "empty.ply").write_bytes(b"")
    (tmp_path / "clicks").mkdir()
    (tmp_path / "clicks" / "cut.json").write_text('{"0": {"0": 0}}')
    more = {
        "click": ["-o", tmp_path / "o"],
        "train": ["--clicks", tmp_path / "clicks", "-o", tmp_path / "o"],
        "propagate": ["--clicks", tmp_path / "clicks", "-o", tmp_path / "o"],
        "show": ["-o", tmp_path / "o.png"],
    }.get(command, [])
    for name in ("missing.ply", "void", "notes.pdf"):
        assert name in bad(command, tmp_path / name, *more)
    if command not in ("propagate", "train"):  # they look for the clicks first
        for name in ("cut.ply", "empty.ply"):
            assert name in bad(command, tmp_path / name, *more)


CLICK_FILES = {
    "no JSON": ("{", "not valid JSON"),
    "a list": ("[]", "not a click file"),
    "out of range": ('{"0": {"0": 99999}}', "vertices 0 to 575"),
    "negative": ('{"0": {"0": -1}}', "not an integer"),
    "a word": ('{"chair": {"0": 1}}', "not an integer"),
    "contradiction": ('{"0": {"0": 0}, "1": {"1": 0}}', "instance 0"),
    "none": ("{}", "no click"),
    "old version": ('{"version": 99, "clicks": []}', "version 99"),
}


@pytest.mark.parametrize("name", CLICK_FILES)
def test_click_files_that_are_none(name, scans, tmp_path, bad):
    text, words = CLICK_FILES[name]
    (tmp_path / "a.json").write_text(text)
    scene = scans / "a.ply"
    message = bad("propagate", scene, "--clicks", tmp_path / "a.json", "-o", tmp_path / "o")
    assert words in message
    assert not (tmp_path / "o" / "a.npz").exists()
    bad("train", scene, "--clicks", tmp_path / "a.json", "-o", tmp_path / "o")
    assert not (tmp_path / "o").exists(), "nothing was done, so nothing is left"


def test_contradictions_are_named_and_may_be_dropped(scans, tmp_path, bad, ok):
    (tmp_path / "a.json").write_text('{"0": {"0": 0}, "1": {"1": 0}}')
    words = ["propagate", scans / "a.ply", "--clicks", tmp_path, "-o", tmp_path / "o"]
    message = bad(*words)
    assert "instance 0" in message
    assert "instance 1" in message
    assert ok(*words, "--on-contradiction", "drop")["scenes"][0]["clicks"] == 1


def test_other_refusals(scans, clicks, tmp_path, bad, ok):
    mesh, out = scans / "a.ply", tmp_path / "out"
    propagate = ["propagate", mesh, "--clicks", clicks, "-o", out]
    network = [*propagate, "--method", "seggroup"]
    assert "--thresholds x" in bad(*network, "--thresholds", "x")
    assert "three numbers" in bad(*network, "--thresholds", "1,2")
    assert "three numbers" in bad(*network, "--thresholds", "1,2,nan")
    assert "--method seggroup" in bad(*propagate, "--level", "3")
    assert "does not exist" in bad(*propagate, "--weights", tmp_path / "none")
    assert "safetensors" in bad(*propagate, "--weights", mesh)
    assert "no clicks for a" in bad("propagate", mesh, "--clicks", scans, "-o", out)
    assert "b" in bad("propagate", mesh, "--clicks", clicks / "b.clicks.json", "-o", out)
    assert "no labels" in bad("evaluate", "pseudo", mesh, "--labels", tmp_path / "none")
    assert "top9" in bad("click", mesh, "-o", out, "--style", "top9")
    assert "written over" in bad("show", mesh, "-o", mesh)
    assert ".png" in bad("show", mesh, "-o", tmp_path / "a.bmp")
    assert "--size" in bad("show", mesh, "-o", tmp_path / "a.png", "--size", "big")
    assert "name one" in bad("show", scans, "-o", tmp_path / "a.png")
    (tmp_path / "file").write_text("")
    assert "cannot write" in bad("segment", mesh, "-o", tmp_path / "file" / "x.json")
    ok(*propagate)
    write_toy(tmp_path / "other", "a", 5, side=12)
    other = tmp_path / "other" / "a.ply"
    assert "vertices" in bad("evaluate", "pseudo", other, "--labels", out)
    assert "vertices" in bad("show", other, "--labels", out, "-o", tmp_path / "a.png")
    bare = tmp_path / "bare.off"
    bare.write_text("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n")
    assert "no true instances" in bad("click", bare, "-o", out)
    shutil.copy(out / "a.npz", out / "bare.npz")
    assert "no ground truth" in bad("evaluate", "pseudo", bare, "--labels", out)


def test_a_gpu_that_is_not_there(scans, clicks, tmp_path, bad, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    device = ["--clicks", clicks, "-o", tmp_path / "o", "--device", "cuda"]
    assert "no CUDA device" in bad("propagate", scans, "--method", "seggroup", *device)
    assert "no CUDA device" in bad("train", scans, *device)


def test_a_run_with_other_settings_is_refused(scans, clicks, tmp_path, ok, bad):
    train = ["train", scans / "a.ply", "--clicks", clicks, "-o", tmp_path / "run", "--epochs", 1]
    ok(*train)
    before = contents(tmp_path / "run")
    assert "other settings" in bad(*train, "--seed", 1)
    assert "other clicks" in bad("train", scans, *train[2:])
    assert contents(tmp_path / "run") == before


def test_faults_of_the_program_have_no_traceback(seggroup, scans, monkeypatch):
    monkeypatch.setattr("seggroup.pipeline.segment", lambda *_: 1 / 0)
    done = seggroup("segment", scans / "a.ply")
    assert done.code == 1
    assert "Traceback" not in done.err
    assert "ZeroDivisionError" in done.err
    monkeypatch.setenv("SEGGROUP_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        seggroup("segment", scans / "a.ply")


def test_an_interrupt_says_how_to_go_on(seggroup, scans, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("seggroup.pipeline.segment", interrupted)
    done = seggroup("segment", scans / "a.ply")
    assert done.code == 130
    assert done.out == ""
    assert "the same command goes on" in done.err


# --- as a process of its own ---


def process(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "seggroup.cli", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error::DeprecationWarning"},
    )


def test_a_real_process(scans, tmp_path):
    done = process("segment", "scans/a.ply", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["output"] == "scans/a.0.010000.segs.json"
    done = process("segment", "none.ply", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "error: none.ply: does not exist; check the path\n"


def test_progress_goes_to_standard_error(scans, clicks, tmp_path):
    done = process(
        "train", "scans", "--clicks", "clicks", "-o", "run", "--epochs", 1, "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) >= {"history", "metrics", "checkpoint"}
    assert "epoch 1/1" in done.stderr
