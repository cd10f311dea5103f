"""Which scenes are found in which folders, and by which layout."""

import json
import shutil

import numpy as np
import pytest
from layout_files import write_3rscan, write_s3dis_room, write_scannetpp

from seggroup.errors import InputError
from seggroup.io import scenes
from seggroup.io.layouts import LAYOUTS
from seggroup.io.passed import passed_over
from seggroup.io.ply import write_ply
from seggroup.io.reading import Reading
from seggroup.io.scenes import find_scenes, read_source


def found(*paths) -> dict[str, str]:
    return {source.name: source.layout for source in find_scenes(paths)}


def test_a_mixed_tree(tmp_path, small_mesh):
    write_ply(tmp_path / "own.ply", small_mesh)
    write_scannetpp(tmp_path / "scannetpp" / "data" / "0a1b")
    write_s3dis_room(tmp_path / "Stanford3dDataset_v1.2" / "Area_1" / "office_1")
    write_s3dis_room(tmp_path / "Stanford3dDataset_v1.2" / "Area_2" / "office_1")
    folder = tmp_path / "deep" / "down" / "here"
    folder.mkdir(parents=True)
    write_ply(folder / "scene0000_00_vh_clean_2.ply", small_mesh)
    assert found(tmp_path) == {
        "own": "file",
        "0a1b": "scannetpp",
        "Area_1_office_1": "s3dis",
        "Area_2_office_1": "s3dis",
        "scene0000_00": "scannet",
    }
    below = folder / "too" / "deep"
    below.mkdir(parents=True)
    (folder / "scene0000_00_vh_clean_2.ply").rename(below / "scene0000_00_vh_clean_2.ply")
    assert "scene0000_00" not in found(tmp_path)


def test_loose_files_below_are_not_scenes(tmp_path, small_mesh):
    """Labels that were written beside the scans must not become scans."""
    write_ply(tmp_path / "a.ply", small_mesh)
    (tmp_path / "labels").mkdir()
    write_ply(tmp_path / "labels" / "a.ply", small_mesh)
    assert found(tmp_path) == {"a": "file"}


def test_loose_files_below_where_there_is_nothing_else(tmp_path, small_mesh):
    write_ply(tmp_path / "house" / "up" / "a.ply", small_mesh)
    write_ply(tmp_path / "house" / "down" / "b.ply", small_mesh)
    write_ply(tmp_path / "house" / "down" / "labels" / "b.ply", small_mesh)
    (tmp_path / "scans").mkdir()
    assert found(tmp_path) == {"a": "file", "b": "file"}
    write_ply(tmp_path / "house" / "1" / "2" / "3" / "c.ply", small_mesh)
    assert set(found(tmp_path)) == {"a", "b"}  # three levels
    scene = tmp_path / "export" / "train" / "a"
    scene.mkdir(parents=True)
    np.save(scene / "coord.npy", small_mesh.vertices)
    np.save(scene / "color.npy", small_mesh.colors)
    assert found(tmp_path) == {"a": "pointcept"}


def test_what_is_passed_over(tmp_path, small_mesh):
    def passed():
        rows = passed_over([tmp_path], find_scenes([tmp_path]))
        return {str(p.folder.relative_to(tmp_path)): (p.scans, p.meshless) for p in rows}

    write_ply(tmp_path / "a.ply", small_mesh)
    (tmp_path / "a.0.010000.segs.json").write_text("{}")
    write_scannetpp(tmp_path / "0a1b")
    write_ply(tmp_path / "0a1b" / "scans" / "mesh_aligned_0.05_semantic.ply", small_mesh)
    scene = tmp_path / "export" / "train" / "a"
    scene.mkdir(parents=True)
    np.save(scene / "coord.npy", small_mesh.vertices)
    np.save(scene / "color.npy", small_mesh.colors)
    np.save(scene / "normal.npy", small_mesh.vertices)
    write_ply(tmp_path / "export" / "ply" / "all" / "a.ply", small_mesh)
    (tmp_path / "export" / "ply" / ".seggroup-export").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.txt").write_text("1 2 3")
    assert passed() == {}
    write_ply(tmp_path / "labels" / "a.ply", small_mesh)
    assert passed() == {"labels": (["a.ply"], [])}
    inner = tmp_path / "scene0001_00"
    stem = "scene0001_00_vh_clean"
    write_ply(inner / f"{stem}_2.ply", small_mesh)
    write_ply(inner / f"{stem}.ply", small_mesh)
    write_ply(inner / f"{stem}_2.labels.ply", small_mesh)
    annotated = ["scene0001_00.aggregation.json", f"{stem}_2.0.010000.segs.json"]
    for name in annotated:
        (inner / name).write_text("{}")
    write_ply(inner / "another.ply", small_mesh)
    assert passed() == {"labels": (["a.ply"], []), "scene0001_00": (["another.ply"], [])}
    for name in (f"{stem}_2.ply", f"{stem}.ply", "another.ply"):
        (inner / name).unlink()
    assert passed()["scene0001_00"] == ([], [*annotated, f"{stem}_2.labels.ply"])


def test_what_is_passed_over_beside_scans(tmp_path, small_mesh):
    elsewhere = tmp_path / "elsewhere"
    root = tmp_path / "root"
    write_ply(elsewhere / "in.ply", small_mesh)
    write_ply(elsewhere / "below" / "b.ply", small_mesh)
    write_ply(root / "own.ply", small_mesh)
    (root / "scans").symlink_to(elsewhere)
    write_scannetpp(root / "data" / "0a1b")
    sources = find_scenes([root])
    assert [source.name for source in sources] == ["in"]
    rows = {p.folder: p.scans for p in passed_over([root], sources)}
    assert rows == {
        root: ["own.ply"],
        root / "data" / "0a1b": ["mesh_aligned_0.05.ply"],
        root / "scans" / "below": ["b.ply"],
    }


def test_the_labels_of_3rscan_are_no_scan_beside_its_mesh(tmp_path):
    write_3rscan(tmp_path / "0a1b")
    labels = tmp_path / "0a1b" / "labels.instances.annotated.v2.ply"
    (source,) = find_scenes([labels])
    assert (source.name, source.layout, source.scan.suffix) == ("0a1b", "threerscan", ".obj")


def test_text_in_a_folder_is_to_be_named(tmp_path):
    (tmp_path / "cloud.txt").write_text("1 2 3")
    with pytest.raises(InputError, match=r"passed over in folders: name .* where cloud.txt is"):
        find_scenes([tmp_path])


def test_trainers_layouts_only_where_nothing_else_is(tmp_path, small_mesh):
    scene = tmp_path / "export" / "train" / "a"
    scene.mkdir(parents=True)
    np.save(scene / "coord.npy", small_mesh.vertices)
    np.save(scene / "color.npy", small_mesh.colors)
    assert found(tmp_path) == found(scene) == found(scene / "coord.npy") == {"a": "pointcept"}
    write_ply(tmp_path / "a.ply", small_mesh)
    assert found(tmp_path) == {"a": "file"}


def test_a_named_file_has_its_data_sets_truth(tmp_path):
    scene = tmp_path / "0a1b"
    write_scannetpp(scene)
    mesh = scene / "scans" / "mesh_aligned_0.05.ply"
    for path in (scene, scene / "scans", mesh, tmp_path):
        assert found(path) == {"0a1b": "scannetpp"}
    (source,) = find_scenes([mesh])
    assert read_source(source)[2] is not None
    write_s3dis_room(tmp_path / "Area_3" / "lobby_1")
    assert found(tmp_path / "Area_3" / "lobby_1" / "lobby_1.txt") == {"Area_3_lobby_1": "s3dis"}


def test_units_are_stated_where_the_data_set_has_them(tmp_path, small_mesh):
    write_scannetpp(tmp_path / "0a1b")
    write_ply(tmp_path / "own.ply", small_mesh)
    readings = {s.name: s.reading for s in find_scenes([tmp_path])}
    assert readings == {"0a1b": Reading("m", "z"), "own": Reading()}
    (stated, _) = find_scenes([tmp_path], Reading("mm", "auto"))
    assert stated.reading == Reading("mm", "z")


def test_links_do_not_leave_the_root(tmp_path):
    write_scannetpp(tmp_path / "elsewhere" / "secret")
    root = tmp_path / "root"
    write_scannetpp(root / "data" / "mine")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    (root / "data" / "a").symlink_to(tmp_path / "elsewhere" / "secret")
    (root / "loop").symlink_to(root)
    assert found(root) == {"mine": "scannetpp"}
    assert found(root / "out") == {"secret": "scannetpp"}  # the user named it


def test_a_tree_of_too_many_folders(tmp_path, monkeypatch):
    for number in range(5):
        (tmp_path / str(number)).mkdir()
    monkeypatch.setattr(scenes, "_MOST", 3)
    with pytest.raises(InputError, match="more than 3 folders; name the data set's own"):
        find_scenes([tmp_path])


def test_folders_that_may_not_be_read(tmp_path, monkeypatch):
    write_scannetpp(tmp_path / "data" / "mine")
    write_scannetpp(tmp_path / "lost+found" / "theirs")
    real = scenes.os.access
    monkeypatch.setattr(
        scenes.os, "access", lambda path, mode: "lost" not in str(path) and real(path, mode)
    )
    assert found(tmp_path) == {"mine": "scannetpp"}


def test_nothing_in_it(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(InputError, match=r"holds no scans; .*ARKitScenes"):
        find_scenes([tmp_path])


def test_the_files_of_truth(tmp_path):
    write_scannetpp(tmp_path / "0a1b")
    write_s3dis_room(tmp_path / "Area_1" / "office_1")
    scene, room = find_scenes([tmp_path])
    assert [p.name for p in scene.truth_files] == ["segments_anno.json"]
    assert [p.name for p in room.truth_files] == ["ceiling_1.txt", "chair_1.txt", "chair_2.txt"]


def test_own_segments_are_used(tmp_path):
    """What `seggroup segment` writes beside a scan is read in every layout."""
    write_s3dis_room(tmp_path / "Area_1" / "office_1")
    (source,) = find_scenes([tmp_path])
    size = len(read_source(source)[0].vertices)
    path = source.scan.with_name(f"{source.scan.stem}.0.010000.segs.json")
    path.write_text(json.dumps({"segIndices": [4] * size}))
    (source,) = find_scenes([tmp_path])
    assert read_source(source)[1].tolist() == [4] * size


def test_the_data_folder(real_data, tmp_path):
    layouts = found(real_data / "scannet", real_data / "multiscan", real_data / "3rscan")
    assert layouts == {"scene0000_00": "scannet", "scene_00097_02": "file", "0988ea78": "file"}
    assert found(real_data)["scene0000_00"] == "scannet"
    folder = real_data / "scannet" / "scans" / "scene0000_00"
    copy = tmp_path / "scene0000_00"
    copy.mkdir()
    for path in folder.iterdir():  # the NYU40 classes by name, as a list of the 200 has them
        if not path.name.endswith(".labels.ply"):
            shutil.copy(path, copy / path.name)
    from seggroup.io.classlist import template

    wide = template("scannet200")
    truth = read_source(find_scenes([copy], Reading(classes=wide))[0])[2]
    assert set(np.unique(truth.semantic)) <= {-1, *wide.classes}
    assert (truth.semantic != -1).mean() > 0.8


def test_every_layout_has_a_title():
    assert len({layout.title for layout in LAYOUTS.values()}) == len(LAYOUTS)
