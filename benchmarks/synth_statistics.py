"""Synthetic rooms beside real scans, as a Markdown table: are the rooms as hard?

    SEGGROUP_REAL_DATA=<folder of real scans> python benchmarks/synth_statistics.py [rooms]

The folder holds ``scannet/scans/scene0000_00``, ``3rscan`` and ``multiscan``; without it the real
rows are left out, and the table says so. "walk" is the training-free random walk from one Top-1
click per instance: semantic mIoU over the 20 classes, instance IoU over the 18, and the share of
annotated points that get their own instance. Segments are recomputed for every row; ScanNet's
truth is made of segments, hence its purity of 1. CPU seconds count all threads (set
OMP_NUM_THREADS=1 for what one core takes).
"""

import os
import sys
import time
from pathlib import Path

import numpy as np

from seggroup.evaluate.pseudo import evaluate_pseudo, majority
from seggroup.geometry.prepare import prepare
from seggroup.io.files import read_json
from seggroup.io.ply import read_ply
from seggroup.io.raw import GREY, Raw
from seggroup.labels.clicks import seg_level_labels
from seggroup.labels.simulate import simulate
from seggroup.synth import make_room
from seggroup.types import NONE, Labels, Scan, Scene
from seggroup.walk import random_walk, surface_normals

HEADER = (
    "scan",
    "vertices",
    "faces",
    "median edge, cm",
    "m²",
    "instances",
    "not annotated",
    "segments",
    "segments / instance",
    "Top-1 share",
    "purity",
    "walk: semantic",
    "walk: instance",
    "walk: points",
    "CPU seconds",
)


def row(scene: Scene, seconds: float | None = None) -> list[str]:
    """The figures of one scene with truth, in the order of `HEADER`."""
    truth, scan = scene.truth, scene.scan
    assert truth is not None
    corners = scan.vertices[scan.faces]
    edge = np.median(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1))
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    instances = len(np.unique(truth.instance[truth.instance != NONE]))
    seeds = seg_level_labels(
        simulate(scene, "top1", np.random.default_rng(0), per="instance"), scene.segments
    )
    walked = random_walk(scene, surface_normals(scan), seeds).at(scene.segments)
    scores = evaluate_pseudo([(truth, walked, scene.segments)])
    known = truth.instance != NONE
    owned = np.unique(scene.segments[known])
    classed = len(np.unique(truth.semantic[known])) > 1
    figures: list[object] = [
        scene.name,
        len(scan.vertices),
        len(scan.faces),
        f"{100 * edge:.1f}",
        f"{np.linalg.norm(area, axis=1).sum() / 2:.0f}",
        instances,
        f"{1 - known.mean():.3f}",
        len(scene.segment_ids),
        f"{len(owned) / instances:.1f}",
        f"{(seeds.instance != NONE)[scene.segments].mean():.3f}",
        f"{majority(scene.segments, truth.instance) / known.sum():.3f}",
        f"{scores['semantic_miou']:.3f}" if classed else "no classes",
        f"{scores['instance_miou']:.3f}",
        f"{(walked.instance == truth.instance)[known].mean():.3f}",
        "" if seconds is None else f"{seconds:.1f}",
    ]
    return [str(figure) for figure in figures]


def _scan(name: str, raw: Raw) -> Scan:
    """The mesh that a file holds; grey where it has no colours."""
    grey = np.full(raw.vertices.shape, GREY, np.uint8)
    assert raw.faces is not None
    return Scan(
        name,
        raw.vertices.astype(np.float32),
        grey if raw.colors is None else raw.colors[:, :3].astype(np.uint8),
        raw.faces.astype(np.int32),
    )


def real_scenes(folder: Path) -> list[Scene]:
    """The real meshes with truth in the folder, on segments of our own."""
    scenes = []
    for path in sorted(folder.glob("scannet/scans/*")):
        name = path.name
        mesh = read_ply(path / f"{name}_vh_clean_2.ply")
        semantic = read_ply(path / f"{name}_vh_clean_2.labels.ply").properties["label"]
        ids = np.array(
            read_json(path / f"{name}_vh_clean_2.0.010000.segs.json")["segIndices"], np.int32
        )
        instance = np.full(len(ids), NONE, np.int32)
        for group in read_json(path / f"{name}.aggregation.json")["segGroups"]:
            instance[np.isin(ids, group["segments"])] = group["objectId"]
        scan = _scan(name, mesh)
        semantic = np.where(semantic > 0, semantic, NONE).astype(np.int32)
        scenes.append(prepare(scan, truth=Labels(semantic, instance)))
    for path in sorted([*folder.glob("3rscan/*.ply"), *folder.glob("multiscan/*.ply")]):
        mesh = read_ply(path)
        scan = _scan(path.stem, mesh)
        instance = mesh.properties["instance"].astype(np.int32) - 1
        # No classes are known: one class for all, so that the instances can be scored.
        semantic = np.where(instance == NONE, NONE, 39).astype(np.int32)
        scenes.append(prepare(scan, truth=Labels(semantic, instance)))
    return scenes


def main() -> None:
    """Print the table for real scans and a few rooms."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    data = os.environ.get("SEGGROUP_REAL_DATA")
    print("| " + " | ".join(HEADER) + " |\n|" + "---|" * len(HEADER))
    if data is None:
        print("| real scans: skipped, SEGGROUP_REAL_DATA is not set |")
    for scene in real_scenes(Path(data)) if data else []:
        print("| " + " | ".join(row(scene)) + " |", flush=True)
    make_room(0, "warm-up")
    for seed in range(1, count + 1):
        start = time.process_time()
        scan, truth = make_room(seed, f"room {seed}")
        seconds = time.process_time() - start
        print("| " + " | ".join(row(prepare(scan, truth=truth), seconds)) + " |", flush=True)


if __name__ == "__main__":
    main()
