"""Small scans in the layouts of data sets and trainers, written as those publish them."""

import json
from pathlib import Path

import numpy as np
import torch

# Two squares of four corners each, a metre apart: z up, metres.
SQUARES = np.array(
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [3, 0, 1], [4, 0, 1], [4, 1, 1], [3, 1, 1]],
    np.float64,
)
COLORS = np.arange(24).reshape(8, 3) * 10
QUADS = [[0, 1, 2, 3], [4, 5, 6, 7]]


def write_text_ply(path: Path, columns: dict[str, tuple], faces=QUADS, face_columns=None) -> None:
    """An ASCII PLY of the squares. columns: further (type, values) of vertices, and of faces."""
    of_faces = face_columns or {}
    head = ["ply", "format ascii 1.0", f"element vertex {len(SQUARES)}"]
    head += [f"property float {axis}" for axis in "xyz"]
    head += [f"property uchar {color}" for color in ("red", "green", "blue")]
    head += [f"property {kind} {name}" for name, (kind, _) in columns.items()]
    head += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    head += [f"property {kind} {name}" for name, (kind, _) in of_faces.items()]
    rows = [
        " ".join(map(str, [*SQUARES[i], *COLORS[i], *(v[i] for _, v in columns.values())]))
        for i in range(len(SQUARES))
    ]
    rows += [
        " ".join(map(str, [len(face), *face, *(v[i] for _, v in of_faces.values())]))
        for i, face in enumerate(faces)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*head, "end_header", *rows]) + "\n")


def write_scannetpp(scene: Path, segments=(3, 3, 3, 3, 5, 5, 8, 8)) -> Path:
    """`<scene>/scans`: a floor of one segment; a chair of both of the others; a cushion in it."""
    scans = scene / "scans"
    write_text_ply(scans / "mesh_aligned_0.05.ply", {})
    (scans / "segments.json").write_text(json.dumps({"segIndices": list(segments)}))
    groups = [
        {"id": 1, "objectId": 11, "label": "floor", "segments": [3]},
        {"id": 2, "objectId": 12, "label": "pillow", "segments": [8]},
        {"id": 3, "objectId": 13, "label": "office chair", "segments": [5, 8]},
    ]
    (scans / "segments_anno.json").write_text(json.dumps({"segGroups": groups}))
    return scans


def write_s3dis_room(room: Path, shuffled: bool = True) -> Path:
    """A room of a ceiling and two chairs; its own file has the points in another order."""
    rng = np.random.default_rng(4)
    parts = {"ceiling_1": 5, "chair_1": 3, "chair_2": 4}
    lines = []
    (room / "Annotations").mkdir(parents=True)
    for name, count in parts.items():
        some = [
            f"{x:.3f} {y:.3f} {z:.3f} {r} {g} {b}"
            for (x, y, z), (r, g, b) in zip(
                rng.random((count, 3)) * 3, rng.integers(0, 256, (count, 3)), strict=True
            )
        ]
        (room / "Annotations" / f"{name}.txt").write_text("\n".join(some) + "\n")
        lines += some
    (room / "Annotations" / ".DS_Store").write_bytes(b"\0\1")
    if shuffled:
        rng.shuffle(lines)
    (room / f"{room.name}.txt").write_text("\n".join(lines) + "\n")
    return room


def write_3rscan(folder, obj=True, names=True, nyu40=True):
    ids = [4, 4, 4, 4, 9, 9, 9, 0]
    columns = {"objectId": ("ushort", ids), "globalId": ("ushort", [7] * 8)}
    if nyu40:
        columns["NYU40"] = ("uchar", [2, 2, 2, 2, 5, 5, 5, 0])
    write_text_ply(folder / "labels.instances.annotated.v2.ply", columns)
    if obj:
        lines = [f"v {x} {y} {z} 0.5 0.5 0.5" for x, y, z in SQUARES]
        lines += [f"f {a + 1} {b + 1} {c + 1} {d + 1}" for a, b, c, d in QUADS]
        (folder / "mesh.refined.v2.obj").write_text("\n".join(lines) + "\n")
    if names:
        groups = [{"id": 4, "objectId": 4, "label": "floor"}]
        groups += [{"id": 9, "objectId": 9, "label": "armchair"}]
        (folder / "semseg.v2.json").write_text(json.dumps({"segGroups": groups}))
    segments = {"segIndices": [1, 1, 1, 1, 2, 2, 2, 2]}
    (folder / "mesh.refined.0.010000.segs.v2.json").write_text(json.dumps(segments))
    return folder


def box(label, centre, lengths, yaw=0.0) -> dict:
    c, s = np.cos(yaw), np.sin(yaw)
    axes = [c, s, 0, -s, c, 0, 0, 0, 1]  # rows are the axes
    obb = {"centroid": centre, "axesLengths": lengths, "normalizedAxes": axes}
    return {"label": label, "uid": "u", "segments": {"obbAligned": obb}}


def write_arkit(folder, boxes):
    write_text_ply(folder / "41254925_3dod_mesh.ply", {})
    path = folder / "41254925_3dod_annotation.json"
    path.write_text(json.dumps({"data": boxes, "skipped": False}))
    return path


def write_replica(scene, ids=(31, 12), names=({"id": 31, "class_name": "floor"},)):
    habitat = scene / "habitat"
    write_text_ply(
        habitat / "mesh_semantic.ply", {}, face_columns={"object_id": ("int", list(ids))}
    )
    (habitat / "info_semantic.json").write_text(json.dumps({"objects": list(names)}))
    return habitat


def write_multiscan(folder, **columns):
    write_text_ply(folder / "scene_00000_00.ply", **columns)
    objects = [
        {"objectId": 1, "label": "floor.1"},
        {"objectId": 2, "label": "wall_cabinet.12", "partIds": [1]},
    ]
    path = folder / "scene_00000_00.annotations.json"
    path.write_text(json.dumps({"version": "multiscan@0.0.1", "objects": objects}))
    (folder / "scene_00000_00.align.json").write_text("{}")
    return path


def write_trainers(root):
    (root / "train").mkdir(parents=True)
    arrays = (np.eye(3, dtype="f4"), np.eye(3, dtype="f4"), np.zeros(3), np.zeros(3))
    torch.save(arrays, root / "train" / "a_inst_nostuff.pth")
    torch.save(arrays, root / "train" / "b_inst_nostuff.pth", _use_new_zipfile_serialization=False)


def write_pointcept(root):
    (root / "a").mkdir(parents=True)
    np.save(root / "a" / "coord.npy", np.eye(3))
    for name in ("color", "normal", "segment20", "instance"):
        width = (3, 3) if name in ("color", "normal") else 3
        np.save(root / "a" / f"{name}.npy", np.ones(width, np.int64))
    (root / "classes.json").write_text('{"classes": [{"value": 1, "id": 5, "name": "chair"}]}')


def write_masks(root):
    for part in ("points", "semantic_mask", "instance_mask", "super_points"):
        (root / part).mkdir(parents=True)
        (root / part / "a.bin").write_bytes(bytes(72 if part == "points" else 24))


WRITERS = {
    "scannetpp": lambda root: write_scannetpp(root / "a"),
    "3rscan": lambda root: write_3rscan(root / "a", nyu40=False),
    "arkitscenes": lambda root: write_arkit(root, [box("sofa", [3.5, 0.5, 1], [1, 1, 1])]),
    "s3dis": lambda root: write_s3dis_room(root / "Area_1" / "a"),
    "replica": lambda root: write_replica(root / "a"),
    "multiscan": lambda root: write_multiscan(
        root, columns={}, face_columns={"objectId": ("int", [2, 1])}
    ),
    "pointcept": write_pointcept,
    "pointgroup": write_trainers,
    "mmdetection3d": write_masks,
    "kpconv": lambda root: write_text_ply(root / "a.ply", {"class": ("int", [1] * 8)}, faces=[]),
}
