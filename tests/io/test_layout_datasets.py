"""Data sets' layouts, on small files in each of them: positions, classes, instances, faults."""

import json

import numpy as np
import pytest
from layout_files import (
    COLORS,
    SQUARES,
    box,
    write_3rscan,
    write_arkit,
    write_multiscan,
    write_replica,
    write_s3dis_room,
    write_scannetpp,
    write_text_ply,
)

from seggroup.errors import InputError
from seggroup.io.classlist import template
from seggroup.io.layouts.arkitscenes import Box, inside
from seggroup.io.layouts.scannetpp import smallest_of
from seggroup.io.reading import Reading
from seggroup.io.scenes import find_scenes, read_source
from seggroup.types import NONE


def read(path, truth=True, classes=None):
    (source,) = find_scenes([path], Reading(classes=classes))
    return read_source(source, truth)


def refused(path, words):
    with pytest.raises(InputError, match=words) as caught:
        read(path)
    assert str(path.parent) in str(caught.value)


# ScanNet++


def test_scannetpp(tmp_path):
    write_scannetpp(tmp_path / "0a1b")
    scan, segments, truth = read(tmp_path)
    assert scan.name == "0a1b"
    assert np.array_equal(scan.vertices, SQUARES.astype(np.float32))
    assert np.array_equal(scan.colors, COLORS)
    assert len(scan.faces) == 4
    assert segments.tolist() == [3, 3, 3, 3, 5, 5, 8, 8]
    assert truth.instance.tolist() == [11, 11, 11, 11, 13, 13, 12, 12]
    assert truth.semantic.tolist() == [2, 2, 2, 2, 5, 5, 18, 18]
    plain = read(tmp_path, truth=False)
    assert plain[2] is None
    assert plain[1].tolist() == segments.tolist()


def test_scannetpp_with_what_is_missing_or_broken(tmp_path):
    scans = write_scannetpp(tmp_path / "0a1b")
    annotation = scans / "segments_anno.json"
    value = json.loads(annotation.read_text())
    value["segGroups"][0] |= {"label": "flux capacitor", "segments": [3, 77]}
    annotation.write_text(json.dumps(value))
    scan, _, truth = read(tmp_path)
    assert truth.semantic[:4].tolist() == [NONE] * 4
    assert any("flux capacitor" in note for note in scan.notes)
    assert any("1 segments of the annotation are not in" in note for note in scan.notes)
    for text, words in [
        ("{", "not valid JSON"),
        ('{"segGroups": 3}', "no list segGroups"),
        ('{"segGroups": [{"objectId": 2}]}', "group 0 of segGroups needs"),
    ]:
        annotation.write_text(text)
        refused(tmp_path / "0a1b", words)
    annotation.unlink()
    scan, _, truth = read(tmp_path)
    assert truth is None
    assert "no segments_anno.json" in scan.notes[-1]
    (scans / "segments.json").write_text('{"segIndices": [1, 2]}')
    refused(tmp_path / "0a1b", "segments for 2 vertices, but the mesh has 8")
    (scans / "segments.json").unlink()
    assert read(tmp_path)[2] is None


def test_smallest_of_against_every_vertex():
    """A vertex of several groups is in the one with the fewest vertices."""
    rng = np.random.default_rng(3)
    segments = rng.integers(0, 9, 60).astype(np.int32)
    groups = [
        (i, "x", rng.choice(12, rng.integers(1, 6), replace=False).tolist()) for i in range(6)
    ]
    found, missing = smallest_of(groups, segments)
    sizes = [int(np.isin(segments, s).sum()) for _, _, s in groups]
    for vertex, segment in enumerate(segments.tolist()):
        having = [i for i, (_, _, s) in enumerate(groups) if segment in s]
        assert found[vertex] == min(having, key=lambda i: (sizes[i], i), default=NONE)
    assert missing == sum(s not in segments for _, _, ids in groups for s in ids)


# 3RScan


def test_3rscan(tmp_path):
    write_3rscan(tmp_path / "b8837e1a")
    scan, segments, truth = read(tmp_path)
    assert scan.name == "b8837e1a"
    assert np.array_equal(scan.vertices, SQUARES.astype(np.float32))
    assert segments.tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert truth.instance.tolist() == [4, 4, 4, 4, 9, 9, 9, NONE]
    assert truth.semantic.tolist() == [2, 2, 2, 2, 5, 5, 5, NONE]
    own = read(tmp_path, classes=template("s3dis"))[2]
    assert own.semantic.tolist() == [2, 2, 2, 2, 9, 9, 9, NONE]


def test_3rscan_where_the_annotated_mesh_is_another(tmp_path):
    """In the first version of the data its vertices are others: the nearest one says the object."""
    folder = write_3rscan(tmp_path / "b8837e1a")
    near = SQUARES + np.array([0.01, 0, 0])
    lines = [f"v {x} {y} {z}" for x, y, z in [*near, [9, 9, 9]]]
    (folder / "mesh.refined.v2.obj").write_text("\n".join([*lines, "f 1 2 3"]) + "\n")
    scan, segments, truth = read(tmp_path)
    assert truth.instance.tolist() == [4, 4, 4, 4, 9, 9, 9, NONE, NONE]
    assert segments is None
    assert any("it has 8 vertices, the mesh 9" in note for note in scan.notes)
    assert any("1 have none within 5 cm" in note for note in scan.notes)


def test_3rscan_without_the_textured_mesh(tmp_path):
    """The annotated mesh shows the objects in its colours, which would be the answer."""
    write_3rscan(tmp_path / "b8837e1a", obj=False, nyu40=False)
    scan, _, truth = read(tmp_path)
    assert (scan.colors == 128).all()
    assert any("mid-grey" in note for note in scan.notes)
    assert truth.semantic.tolist() == [2, 2, 2, 2, 5, 5, 5, NONE]


def test_3rscan_with_what_is_missing_or_broken(tmp_path):
    folder = write_3rscan(tmp_path / "b8837e1a", names=False, nyu40=False)
    scan, _, truth = read(tmp_path)
    assert (truth.semantic == NONE).all()
    assert "no semseg.v2.json" in " ".join(scan.notes)
    (folder / "semseg.v2.json").write_text('{"segGroups": [{"objectId": "4", "label": "floor"}]}')
    refused(folder, r"semseg\.v2\.json: group 0 of segGroups needs an objectId")
    write_text_ply(folder / "labels.instances.annotated.v2.ply", {})
    refused(folder, "has no vertex property objectId")
    (folder / "labels.instances.annotated.v2.ply").unlink()
    scan, _, truth = read(tmp_path)
    assert truth is None
    assert "the scan has no truth" in scan.notes[-1]


# ARKitScenes


def test_arkitscenes(tmp_path):
    """The large box has the whole second square; the small one, turned, one corner of it."""
    boxes = [
        box("tv_monitor", [4, 0, 1], [0.1, 0.1, 0.1], np.pi / 4),
        box("sofa", [3.5, 0.5, 1], [1.0, 1.0, 0.5]),
        box("bed", [50, 0, 0], [1, 1, 1]),
    ]
    write_arkit(tmp_path / "3dod" / "Training" / "41254925", boxes)
    scan, segments, truth = read(tmp_path)
    assert scan.name == "41254925"
    assert segments is None
    assert truth.instance.tolist() == [NONE] * 4 + [1, 0, 1, 1]
    assert truth.semantic.tolist() == [NONE] * 4 + [6, 25, 6, 6]
    assert "approximate" in scan.notes[-1]


def test_arkitscenes_boxes_are_those_of_the_file(tmp_path):
    """Boxes go by the file's coordinates, wherever the scan's own origin is put."""
    path = write_arkit(tmp_path, [box("sofa", [3.5, 0.5, 1], [1.02, 1.02, 0.5])])
    (source,) = find_scenes([tmp_path], Reading("mm"))
    assert read_source(source)[2].instance.tolist() == [NONE] * 4 + [0] * 4
    for row, words in [
        ({}, "box 0 of data needs a label"),
        (box("sofa", [0, 0], [1, 1, 1]), "box 0"),
        (box("sofa", [0, 0, 0], [1, 1, -1]), "box 0"),
        (box("sofa", [0, 0, float("nan")], [1, 1, 1]), "box 0"),
        (box("sofa", [0, 0, 0], [1, 1, True]), "box 0"),
    ]:
        path.write_text(json.dumps({"data": [row]}))
        refused(tmp_path / "41254925_3dod_mesh.ply", words)
    path.write_text('{"skipped": true}')
    refused(tmp_path / "41254925_3dod_mesh.ply", "has no list data")
    path.unlink()
    assert read(tmp_path)[2] is None


def test_inside_against_every_corner_of_a_grid():
    rng = np.random.default_rng(5)
    boxes = []
    for _ in range(6):
        axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        boxes.append(Box("x", rng.uniform(-1, 1, 3), rng.uniform(0.2, 2, 3), axes))
    points = rng.uniform(-2, 2, (300, 3))
    volumes = [np.prod(b.lengths) for b in boxes]
    for point, got in zip(points, inside(boxes, points).tolist(), strict=True):
        having = [
            i
            for i, b in enumerate(boxes)
            if all(
                abs(np.dot(a, point - b.centre)) <= half
                for a, half in zip(b.axes, b.lengths / 2, strict=True)
            )
        ]
        assert got == min(having, key=lambda i: (volumes[i], i), default=NONE)


# S3DIS


def test_s3dis(tmp_path):
    room = write_s3dis_room(tmp_path / "Area_1" / "office_1")
    scan, segments, truth = read(tmp_path)
    assert (scan.name, segments) == ("Area_1_office_1", None)
    rows = np.loadtxt(room / "office_1.txt")
    assert np.allclose(scan.vertices, rows[:, :3], atol=1e-6)
    assert np.array_equal(scan.colors, rows[:, 3:])
    for number, (part, class_id) in enumerate([("ceiling_1", 22), ("chair_1", 5), ("chair_2", 5)]):
        of_part = {tuple(row) for row in np.loadtxt(room / "Annotations" / f"{part}.txt")}
        mine = truth.instance == number
        assert {tuple(row) for row in rows[mine]} == of_part
        assert set(truth.semantic[mine].tolist()) == {class_id}
    assert np.array_equal(read(tmp_path, truth=False)[0].vertices, scan.vertices)
    own = read(tmp_path, classes=template("s3dis"))[2]
    assert set(own.semantic.tolist()) == {1, 9}


def test_s3dis_with_a_stray_control_byte(tmp_path):
    """As in Area_5/hallway_6: a byte in the place of a blank, or in the middle of a number."""
    room = write_s3dis_room(tmp_path / "Area_5" / "hallway_6", shuffled=False)
    part = room / "Annotations" / "ceiling_1.txt"
    for path in (part, room / "hallway_6.txt"):
        lines = path.read_bytes().split(b"\n")
        x, y, z, r, g, b = lines[1].split()
        lines[1] = b" ".join([x, y, z, r, g + b"\x10" + b])
        lines[2] = lines[2][:3] + b"\x10" + lines[2][3:]
        path.write_bytes(b"\n".join(lines))
    scan, _, truth = read(tmp_path)
    assert len(scan.vertices) == 12
    assert (truth.instance != NONE).all()
    assert [n for n in scan.notes if "control byte" in n] == [
        "ceiling_1.txt: a stray control byte was mended.",
        "hallway_6.txt: a stray control byte was mended.",
    ]
    assert scan.vertices[1].tolist() == pytest.approx([float(x), float(y), float(z)])
    assert scan.colors[1].tolist() == [int(r), int(g), int(b)]


def test_s3dis_where_the_room_lacks_points(tmp_path):
    room = write_s3dis_room(tmp_path / "Area_1" / "office_1")
    lines = (room / "office_1.txt").read_text().splitlines()
    extra = [*lines, "9 9 9 1 2 3"]
    (room / "office_1.txt").write_text("\n".join(extra) + "\n")
    truth = read(tmp_path)[2]
    assert len(truth) == 13
    assert truth.instance[-1] == NONE
    assert truth.semantic[-1] == NONE
    (room / "office_1.txt").write_text("\n".join(lines[1:]) + "\n")
    scan, _, truth = read(tmp_path)
    assert any("lacks points of its annotation (11 and 12 points)" in n for n in scan.notes)
    assert truth.instance.tolist() == [0] * 5 + [1] * 3 + [2] * 4
    (room / "office_1.txt").unlink()
    assert read(tmp_path)[2].instance.tolist() == truth.instance.tolist()
    (room / "Annotations" / "chair_1.txt").write_text("1 2 3 4 5\n")
    refused(room, r"chair_1\.txt: its lines do not all have the same 6 numbers")
    (room / "Annotations" / "chair_1.txt").write_text("1 2 three 4 5 6\n")
    refused(room, r"chair_1\.txt: line 1: 'three' among the lines is not a number")


# Replica


def test_replica(tmp_path):
    chair = {"id": 12, "class_name": "base-cabinet", "class_id": 7}
    write_replica(tmp_path / "apartment_0", names=[{"id": 31, "class_name": "floor"}, chair])
    for path in (tmp_path, tmp_path / "apartment_0", tmp_path / "apartment_0" / "habitat"):
        scan, _, truth = read(path)
        assert scan.name == "apartment_0"
        assert truth.instance.tolist() == [31] * 4 + [12] * 4
        assert truth.semantic.tolist() == [2] * 4 + [3] * 4


def test_replica_with_what_is_missing_or_broken(tmp_path):
    names = [{"id": 31, "class_name": "undefined"}]
    habitat = write_replica(tmp_path / "room_0", ids=[31, -2], names=names)
    assert read(tmp_path)[2].instance.tolist() == [NONE] * 8
    (habitat / "info_semantic.json").write_text('{"objects": [{"id": 3.5, "class_name": "a"}]}')
    refused(habitat, "object 0 of objects needs an id")
    (habitat / "info_semantic.json").unlink()
    scan, _, truth = read(tmp_path)
    assert truth.instance.tolist() == [31] * 4 + [NONE] * 4
    assert "no info_semantic.json" in " ".join(scan.notes)
    write_text_ply(
        habitat / "mesh_semantic.ply", {}, face_columns={"object_id": ("float", [1, 0.5])}
    )
    refused(habitat, "object_id must be integers")
    write_text_ply(habitat / "mesh_semantic.ply", {})
    scan, _, truth = read(tmp_path)
    assert truth is None
    assert "no object_id" in scan.notes[-1]


# MultiScan


def test_multiscan(tmp_path):
    faces = {"objectId": ("int", [2, 1]), "partId": ("int", [1, 1])}
    path = write_multiscan(tmp_path / "scene_00000_00", columns={}, face_columns=faces)
    scan, _, truth = read(tmp_path)
    assert scan.name == "scene_00000_00"
    assert truth.instance.tolist() == [2] * 4 + [1] * 4
    assert truth.semantic.tolist() == [3] * 4 + [2] * 4
    write_multiscan(path.parent, columns={"objectId": ("short", [1] * 4 + [0] * 2 + [-1, 99])})
    assert read(tmp_path)[2].instance.tolist() == [1] * 4 + [NONE] * 4
    path.write_text('{"objects": [{"objectId": 1}]}')
    refused(path.parent, "object 0 of objects needs an objectId")
    path.write_text("[]")
    refused(path.parent, "has no list objects")
    write_text_ply(path.parent / "scene_00000_00.ply", {})
    scan, _, truth = read(tmp_path)
    assert truth is None
    assert "no objectId" in scan.notes[-1]
