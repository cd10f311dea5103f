"""`seggroup click --database`: from the annotator's database to click files."""

import json
import sys

import numpy as np
import pytest
from toy_files import write_toy

from seggroup.cli import main
from seggroup.cli.tracks import chosen
from seggroup.errors import InputError
from seggroup.io.clicks import mesh_hash, read_clicks, segments_hash
from seggroup.io.scenes import find_scenes
from seggroup.pipeline import load_scene
from seggroup.server.database import Database, ScanKey
from seggroup.server.protocol import Click, Draft, TrackSummary, Write


def track(name, status="started"):
    return TrackSummary(name, status, 1, 1, 1, 0.0, None, "")


def test_whose_track_is_taken():
    ada, bob = track("ada"), track("bob", "submitted")
    eve = track("eve", "accepted")
    assert chosen("a", [], None) is None
    assert chosen("a", [ada], None) == "ada"
    assert chosen("a", [ada, bob], None) == "bob"
    assert chosen("a", [ada, bob, eve], None) == "eve"
    assert chosen("a", [ada, bob, eve], "ada") == "ada"
    assert chosen("a", [ada], "bob") is None
    with pytest.raises(InputError, match=r"several people have clicked \(ada, bob\); name one"):
        chosen("a", [ada, track("bob")], None)


@pytest.fixture
def annotated(tmp_path):
    """A toy scan, and a database in which ada clicked one vertex in each of three segments."""
    scan = write_toy(tmp_path, "a")
    scene = load_scene(find_scenes([scan])[0])
    _, vertices = np.unique(scene.segments, return_index=True)
    drafts = [
        Draft(f"draft-{i}", 1000 + i, 10, Click("click", int(v), int(s), 2 * i, 5))
        for i, (v, s) in enumerate(zip(vertices[:3], scene.segment_ids[:3], strict=True))
    ]
    database = Database(tmp_path / "annotations.sqlite")
    key = ScanKey(mesh_hash(scene.scan), segments_hash(scene))
    database.append("a", "ada", "ada", Write("client-1", 0, drafts), key, 5000)
    database.close()
    return scan, scene, tmp_path / "annotations.sqlite"


def run(monkeypatch, *words):
    """Run the program; its exit status."""
    monkeypatch.setattr(sys, "argv", ["seggroup", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code


def test_clicks_of_the_annotator_become_a_click_file(annotated, tmp_path, monkeypatch, capsys):
    scan, scene, database = annotated
    run(monkeypatch, "click", scan, "-o", tmp_path / "out", "--database", database, "--json")
    assert json.loads(capsys.readouterr().out)["scenes"][0]["annotator"] == "ada"
    clicks, notes = read_clicks(tmp_path / "out/a.clicks.json", scene)
    assert clicks.instance.tolist() == [0, 2, 4]
    assert scene.segments[clicks.vertex].tolist() == [0, 1, 2]
    assert notes == []
    run(
        monkeypatch, "click", scan, "-o", tmp_path / "out", "--database", database,
        "--annotator", "ada", "--format", "authors",
    )  # fmt: skip
    written = json.loads((tmp_path / "out/a.json").read_text())
    segments = scene.segment_ids[:3].tolist()
    assert {i: list(clicked) for i, clicked in written.items()} == {
        "0": [str(segments[0])], "2": [str(segments[1])], "4": [str(segments[2])],
    }  # fmt: skip


def test_nobody_has_clicked(annotated, tmp_path, monkeypatch, capsys):
    scan, _, database = annotated
    for more in (["--annotator", "bob"], []):
        scenes = scan if more else write_toy(tmp_path / "other", "b")
        words = ["click", scenes, "-o", tmp_path, "--database", database, *more]
        assert run(monkeypatch, *words) == 2
        assert "clicked in these scenes; see seggroup stats" in capsys.readouterr().err
