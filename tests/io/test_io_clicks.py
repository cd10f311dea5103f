"""Click files: ours and the authors' two forms."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from seggroup.errors import InputError
from seggroup.io.clicks import (
    find_clicks,
    mesh_hash,
    read_clicks,
    segments_hash,
    write_authors_clicks,
    write_clicks,
)
from seggroup.io.scenes import find_scenes, read_source
from seggroup.types import NONE, Clicks, Graph, Labels, Scan, Scene

NO_GRAPH = Graph(3, np.zeros((0, 2), np.int32), np.zeros(0, np.int32))


def clicks_of(vertex, instance, semantic) -> Clicks:
    return Clicks(*(np.array(values, np.int32) for values in (vertex, instance, semantic)))


def rows(clicks: Clicks) -> list[tuple[int, int, int]]:
    columns = (clicks.vertex.tolist(), clicks.instance.tolist(), clicks.semantic.tolist())
    return list(zip(*columns, strict=True))


@pytest.fixture
def scene() -> Scene:
    """Six vertices in segments 10, 20, 30; a chair (0), a chair (1) and something (2)."""
    vertices = np.arange(18, dtype=np.float32).reshape(6, 3) / 7
    scan = Scan("six", vertices, np.zeros((6, 3), np.uint8), np.array([[0, 1, 2]], np.int32))
    truth = Labels(
        np.array([5, 5, 7, 5, NONE, NONE], np.int32), np.array([0, 0, 0, 1, 2, NONE], np.int32)
    )
    segments = np.array([0, 0, 1, 1, 2, 2], np.int32)
    return Scene(scan, segments, np.array([10, 20, 30], np.int32), NO_GRAPH, truth)


CLICKS = clicks_of([1, 3, 4], [0, 1, 2], [5, 40, NONE])


def write(tmp_path, value):
    path = tmp_path / "six.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_ours_round_trip(tmp_path, scene):
    path = tmp_path / "six.clicks.json"
    write_clicks(path, CLICKS, scene)
    first = path.read_bytes()
    clicks, notes = read_clicks(path, scene)
    assert rows(clicks) == rows(CLICKS)
    assert notes == []
    write_clicks(path, CLICKS, scene)
    assert path.read_bytes() == first
    value = json.loads(first)
    assert value["version"] == 1
    assert value["scene"] == "six"
    assert value["classes"]["5"] == "chair"
    assert value["segments"] == segments_hash(scene)
    assert value["clicks"][1] == {
        "instance": 1,
        "class": "otherprop",
        "class_id": 40,
        "vertex": 3,
        "segment": 20,
        "position": [float(f"{x:.9g}") for x in scene.scan.vertices[3]],
        "annotator": "simulated",
        "time": None,
        "seconds": None,
    }
    assert value["clicks"][2]["class"] is None


@pytest.mark.parametrize(
    ("value", "expected", "notes"),
    [
        ({"0": {"10": 1}, "1": {"20": 3}}, [(1, 0, 5), (3, 1, 5)], []),
        ({"0": {"10": 1, "20": 2}}, [(1, 0, 5), (2, 0, 5)], []),
        ({"2": {"30": 4}}, [(4, 2, NONE)], []),
        ({"0": {"10": 3}}, [(3, 0, 5)], ["1 of 1 clicks .* (0 segment"]),
        ({"0": {"11": 1, "20": 2, "12": 0}}, [(1, 0, 5), (2, 0, 5), (0, 0, 5)], ["2 of 3 .* (2 s"]),
        ({"7": {"10": 1}}, [(1, 7, NONE)], ["1 clicked instances are not in the truth: 7"]),
        ({"0": {"10": "1"}}, [(1, 0, 5)], []),
        ({"0": {}}, [], ["holds no clicks"]),
        ({}, [], ["holds no clicks"]),
        ({"3": {"20": {"semantic": "Couch", "pointIndex": 3}}}, [(3, 3, 6)], []),
        (
            {
                "3": {
                    "20": {"semantic": "desk", "pointIndex": 3},
                    "10": {"semantic": "tv", "pointIndex": 0},
                }
            },
            [(3, 3, 14), (0, 3, 25)],
            [],
        ),
    ],
)
def test_authors_forms(tmp_path, scene, value, expected, notes):
    clicks, found = read_clicks(write(tmp_path, value), scene)
    assert rows(clicks) == expected
    assert len(found) == len(notes)
    for note, words in zip(found, notes, strict=True):
        assert re.search(words.replace("(", r"\("), note)


def test_authors_round_trip(tmp_path, scene):
    path = tmp_path / "six.json"
    write_authors_clicks(path, clicks_of([1, 2, 3], [0, 0, 1], [5, 5, 5]), scene)
    assert json.loads(path.read_text()) == {"0": {"10": 1, "20": 2}, "1": {"20": 3}}
    assert rows(read_clicks(path, scene)[0]) == [(1, 0, 5), (2, 0, 5), (3, 1, 5)]


def test_without_truth_there_are_no_classes(tmp_path, scene):
    clicks, notes = read_clicks(write(tmp_path, {"0": {"10": 1}}), replace(scene, truth=None))
    assert rows(clicks) == [(1, 0, NONE)]
    assert "no truth" in notes[0]


def test_other_segments_are_refused_or_mapped(tmp_path, scene):
    path = tmp_path / "six.clicks.json"
    write_clicks(path, CLICKS, scene)
    other = replace(scene, segments=np.array([0, 1, 1, 1, 2, 2], np.int32))
    with pytest.raises(InputError, match=r"six\.clicks\.json: was made on other segments"):
        read_clicks(path, other)
    clicks, notes = read_clicks(path, other, remap=True)
    assert rows(clicks) == rows(CLICKS)
    assert notes[0] == "The clicks were made on other segments and were mapped by vertex."
    assert "1 of 3 clicks name a segment that is not their vertex's (0 " in notes[1]


def test_another_mesh_is_refused(tmp_path, scene):
    path = tmp_path / "six.clicks.json"
    write_clicks(path, CLICKS, scene)
    short = replace(scene.scan, vertices=scene.scan.vertices[:5], colors=scene.scan.colors[:5])
    fewer = replace(scene, scan=short)
    with pytest.raises(InputError, match="made on a mesh of 6 vertices, but six has 5"):
        read_clicks(path, fewer)
    moved = replace(scene, scan=replace(scene.scan, vertices=scene.scan.vertices + np.float32(0.1)))
    with pytest.raises(InputError, match="click 0 does not lie on its vertex of six"):
        read_clicks(path, moved)
    cloud = replace(scene, scan=replace(scene.scan, faces=scene.scan.faces[:0]))
    clicks, notes = read_clicks(path, cloud)
    assert rows(clicks) == rows(CLICKS)
    assert "changed mesh" in notes[0]


def ours(scene, **changes) -> dict:
    click = {"instance": 0, "class": "chair", "vertex": 1} | changes
    return {
        "version": 1,
        "mesh": mesh_hash(scene.scan),
        "segments": segments_hash(scene),
        "clicks": [click],
    }


CORPUS = [
    ("", "empty"),
    ("{", "not valid JSON"),
    ("[" * 200_000, "not valid JSON"),
    ("[]", "is not a click file"),
    ("3", "is not a click file"),
    ('{"a": {"10": 1}}', "an instance is 'a'"),
    ('{"-1": {"10": 1}}', "an instance is '-1'"),
    ('{"99999999999": {"10": 1}}', "an instance is"),
    ('{"0": 4}', "instance 0 must map segment ids"),
    ('{"0": {"x": 1}}', "a segment of instance 0 is 'x'"),
    ('{"0": {"10": -1}}', "vertex of instance 0, segment 10 is '-1'"),
    ('{"0": {"10": 1.5}}', "vertex of instance 0"),
    ('{"0": {"10": null}}', "vertex of instance 0"),
    ('{"0": {"10": true}}', "vertex of instance 0"),
    ('{"0": {"10": NaN}}', "vertex of instance 0"),
    ('{"0": {"10": [1]}}', "vertex of instance 0"),
    ('{"0": {"10": 6}}', "vertex 6, but the scan has vertices 0 to 5"),
    ('{"0": {"10": 1e12}}', "vertex of instance 0"),
    ('{"0": {"10": 1000000000000}}', "vertex of instance 0"),
    ('{"0": {"10": {"pointIndex": 1}}}', "vertex of instance 0"),
    (
        '{"0": {"10": {"semantic": "chiar", "pointIndex": 1}}}',
        "no class 'chiar'; near it are chair",
    ),
    ('{"0": {"10": {"semantic": 5, "pointIndex": 1}}}', "vertex of instance 0"),
    ('{"version": 2, "clicks": []}', "has version 2"),
    ('{"clicks": []}', "has version None"),
    ('{"version": 1, "clicks": []}', "was made on a mesh of None vertices"),
]


@pytest.mark.parametrize(("text", "words"), CORPUS)
def test_malformed(tmp_path, scene, text, words):
    with pytest.raises(InputError) as caught:
        read_clicks(write(tmp_path, text), scene)
    assert "six.json" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vertex": 6}, "clicked on vertex 6"),
        ({"vertex": -1}, "vertex of click 0 is '-1'"),
        ({"vertex": "one"}, "vertex of click 0 is 'one'"),
        ({"instance": None}, "instance of click 0 is 'None'"),
        ({"class": 3}, "click 0 needs instance, class and vertex"),
        ({"class": "tabel"}, "no class 'tabel'; near it are table"),
    ],
)
def test_malformed_ours(tmp_path, scene, changes, words):
    with pytest.raises(InputError, match=r"six\.json") as caught:
        read_clicks(write(tmp_path, ours(scene, **changes)), scene)
    assert words in str(caught.value)
    for broken in ({"clicks": None}, {"clicks": [3]}):
        with pytest.raises(InputError, match=r"six\.json"):
            read_clicks(write(tmp_path, ours(scene) | broken), scene)


def test_find_clicks(tmp_path):
    with pytest.raises(InputError, match=r"looked for a\.clicks\.json and a\.json"):
        find_clicks(tmp_path, "a")
    (tmp_path / "a.json").write_text("{}")
    assert find_clicks(tmp_path, "a") == tmp_path / "a.json"
    (tmp_path / "a.clicks.json").write_text("{}")
    assert find_clicks(tmp_path, "a") == tmp_path / "a.clicks.json"
    assert find_clicks(tmp_path / "a.json", "b") == tmp_path / "a.json"
    with pytest.raises(InputError, match="cannot be the name"):
        find_clicks(tmp_path, "../a")


def test_the_authors_real_clicks(real_data):
    (source,) = find_scenes([real_data / "scannet" / "scans" / "scene0000_00"])
    scan, ids, truth = read_source(source)
    segment_ids, segments = np.unique(ids, return_inverse=True)
    scene = Scene(scan, segments.astype(np.int32), segment_ids.astype(np.int32), NO_GRAPH, truth)
    clicks, notes = read_clicks(real_data / "scannet" / "clicks" / "scene0000_00.json", scene)
    assert len(clicks) == 75
    assert (clicks.semantic != NONE).all()
    assert "(19 segment ids are not in the scene at all)" in notes[0]
