"""Exports of a track and imports of click files: what goes in comes out."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plyfile import PlyData
from toy_scenes import toy_scene

from seggroup.errors import InputError
from seggroup.io.classlist import ClassList, Named, nyu40
from seggroup.io.clicks import read_clicks
from seggroup.io.scannet import instances_of, read_aggregation
from seggroup.io.scenes import find_scenes
from seggroup.io.store import read_labels
from seggroup.labels.clicks import seg_level_labels
from seggroup.pipeline import Propagating, load_scene
from seggroup.pipeline.spreading import spread_labels
from seggroup.server.annotation import clicks_of, replay
from seggroup.server.files import FORMATS, Made, export, spread
from seggroup.server.problems import NothingLabelledError, OtherSegmentsError
from seggroup.server.protocol import Click, Entry, Import, Undo
from seggroup.server.uploads import read_upload
from seggroup.types import NONE

CLASSES = nyu40()


@pytest.fixture(scope="module")
def scene(toy_folder):
    return load_scene(find_scenes([toy_folder / "a.ply"])[0])


def log(*operations):
    """The state of a track with these operations, a second apart."""
    return replay(
        Entry(i, f"entry-{i:04}", "ann", 1000 * i * i, 400, 0, operation)
        for i, operation in enumerate(operations, 1)
    )


def click(scene, vertex, instance, semantic=5):
    segment = int(scene.segment_ids[scene.segments[vertex]])
    return Click("click", vertex, segment, instance, semantic)


def first_vertices(scene):
    """A vertex of every segment."""
    return np.unique(scene.segments, return_index=True)[1].tolist()


def made(scene, state, classes=CLASSES):
    return Made(scene, state, "ann", classes)


def imported(data, scene, classes=CLASSES):
    """The state after importing a file, as the page does it; and the notes."""
    read = read_upload(data, scene, classes)
    return log(Import("import", "a file", read.clicks)), read.notes


@pytest.fixture(scope="module")
def state(scene):
    """Three instances, the second in two segments, with a gap in the numbers."""
    v = first_vertices(scene)
    return log(
        click(scene, v[1], 0, 5),
        click(scene, v[4], 7, 2),
        click(scene, v[5], 7, 2),
        click(scene, v[0], 3, NONE),
        click(scene, v[8], 3, NONE),
        Undo("undo"),
    )


# --- laws: what is written is read again ---


@st.composite
def authors_files(draw, segments):
    """A file of the authors' manual form: several segments an instance, gaps in the numbers."""
    chosen = draw(st.lists(st.sampled_from(range(segments)), min_size=1, unique=True))
    owners = draw(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=4, unique=True))
    dealt = [draw(st.sampled_from(owners)) for _ in chosen]
    return {owner: [s for s, o in zip(chosen, dealt, strict=True) if o == owner] for owner in dealt}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_the_authors_files_round_trip(scene, data):
    drawn = data.draw(authors_files(len(scene.segment_ids)))
    names = sorted(CLASSES.classes)

    def vertex(segment):
        inside = np.flatnonzero(scene.segments == segment).tolist()
        return data.draw(st.sampled_from(inside))

    clicked = {
        str(instance): {str(scene.segment_ids[s]): vertex(s) for s in segments}
        for instance, segments in drawn.items()
    }
    back = export(made(scene, imported(json.dumps(clicked).encode(), scene)[0]), "authors")
    assert json.loads(back.data) == clicked
    named = {
        instance: {
            segment: {"semantic": CLASSES.name(names[int(instance) % 40]), "pointIndex": point}
            for segment, point in points.items()
        }
        for instance, points in clicked.items()
    }
    state, notes = imported(json.dumps(named).encode(), scene)
    assert notes == []
    assert json.loads(export(made(scene, state), "authors-scratch").data) == named
    ours = export(made(scene, state), "clicks").data
    again, notes = imported(ours, scene)
    assert notes == []
    assert again.instances == dict(sorted(state.instances.items()))
    assert export(made(scene, again), "aggregation") == export(made(scene, state), "aggregation")


def test_equal_tracks_make_equal_bytes(scene, state):
    for format in FORMATS:
        assert export(made(scene, state), format) == export(made(scene, state), format)


def test_spread_labels_are_those_of_propagate_by_the_default_method(scene, state, tmp_path):
    """From the exported clicks; `test_live` has it for each method that may be the default."""
    (tmp_path / "a.clicks.json").write_bytes(export(made(scene, state), "clicks").data)
    clicks, _ = read_clicks(tmp_path / "a.clicks.json", scene)
    result = spread_labels(scene, clicks, Propagating())
    expected = result.levels["final"].at(result.part)
    found = spread(scene, state)
    np.testing.assert_array_equal(found.instance, expected.instance)
    np.testing.assert_array_equal(found.semantic, expected.semantic)
    np.testing.assert_array_equal(found.confidence, expected.confidence)


def test_an_instances_number_costs_no_memory(scene):
    v = first_vertices(scene)
    state = log(click(scene, v[0], 2**31 - 1), click(scene, v[1], 5))
    assert set(spread(scene, state).instance.tolist()) == {5, 2**31 - 1}
    lines = export(made(scene, state), "text").data.split()
    assert set(lines) == {b"5001", b"5002"}


# --- the formats ---


def test_our_clicks_tell_who_and_when(scene, state):
    value = json.loads(export(made(scene, state), "clicks").data)
    told = [(c["instance"], c["time"], c["seconds"], c["annotator"]) for c in value["clicks"]]
    assert told == [
        (0, "1970-01-01T00:00:01.000Z", None, "ann"),
        (3, "1970-01-01T00:00:16.000Z", 7.0, "ann"),
        (7, "1970-01-01T00:00:04.000Z", 3.0, "ann"),
        (7, "1970-01-01T00:00:09.000Z", 5.0, "ann"),
    ]
    assert value["clicks"][1]["class"] is None


def test_imported_clicks_and_odd_clocks_have_times_too(scene):
    v = first_vertices(scene)
    entry = Entry(1, "entry-0001", "ann", 2**53 - 1, 0, 0, click(scene, v[0], 0))
    value = json.loads(export(made(scene, replay([entry])), "clicks").data)
    assert value["clicks"][0]["time"].startswith("9999-12-31T")
    state, _ = imported(json.dumps({"0": {"1": v[0]}}).encode(), scene)
    assert json.loads(export(made(scene, state), "clicks").data)["clicks"][0]["time"] is None


def test_the_aggregation_is_one_that_scannets_reader_reads(scene, state, tmp_path):
    path = tmp_path / "a.aggregation.json"
    path.write_bytes(export(made(scene, state), "aggregation").data)
    groups = read_aggregation(path)
    assert [(number, label) for number, label, _ in groups] == [
        (0, "chair"), (3, "unknown"), (7, "floor"),
    ]  # fmt: skip
    instance, named, missing = instances_of(groups, scene.segment_ids[scene.segments])
    assert (named, missing) == (4, 0)
    expected = seg_level_labels(clicks_of(state), scene.segments).at(scene.segments)
    np.testing.assert_array_equal(instance, expected.instance)


def test_labels_text_and_ply_hold_the_same(scene, state, tmp_path):
    labels = spread(scene, state)
    path = tmp_path / "a.npz"
    path.write_bytes(export(made(scene, state), "labels").data)
    read = read_labels(path, len(scene.segments))
    assert zipfile.is_zipfile(path)
    for name in ("semantic", "instance", "confidence"):
        np.testing.assert_array_equal(getattr(read, name), getattr(labels, name))
    text = np.array(export(made(scene, state), "text").data.split(), int)
    expected = 1000 * np.maximum(labels.semantic, 0) + labels.instance + 1
    np.testing.assert_array_equal(text, expected)
    vertex = PlyData.read(io.BytesIO(export(made(scene, state), "ply").data))["vertex"]
    np.testing.assert_array_equal(vertex["instance"], labels.instance + 1)
    np.testing.assert_array_equal(vertex["x"], scene.scan.vertices[:, 0])


def test_a_list_of_ones_own_survives_export_and_import(scene, tmp_path):
    own = ClassList({1: Named("pump", (1, 2, 3)), 900: Named("chair", (4, 5, 6))})
    v = first_vertices(scene)
    state = log(click(scene, v[0], 0, 1), click(scene, v[1], 1, 900))
    data = export(made(scene, state, own), "clicks").data
    assert imported(data, scene, own)[0].instances == state.instances
    path = tmp_path / "a.clicks.json"
    path.write_bytes(data)
    assert read_clicks(path, scene)[0].semantic.tolist() == [1, 900]  # by the file's own list
    with pytest.raises(InputError, match="no class 'pump'"):
        read_upload(data, scene, CLASSES)


# --- what is refused ---


def test_contradictions_are_settled_and_told(scene):
    v = first_vertices(scene)
    inside = np.flatnonzero(scene.segments == 0).tolist()
    a, b = (str(i) for i in scene.segment_ids[:2])
    text = (
        f'{{"4": {{"{a}": {inside[0]}, "{b}": {v[1]}}}, "9": {{"{a}": {inside[1]}}},'
        f' "12": {{"{b}": {{"semantic": "bed", "pointIndex": {v[2]}}},'
        f' "{a}0": {{"semantic": "sofa", "pointIndex": {v[3]}}},'
        f' "{a}1": {{"semantic": "bed", "pointIndex": {v[2]}}}}}}}'
    )
    state, notes = imported(text.encode(), scene)
    assert {n: len(i.clicks) for n, i in state.instances.items()} == {4: 1, 9: 1, 12: 2}
    assert state.instances[12].semantic == 4
    words = ["Instances 4 and 9 are both clicked", "12 is given two classes", "1 clicks lie in"]
    assert all(any(word in note for note in notes) for word in words), notes


def test_an_upload_that_is_none(scene):
    for data, words in [
        (b"", "the click file: the file is empty"),
        (b"{", "the click file: is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'{"0": {"1": 99999999}}', "is clicked on vertex 99999999"),
        (b'{"version": 1, "mesh": "x", "clicks": []}', "another mesh|on a mesh of"),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            read_upload(data, scene, CLASSES)
        assert "/" not in str(caught.value)
    many = {str(i): {"0": 0} for i in range(20_001)}
    with pytest.raises(InputError, match="at most 20000"):
        read_upload(json.dumps(many).encode(), scene, CLASSES)


def test_nothing_to_export(scene, state):
    with pytest.raises(NothingLabelledError, match="ann has clicked nothing in a"):
        export(made(scene, replay([])), "ply")
    with pytest.raises(KeyError):
        export(made(scene, state), "exe")
    other = replace(scene, segments=scene.segments[::-1].copy())
    with pytest.raises(OtherSegmentsError, match="lies in segment"):
        export(made(other, state), "ply")


def test_the_text_form_holds_999_instances():
    for count in (999, 1000):
        row = toy_scene([{0: 1}] * count, [(i, i + 1) for i in range(count - 1)], {0: 5})
        state = log(*(click(row, vertex, 3 * vertex) for vertex in range(count)))
        if count == 1000:
            with pytest.raises(InputError, match="1000 instances do not fit the text form"):
                export(made(row, state), "text")
        else:
            text = export(made(row, state), "text").data
            assert text.split() == [b"%d" % (5001 + i) for i in range(count)]


def test_the_authors_real_file_round_trips(real_data):
    """75 clicks; two instances are clicked in one segment, and 19 segments are of another mesh."""
    (source,) = find_scenes([real_data / "scannet" / "scans" / "scene0000_00"])
    scene = load_scene(source)
    path = real_data / "scannet" / "clicks" / "scene0000_00.json"
    original = json.loads(path.read_text())
    state, notes = imported(path.read_bytes(), scene)
    assert any("Instances 9 and 37 are both clicked" in note for note in notes)
    assert any("19 segment ids are not in the scene" in note for note in notes)
    back = json.loads(export(made(scene, state), "authors").data)
    points = {instance: set(clicks.values()) for instance, clicks in original.items()}
    found = {instance: set(clicks.values()) for instance, clicks in back.items()}
    lost = {instance: p - found.get(instance, set()) for instance, p in points.items()}
    lost = {instance: p for instance, p in lost.items() if p}
    assert list(lost) == ["9"]
    assert len(lost["9"]) == 1
    again, _ = imported(json.dumps(back).encode(), scene)
    assert again.instances == state.instances
