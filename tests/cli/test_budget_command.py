"""`seggroup budget`: what a labelling time buys, and the folder it fills."""

import json

import numpy as np
import pytest
from toy_files import write_toy

from seggroup.errors import InputError
from seggroup.io.classsets import read_class_sets
from seggroup.io.scenes import find_scenes, read_source
from seggroup.io.store import labels_file, read_labels, sets_file
from seggroup.labels.budget import FORMS
from seggroup.pipeline import forms
from seggroup.types import NONE

NAMES = ("a", "b", "c")
SEG_MINUTES = (68 + 4 * 1.5) / 60  # a toy has 4 instances


@pytest.fixture(scope="session")
def toys(tmp_path_factory):
    """A folder of three scans with truth."""
    folder = tmp_path_factory.mktemp("toys")
    for seed, name in enumerate(NAMES):
        write_toy(folder, name, seed, side=16)
    return folder


def truth_of(toys, name):
    return read_source(find_scenes([toys / f"{name}.ply"])[0])[2]


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_writes_labels_that_are_true(ok, toys, tmp_path, form):
    result = ok("budget", toys, "--form", form, "--minutes", 999, "-o", tmp_path / "out")
    assert [row["scene"] for row in result["scenes"]] == list(NAMES)
    for row in result["scenes"]:
        truth = truth_of(toys, row["scene"])
        labels = read_labels(labels_file(tmp_path / "out", row["scene"]), len(truth))
        known = labels.semantic != NONE
        assert np.array_equal(labels.semantic[known], truth.semantic[known])
        assert np.array_equal(labels.instance[known], truth.instance[known])
        assert row["labelled"] == known.sum()
    weak = form in ("subcloud", "scene")
    assert (result["share_labelled"] == 0) == weak
    assert sets_file(tmp_path / "out", "a").exists() == weak


@pytest.mark.parametrize("form", ["subcloud", "scene"])
def test_sets_name_the_classes_of_their_vertices(ok, toys, tmp_path, form):
    ok("budget", toys, "--form", form, "--minutes", 999, "-o", tmp_path / "out")
    for name in NAMES:
        truth = truth_of(toys, name)
        sets = read_class_sets(sets_file(tmp_path / "out", name), len(truth))
        assert np.array_equal(np.unique(np.concatenate(sets.members)), np.arange(len(truth)))
        for members, classes in zip(sets.members, sets.classes, strict=True):
            assert classes == tuple(np.unique(truth.semantic[members]))


def test_the_default_budget_is_that_of_seg_level_labels(ok, toys, tmp_path):
    result = ok("budget", toys, "--form", "seg", "-o", tmp_path / "out")
    assert result["budget_minutes"] == pytest.approx(3 * SEG_MINUTES)
    assert len(result["scenes"]) == result["available"] == 3
    assert result["minutes"] == pytest.approx(result["budget_minutes"])


@pytest.mark.parametrize(
    ("form", "more", "minutes"),
    [
        ("dense", (), 22.3),
        ("seg", (), SEG_MINUTES),
        ("points", (), 20 * 2.32 / 60),
        ("active", ("--number", 50), 116 / 60),
        ("subcloud", (), 3.0),
        ("scene", (), 4 * 1.5 / 60),
    ],
)
def test_a_scene_costs_what_its_form_says(ok, toys, tmp_path, form, more, minutes):
    words = ("--minutes", 999, "-o", tmp_path / "out", *more)
    result = ok("budget", toys, "--form", form, *words)
    assert [row["minutes"] for row in result["scenes"]] == pytest.approx([minutes] * 3)


def test_a_larger_budget_adds_scenes_to_the_same_ones(ok, toys, tmp_path):
    bought = []
    for n in (1, 2, 3):
        words = ("--minutes", 22.3 * n + 1, "-o", tmp_path / "out", "--seed", 4)
        result = ok("budget", toys, "--form", "dense", *words)
        assert result["minutes"] <= 22.3 * n + 1
        bought.append({row["scene"] for row in result["scenes"]})
        held = sorted([f"{name}.npz" for name in bought[-1]] + ["run.json"])
        assert files(tmp_path / "out") == held
    assert [len(names) for names in bought] == [1, 2, 3]
    assert bought[0] < bought[1] < bought[2]


@pytest.mark.parametrize("form", FORMS)
def test_a_scene_s_files_repeat_and_depend_on_no_other_scene(ok, toys, tmp_path, form):
    words = ("--form", form, "--minutes", 999, "--seed", 2)
    ok("budget", toys, *words, "-o", tmp_path / "all")
    ok("budget", toys, *words, "-o", tmp_path / "again")
    ok("budget", toys / "b.ply", *words, "-o", tmp_path / "alone")
    for name in files(tmp_path / "all"):
        one = (tmp_path / "all" / name).read_bytes()
        assert one == (tmp_path / "again" / name).read_bytes()
        if name.startswith("b."):
            assert one == (tmp_path / "alone" / name).read_bytes()


def test_a_folder_of_another_form_is_emptied_first(ok, toys, tmp_path):
    ok("budget", toys, "--form", "scene", "--minutes", 999, "-o", tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    ok("budget", toys, "--form", "dense", "--minutes", 45, "-o", tmp_path)
    assert len(files(tmp_path)) == 4
    assert not list(tmp_path.glob("*.sets.npz"))
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["command"], record["config"]["form"]) == ("budget", "dense")
    assert {f"{name}.npz" for name in record["config"]["scenes"]} < set(files(tmp_path))


def test_labels_of_others_are_never_removed(ok, bad, toys, tmp_path):
    ok("budget", toys, "--form", "seg", "-o", tmp_path)
    (tmp_path / "d.npz").write_bytes(b"mine")
    before = files(tmp_path)
    assert "d.npz" in bad("budget", toys, "--form", "dense", "-o", tmp_path, "--minutes", 99)
    assert files(tmp_path) == before


def test_the_folder_of_another_command_is_refused(bad, toys, tmp_path):
    (tmp_path / "run.json").write_text('{"command": "train", "config": {}}')
    message = bad("budget", toys, "--form", "seg", "-o", tmp_path)
    assert "another command" in message


def test_a_record_that_leads_elsewhere_removes_nothing(bad, toys, tmp_path):
    (tmp_path / "x.npz").write_bytes(b"mine")
    record = {"command": "budget", "config": {"scenes": {"../x": 1.0}}}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text(json.dumps(record))
    bad("budget", toys, "--form", "seg", "-o", tmp_path / "out")
    assert (tmp_path / "x.npz").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--form", "dense", "--minutes", 5), "22.3"),
        (("--form", "dense"), "buy no scene"),  # three toys' clicks take 3.7 minutes
        (("--form", "dense", "--minutes", -1), "budget"),
        (("--form", "dense", "--minutes", "nan"), "budget"),
        (("--form", "dense", "--style", "top1"), "--style"),
        (("--form", "seg", "--number", 5), "--number"),
        (("--form", "points", "--number", 0), "--number"),
        (("--form", "boxes"), "--form"),
        ((), "--form"),
    ],
)
def test_wrong_use_is_refused(bad, toys, tmp_path, words, reason):
    assert reason in bad("budget", toys, *words, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_folder(bad, toys, tmp_path):
    (tmp_path / "out").write_text("mine")
    bad("budget", toys, "--form", "seg", "-o", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_scan_without_truth_is_refused(bad, toys, tmp_path):
    cloud = tmp_path / "bare.xyz"
    np.savetxt(cloud, np.random.default_rng(0).random((50, 3)))
    assert "truth" in bad("budget", cloud, toys, "--form", "seg", "-o", tmp_path / "out")


def test_the_table_says_what_was_bought(seggroup, toys, tmp_path):
    done = seggroup("budget", toys, "--form", "dense", "--minutes", 50, "-o", tmp_path)
    assert done.code == 0
    assert "percent labelled" in " ".join(done.out.split())
    assert "2 of 3 scenes for 44.6 of 50.0 minutes, 100.00 % of their points" in done.out


def test_the_paper_s_scenes_are_bought():
    rows = [{"scene": f"scene{i:04d}_00", "instances": 32, "classes": 9} for i in range(1201)]
    scenes = {form: len(forms.buy(rows, forms.Labelling(form))[0]) for form in FORMS}
    assert (scenes["seg"], scenes["dense"], scenes["subcloud"]) == (1201, 104, 773)
    fifty = forms.Labelling("points", number=50)
    assert len(forms.buy(rows, fifty)[0]) == 1201


@pytest.mark.parametrize(
    ("form", "lacks"), [("seg", "instances"), ("subcloud", "classes"), ("scene", "classes")]
)
def test_truth_that_lacks_what_a_form_needs_is_refused(form, lacks):
    rows = [{"scene": "a", "instances": 3, "classes": 2, lacks: 0}]
    with pytest.raises(InputError, match=f"a: its truth has no {lacks}"):
        forms.buy(rows, forms.Labelling(form), 99)


def test_no_scenes_are_no_labels():
    with pytest.raises(InputError, match="no scene"):
        forms.buy([], forms.Labelling("dense"), 50)
