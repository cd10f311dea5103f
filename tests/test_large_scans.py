"""Scans that are thinned and labelled in blocks: files name vertices of the file, all of them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from toy_rooms import boxes_room

from seggroup import pipeline
from seggroup.config import BlockConfig, ThinConfig
from seggroup.errors import InputError, TooLargeError
from seggroup.geometry.prepare import prepare
from seggroup.io.clicks import mesh_hash, parse_clicks, read_clicks, segments_hash, write_clicks
from seggroup.io.ply import write_ply
from seggroup.io.scan import read_labelled_scan
from seggroup.io.scannet import read_segments
from seggroup.io.scenes import find_scenes
from seggroup.io.store import clicks_file, labels_file, read_labels, read_levels
from seggroup.labels.simulate import simulate
from seggroup.pipeline import Clicking, Loading, Propagating, load_scene
from seggroup.pipeline.blockwise import in_blocks, scene_blocks
from seggroup.pipeline.spreading import spread_labels, spread_scene
from seggroup.types import NONE, Clicks, Labels, Scan

VOXEL = 0.15  # of toy rooms, whose vertices are 0.1 m apart
WALK = Propagating("walk", ply=True)


@pytest.fixture
def place(tmp_path):
    scan, truth = boxes_room(6, "toy")
    write_ply(tmp_path / "toy.ply", scan, truth)
    return tmp_path


def source_of(place):
    return find_scenes([place / "toy.ply"])[0]


def rows_of_rooms(count, gap=0.0, n_boxes=4):
    """Toy rooms side by side along x, and their truth; `gap` metres between them."""
    vertices, colors, faces, semantic, instance = [], [], [], [], []
    size = number = 0
    for i in range(count):
        scan, truth = boxes_room(n_boxes)
        vertices.append(scan.vertices + np.float32([i * (6 + gap), 0, 0]))
        colors.append(scan.colors)
        faces.append(scan.faces + size)
        semantic.append(truth.semantic)
        instance.append(truth.instance + number)
        size, number = size + len(scan.vertices), number + int(truth.instance.max()) + 1
    merged = Scan(
        "row",
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(colors),
        np.concatenate(faces).astype(np.int32),
    )
    of = Labels(
        np.concatenate(semantic).astype(np.int32), np.concatenate(instance).astype(np.int32)
    )
    return prepare(merged, None, of)


# --- thinning ---------------------------------------------------------------------------------


def test_a_scan_within_the_limit_is_whole(place):
    scene = load_scene(source_of(place))
    assert scene.thinning is None
    assert scene.whole is scene.scan
    np.testing.assert_array_equal(scene.ids_of_vertices, scene.segment_ids[scene.segments])


def test_a_scan_beyond_the_limit_is_thinned_and_says_so(place, monkeypatch):
    source = source_of(place)
    n = len(load_scene(source).segments)
    monkeypatch.setattr("seggroup.geometry.thin.ThinConfig", lambda: ThinConfig(n - 1))
    scene = load_scene(source)
    assert scene.thinning is not None
    assert len(scene.whole.vertices) == n > len(scene.segments)
    assert any("were thinned to" in note for note in scene.scan.notes)
    assert load_scene(source, Loading(voxel=0.0)).thinning is None


def test_the_scene_of_a_thinned_scan(place):
    source = source_of(place)
    whole, scene = load_scene(source), load_scene(source, Loading(voxel=VOXEL))
    kept, group = scene.thinning.kept, scene.thinning.group
    np.testing.assert_array_equal(scene.scan.vertices, whole.scan.vertices[kept])
    np.testing.assert_array_equal(scene.truth.instance, whole.truth.instance[kept])
    assert np.isin(scene.segment_ids, kept).all()  # roots are vertices of the file
    np.testing.assert_array_equal(scene.ids_of_vertices, scene.segment_ids[scene.segments[group]])
    assert scene.carried(scene.truth).instance.shape == (len(whole.segments),)
    np.testing.assert_array_equal(scene.taken(whole.truth).semantic, scene.truth.semantic)
    everywhere = np.arange(len(kept), dtype=np.int32)
    np.testing.assert_array_equal(scene.of_file(scene.in_file(everywhere)), everywhere)
    assert mesh_hash(scene.whole) == mesh_hash(whole.scan)


def test_segments_are_written_for_all_vertices_and_read_again(place):
    source = source_of(place)
    row = pipeline.segment(source, None, Loading(truth=False, voxel=VOXEL))
    ids = read_segments(place / "toy.0.010000.segs.json", row["vertices"])
    assert row["kept"] < row["vertices"] == len(ids)
    made = load_scene(source, Loading(voxel=VOXEL))
    np.testing.assert_array_equal(ids, made.ids_of_vertices)
    with_file = replace(source, segments=place / "toy.0.010000.segs.json")
    again = load_scene(with_file, Loading(voxel=VOXEL))
    np.testing.assert_array_equal(again.segments, made.segments)
    np.testing.assert_array_equal(again.ids_of_vertices, ids)
    assert segments_hash(again) == segments_hash(made) == segments_hash(load_scene(with_file))


def test_clicks_name_vertices_of_the_file(place, tmp_path):
    source = source_of(place)
    scene = load_scene(source, Loading(voxel=VOXEL))
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    path = tmp_path / "toy.clicks.json"
    write_clicks(path, clicks, scene)
    value = json.loads(path.read_text())
    whole = load_scene(source)
    assert value["vertices"] == len(whole.segments)
    assert value["mesh"] == mesh_hash(whole.scan)
    for row in value["clicks"]:
        np.testing.assert_allclose(row["position"], whole.scan.vertices[row["vertex"]], atol=1e-6)
    found, notes = read_clicks(path, scene)
    np.testing.assert_array_equal(found.vertex, clicks.vertex)
    assert notes == []
    on_whole, _ = read_clicks(path, whole, remap=True)
    np.testing.assert_array_equal(on_whole.vertex, scene.in_file(clicks.vertex))
    dropped = np.setdiff1d(np.arange(len(whole.segments)), scene.thinning.kept)[:3].tolist()
    rows = {"0": {str(i): vertex for i, vertex in enumerate(dropped)}}
    taken, _ = parse_clicks(path, rows, scene)
    np.testing.assert_array_equal(taken.vertex, scene.thinning.group[dropped])
    with pytest.raises(InputError, match="has vertices 0 to"):
        parse_clicks(path, {"0": {"0": len(whole.segments)}}, scene)


def test_labels_are_of_all_vertices(place):
    source, loading = source_of(place), Loading(voxel=VOXEL)
    pipeline.click(source, place / "clicks", Clicking(), loading)
    row = pipeline.propagate_scene(source, place / "clicks", place / "out", WALK, loading)
    n = row["vertices"]
    labels = read_labels(labels_file(place / "out", "toy"), n)
    scene = load_scene(source, loading)
    assert n == len(scene.whole.vertices)
    clicks, _ = read_clicks(clicks_file(place / "clicks", "toy"), scene)
    of_scene = spread_labels(scene, clicks, WALK)
    np.testing.assert_array_equal(
        labels.instance, scene.carried(of_scene.levels["final"].at(of_scene.part)).instance
    )
    part, levels = read_levels(place / "out" / "levels" / "toy.npz", n)
    np.testing.assert_array_equal(levels["final"].at(part).instance, labels.instance)
    scan, stated = read_labelled_scan(place / "out" / "toy.ply")
    np.testing.assert_array_equal(scan.vertices, scene.whole.vertices)
    np.testing.assert_array_equal(stated.instance, labels.instance)
    figures = pipeline.evaluate_folder([source], place / "out", loading)
    assert figures["semantic_miou"] > 0.6


# --- blocks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["walk", "assign"])
def test_one_block_is_the_whole_scan(method):
    scene = rows_of_rooms(1)
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    whole = spread_labels(scene, clicks, Propagating(method))
    for size in (None, 0.0, 6.5):
        same = spread_scene(scene, clicks, Propagating(method, blocks=size))
        np.testing.assert_array_equal(same.part, whole.part)
        for name, level in whole.levels.items():
            np.testing.assert_array_equal(same.levels[name].instance, level.instance)
            if level.confidence is not None:
                assert same.levels[name].confidence.tobytes() == level.confidence.tobytes()


def test_rooms_that_are_apart_are_labelled_the_same_in_blocks():
    scene = rows_of_rooms(4, gap=1.0)
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    whole = spread_labels(scene, clicks, Propagating("walk"))
    for size in (7.0, 10.0, 14.0):
        split = spread_scene(scene, clicks, Propagating("walk", blocks=size))
        assert any("blocks" in note for note in split.notes)
        np.testing.assert_array_equal(
            split.levels["final"].at(split.part).instance,
            whole.levels["final"].at(whole.part).instance,
        )
        np.testing.assert_array_equal(
            split.levels["1"].at(split.part).instance, whole.levels["1"].at(whole.part).instance
        )


def test_the_assigner_agrees_with_itself_on_rooms_that_are_apart():
    scene = rows_of_rooms(3, gap=1.0)
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    spread = Propagating("assign")
    whole = spread_labels(scene, clicks, spread)
    split = spread_scene(scene, clicks, replace(spread, blocks=6.0))
    a = whole.levels["final"].at(whole.part).instance
    b = split.levels["final"].at(split.part).instance
    assert (a == b).mean() > 0.99
    assert {row["vertex"] for row in split.doubtful} <= set(clicks.vertex.tolist())


def test_an_instance_clicked_outside_has_a_stand_in():
    """One long floor in several segments, clicked at one end only."""
    scene = rows_of_rooms(4, n_boxes=0)
    strips = (scene.scan.vertices[:, 0] / 2).astype(np.int32)
    _, segments = np.unique(strips, return_inverse=True)
    scene = prepare(scene.scan, segments.astype(np.int32), scene.truth)
    zero = np.zeros(1, np.int32)
    clicks = Clicks(zero, zero + 7, zero + 2)
    for size, sure, reached in ((6.0, 0.5, 3), (6.0, 1.1, 1)):
        config = BlockConfig(overlap=3.0, sure=sure)
        parts = scene_blocks(scene, size, config)
        assert len(parts) == 4
        result = in_blocks(
            scene, clicks, parts, lambda p, c: spread_labels(p, c, Propagating("walk")), config
        )
        labels = result.levels["final"].at(result.part)
        labelled = [block for block in parts if (labels.instance[block.inner] == 7).all()]
        assert len(labelled) == reached  # two rounds carry it two blocks further
        left = np.count_nonzero(labels.instance == NONE)
        assert left == sum(len(block.inner) for block in parts) - sum(
            len(block.inner) for block in labelled
        )
        assert any(f"{left} vertices lie in blocks without a click" in n for n in result.notes)


def test_a_click_on_a_segment_wider_than_a_block_counts_wherever_it_is():
    scene = rows_of_rooms(4, n_boxes=0)
    one = np.zeros(len(scene.segments), np.int32)
    scene = prepare(scene.scan, one, scene.truth)
    clicks = Clicks(np.zeros(1, np.int32), np.full(1, 7, np.int32), np.full(1, 2, np.int32))
    parts = scene_blocks(scene, 6.0)
    assert len(parts) == 4
    assert max(len(block.outer) for block in parts) < 0.6 * len(scene.segments)
    split = spread_scene(scene, clicks, Propagating("walk", blocks=6.0))
    assert (split.levels["final"].at(split.part).instance == 7).all()


def test_blocks_come_by_themselves_where_a_scan_is_wide_or_memory_too_small(monkeypatch):
    scene = rows_of_rooms(3, gap=10.0)
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    wide = spread_scene(scene, clicks, Propagating("walk"))
    assert any("blocks" in note for note in wide.notes)
    assert not spread_scene(scene, clicks, Propagating("walk", blocks=0.0)).notes
    scene = rows_of_rooms(3, gap=4.0)
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    whole = spread_labels(scene, clicks, Propagating("assign"))
    pairs = len(clicks) * len(np.unique(whole.part))
    monkeypatch.setattr("seggroup.assign.labels.MOST", pairs // 2)
    split = spread_scene(scene, clicks, Propagating("assign"))
    assert any("blocks" in note for note in split.notes)
    with pytest.raises(TooLargeError, match="smaller --blocks"):
        spread_scene(scene, clicks, Propagating("assign", blocks=0.0))


def test_refining_is_of_whole_scans():
    scene = rows_of_rooms(2)
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    with pytest.raises(InputError, match="--blocks 0"):
        spread_scene(scene, clicks, Propagating("assign", refine=1, blocks=5.0))
