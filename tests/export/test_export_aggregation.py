"""ScanNet's layout: read back by its own scripts' rules, and by our reader."""

import json

import numpy as np
import pytest
from plyfile import PlyData
from toy_samples import five, random_sample

from seggroup.errors import InputError
from seggroup.export.aggregation import write_aggregation
from seggroup.export.target import Sample
from seggroup.io.classlist import nyu40
from seggroup.io.scenes import find_scenes, read_source
from seggroup.types import NONE


def by_the_scripts(folder, name):
    """`BenchmarkScripts/util_3d.py` and `export_train_mesh_for_evaluation.py`: object ids (from 1,
    0 = none) and raw names of all vertices, by segments and their groups."""
    segments = json.loads((folder / f"{name}_vh_clean_2.0.010000.segs.json").read_text())
    vertices_of = {}
    for vertex, segment in enumerate(segments["segIndices"]):
        vertices_of.setdefault(segment, []).append(vertex)
    aggregation = json.loads((folder / f"{name}.aggregation.json").read_text())
    ids = np.zeros(len(segments["segIndices"]), np.uint32)
    names = {}
    for group in aggregation["segGroups"]:
        names[group["objectId"] + 1] = group["label"]
        for segment in group["segments"]:
            ids[vertices_of[segment]] = group["objectId"] + 1
    return ids, names


def test_five_points_and_what_is_said_of_them(tmp_path):
    facts = write_aggregation(tmp_path, five(), nyu40())
    folder = tmp_path / "scans" / "five"
    ids, names = by_the_scripts(folder, "five")
    # Segment 2 has a vertex of the bed and one of nothing: the smaller number of equals has it.
    assert ids.tolist() == [0, 4, 4, 0, 0]
    assert names == {4: "chair"}
    assert facts["held"] == []
    assert facts["notes"] == [
        "1 of 5 vertices have another instance than most of their segment: aggregation.json "
        "cannot say so, labels.ply does."
    ]
    vertex = PlyData.read(folder / "five_vh_clean_2.labels.ply")["vertex"]
    assert vertex["label"].tolist() == [1, 5, 5, 0, 4]
    assert vertex["instance"].tolist() == [0, 4, 4, 0, 8]
    assert "sceneType = Exported" in (folder / "five.txt").read_text()
    assert all((tmp_path / name).is_file() for name in facts["files"])


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_follow_segments_come_back_through_the_aggregation(tmp_path, seed):
    rng = np.random.default_rng(seed)
    sample = random_sample(seed)
    size = int(sample.segments.max()) + 1
    first = np.array([np.flatnonzero(sample.segments == s)[0] for s in range(size)])
    labels = sample.labels.at(first).at(sample.segments)
    labels.instance[labels.semantic == NONE] = NONE
    facts = write_aggregation(tmp_path, Sample(sample.scan, labels, sample.segments), nyu40())
    assert len(facts["held"]) == 1
    ids, names = by_the_scripts(tmp_path / "scans" / f"toy{seed}", f"toy{seed}")
    np.testing.assert_array_equal(ids, labels.instance + 1)
    for i in rng.choice(np.flatnonzero(labels.instance != NONE), 20):
        assert names[int(ids[i])] == nyu40().name(int(labels.semantic[i]))


@pytest.mark.parametrize("mesh", [True, False])
def test_our_reader_gets_all_of_it_back(tmp_path, mesh):
    sample = random_sample(5, mesh=mesh)
    write_aggregation(tmp_path, sample, nyu40())
    scan, segments, labels = read_source(find_scenes([tmp_path])[0])
    np.testing.assert_array_equal(scan.vertices, sample.scan.vertices)
    np.testing.assert_array_equal(scan.colors, sample.scan.colors)
    np.testing.assert_array_equal(scan.faces, sample.scan.faces)
    np.testing.assert_array_equal(segments, sample.segments)
    np.testing.assert_array_equal(labels.semantic, sample.labels.semantic)
    np.testing.assert_array_equal(labels.instance, sample.labels.instance)


def test_without_segments_there_is_no_aggregation(tmp_path):
    sample = five()
    with pytest.raises(InputError, match="no segments"):
        write_aggregation(tmp_path, Sample(sample.scan, sample.labels), nyu40())
