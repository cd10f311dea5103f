"""`seggroup evaluate semantic|instance|check`: on text files, on labels, and what is refused."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from seggroup.classes import BENCHMARK18, class_name
from seggroup.cli.app import app
from seggroup.errors import InputError
from seggroup.io.ply import write_ply
from seggroup.io.proposals import pack_proposals, write_proposals
from seggroup.io.store import labels_file, proposals_file, write_labels
from seggroup.io.submission import write_instances, write_semantic
from seggroup.types import Labels, Scan

CLASSES = """
- {id: 5, name: pump}
- {id: 7, name: pipe}
- {id: 1, name: ground, thing: false}
"""


def run(*arguments):
    """The exit status and the JSON of a command; its own errors are raised."""
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--json"])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def place(tmp_path):
    """One scene, room, in every form: scans, labels, text files and submissions."""
    rng = np.random.default_rng(0)
    instance = np.repeat([-1, 0, 1, 2], [50, 200, 300, 250]).astype(np.int32)
    semantic = np.repeat([-1, 1, 5, 7], [50, 200, 300, 250]).astype(np.int32)
    points = rng.random((800, 3)).astype(np.float32)
    scan = Scan("room", points, np.zeros((800, 3), np.uint8), np.empty((0, 3), np.int32))
    write_ply(tmp_path / "scans/room.ply", scan, Labels(semantic, instance))
    guess = np.where(rng.random(800) < 0.2, 5, semantic).astype(np.int32)
    labels = Labels(guess, instance, np.full(800, 0.5, np.float32))
    write_labels(labels_file(tmp_path / "labels", "room"), labels)
    proposals = pack_proposals([(np.arange(260, 550), 5, 0.5), (np.arange(700, 800), 7, 0.75)])
    write_proposals(proposals_file(tmp_path / "labels", "room"), proposals)
    write_semantic(tmp_path / "truth/semantic", "room", semantic)
    write_semantic(tmp_path / "submission/semantic", "room", guess)
    ids = np.where(semantic > 0, semantic * 1000 + instance + 1, 0)
    write_semantic(tmp_path / "truth/instance", "room", ids)
    write_instances(tmp_path / "submission/instance", "room", proposals, 800)
    return tmp_path


@pytest.mark.parametrize("task", ["semantic", "instance"])
def test_labels_and_text_files_score_alike(place, task):
    files = ["--truth", place / "truth" / task, "--prediction", place / "submission" / task]
    status, of_files = run(task, *files)
    assert status == 0
    assert run(task, place / "scans", "--labels", place / "labels") == (0, of_files)
    if task == "semantic":
        assert set(of_files) == {"miou", "iou", "tp", "denom"}
        assert 0.5 < of_files["iou"]["chair"] < 1
    else:
        assert set(of_files) == {"ap", "ap50", "ap25", "overlaps", "classes", "table"}
        assert set(of_files["classes"]) == {class_name(i) for i in BENCHMARK18}
        assert of_files["classes"]["table"] == {"ap": 0, "ap50": 0, "ap25": 1}


@pytest.mark.parametrize("task", ["semantic", "instance"])
@pytest.mark.parametrize("ending", ["html", "md", "json"])
def test_reports(place, task, ending):
    report = place / f"page.{ending}"
    _, result = run(task, place / "scans", "--labels", place / "labels", "--report", report)
    assert ("confusion" in result) == (task == "semantic")
    assert ("curves" in result) == (task == "instance")
    assert "chair" in report.read_text()
    if ending == "json":
        assert json.loads(report.read_text()) == result


@pytest.mark.parametrize("form", ["files", "labels"])
def test_other_class_lists(place, form):
    (place / "classes.yaml").write_text(CLASSES)
    for task in ("semantic", "instance"):
        what = [place / "scans", "--labels", place / "labels"]
        if form == "files":
            what = ["--truth", place / "truth" / task, "--prediction", place / "submission" / task]
        _, result = run(task, *what, "--classes", place / "classes.yaml")
        names = result["iou"] if task == "semantic" else result["classes"]
        assert list(names) == ["pump", "pipe"] + ["ground"] * (task == "semantic")


def test_a_class_list_without_things_has_no_instances(place):
    (place / "classes.yaml").write_text("- {id: 1, name: ground, thing: false}")
    with pytest.raises(InputError, match=r"classes\.yaml: all classes are"):
        run("instance", place / "scans", "--labels", place, "--classes", place / "classes.yaml")


@pytest.mark.parametrize("options", [[], ["labels"], ["truth"], ["labels", "truth", "prediction"]])
@pytest.mark.parametrize("task", ["semantic", "instance"])
def test_one_form_must_be_named(place, task, options):
    words = [word for name in options for word in (f"--{name}", str(place))]
    with pytest.raises(InputError, match="name SCENES and --labels, or --truth"):
        run(task, *words)
    if "prediction" in options:
        with pytest.raises(InputError, match="and not both"):
            run(task, place / "scans", *words)


@pytest.mark.parametrize("task", ["semantic", "instance"])
def test_check(place, task):
    (place / "classes.yaml").write_text(CLASSES)
    folder = place / "submission" / task
    assert run("check", task, folder, "--scenes", place / "scans")[0] == 0
    assert run("check", task, folder, "--classes", place / "classes.yaml")[0] == 2  # named room
    (folder / "other.txt").write_text("5\n" * 800 if task == "semantic" else "")
    status, result = run("check", task, folder, "--scenes", place / "scans")
    assert (status, result["refused"]) == (2, 1)
    assert result["problems"][0] == {
        "file": "other.txt",
        "message": "is no scene that was asked for; take it out",
        "refused": True,
    }


def test_check_for_people(place):
    folder = place / "submission/semantic"
    command = ["evaluate", "check", "semantic", str(folder)]
    result = CliRunner().invoke(app, [*command, "--scenes", str(place / "scans")])
    assert result.exit_code == 0
    assert "note: room.txt: has no class for" in result.output
    assert "nothing would be refused" in result.output
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "refused: room.txt: is not named as a scan of ScanNet" in result.output
