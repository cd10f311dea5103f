"""Labels in blocks beside labels of the whole scan: how many are the same, how many are right.

    python benchmarks/blocks.py [--side 4] [--rooms 6]

Every scan, with one simulated click an instance, is labelled whole and in blocks of --side metres
(far smaller than the default, so that there are several), by the walk and by assign. "same" is the
share of vertices with the same instance, "right" the share of the annotated ones with the true
one; both over all vertices together. The real scans lie where SEGGROUP_REAL_DATA says; without it
--rooms synthetic rooms are taken.
"""

import tempfile
from pathlib import Path

import numpy as np
from common import SCENE, Table, options, output, real_data, synthetic_folder

from seggroup.io.scenes import find_scenes
from seggroup.labels.simulate import simulate
from seggroup.pipeline.blockwise import scene_blocks
from seggroup.pipeline.scenes import load_scene, rng_of
from seggroup.pipeline.spreading import Propagating, spread_scene
from seggroup.types import NONE


def places(temporary: Path, rooms: int) -> list[Path]:
    """The real scans with truth, or synthetic rooms."""
    data = real_data()
    if data is None:
        return [synthetic_folder(temporary, i) for i in range(rooms)]
    clouds = sorted((data / "scannet50k").glob("*.ply"))
    return [
        data / SCENE,
        *clouds,
        *(data / "multiscan").glob("*.ply"),
        *(data / "3rscan").glob("*"),
    ]


def main() -> None:
    """Measure and print."""
    number = lambda kind, value: {"type": kind, "default": value}  # noqa: E731
    given = options(__doc__, side=number(float, 4.0), rooms=number(int, 6))
    methods = ("walk", "assign")
    counts = {method: np.zeros(4) for method in methods}  # same, right whole, right in blocks, of
    vertices = blocks = scans = 0
    with tempfile.TemporaryDirectory() as temporary:
        for source in find_scenes(places(Path(temporary), given.rooms)):
            scene = load_scene(source)
            assert scene.truth is not None
            clicks = simulate(scene, "top1", rng_of(scene, 0), per="instance")
            true = scene.truth.instance
            for method in methods:
                labels = []
                for side in (0.0, given.side):
                    spread = spread_scene(scene, clicks, Propagating(method, blocks=side))
                    labels.append(spread.levels["final"].at(spread.part).instance)
                annotated = true != NONE
                right = [np.sum((found == true) & annotated) for found in labels]
                counts[method] += (np.sum(labels[0] == labels[1]), *right, annotated.sum())
            vertices += len(true)
            blocks += len(scene_blocks(scene, given.side))
            scans += 1
    rows = [
        [method, same / vertices, whole / of, parts / of]
        for method, (same, whole, parts, of) in counts.items()
    ]
    title = f"{scans} scans in blocks of {given.side:g} m, {blocks / scans:.1f} a scan"
    header = ("method", "same", "right, whole", "right, in blocks")
    output([Table(title, header, rows)], given.json)


if __name__ == "__main__":
    main()
