"""ScanNet's layout: what is written is read back; truth in all its forms; finding scenes."""

import json
import shutil

import numpy as np
import pytest

from seggroup.errors import InputError
from seggroup.io.layouts.naming import semantic_of
from seggroup.io.names import nyu40_id
from seggroup.io.ply import write_ply
from seggroup.io.scannet import (
    CLASS_TABLE,
    instances_of,
    majority,
    read_aggregation,
    read_class_table,
    read_segments,
    write_scene,
)
from seggroup.io.scenes import Source, find_scenes, read_source
from seggroup.types import NONE, Labels


@pytest.fixture
def segment_ids(small_mesh) -> np.ndarray:
    """Cells of half a metre; a segment's id is its first vertex."""
    cells = np.floor(small_mesh.vertices * 2).astype(np.int64) @ [1, 100, 10_000]
    _, first, segment = np.unique(cells, return_index=True, return_inverse=True)
    return first[segment].astype(np.int32)


@pytest.fixture
def truth(small_mesh) -> Labels:
    """Floor, a wall and a sofa by position, the rest not annotated; it cuts through segments."""
    x, _, z = small_mesh.vertices.T
    instance = np.full(len(x), NONE, np.int32)
    instance[z < 0.3] = 2
    instance[(z > 0.3) & (x < 0.1)] = 0
    instance[(z > 0.3) & (x > 3.9)] = 5
    classes = np.array([1, NONE, 2, NONE, NONE, 6, NONE], np.int32)  # the last one is NONE's
    return Labels(classes[instance], instance)


@pytest.fixture
def root(tmp_path, small_mesh, segment_ids, truth):
    write_scene(tmp_path, small_mesh, segment_ids, truth, 0.01, 20)
    return tmp_path


def scan_folder(root):
    return root / "scans" / "small"


def test_layout(root, small_mesh, segment_ids):
    names = sorted(path.name for path in scan_folder(root).iterdir())
    assert names == [
        "small.aggregation.json",
        "small.txt",
        "small_vh_clean_2.0.010000.segs.json",
        "small_vh_clean_2.labels.ply",
        "small_vh_clean_2.ply",
    ]
    segs = json.loads((scan_folder(root) / names[2]).read_text())
    assert segs["params"] == {"kThresh": "0.01", "segMinVerts": "20"}
    assert segs["sceneId"] == "small"
    assert segs["segIndices"] == segment_ids.tolist()
    assert b"property uchar alpha" in (scan_folder(root) / names[4]).read_bytes()[:400]
    groups = json.loads((scan_folder(root) / names[0]).read_text())["segGroups"]
    assert [(g["objectId"], g["label"]) for g in groups] == [(0, "wall"), (2, "floor"), (5, "sofa")]
    assert "axisAlignment = 1.000000 0.000000" in (scan_folder(root) / "small.txt").read_text()


def test_round_trip_is_exact(root, small_mesh, segment_ids, truth):
    (source,) = find_scenes([root])
    scan, segments, found = read_source(source)
    assert source.name == scan.name == "small"
    for name in ("vertices", "colors", "faces"):
        assert np.array_equal(getattr(scan, name), getattr(small_mesh, name))
    assert np.array_equal(segments, segment_ids)
    assert np.array_equal(found.instance, truth.instance)
    assert np.array_equal(found.semantic, truth.semantic)
    assert scan.notes == ()
    assert read_source(source, truth=False)[2] is None


def test_written_bytes_repeat(root, tmp_path, small_mesh, segment_ids, truth):
    write_scene(tmp_path / "again", small_mesh, segment_ids, truth, 0.01, 20)
    for path in scan_folder(root).iterdir():
        assert path.read_bytes() == (scan_folder(tmp_path / "again") / path.name).read_bytes()


def test_aggregation_gives_whole_segments(root, segment_ids, truth):
    """Without labels.ply: a segment belongs to the instance most of its vertices have."""
    (scan_folder(root) / "small_vh_clean_2.labels.ply").unlink()
    scan, _, found = read_source(find_scenes([root])[0])
    owner = majority(segment_ids, truth.instance)
    assert found.instance.tolist() == [owner[i] for i in segment_ids.tolist()]
    classes = {0: 1, 2: 2, 5: 6, NONE: NONE}
    assert found.semantic.tolist() == [classes[i] for i in found.instance.tolist()]
    assert scan.notes == ()


def test_class_table_goes_before_names(root):
    (scan_folder(root) / "small_vh_clean_2.labels.ply").unlink()
    (root / CLASS_TABLE).write_text("id\traw_category\tnyu40id\n1\tsofa\t4\n2\tthing\t0\n")
    _, _, found = read_source(find_scenes([root])[0])
    assert set(found.semantic[found.instance == 5].tolist()) == {4}
    assert set(found.semantic[found.instance == 0].tolist()) == {1}
    (root / CLASS_TABLE).write_text("id,raw_category,nyu40id\n1,sofa,4\n")
    with pytest.raises(InputError, match="columns raw_category and nyu40id"):
        read_source(find_scenes([root])[0])


def test_aggregation_of_the_dense_mesh_is_not_truth(root):
    folder = scan_folder(root)
    (folder / "small_vh_clean_2.labels.ply").unlink()
    value = json.loads((folder / "small.aggregation.json").read_text())
    value["segGroups"][0]["segments"] += [10**6]
    (folder / "small.aggregation.json").unlink()
    dense = folder / "small_vh_clean.aggregation.json"
    dense.write_text(json.dumps(value))
    scan, _, found = read_source(find_scenes([folder])[0])
    assert found is None
    assert "was not used as truth: 1 of" in scan.notes[0]
    value["segGroups"][0]["segments"].pop()
    dense.write_text(json.dumps(value))
    assert read_source(find_scenes([folder])[0])[2] is not None


def test_aggregation_without_segments_is_noted(root):
    folder = scan_folder(root)
    (folder / "small_vh_clean_2.labels.ply").unlink()
    (folder / "small_vh_clean_2.0.010000.segs.json").unlink()
    scan, segments, found = read_source(find_scenes([folder])[0])
    assert segments is None
    assert found is None
    assert "there is no segs.json" in scan.notes[0]


@pytest.mark.parametrize(
    ("groups", "segments", "expected", "missing"),
    [
        ([(0, "a", [7]), (1, "b", [9])], [7, 7, 9, 3], [0, 0, 1, -1], 0),
        ([(0, "a", [7, 9]), (4, "b", [9])], [7, 7, 9, 3], [0, 0, 4, -1], 0),  # the later has it
        ([(0, "a", [8, 3])], [7, 7, 9, 3], [-1, -1, -1, 0], 1),
        ([(0, "a", [])], [7, 7, 9, 3], [-1, -1, -1, -1], 0),
        ([], [], [], 0),
    ],
)
def test_instances_of(groups, segments, expected, missing):
    instance, named, absent = instances_of(groups, np.array(segments, np.int32))
    assert instance.tolist() == expected
    assert (named, absent) == (sum(len(g[2]) for g in groups), missing)


def test_repeated_group_is_dropped(tmp_path):
    path = tmp_path / "scene0217_00.aggregation.json"
    group = {"id": 0, "objectId": 0, "segments": [3, 4], "label": "chair"}
    again = {"id": 9, "objectId": 9, "segments": [4, 3], "label": "chair"}
    other = {"id": 1, "objectId": 1, "segments": [3], "label": "sofa"}
    path.write_text(json.dumps({"segGroups": [group, other, again]}))
    assert read_aggregation(path) == [(0, "chair", [3, 4]), (1, "sofa", [3])]


def test_names_without_a_class_are_noted():
    instance = np.array([0, 1, -1, 1, 2**30], np.int32)
    names = {0: "Couch", 1: "flux capacitor", 2**30: "tv"}
    semantic, notes = semantic_of(names, instance, nyu40_id)
    assert semantic.tolist() == [6, NONE, NONE, NONE, 25]
    assert notes == [
        "1 names of objects have no class in the list and were left without one: flux capacitor."
    ]


@pytest.mark.parametrize(
    ("name", "class_id"),
    [("Wall", 1), ("night_stand", 32), (" kitchen  counter ", 12), ("shelf", 15), ("quark", None)],
)
def test_names(name, class_id):
    assert nyu40_id(name) == class_id


def test_objects_beside_a_scan(tmp_path, small_mesh, truth):
    """MultiScan's: classes by the names of the objects, whose id + 1 is `instance`."""
    write_ply(
        tmp_path / "a.ply", small_mesh, Labels(np.full_like(truth.semantic, NONE), truth.instance)
    )
    names = {0: "wall", 2: "floor", 5: "thingamajig"}
    objects = [{"id": i, "label": name} for i, name in names.items()]
    (tmp_path / "a.objects.json").write_text(json.dumps(objects))
    scan, segments, found = read_source(find_scenes([tmp_path])[0])
    assert segments is None
    assert np.array_equal(found.instance, truth.instance)
    assert np.array_equal(found.semantic, np.where(truth.semantic == 6, NONE, truth.semantic))
    assert "thingamajig" in scan.notes[0]
    (tmp_path / "a.objects.json").write_text('{"id": 3}')
    with pytest.raises(InputError, match=r"a\.objects\.json: must be a list"):
        read_source(find_scenes([tmp_path])[0])


def test_properties_of_a_ply_are_truth(tmp_path, small_mesh, truth):
    write_ply(tmp_path / "a.ply", small_mesh, truth)
    _, _, found = read_source(find_scenes([tmp_path / "a.ply"])[0])
    assert np.array_equal(found.semantic, truth.semantic)
    assert np.array_equal(found.instance, truth.instance)
    unnamed = Labels(np.full_like(truth.semantic, NONE), truth.instance)
    write_ply(tmp_path / "a.ply", small_mesh, unnamed)
    assert read_source(find_scenes([tmp_path])[0])[0].notes == (
        "The truth has instances but no classes.",
    )


JSON_CORPUS = [
    ("segs", "", "empty"),
    ("segs", "{", "not valid JSON"),
    ("segs", b"\xff\xfe{}", "not UTF-8"),
    ("segs", "[" * 200_000, "not valid JSON"),
    ("segs", "9" * 5000, "not valid JSON"),
    ("segs", "[1, 2]", "no list segIndices"),
    ("segs", '{"segIndices": {"0": 1}}', "no list segIndices"),
    ("segs", '{"segIndices": [1, 2, 3]}', "segments for 3 vertices, but the mesh has"),
    ("segs", '{"segIndices": [1.5]}', "integers from 0"),
    ("segs", '{"segIndices": [-1]}', "integers from 0"),
    ("segs", '{"segIndices": [true]}', "integers from 0"),
    ("segs", '{"segIndices": [NaN]}', "integers from 0"),
    ("segs", '{"segIndices": [99999999999]}', "integers from 0"),
    ("segs", '{"segIndices": [[0]]}', "integers from 0"),
    ("aggregation", "null", "no list segGroups"),
    ("aggregation", '{"segGroups": [3]}', "group 0 of segGroups"),
    ("aggregation", '{"segGroups": [{"objectId": 0, "segments": [1]}]}', "group 0"),
    ("aggregation", '{"segGroups": [{"objectId": -2, "segments": [], "label": ""}]}', "group 0"),
    ("aggregation", '{"segGroups": [{"objectId": 0, "segments": ["a"], "label": ""}]}', "group 0"),
    ("aggregation", '{"segGroups": [{"objectId": 1e99, "segments": [], "label": ""}]}', "group 0"),
]


@pytest.mark.parametrize(("kind", "text", "words"), JSON_CORPUS)
def test_malformed_json_beside_the_mesh(root, kind, text, words):
    (scan_folder(root) / "small_vh_clean_2.labels.ply").unlink()
    (path,) = scan_folder(root).glob(f"*{kind}.json")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read_source(find_scenes([root])[0])
    assert path.name in str(caught.value)
    assert words in str(caught.value)


def test_labels_of_another_mesh(root, small_mesh):
    path = scan_folder(root) / "small_vh_clean_2.labels.ply"
    write_ply(path, small_mesh)
    with pytest.raises(InputError, match=r"labels\.ply: has no integer vertex property label"):
        read_source(find_scenes([root])[0])
    header = "ply\nformat ascii 1.0\nelement vertex 1\n" + "property int x\nproperty int y\n"
    path.write_text(header + "property int z\nproperty int label\nend_header\n0 0 0 1\n")
    with pytest.raises(InputError, match=r"labels\.ply: labels 1 vertices, but the mesh has"):
        read_source(find_scenes([root])[0])


def test_class_table_in_utf16(tmp_path):
    (tmp_path / CLASS_TABLE).write_bytes("raw_category\tnyu40id\n".encode("utf-16"))
    with pytest.raises(InputError, match=CLASS_TABLE):
        read_class_table(tmp_path / CLASS_TABLE)


def test_segments_of_the_right_length(tmp_path):
    path = tmp_path / "a.segs.json"
    path.write_text('{"params": {"kThresh": 0.01}, "segIndices": [4, 4, 0]}')
    assert read_segments(path, 3).tolist() == [4, 4, 0]


def names_of(*paths) -> list[str]:
    return [source.name for source in find_scenes(paths)]


def test_find_scenes(root, tmp_path, small_mesh):
    loose = tmp_path / "loose"
    loose.mkdir()
    write_ply(loose / "b.ply", small_mesh)
    shutil.copy(loose / "b.ply", loose / "a.PLY")
    shutil.copy(loose / "b.ply", loose / "b.labels.ply")
    for name in ("notes.txt", "table.csv", ".hidden.ply", "a.json", "picture.png"):
        (loose / name).write_text("0 0 0\n")
    (loose / "b.0.010000.segs.json").write_text("{}")
    assert names_of(root) == names_of(root / "scans") == names_of(scan_folder(root)) == ["small"]
    assert names_of(scan_folder(root) / "small_vh_clean_2.ply") == ["small"]
    assert names_of(root, loose) == ["a", "b", "small"]
    assert names_of(loose / "notes.txt") == ["notes"]
    assert find_scenes([loose])[1] == Source(
        "b", loose / "b.ply", loose / "b.0.010000.segs.json", None, loose / "b.labels.ply"
    )
    write_ply(scan_folder(root) / "small_vh_clean.ply", small_mesh)  # the dense mesh is not a scan
    assert names_of(scan_folder(root)) == ["small"]


def test_find_scenes_refuses(root, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    mesh = scan_folder(root) / "small_vh_clean_2.ply"
    cases = [
        ([], "no scans were named"),
        ([empty], "empty: holds no scans"),
        ([tmp_path / "gone.ply"], "gone.ply: does not exist"),
        ([scan_folder(root) / "small.aggregation.json"], "is no scan"),
        ([mesh.with_name("small_vh_clean_2.labels.ply")], "holds labels of a scan"),
        ([mesh, root], "has the same name as"),
    ]
    for paths, words in cases:
        with pytest.raises(InputError, match=words):
            find_scenes(paths)


def test_real_scans(real_data):
    sources = {s.name: s for s in find_scenes([real_data / "scannet", real_data / "multiscan"])}
    scan, segments, truth = read_source(sources["scene0000_00"])
    assert (len(scan.vertices), len(scan.faces)) == (81_369, 153_587)
    assert len(np.unique(segments)) == 671
    assert len(np.unique(truth.instance)) == 67 + 1
    assert scan.notes == ()
    # ScanNet's labels.ply has the classes; names alone give the same ones.
    source = sources["scene0000_00"]
    by_name = read_source(Source(source.name, source.scan, source.segments, source.aggregation))[2]
    known = truth.instance != NONE
    assert np.array_equal(by_name.semantic[known], truth.semantic[known])
    scan, segments, truth = read_source(sources["scene_00097_02"])
    assert segments is None
    assert len(np.unique(truth.instance)) == 59
    assert (truth.semantic != NONE).all()
