"""`seggroup check`: what it counts, what it finds, and its page."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_files import write_toy
from toy_rooms import boxes_room

from seggroup.io.classlist import nyu40
from seggroup.io.ply import write_ply
from seggroup.io.raw import Raw, checked
from seggroup.io.reading import Reading
from seggroup.io.store import labels_file, write_labels
from seggroup.pipeline.suspicions import of_labels, of_scan, torn
from seggroup.report.checkpage import check_html, thumbnails
from seggroup.types import NONE, Labels

KNOWN = ("--unit", "m", "--up", "z")


@pytest.fixture(scope="module")
def room():
    return boxes_room(6, "room")


@pytest.fixture
def folder(room, tmp_path):
    place = tmp_path / "scans"
    place.mkdir()
    write_ply(place / "room.ply", *room)
    return place


def what(findings):
    """Errors and warnings, the errors first."""
    return [finding["what"] for finding in findings if finding["severity"] != "note"]


def said(findings):
    return " | ".join(finding.what for finding in findings)


def test_a_good_room_is_counted_and_nothing_is_found(folder, room, ok):
    done = ok("check", folder, *KNOWN)
    scan, truth = room
    assert (done["scenes"], done["errors"], done["warnings"]) == (1, 0, 0)
    assert (done["vertices"], done["faces"]) == (len(scan.vertices), len(scan.faces))
    assert (done["instances"], done["labelled"]) == (7, 1.0)
    floor = done["classes"][0]
    assert (floor["name"], floor["id"], floor["instances"], floor["thing"]) == (
        "floor",
        2,
        1,
        False,
    )
    assert floor["vertices"] == np.count_nonzero(truth.semantic == 2)
    assert sum(row["vertices"] for row in done["classes"]) == len(scan.vertices)
    assert done["page"] is None


def test_what_cannot_be_read_does_not_stop_the_rest(folder, ok, seggroup):
    (folder / "broken.ply").write_bytes(b"ply\nformat ascii 1.0\n")
    done = ok("check", folder, *KNOWN)
    assert (done["scenes"], done["unreadable"], done["errors"]) == (2, 1, 1)
    assert "no end_header" in done["findings"][0]["what"]
    assert done["instances"] == 7
    assert seggroup("check", folder, "--strict", *KNOWN).code == 2
    assert "1 unreadable" in seggroup("check", folder, *KNOWN).out


def test_scans_that_were_passed_over_are_named(folder, room, ok):
    root = folder.parent
    write_ply(root / "loose.ply", *room)
    write_ply(root / "upstairs" / "bath.ply", *room)
    (root / "upstairs" / "broken.obj").write_text("v")
    meshless = root / "scene0001_00"
    meshless.mkdir()
    (meshless / "scene0001_00.aggregation.json").write_text("{}")
    done = ok("check", root, *KNOWN)
    assert done["scenes"] == 1  # those of scans/
    assert what(done["findings"]) == [
        f"1 scan file in {root} was not read: loose.ply",
        f"{meshless} has scene0001_00.aggregation.json but not the mesh that they belong to",
        f"2 scan files in {root / 'upstairs'} were not read: bath.ply, broken.obj",
    ]
    assert done["warnings"] == 3
    done = ok("check", root, root / "upstairs", root / "loose.ply", *KNOWN)
    assert done["scenes"] == 4
    assert "not read" not in " | ".join(what(done["findings"]))


def test_broken_truth_keeps_the_labels_from_nothing(tmp_path, room, ok):
    scan, truth = room
    scans, labels = tmp_path / "scans", tmp_path / "labels"
    name, mesh = "scene0001_00", "scene0001_00_vh_clean_2"
    write_ply(scans / name / f"{mesh}.ply", scan)
    write_ply(scans / name / f"{mesh}.labels.ply", scan, truth)
    aggregation = scans / name / f"{name}.aggregation.json"
    aggregation.write_text('{"segGroups": [')
    done = ok("check", scans, *KNOWN)
    assert "but its aggregation.json cannot be used" in what(done["findings"])[0]
    assert (done["errors"], done["instances"]) == (0, 7)
    (scans / name / f"{mesh}.labels.ply").write_bytes(b"ply")
    done = ok("check", scans, *KNOWN)
    assert "its truth cannot be used" in what(done["findings"])[0]
    assert (done["errors"], done["warnings"], done["unreadable"]) == (1, 0, 0)
    write_labels(labels_file(labels, name), truth)
    done = ok("check", scans, "--labels", labels, *KNOWN)
    assert (done["errors"], done["instances"]) == (1, 7)


def test_the_truth_need_not_fit_the_list_of_other_labels(folder, room, ok, tmp_path):
    scan, truth = room
    foreign = np.where(truth.semantic == 2, 99, truth.semantic).astype(np.int32)
    write_ply(folder / "room.ply", scan, Labels(foreign, truth.instance))
    write_labels(labels_file(tmp_path / "labels", "room"), truth)
    nyu = ("--classes", "nyu40")
    done = ok("check", folder, *nyu, *KNOWN)
    assert "its truth cannot be used" in what(done["findings"])[0]
    done = ok("check", folder, "--labels", tmp_path / "labels", *nyu, *KNOWN)
    assert (done["errors"], done["instances"]) == (0, 7)


def test_a_fault_of_the_program_does_not_stop_the_rest(folder, room, ok, monkeypatch):
    from seggroup.pipeline import checking

    write_ply(folder / "other.ply", *room)
    real = checking.read_source

    def faulty(source, truth):
        return real(source, truth) if source.name == "room" else [][source.name]

    monkeypatch.setattr(checking, "read_source", faulty)
    done = ok("check", folder, *KNOWN)
    assert (done["scenes"], done["unreadable"], done["instances"]) == (2, 1, 7)
    assert "could not be read: fault of the program (TypeError" in what(done["findings"])[0]


def test_nothing_is_said_twice(room):
    scan, _ = room
    vertices = scan.vertices.copy()
    vertices[: len(vertices) // 3] = vertices[0]
    doubled = checked(Path("a.ply"), "a", Raw(vertices, scan.faces, scan.colors), Reading("m", "z"))
    assert any("exactly on another" in note for note in doubled.notes)
    assert said(of_scan(doubled)).count("exactly on another") == 1


def test_the_cards_of_two_scans_of_one_name_show_the_error(folder, room, ok, tmp_path):
    other = tmp_path / "other"
    write_ply(other / "room.ply", *room)
    ok("check", folder, other, "-o", tmp_path / "page.html", *KNOWN)
    assert (tmp_path / "page.html").read_text().count("1 error<") == 2


def test_copies_near_copies_and_equal_names(folder, room, ok):
    scan, truth = room
    write_ply(folder / "copy.ply", scan, truth)
    moved = replace(scan, vertices=scan.vertices + np.float32(0.001))
    write_ply(folder / "moved.ply", moved, truth)
    other = folder.parent / "other"
    other.mkdir()
    write_toy(other, "room")
    done = ok("check", folder, other, *KNOWN)
    found = " | ".join(what(done["findings"]))
    assert "the same scan lies in 2 places" in found
    assert "nearly the same scan" in found
    assert "2 scans have this name" in found
    assert done["scenes"] == 4


def test_labels_of_a_folder(folder, room, ok, tmp_path):
    _, truth = room
    write_labels(labels_file(tmp_path / "labels", "room"), truth)
    write_labels(labels_file(tmp_path / "labels", "gone"), truth)
    done = ok("check", folder, "--labels", tmp_path / "labels", *KNOWN)
    assert what(done["findings"]) == ["1 label files belong to no scan: gone.npz"]
    write_labels(labels_file(tmp_path / "short", "room"), truth.at(np.arange(9)))
    done = ok("check", folder, "--labels", tmp_path / "short", *KNOWN)
    assert "its labels cannot be used" in what(done["findings"])[0]
    assert done["errors"] == 1
    done = ok("check", folder, "--labels", tmp_path, *KNOWN)
    assert "has no labels in" in what(done["findings"])[0]


def test_clicks_that_contradict_one_another_or_the_labels(folder, room, ok, tmp_path):
    clicks = tmp_path / "clicks"
    ok("click", folder, "-o", clicks, "--per", "instance", *KNOWN)
    done = ok("check", folder, "--clicks", clicks, *KNOWN)
    assert (done["errors"], done["warnings"]) == (0, 0)
    path = clicks / "room.clicks.json"
    value = json.loads(path.read_text())
    value["clicks"][1]["class"] = "toilet"
    value["clicks"].append(value["clicks"][2] | {"instance": 40})
    del value["clicks"][3]
    path.write_text(json.dumps(value))
    findings = ok("check", folder, "--clicks", clicks, *KNOWN)["findings"]
    found = " | ".join(finding["what"] for finding in findings)
    assert "1 clicks have another class than the labels below them (toilet on" in found
    assert "are different instances in one segment" in found
    assert "labelled instances have no click" in found
    path.write_text("{")
    assert ok("check", folder, "--clicks", clicks, *KNOWN)["errors"] == 1
    path.unlink()
    assert what(ok("check", folder, "--clicks", clicks, *KNOWN)["findings"]) == ["has no clicks"]


def test_what_is_suspicious_in_labels(room):
    scan, truth = room
    classes = nyu40()

    def of(semantic=None, instance=None):
        labels = Labels(
            truth.semantic if semantic is None else semantic.astype(np.int32),
            truth.instance if instance is None else instance.astype(np.int32),
        )
        return said(of_labels(scan, labels, classes))

    none = np.full(len(truth), NONE)
    assert of() == ""
    assert said(of_labels(scan, None, classes)) == "has no labels"
    assert of(none, none) == "no vertex has a class"
    few = np.where(np.arange(len(truth)) < 400, truth.semantic, NONE)
    assert "have a class" in of(few)
    assert "instance 0 has 100% of what is labelled" in of(none + 3, none + 1)
    assert "vertices of things have no instance (cabinet)" in of(none + 4, none)
    assert "class ids that the class list lacks (77)" in of(np.where(few == 2, 77, few))
    two = truth.semantic.copy()
    two[np.flatnonzero(truth.instance == 1)[0]] = 7
    assert of(two) == "1 instance has vertices of several classes (1)"
    small = truth.instance.copy()
    small[np.flatnonzero(truth.instance == 2)[:3]] = 50
    assert "1 instance has fewer than 10 vertices (50)" in of(instance=small)
    joined = np.where(truth.instance == 6, 1, truth.instance)
    assert "1 instance has parts more than 0.5 m apart (1)" in of(instance=joined)


def test_what_is_suspicious_in_a_scan(room):
    scan, _ = room
    assert said(of_scan(scan)) == ""
    assert "which is no room" in said(of_scan(replace(scan, vertices=scan.vertices * 1000)))
    vertices = scan.vertices.copy()
    vertices[: len(vertices) // 3] = vertices[0]
    assert "lie exactly on another" in said(of_scan(replace(scan, vertices=vertices)))
    assert "in no face" in said(of_scan(replace(scan, faces=scan.faces[:9])))
    assert "one colour" in said(of_scan(replace(scan, colors=scan.colors * 0)))
    assert "a note" in said(of_scan(scan.noting("a note")))


def test_parts_are_apart_where_a_cell_lies_between():
    rng = np.random.default_rng(0)
    one = rng.uniform(0, 0.4, (100, 3)).astype(np.float32)
    shift = np.array([1, 0, 0], np.float32)
    assert not torn(one)
    assert not torn(np.concatenate([one, one + 0.5 * shift]))
    assert torn(np.concatenate([one, one + 2 * shift]))
    assert not torn(np.concatenate([one, one[:5] + 2 * shift]))  # strays
    assert torn(np.concatenate([one, one + 1e6 * shift]))  # the grid stays small


def test_the_page_holds_everything_and_asks_for_nothing(folder, room, ok, tmp_path):
    scan, _ = room
    write_ply(folder / "<b>plain.ply", scan)
    done = ok("check", folder, "-o", tmp_path / "page", *KNOWN, "--jobs", 2)
    assert done["page"] == str(tmp_path / "page" / "check.html")
    text = (tmp_path / "page" / "check.html").read_text()
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    assert len(pictures) == 3  # of the plain one only the scan
    assert all(len(picture) * 3 / 4 <= 30_002 for picture in pictures)
    assert "&lt;b&gt;plain" in text
    assert "<b>plain" not in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "<script" not in text


def test_pictures_of_odd_labels(room):
    scan, truth = room
    numbers = Labels(truth.semantic, np.where(truth.instance == 1, 2**31 - 2, truth.instance))
    assert [name for name, _ in thumbnails(scan, numbers, nyu40())] == ["scan", "instances"]
    none = np.full(len(truth), NONE, np.int32)
    assert [n for n, _ in thumbnails(scan, Labels(truth.semantic, none), nyu40())] == [
        "scan",
        "classes",
    ]
    assert [name for name, _ in thumbnails(scan, None, nyu40())] == ["scan"]


def test_wrong_use_is_refused(folder, tmp_path, bad):
    assert "does not exist" in bad("check", folder, "--labels", tmp_path / "nowhere")
    assert "a page ends in .html" in bad("check", folder, "-o", tmp_path / "page.pdf")
    assert "does not exist" in bad("check", tmp_path / "nothing.ply")


def test_a_summary_without_scenes_to_show_is_a_page_too():
    empty = dict.fromkeys(("scenes", "vertices", "instances", "errors", "warnings"), 0)
    page = check_html(
        empty | {"labelled": None, "findings": [], "classes": [], "rows": []}, nyu40()
    )
    assert "Nothing suspicious was found." in page
