"""Milliseconds of a preview: labels after a click, and where to click next (server/live.py).

    python benchmarks/live_propagation.py [--repeats 20]

On scene0000_00 (81k vertices) and a scan of 319k where SEGGROUP_REAL_DATA names the folder of real
scans, else on a synthetic room, and on generated height fields of 150k and 300k vertices, the last
also cut into twice as many segments. Clicks are on random segments, each another instance, which
costs the walk most; every request has other clicks. "opening" is what is made once a scan, "first"
the first preview after that; the peer is `seggroup.walk.random_walk` from scratch in the same
process. "one more click" is what the assigner's preview takes when a click is added to the others,
as while somebody annotates; "doubts" adds which clicks are probably wrong, which the page asks for
after a pause. One thread; times without HTTP.

More threads for the linear algebra make it slower, several times over on a busy machine: set
OPENBLAS_NUM_THREADS=1 before numpy is imported.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import Table, bumpy_mesh, fresh, options, output, real_data, scannet_folder

from seggroup.config import OversegmentConfig
from seggroup.geometry.prepare import prepare
from seggroup.io.scenes import find_scenes
from seggroup.labels.clicks import seg_level_labels
from seggroup.pipeline import load_scene
from seggroup.server.live import LiveScene, settled
from seggroup.server.protocol import ImportedClick, PreviewRequest
from seggroup.types import Scan, Scene
from seggroup.walk import random_walk, surface_normals

LARGE = "multiscan/scene_00097_02.ply"
CLICKS = (5, 30, 100)
SIZES = ((150_000, OversegmentConfig()), (300_000, OversegmentConfig()))
FINE = (300_000, OversegmentConfig(k=0.001, min_size=20))
HEADER = (
    "scan", "vertices", "segments", "opening", "clicks", "first", "preview p50", "p95",
    "from scratch p50", "p95",
)  # fmt: skip
ASSIGNED = (
    "scan", "vertices", "segments", "opening", "clicks", "first", "one more click p50", "p95",
    "doubts",
)  # fmt: skip


def height_field(vertices: int, config: OversegmentConfig) -> Scene:
    """A generated scan with its segments."""
    points, faces = bumpy_mesh(vertices)
    grey = np.full(points.shape, 128, np.uint8)
    return prepare(Scan("height field", points, grey, faces), None, None, config)


def requests(scene: Scene, clicks: int, number: int) -> list[PreviewRequest]:
    """Clicks on random segments, an instance each, drawn anew for every request."""
    rng, first = np.random.default_rng(0), np.unique(scene.segments, return_index=True)[1]
    drawn = [rng.permutation(first)[:clicks] for _ in range(number)]
    return [
        PreviewRequest([ImportedClick(int(v), 0, i, 3) for i, v in enumerate(d)], "walk")
        for d in drawn
    ]


def milliseconds(function: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function()
    return 1000 * (time.perf_counter() - start)


def measure(scene: Scene, repeats: int) -> list[list]:
    """A row for every number of clicks."""
    rows = []
    for clicks in CLICKS:
        live = LiveScene(scene)
        opening = milliseconds(lambda live=live: live.preview(PreviewRequest([], "walk")))
        asked = requests(scene, clicks, repeats + 1)
        first, *mine = [milliseconds(lambda a=a, live=live: live.preview(a)) for a in asked]
        peer = []
        for one in asked[1 : 1 + max(repeats // 4, 3)]:
            labels = seg_level_labels(settled(one.clicks, scene.segments), scene.segments)
            peer.append(
                milliseconds(lambda c=labels: random_walk(scene, surface_normals(scene.scan), c))
            )
        tail = [float(np.percentile(t, p)) for t in (mine, peer) for p in (50, 95)]
        size = len(scene.scan.vertices), scene.graph.size
        rows.append([scene.name, *size, opening, clicks, first, *tail])
    return rows


def measure_assigner(scene: Scene, repeats: int) -> list[list]:
    """A row for every number of clicks: the last of them are added one by one."""
    rows = []
    live = LiveScene(scene)
    opening = milliseconds(lambda: live.preview(PreviewRequest([], "assign")))
    for clicks in CLICKS:
        (asked,) = requests(scene, clicks + repeats, 1)
        some = [PreviewRequest(asked.clicks[: clicks + i], "assign") for i in range(repeats + 1)]
        first, *added = [milliseconds(lambda a=a: live.preview(a)) for a in some]
        doubted = PreviewRequest(some[-1].clicks, "assign", doubts=True)
        doubts = milliseconds(lambda d=doubted: live.preview(d)) - added[-1]
        tail = [float(np.percentile(added, p)) for p in (50, 95)]
        size = len(scene.scan.vertices), scene.graph.size
        rows.append([scene.name, *size, opening, clicks, first, *tail, doubts])
    return rows


def on_folder(folder: Path, repeats: int) -> list[list]:
    """The rows of a scan on disk."""
    return measure(load_scene(find_scenes([folder])[0]), repeats)


def assigner_on_folder(folder: Path, repeats: int) -> list[list]:
    """The assigner's rows of a scan on disk."""
    return measure_assigner(load_scene(find_scenes([folder])[0]), repeats)


def on_height_field(vertices: int, config: OversegmentConfig, repeats: int) -> list[list]:
    """The rows of a generated scan."""
    return measure(height_field(vertices, config), repeats)


def main() -> None:
    """Measure and print."""
    given = options(__doc__, repeats={"type": int, "default": 20})
    with tempfile.TemporaryDirectory() as temporary:
        folder = scannet_folder(Path(temporary))
        rows = fresh(on_folder, folder, given.repeats, threads=1)
        assigned = fresh(assigner_on_folder, folder, given.repeats, threads=1)
    if data := real_data():
        assigned += fresh(assigner_on_folder, data / LARGE, given.repeats, threads=1)
        rows += fresh(on_folder, data / LARGE, given.repeats, threads=1)
    for vertices, config in (*SIZES, FINE):
        rows += fresh(on_height_field, vertices, config, given.repeats, threads=1)
    tables = [
        Table("Milliseconds of a preview by the walk", HEADER, rows),
        Table("Milliseconds of a preview by the assigner", ASSIGNED, assigned),
    ]
    output(tables, given.json)


if __name__ == "__main__":
    main()
