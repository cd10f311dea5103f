"""`seggroup convert`: between layouts and formats, and what it says was lost."""

import json

import numpy as np
import pytest
from plyfile import PlyData
from toy_files import write_toy
from toy_samples import random_sample

from seggroup.io.ply import write_ply
from seggroup.io.reading import Reading
from seggroup.io.scan import read_labelled_scan
from seggroup.io.scenes import find_scenes, read_source
from seggroup.pipeline.converting import files_of

KNOWN = ("--unit", "m", "--up", "z")


@pytest.fixture
def scans(tmp_path):
    for seed, name in enumerate("ab"):
        write_toy(tmp_path / "scans", name, seed)
    return tmp_path / "scans"


def of_file(path, up="z"):
    return read_labelled_scan(path, Reading("m", up))


def same(one, other, atol=0.0):
    (scan, labels), (again, found) = one, other
    np.testing.assert_allclose(again.vertices, scan.vertices, atol=atol)
    np.testing.assert_array_equal(again.faces, scan.faces)
    np.testing.assert_array_equal(found.semantic, labels.semantic)
    np.testing.assert_array_equal(found.instance, labels.instance)


def test_one_file_by_its_ending_there_and_back(scans, tmp_path, ok):
    first = of_file(scans / "a.ply")
    done = ok("convert", scans / "a.ply", "-o", tmp_path / "a.laz", *KNOWN)
    assert done["scenes"][0]["points"] == 576
    assert {"faces", "coordinates finer than a tenth of a millimetre"} <= set(done["cannot_hold"])
    back = ok("convert", tmp_path / "a.laz", "-o", tmp_path / "back.ply", *KNOWN)
    assert "faces" not in back["cannot_hold"]  # it had none left
    scan, labels = of_file(tmp_path / "back.ply")
    np.testing.assert_allclose(scan.vertices, first[0].vertices, atol=0.51e-4)
    np.testing.assert_array_equal(scan.colors, first[0].colors)
    np.testing.assert_array_equal(labels.instance, first[1].instance)
    ok("convert", scans / "a.ply", "-o", tmp_path / "again.ply", *KNOWN)
    same(first, of_file(tmp_path / "again.ply"))
    plain = ok("convert", scans / "a.ply", "-o", tmp_path / "plain.ply", "--no-truth", *KNOWN)
    assert plain["cannot_hold"] == []
    assert "label" not in PlyData.read(tmp_path / "plain.ply")["vertex"].data.dtype.names


def test_a_cloud_without_labels_changes_its_format(tmp_path, ok):
    scan = random_sample(0, mesh=False).scan
    write_ply(tmp_path / "c.ply", scan)
    done = ok("convert", tmp_path / "c.ply", "-o", tmp_path / "c.las", *KNOWN)
    assert done["scenes"][0]["labelled"] is None
    assert done["cannot_hold"] == [
        "the file's own normals",
        "coordinates finer than a tenth of a millimetre",
    ]
    again, labels = of_file(tmp_path / "c.las")
    assert labels is None
    np.testing.assert_allclose(again.vertices, scan.vertices, atol=0.51e-4)


def test_scannet_and_back_holds_every_label(scans, tmp_path, ok):
    ok("convert", scans, "--to", "scannet", "-o", tmp_path / "scannet", "--jobs", 2, *KNOWN)
    ok("convert", tmp_path / "scannet", "--to", "ply", "-o", tmp_path / "ply")
    for name in "ab":
        same(of_file(scans / f"{name}.ply"), of_file(tmp_path / "ply" / f"{name}.ply"))
    sources = find_scenes([tmp_path / "scannet"])
    assert [source.name for source in sources] == ["a", "b"]


def test_all_forty_classes_pass_through_scannet(tmp_path, ok):
    sample = random_sample(3)
    labels = sample.labels
    labels.semantic[labels.semantic == 5] = 22  # ceiling: not of the benchmark's 20
    write_ply(tmp_path / "c.ply", sample.scan, labels)
    ok("convert", tmp_path / "c.ply", "--to", "scannet", "-o", tmp_path / "s", *KNOWN)
    _, _, found = read_source(find_scenes([tmp_path / "s"])[0])
    np.testing.assert_array_equal(found.semantic, labels.semantic)


def test_other_targets_are_those_of_export(scans, tmp_path, ok):
    done = ok("convert", scans, "--to", "boxes", "-o", tmp_path / "boxes", *KNOWN)
    assert len(json.loads((tmp_path / "boxes" / "a.json").read_text())["instances"]) == 4
    assert "classes without an instance" in done["cannot_hold"]


def test_no_scan_is_written_over_by_another_s_file(scans, tmp_path, bad):
    """Of a folder, a file of one scene may be the scan of another, by a link too."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.ply").hardlink_to(scans / "b.ply")
    message = bad(
        "convert", scans / "a.ply", scans / "b.ply", "--to", "ply", "-o", tmp_path / "out"
    )
    assert "out/a.ply: the scan would be written over" in message
    assert files_of([], tmp_path / "out", "ply") == []


def test_what_does_not_fit_is_refused(scans, tmp_path, bad):
    mesh = scans / "a.ply"
    assert "would be written over" in bad("convert", mesh, "-o", mesh)
    assert "ends in none of .ply" in bad("convert", mesh, "-o", tmp_path / "a.fbx")
    assert "is one file, but 2 scenes" in bad("convert", scans, "-o", tmp_path / "a.ply")
    assert "would be written over" in bad("convert", scans, "--to", "ply", "-o", scans)
    assert "does not end in .glb" in bad("convert", mesh, "--to", "glb", "-o", tmp_path / "a.ply")
    assert "is no target" in bad("convert", mesh, "--to", "pointnext", "-o", tmp_path / "x")
    assert "made of labels" in bad(
        "convert", mesh, "--to", "boxes", "--no-truth", "-o", tmp_path / "x"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scans"]
