"""Scenes on demand: one load each, bounded memory, names that are no paths, true instances."""

import threading

import numpy as np
import pytest
from toy_files import write_toy
from toy_scenes import random_scene, toy_scene

from seggroup.errors import InputError
from seggroup.io.scannet import majority, write_scene
from seggroup.io.scenes import find_scenes
from seggroup.io.store import labels_file, write_labels
from seggroup.pipeline import Loading, load_scene
from seggroup.server import catalogue as module
from seggroup.server.catalogue import Catalogue, info, true_instances
from seggroup.server.problems import UnknownSceneError
from seggroup.types import NONE, Labels


@pytest.fixture
def scans(tmp_path):
    for seed, name in enumerate("abcd"):
        write_toy(tmp_path / "scans", name, seed, side=12)
    return tmp_path / "scans"


@pytest.fixture
def loads(monkeypatch):
    """The names of the scenes that were read."""
    seen = []

    def load(source, loading):
        seen.append(source.name)
        return load_scene(source, loading)

    monkeypatch.setattr(module, "load_scene", load)
    return seen


def test_a_scene_is_read_once_however_many_ask(scans, loads):
    scenes = Catalogue(find_scenes([scans]), Loading())
    found = []
    threads = [threading.Thread(target=lambda: found.append(scenes.open("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == ["a"]
    assert len({id(opened) for opened in found}) == 1
    assert scenes.names() == ["a", "b", "c", "d"]


def test_memory_is_bounded_and_the_last_two_stay(scans, loads, monkeypatch):
    scenes = Catalogue(find_scenes([scans]), Loading())
    monkeypatch.setattr(module, "MAX_VERTICES", 3 * 144)
    for name in "abcabcd":
        scenes.open(name)
    assert loads == ["a", "b", "c", "d"]
    scenes.open("b")
    scenes.open("a")
    assert loads == ["a", "b", "c", "d", "a"]
    monkeypatch.setattr(module, "MAX_VERTICES", 0)
    scenes.open("c")
    scenes.open("a")
    assert loads == ["a", "b", "c", "d", "a", "c"]


def wait(scenes):
    """Until nothing is being opened in the background."""
    while (thread := scenes._background) is not None:
        thread.join(60)


def test_the_next_scene_is_opened_before_it_is_asked_for(scans, loads):
    scenes = Catalogue(find_scenes([scans]), Loading())
    for name, following in ("ab", "da"):
        scenes.prefetch(name)
        wait(scenes)
        assert loads[-1] == following
    scenes.prefetch("a")
    wait(scenes)
    assert loads == ["b", "a"]


def test_of_scenes_that_wait_in_the_background_the_newest_is_opened(scans, loads):
    scenes = Catalogue(find_scenes([scans]), Loading())
    with scenes._loads["a"]:  # somebody is reading it
        for name in "abcd":
            scenes.open_soon(name)
            while name == "a" and scenes._wanted is not None:
                pass
    wait(scenes)
    assert loads == ["a", "d"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a", "/etc/passwd", "a.ply", "a\0", "A", "é" * 99]
)
def test_names_are_looked_up_and_never_paths(scans, loads, name):
    with pytest.raises(UnknownSceneError, match="There is no scene"):
        Catalogue(find_scenes([scans]), Loading()).open(name)
    assert loads == []


def test_a_scan_that_cannot_be_read(scans):
    (scans / "b.ply").write_text("ply\n")
    scenes = Catalogue(find_scenes([scans]), Loading())
    for _ in range(2):
        with pytest.raises(InputError, match=r"b\.ply"):
            scenes.open("b")
    scenes.open_soon("b")
    wait(scenes)  # in silence
    assert len(scenes.open("a").geometry) > 100


def test_layers_are_folders_with_labels_of_the_scene(scans, tmp_path):
    size = 144
    labels = Labels(np.full(size, 5, np.int32), np.arange(size, dtype=np.int32))
    for folder in ("ours", "theirs", "empty"):
        (tmp_path / folder).mkdir()
    write_labels(labels_file(tmp_path / "ours", "a"), labels)
    (tmp_path / "theirs" / "a.npz").write_bytes(b"no labels")
    folders = {name: tmp_path / name for name in ("ours", "theirs", "empty")}
    scenes = Catalogue(find_scenes([scans]), Loading(), folders)
    opened = scenes.open("a")
    assert scenes.layers(opened) == ["truth", "ours", "theirs"]
    np.testing.assert_array_equal(scenes.layer(opened, "ours").instance, labels.instance)
    assert scenes.layer(opened, "truth") is opened.scene.truth
    with pytest.raises(InputError, match="not a whole label file"):
        scenes.layer(opened, "theirs")
    for name in ("empty", "../ours", "", "nothing"):
        with pytest.raises(UnknownSceneError, match="has no layer"):
            scenes.layer(opened, name)
    without = Catalogue(find_scenes([scans]), Loading(truth=False), folders)
    opened = without.open("a")
    assert opened.truth is None
    assert info(opened, without.layers(opened)).instances is None
    with pytest.raises(UnknownSceneError, match="has no layer 'truth'"):
        without.layer(opened, "truth")


def test_true_instances_are_counted_before_a_scene_is_opened(tmp_path, scans):
    scan = load_scene(find_scenes([scans / "a.ply"])[0])
    ids = scan.segment_ids[scan.segments]
    write_scene(tmp_path / "scannet", scan.scan, ids, scan.truth, 0.01, 20)
    scenes = Catalogue(find_scenes([tmp_path / "scannet"]), Loading())
    assert scenes.instances(seconds=-1.0) == {}
    counted = scenes.instances()
    opened = scenes.open("a")
    assert scenes.instances() == counted == {"a": len(opened.truth.instances)}
    without = Catalogue(find_scenes([tmp_path / "scannet"]), Loading(truth=False))
    assert without.instances() == {"a": None}


# --- true instances ---


@pytest.mark.parametrize("seed", range(8))
def test_parts_hold_the_segments_whose_majority_an_instance_is(seed):
    scene = random_scene(seed)
    owner = majority(scene.segments, scene.truth.instance)
    found = true_instances(scene)
    for instance in found.instances:
        segments = [s for part in instance.parts for s in part.segments]
        dense = np.searchsorted(scene.segment_ids, segments)
        assert len(set(segments)) == len(segments)
        assert {owner[int(s)] for s in dense} == {instance.instance}
        assert instance.vertices == np.sum(scene.truth.instance == instance.instance)
        sizes = [np.sum(scene.segments == s) for s in dense]
        assert instance.largest == max(sizes)
        assert [part.vertices for part in instance.parts] == sorted(
            (part.vertices for part in instance.parts), reverse=True
        )
    assert len(found.instances) == len(set(owner.values()))


def test_small_parts_and_instances_without_a_segment():
    contents = [{0: 300}, {1: 200, 2: 50}, {0: 150}, {1: 120}, {0: 40}, {NONE: 500}]
    scene = toy_scene(contents, [(0, 1), (1, 2), (2, 3), (3, 4)], {0: 5, 1: 7, 2: 9})
    ids = scene.segment_ids.tolist()
    first, second = true_instances(scene).instances
    assert (first.instance, first.semantic, first.vertices, first.largest) == (0, 5, 490, 300)
    assert [(p.segments, p.vertices) for p in first.parts] == [([ids[0]], 300), ([ids[2]], 150)]
    assert (second.instance, second.vertices, second.largest) == (1, 320, 200)
    assert [(p.segments, p.vertices) for p in second.parts] == [([ids[1]], 200), ([ids[3]], 120)]


def test_a_truth_without_instances_is_none():
    scene = toy_scene([{NONE: 30}, {NONE: 20}], [(0, 1)], {})
    assert true_instances(scene) is None
