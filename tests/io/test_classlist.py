"""Class lists: the default, people's own files, and files that are none."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seggroup.classes import BENCHMARK18, BENCHMARK20, NYU40, NYU40_IDS, STUFF
from seggroup.errors import InputError
from seggroup.io.classlist import (
    MAX_CLASSES,
    TEMPLATES,
    ClassList,
    Named,
    class_list,
    fitted,
    nyu40,
    read_class_list,
    template,
    write_class_list,
)
from seggroup.io.names import SYNONYMS, nyu40_id
from seggroup.types import NONE, Labels

SETTINGS = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def read(tmp_path, text, name="classes.yaml"):
    path = tmp_path / name
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return read_class_list(path)


def test_the_default_is_nyu40_and_finds_what_scannets_names_find():
    classes = nyu40()
    assert {i: known.name for i, known in classes.classes.items()} == NYU40
    every = [*NYU40.values(), *(s for text in SYNONYMS.values() for s in text.split(", "))]
    for name in every:
        assert classes.find(name) == nyu40_id(name), name
        assert classes.find(name.upper().replace(" ", "_")) == nyu40_id(name)
    assert classes.find("unobtainium") is None
    assert classes.classes[5].color == (188, 189, 34)
    assert "armchair" in classes.classes[5].synonyms
    assert classes.things == tuple(i for i in NYU40 if i not in STUFF)


@given(st.integers(1, 10**9 - 1))
def test_a_name_is_found_again(class_id):
    assert nyu40().find(nyu40().name(class_id)) == class_id


def test_yaml_and_json_say_the_same(tmp_path):
    rows = [
        {"id": 7, "name": "Pump", "color": "#0a141e", "synonyms": ["compressor"]},
        {"id": 3, "name": "pipe", "color": [1, 2, 3], "parent": "plumbing", "thing": False},
        {"id": 9, "name": "valve"},
    ]
    yaml = """
    # one plant
    classes:
      - {id: 7, name: Pump, color: "#0a141e", synonyms: [compressor]}
      - {id: 3, name: pipe, color: [1, 2, 3], parent: plumbing, thing: false}
      - id: 9
        name: valve
    """
    found = read(tmp_path, yaml)
    assert found.things == (7, 9)
    assert found == read(tmp_path, rows, "c.json") == read(tmp_path, {"classes": rows}, "c.json")
    assert list(found.classes) == [7, 3, 9]
    assert found.classes[7] == Named("Pump", (10, 20, 30), ("compressor",))
    assert found.find("plumbing") == 3
    assert found.find("PUMP") == found.find("Compressor") == 7
    assert found.name(9) == "valve"
    assert found.name(12) == "class 12"
    assert found.find("class 12") == 12
    assert found.near("pum")[0] == "Pump"
    assert found.near("???") == ["Pump", "compressor", "pipe"]
    assert read(tmp_path, yaml).classes[9].color == found.classes[9].color


def test_names_go_before_synonyms():
    classes = ClassList({1: Named("a", (0, 0, 0), ("b", "c")), 2: Named("b", (0, 0, 0), ("c",))})
    assert [classes.find(name) for name in "abc"] == [1, 2, 1]


def row(**changes):
    return [{"id": 1, "name": "a"} | changes]


BAD = [
    ("", "empty"),
    ("a: [", "not valid YAML"),
    ("{", "not valid YAML"),
    ("3", "no list of classes"),
    ("[]", "no list of classes"),
    ("[3]", "class 1 of the list needs an id"),
    ("- {id: 2001-99-99, name: a}", "not valid YAML"),
    ("!!python/object/apply:os.system [id]", "not valid YAML"),
    ("a: &a [1]\nb: *a", "YAML alias"),
    ("[" * 50 + "]" * 50, "nested too deeply"),
    (row(id="1"), "needs an id"),
    (row(id=True), "needs an id"),
    (row(id=0), "ids go from 1"),
    (row(id=65536), "ids go from 1"),
    (row(name=3), "needs an id"),
    (row(name=" "), "must be text"),
    (row(name="x" * 81), "at most 80"),
    (row(name="a\nb"), "at most 80"),
    (row(colour="red"), "has 'colour'"),
    (row(color="red"), "is no colour"),
    (row(color=[1, 2]), "is no colour"),
    (row(color=[1, 2, 256]), "is no colour"),
    (row(synonyms="b"), "list of names"),
    (row(synonyms=[3]), "must be text"),
    (row(parent=[]), "must be text"),
    (row(thing="yes"), "true or false"),
    (row() + row(name="b"), "two classes have the id 1"),
    (row() + row(id=2, name=" A"), "both named"),
    ([{"id": i, "name": str(i)} for i in range(1, MAX_CLASSES + 2)], "at most 2000"),
    ("# " + "x" * 1_000_000, "larger than"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_what_is_no_class_list(tmp_path, text, words):
    with pytest.raises(InputError, match=r"classes\.yaml") as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_bomb_of_aliases_is_refused(tmp_path):
    """Merged, these 60 lines would be 2^59 keys."""
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, 60)]
    with pytest.raises(InputError, match="alias"):
        read(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_written_and_read_back(name, tmp_path):
    classes = class_list(name)
    assert classes.title == TEMPLATES[name]
    assert template(name) == classes
    path = tmp_path / "own.yaml"
    write_class_list(path, classes)
    assert class_list(path) == class_list(str(path)) == classes


def test_the_templates_hold_the_official_classes():
    twenty, many, rooms = (template(name) for name in ("scannet20", "scannet200", "s3dis"))
    assert tuple(twenty.classes) == BENCHMARK20
    assert twenty.things == BENCHMARK18
    assert len(many.classes) == 200
    assert [many.name(i) for i in (1, 2, 3, 46, 233, 1191)] == [
        "wall", "chair", "floor", "keyboard", "crate", "mattress"
    ]  # fmt: skip
    assert many.classes[1191].color == (42, 94, 198)
    assert len(many.things) == 198
    assert {named.parent for named in many.classes.values()} <= set(NYU40_IDS)
    assert many.classes[many.find("office chair")].parent == "chair"
    names = [named.name for named in rooms.classes.values()]
    assert names == [
        "ceiling", "floor", "wall", "beam", "column", "window", "door", "table", "chair", "sofa",
        "bookcase", "board", "clutter",
    ]  # fmt: skip
    assert list(rooms.classes) == list(range(1, 14))
    assert rooms.things == tuple(range(4, 14))


def test_a_name_that_is_no_list_gets_the_nearest():
    with pytest.raises(InputError, match=r"did you mean scannet200\?"):
        class_list("ScanNet-200")
    with pytest.raises(InputError, match="does not exist as a file, and is no template"):
        class_list("mine.yaml")
    with pytest.raises(InputError, match="s3dis"):
        template("mine")


def test_a_file_named_as_a_template_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("s3dis").write_text("- {id: 7, name: pump}")
    assert list(class_list("s3dis").classes) == [7]


def test_a_parent_finds_its_only_class_and_is_searched():
    pump, pipe = Named("pump", (0, 0, 0), parent="machine"), Named("pipe", (0, 0, 0))
    classes = ClassList({1: pump, 2: replace(pipe, parent="run")})
    assert (classes.find("machine"), classes.find("run")) == (1, 2)
    assert replace(pump, synonyms=("p",)).searched == ("p", "machine")
    both = ClassList({1: pump, 2: replace(pipe, parent="machine")})
    assert both.find("machine") is None  # which of the two?


def test_labels_that_do_not_fit():
    labels = Labels(np.array([1, 40, 40, NONE], np.int32), np.array([0, 1, 2, 3], np.int32))
    same, notes = fitted("x", labels, nyu40())
    assert same is labels
    assert notes == []
    kept, (note,) = fitted("x", labels, template("scannet20"))
    assert kept.semantic.tolist() == [1, NONE, NONE, NONE]
    assert kept.instance.tolist() == [0, NONE, NONE, 3]
    assert note.startswith("2 vertices of classes")
    assert "otherprop" in note
    with pytest.raises(InputError, match=r"x: 2 vertices have class ids .* \(40\)"):
        fitted("x", labels, template("s3dis"))
    with pytest.raises(InputError, match="99"):
        fitted("x", replace(labels, semantic=labels.semantic * 0 + 99), template("scannet20"))


@SETTINGS
@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]), min_size=1, max_size=20))
def test_any_name_survives_yaml(tmp_path, name):
    classes = ClassList({3: Named(name, (1, 2, 3), (name + "s",), False, name)}, name)
    path = tmp_path / "any.yaml"
    write_class_list(path, classes)
    assert read_class_list(path) == classes
