"""Preparation: from the files of a scan to its segment graph with seg-level labels.

    python benchmarks/preparation.py

Reads mesh, segments, truth and clicks of a ScanNet folder of 81k vertices (target 0.6 s, files in
the cache; the authors' preparation: 11 s of processor time) and of a mesh of 319k vertices without
segments, which are made (target 3 s; the authors: 450 s). The real scans of SEGGROUP_REAL_DATA
where it is set, else a synthetic room. Seconds are processor time, on one thread.

Beside it in the same run: the same preparation as a plain script has it, with plyfile, json and
loops over sets and dictionaries; it takes the segments of a mesh without any as given, and its
graph is compared with ours.
"""

import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from common import (
    MIB,
    Table,
    best,
    fresh,
    memory,
    options,
    output,
    processor_time,
    real_data,
    scannet_folder,
)
from plyfile import PlyData

from seggroup.io.clicks import write_clicks
from seggroup.io.scannet import write_segments
from seggroup.io.scenes import Source, find_scenes
from seggroup.labels.simulate import simulate
from seggroup.pipeline import load_clicks, load_scene


def ours(source: Source, clicks: Path) -> tuple[int, set]:
    """Labelled segments, and the edges of the graph with their boundaries."""
    scene = load_scene(source)
    _, labels, _ = load_clicks(scene, clicks)
    ids = scene.segment_ids
    edges = {
        (int(ids[a]), int(ids[b]), int(n))
        for (a, b), n in zip(scene.graph.edges, scene.graph.boundary, strict=True)
    }
    return int((labels.instance >= 0).sum()), edges


def plainly(source: Source, segments: Path, clicks: Path) -> tuple[int, set]:
    """The same with loops."""
    mesh = PlyData.read(source.scan)
    vertices = [tuple(vertex)[:6] for vertex in mesh["vertex"].data]
    ids = json.loads(segments.read_text())["segIndices"]
    assert len(ids) == len(vertices)
    if source.labels is not None:
        truth = [int(value) for value in PlyData.read(source.labels)["vertex"]["label"]]
        assert len(truth) == len(ids)
    seen = set()
    for (face,) in mesh["face"].data:
        for a, b in ((face[0], face[1]), (face[0], face[2]), (face[2], face[1])):
            if ids[a] != ids[b]:
                seen.add((min(a, b), max(a, b)))
    boundary = Counter(tuple(sorted((ids[a], ids[b]))) for a, b in seen)
    labels = {}
    for click in json.loads(clicks.read_text())["clicks"]:
        labels[ids[click["vertex"]]] = (click["instance"], click["class_id"])
    return len(labels), {(a, b, n) for (a, b), n in boundary.items()}


def measure(path: Path, folder: Path) -> tuple:
    """A row of the table; to be run in a fresh process."""
    source = find_scenes([path])[0]
    scene = load_scene(source)
    clicks, segments = folder / f"{scene.name}.clicks.json", source.segments
    write_clicks(clicks, simulate(scene, "top1", np.random.default_rng(0)), scene)
    if segments is None:
        segments = folder / f"{scene.name}.segs.json"
        write_segments(segments, scene.segment_ids[scene.segments], scene.name, 0.01, 20)
    equal = ours(source, clicks) == plainly(source, segments, clicks)

    def prepare() -> None:
        load_clicks(load_scene(source), clicks)

    fast = best(prepare, 5, clock=processor_time)
    slow = best(lambda: plainly(source, segments, clicks), 1, False, processor_time)
    size = (len(scene.scan.vertices), len(scene.segment_ids), len(scene.graph.edges))
    return scene.name, *size, fast, slow, slow / fast, str(equal)


def peak(path: Path) -> float:
    """MiB that reading and preparing adds to the process."""
    before = memory("VmRSS")
    load_scene(find_scenes([path])[0])
    return (memory("VmHWM") - before) / MIB


def main() -> None:
    """Measure and print."""
    given, data = options(__doc__), real_data()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        cases = [(scannet_folder(folder), 0.6, 11.0)]
        if data:
            cases.append((data / "multiscan/scene_00097_02.ply", 3.0, 450.0))
        rows = []
        for path, target, authors in cases:
            extra = fresh(peak, path, threads=1)
            rows.append((*fresh(measure, path, folder, threads=1), extra, target, authors))
    header = ("scan", "vertices", "segments", "edges", "ours, s", "plain loops, s", "ratio")
    header += ("same graph", "ours, MiB", "target, s", "the authors (quoted), s")
    output([Table("Files to a segment graph with seg-level labels", header, rows)], given.json)


if __name__ == "__main__":
    main()
