"""The assigner on the command line: what it writes, splits, warns of and refuses."""

import json
import shutil

import numpy as np
import pytest
from toy_files import write_toy

from seggroup import pipeline
from seggroup.assign.weights import BOX
from seggroup.config import DEFAULT_METHOD, NetworkConfig
from seggroup.io.clicks import write_clicks
from seggroup.io.scenes import find_scenes
from seggroup.io.store import labels_file, levels_file, read_labels, read_levels
from seggroup.model.checkpoint import save_network
from seggroup.model.network import build
from seggroup.types import NONE, Clicks


@pytest.fixture
def scans(tmp_path):
    write_toy(tmp_path / "scans", "a", 0)
    return tmp_path / "scans"


@pytest.fixture
def clicks(scans, ok):
    ok("click", scans, "-o", scans.parent / "clicks")
    return scans.parent / "clicks"


@pytest.fixture
def checkpoint(tmp_path):
    """The paper's network, untrained, as a file."""
    path = tmp_path / "paper" / "model.safetensors"
    save_network(path, build((1, 2), NetworkConfig(samples=8), 0), (1, 2))
    return path


def scene_of(scans):
    return pipeline.load_scene(find_scenes([scans / "a.ply"])[0])


def clicked(scans, place, *rows):
    """A click file with (vertex, instance, class) rows."""
    vertex, instance, semantic = np.array(rows, np.int32).T.copy()
    place.mkdir(exist_ok=True)
    write_clicks(place / "a.clicks.json", Clicks(vertex, instance, semantic), scene_of(scans), "x")
    return place


def command(scans, clicks, out, *more):
    return ["propagate", scans, "--clicks", clicks, "-o", out, "--method", "assign", *more]


def two_in_one_segment(scans):
    """The two vertices of the largest segment that are farthest apart."""
    scene = scene_of(scans)
    inside = np.flatnonzero(scene.segments == np.bincount(scene.segments).argmax())
    place = scene.scan.vertices[inside]
    away = np.linalg.norm(place[:, None] - place, axis=2)
    a, b = np.unravel_index(away.argmax(), away.shape)
    return int(inside[a]), int(inside[b])


def test_every_level_maps_back_exactly(scans, clicks, tmp_path, ok):
    found = ok(*command(scans, clicks, tmp_path / "o"))
    assert found["method"] == "assign"
    assert found["scenes"][0]["labelled"] == 1
    scene = scene_of(scans)
    size = len(scene.segments)
    labels = read_labels(labels_file(tmp_path / "o", "a"), size)
    part, levels = read_levels(levels_file(tmp_path / "o", "a"), size)
    assert list(levels) == ["1", "final"]
    final, first = levels["final"].at(part), levels["1"].at(part)
    for name in ("semantic", "instance", "confidence"):
        np.testing.assert_array_equal(getattr(final, name), getattr(labels, name))
    for inside in range(part.max() + 1):  # finer than the segments
        assert len(np.unique(scene.segments[part == inside])) == 1
    known = first.instance != NONE
    assert 0 < known.sum() < size
    np.testing.assert_array_equal(first.instance[known], final.instance[known])
    given, _, _ = pipeline.load_clicks(scene, clicks)
    assert known[given.vertex].all()
    np.testing.assert_array_equal(labels.instance[given.vertex], given.instance)
    np.testing.assert_array_equal(labels.semantic[given.vertex], given.semantic)
    ok("propagate", scans, "--clicks", clicks, "-o", tmp_path / "one", "--method", "assign",
       "--level", "1")  # fmt: skip
    one = read_labels(labels_file(tmp_path / "one", "a"), size)
    np.testing.assert_array_equal(one.instance, first.instance)
    figures = ok("evaluate", "pseudo", scans, "--labels", tmp_path / "o")
    assert list(figures["levels"]) == ["1", "final"]
    assert figures["levels"]["final"]["semantic_miou"] == figures["semantic_miou"]


def test_nothing_is_done_twice_unless_the_method_changes(scans, clicks, tmp_path, ok):
    run = command(scans, clicks, tmp_path / "o")
    assert not ok(*run)["scenes"][0]["reused"]
    assert ok(*run)["scenes"][0]["reused"]
    assert not ok(*run, "--min-confidence", "0.5")["scenes"][0]["reused"]
    assert not ok(*run[:-1], "walk")["scenes"][0]["reused"]


def test_two_clicks_in_a_segment_split_it_and_are_noted(scans, tmp_path, seggroup, ok, bad):
    a, b = two_in_one_segment(scans)
    clicks = clicked(scans, tmp_path / "c", (a, 3, 5), (b, 8, 2))
    row = ok(*command(scans, clicks, tmp_path / "o"))["scenes"][0]
    assert any("clicked as instances 3 and 8" in note for note in row["notes"])
    labels = read_labels(labels_file(tmp_path / "o", "a"), 24 * 24)
    assert (labels.instance[[a, b]] == (3, 8)).all()
    assert (labels.semantic[[a, b]] == (5, 2)).all()
    words = command(scans, clicks, tmp_path / "w")[:-1]
    for method in ("walk", "seggroup"):
        assert "different instances in one segment" in bad(*words, method)
    assert ok(*words, "walk", "--on-contradiction", "drop")["scenes"][0]["clicks"] == 1


def test_a_vertex_of_two_instances_and_two_classes_of_one_are_refused(scans, tmp_path, bad, ok):
    twice = clicked(scans, tmp_path / "twice", (7, 0, 1), (7, 1, 2))
    assert "different instances in one vertex (7)" in bad(*command(scans, twice, tmp_path / "o"))
    classes = clicked(scans, tmp_path / "classes", (7, 0, 1), (500, 0, 2))
    message = bad(*command(scans, classes, tmp_path / "o"))
    assert "one instance two classes (in vertices 7 and 500)" in message
    assert "--on-contradiction drop" in message
    drop = command(scans, twice, tmp_path / "o", "--on-contradiction", "drop")
    assert ok(*drop)["scenes"][0]["clicks"] == 1


def test_doubtful_clicks_are_rows_and_warnings_and_stay(scans, tmp_path, seggroup, monkeypatch):
    from seggroup.assign.doubt import Doubt

    monkeypatch.setattr(
        "seggroup.assign.doubt.doubtful", lambda *_: [Doubt(1, 0.75, "looks like a wall")]
    )
    clicks = clicked(scans, tmp_path / "c", (7, 0, 1), (500, 4, 2))
    done = seggroup(*command(scans, clicks, tmp_path / "o", "--json"))
    row = json.loads(done.out)["scenes"][0]
    assert row["doubtful"] == [
        {"vertex": 500, "instance": 4, "chance": 0.75, "reason": "looks like a wall"}
    ]
    assert "a: the click on vertex 500 (instance 4) is doubtful: looks like a wall" in done.err
    assert read_labels(labels_file(tmp_path / "o", "a"), 24 * 24).instance[500] == 4


@pytest.mark.parametrize("method", ["assign", "walk", "seggroup"])
def test_labels_below_a_confidence_are_left_out(scans, clicks, tmp_path, ok, method):
    words = [*command(scans, clicks, tmp_path / "all")[:-1], method]
    ok(*words)
    all_ = read_labels(labels_file(tmp_path / "all", "a"), 24 * 24)
    limit = float(np.sort(all_.confidence)[len(all_) // 2]) + 1e-6
    words[words.index(tmp_path / "all")] = tmp_path / "sure"
    row = ok(*words, "--min-confidence", limit)["scenes"][0]
    sure = read_labels(labels_file(tmp_path / "sure", "a"), 24 * 24)
    kept = all_.confidence >= limit
    assert 0 < kept.sum() < len(kept)
    assert row["labelled"] == pytest.approx(kept.mean())
    np.testing.assert_array_equal(sure.confidence, all_.confidence)
    np.testing.assert_array_equal(sure.instance, np.where(kept, all_.instance, NONE))
    np.testing.assert_array_equal(sure.semantic, np.where(kept, all_.semantic, NONE))
    record = json.loads((tmp_path / "sure" / "run.json").read_text())
    assert record["config"]["min_confidence"] == limit
    figures = ok("evaluate", "pseudo", scans, "--labels", tmp_path / "sure")
    assert figures["levels"]["final"]["coverage"] == figures["coverage"]


def test_weights_name_their_method(scans, clicks, checkpoint, tmp_path, ok, bad):
    words = ["propagate", scans, "--clicks", clicks, "-o", tmp_path / "o"]
    assert ok(*words)["method"] == DEFAULT_METHOD
    assert ok(*words, "--weights", checkpoint)["method"] == "seggroup"
    other = shutil.copy(BOX, tmp_path / "other.safetensors")
    assert ok(*words, "--weights", other)["method"] == "assign"
    from_file = (tmp_path / "o" / "a.npz").read_bytes()
    assert ok(*words, "--method", "assign")["scenes"][0]["reused"]  # the same weights, in the box
    assert (tmp_path / "o" / "a.npz").read_bytes() == from_file
    before = sorted(path.name for path in (tmp_path / "o").iterdir())
    message = bad(*words, "--method", "assign", "--weights", checkpoint)
    assert "weights of --method seggroup, which assign does not read" in message
    message = bad(*words, "--method", "seggroup", "--weights", other)
    assert "weights of --method assign, which seggroup does not read" in message
    assert "walk does not read" in bad(*words, "--method", "walk", "--weights", other)
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == before


def test_what_the_assigner_does_not_have_is_refused(scans, clicks, tmp_path, bad):
    run = command(scans, clicks, tmp_path / "o")
    for words in (["--level", "3"], ["--semantic-level", "2"], ["--thresholds", "6,2,2"]):
        assert "--method assign: has no thresholds and no levels 2 to 4" in bad(*run, *words)
    for value in ("-0.1", "1.5", "nan"):
        bad(*run, "--min-confidence", value)
    assert not (tmp_path / "o").exists()


def test_help_names_the_methods_and_the_default(seggroup):
    text = " ".join(seggroup("propagate", "--help").out.replace("│", " ").split())
    for method in ("assign", "walk", "seggroup"):
        assert f"{method}: the " in text
    assert f"Default: the method of the weights, else {DEFAULT_METHOD}" in text


def test_refining_says_what_came_of_it_and_is_the_assigners_alone(
    scans, clicks, tmp_path, seggroup, bad
):
    result = seggroup(*command(scans, clicks, tmp_path / "o", "--refine", "1", "--json"))
    notes = json.loads(result.out)["scenes"][0]["notes"]
    assert any(note.startswith("training on the clicks for 1 steps was") for note in notes)
    other = ["propagate", scans, "--clicks", clicks, "-o", tmp_path / "o2", "--method", "walk"]
    assert "only --method assign has it" in bad(*other, "--refine", "1")


def test_classes_of_another_list_are_names_the_network_does_not_read(scans, clicks, tmp_path, ok):
    path = next(clicks.glob("*.json"))
    value = json.loads(path.read_text())
    other = tmp_path / "other"
    other.mkdir()
    names = {key: f"thing {key}" for key in value["classes"]}
    (other / path.name).write_text(json.dumps(value | {"classes": names}))
    assert pipeline.clicks.names_nyu40(path)
    assert not pipeline.clicks.names_nyu40(other / path.name)
    ok(*command(scans, other, tmp_path / "o"))
    count = len(scene_of(scans).segments)
    labels = read_labels(labels_file(tmp_path / "o", "a"), count)
    assert set(labels.semantic.tolist()) <= {int(key) for key in names}
