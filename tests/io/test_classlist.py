"""Class lists: the default, people's own files, and files that are none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seggroup.classes import NYU40, STUFF
from seggroup.errors import InputError
from seggroup.io.classlist import MAX_CLASSES, ClassList, Named, nyu40, read_class_list
from seggroup.io.names import SYNONYMS, nyu40_id


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
