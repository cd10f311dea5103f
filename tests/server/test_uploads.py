"""Labels and aggregations that are taken in as clicks."""

import json

import numpy as np
import pytest
from toy_files import write_toy

from seggroup.errors import InputError
from seggroup.io.classlist import nyu40
from seggroup.io.scenes import find_scenes
from seggroup.io.store import write_labels
from seggroup.pipeline import load_scene
from seggroup.server.annotation import replay
from seggroup.server.files import Made, export, spread
from seggroup.server.protocol import Click, Entry, Import
from seggroup.server.uploads import read_label_upload, read_upload
from seggroup.types import NONE, Labels

CLASSES = nyu40()


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return load_scene(find_scenes([write_toy(tmp_path_factory.mktemp("scan"), "a")])[0])


def log(*operations):
    return replay(
        Entry(i, f"entry-{i:04}", "ann", 1000 * i, 400, 0, operation)
        for i, operation in enumerate(operations, 1)
    )


@pytest.fixture(scope="module")
def state(scene):
    """Three instances, the second in two segments, with a gap in the numbers."""
    _, vertices = np.unique(scene.segments, return_index=True)
    rows = [(1, 0, 5), (4, 7, 2), (5, 7, 2), (8, 3, NONE)]
    return log(
        *(
            Click("click", int(vertices[s]), int(scene.segment_ids[s]), instance, semantic)
            for s, instance, semantic in rows
        )
    )


def written(scene, state, format):
    return export(Made(scene, state, "ann", CLASSES), format).data


@pytest.mark.parametrize("format", ["labels", "text", "ply"])
def test_labels_of_whole_segments_come_back_as_they_were(scene, state, format, monkeypatch):
    monkeypatch.setattr("seggroup.server.live.DEFAULT_METHOD", "walk")
    read = read_label_upload(written(scene, state, format), scene)
    again = log(Import("import", "labels", read.clicks))
    before, after = spread(scene, state), spread(scene, again)
    assert after.instance.tolist() == before.instance.tolist()
    assert after.semantic.tolist() == before.semantic.tolist()
    assert len(read.clicks) == len(scene.segment_ids)  # every segment is labelled
    segments = scene.segment_ids[scene.segments[[c.vertex for c in read.clicks]]]
    assert segments.tolist() == [c.segment for c in read.clicks]


def test_an_aggregation_comes_back_as_it_was(scene, state):
    read = read_upload(written(scene, state, "aggregation"), scene, CLASSES)
    again = log(Import("import", "aggregation", read.clicks))
    assert {n: (i.semantic, set(i.clicks)) for n, i in again.instances.items()} == {
        n: (i.semantic, set(i.clicks)) for n, i in state.instances.items()
    }
    assert read.notes == ["No class has these names: unknown."]


def test_an_aggregation_of_another_segmentation(scene):
    absent = int(scene.segment_ids.max()) + 1
    groups = [{"id": 0, "objectId": 0, "label": "chair", "segments": [absent]}]
    read = read_upload(json.dumps({"segGroups": groups}).encode(), scene, CLASSES)
    assert read.clicks == []
    assert read.notes == ["1 segments of the file are not in this scan's segmentation."]


def test_segments_that_are_mostly_unlabelled_get_no_click(scene):
    values = np.zeros(len(scene.segments), int)
    inside = np.flatnonzero(scene.segments == 3)
    values[inside[: len(inside) // 2 + 1]] = 5002
    values[np.flatnonzero(scene.segments == 4)[0]] = 7003
    read = read_label_upload("\n".join(map(str, values)).encode(), scene)
    assert [(c.segment, c.instance, c.semantic) for c in read.clicks] == [
        (int(scene.segment_ids[3]), 1, 5)
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"1\n2\n", "the labels: needs 576 lines"),
        (b"PK nothing of a zip", "the labels: "),
        (b"ply\nformat ascii 1.0\nend_header\n", r"the labels\.ply"),
        (b"\x00\x01", "the labels"),
    ],
)
def test_what_is_no_labels_of_this_scan(scene, data, message):
    with pytest.raises(InputError, match=message):
        read_label_upload(data, scene)


def test_labels_of_another_scan(scene, state, tmp_path):
    other = load_scene(find_scenes([write_toy(tmp_path, "b", seed=5)])[0])
    with pytest.raises(InputError, match="its vertices are not those of b"):
        read_label_upload(written(scene, state, "ply"), other)


def test_labels_of_another_list_are_read_by_name(scene, tmp_path):
    """An uploaded file that says that its 3 is a floor is not read as NYU40's cabinet."""
    size = len(scene.whole.vertices)
    labels = Labels(np.full(size, 3, np.int32), np.zeros(size, np.int32))
    write_labels(tmp_path / "a.npz", labels, {3: "floor"})
    read = read_label_upload((tmp_path / "a.npz").read_bytes(), scene)
    assert {click.semantic for click in read.clicks} == {2}
