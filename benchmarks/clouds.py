"""Clouds without faces: their segments beside those of the mesh of the same room.

    python benchmarks/clouds.py [--rooms 10] [--sweep] [--points 2000000] [--labels]

Synthetic rooms by scanners of their own, none of them among the held-back ones, as the mesh and as
clouds of it: a quarter, half and all of its vertices, drawn at random, and four times as many
points on its faces, moved by 2 mm. Of each the number of segments, in segments of the mesh; and the
purity, the share of the annotated points that are of their segment's commonest instance. --sweep
varies the parameters on these rooms. --points: seconds and memory of a cloud of so many points from
arrays to scene, in a fresh process (0: leave it out).

Where SEGGROUP_REAL_DATA names the real scans, the clouds of `scannet50k` too; nothing was chosen
on them. --labels: what the clicks of Top-1 reach on them by the random walk and by the assigner.
The meshes that they were drawn from are not at hand.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from common import Table, fresh, memory, options, output, real_data

from seggroup.config import OversegmentConfig
from seggroup.geometry.prepare import prepare
from seggroup.io.scenes import find_scenes, read_source
from seggroup.types import NONE, Labels, Scan

CACHE = Path(tempfile.gettempdir()) / "seggroup-benchmarks"
SEED = 31  # of the rooms; the held-back ones and those of the training have others
SHARES = (0.25, 0.5, 1.0, 4.0)  # points of the cloud in vertices of the mesh
NOISE = 0.002  # metres, of points drawn on the faces
NO_FACES = np.empty((0, 3), np.int32)
SWEEP = [
    {},
    {"cloud_scale": 100.0},
    {"cloud_scale": 300.0},
    {"cloud_scale": 400.0},
    {"cloud_scale": 600.0},
    {"cloud_color": 0.0},
    {"cloud_color": 0.01},
    {"cloud_color": 0.02},
    {"cloud_color": 0.06},
    {"cloud_share": 0.25},
    {"cloud_share": 0.75},
    {"neighbours": 6},
    {"neighbours": 8},
    {"neighbours": 16},
    {"normal_neighbours": 6},
    {"normal_neighbours": 12},
    {"normal_neighbours": 20},
    {"reach": 2.0},
]


@dataclass(frozen=True)
class Room:
    """A room's mesh, and clouds of it with their truth, one for each of SHARES."""

    mesh: Scan
    truth: Labels
    clouds: list[tuple[Scan, Labels]]


def make(number: int) -> dict[str, np.ndarray]:
    """The arrays of a room."""
    from seggroup.synth import make_room
    from seggroup.synth.config import varied

    rng = np.random.default_rng([SEED, number])
    config = varied(rng)
    scan, truth = make_room(int(rng.integers(2**31)), f"room {number}", config)
    arrays = {"vertices": scan.vertices, "colors": scan.colors, "faces": scan.faces}
    return arrays | {"semantic": truth.semantic, "instance": truth.instance}


def room(number: int) -> Room:
    """A room, made once."""
    path = CACHE / f"clouds-{number}.npz"
    if not path.exists():
        print(f"making room {number}", file=sys.stderr, flush=True)
        CACHE.mkdir(exist_ok=True)
        partial_file = path.with_suffix(".partial.npz")
        np.savez(partial_file, **fresh(make, number))
        partial_file.replace(path)
    with np.load(path) as file:
        scan = Scan(f"room {number}", file["vertices"], file["colors"], file["faces"])
        truth = Labels(file["semantic"], file["instance"])
    return Room(scan, truth, [drawn(scan, truth, share) for share in SHARES])


def drawn(scan: Scan, truth: Labels, share: float) -> tuple[Scan, Labels]:
    """A cloud of a mesh: some of its vertices, or, from more than all on, points on its faces."""
    rng, size = np.random.default_rng(0), len(scan.vertices)
    count = round(share * size)
    if share <= 1:
        kept = np.sort(rng.permutation(size)[:count])
        cloud = replace(scan, vertices=scan.vertices[kept], colors=scan.colors[kept])
        return replace(cloud, faces=NO_FACES), truth.at(kept)
    corners = scan.vertices[scan.faces].astype(np.float64)
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    face = rng.choice(len(area), count, p=area / area.sum())
    part = rng.dirichlet([1, 1, 1], count)
    points = (corners[face] * part[..., None]).sum(axis=1) + rng.normal(0, NOISE, (count, 3))
    colors = (scan.colors[scan.faces[face]] * part[..., None]).sum(axis=1)
    near = scan.faces[face, part.argmax(axis=1)]
    cloud = replace(scan, vertices=points.astype(np.float32), faces=NO_FACES)
    return replace(cloud, colors=colors.round().astype(np.uint8)), truth.at(near)


def purity(segments: np.ndarray, instance: np.ndarray) -> float:
    """The share of the annotated points that are of their segment's commonest instance."""
    known = instance != NONE
    width = int(instance.max()) + 1
    pair, count = np.unique(
        segments[known].astype(np.int64) * width + instance[known], return_counts=True
    )
    most = np.zeros(int(segments.max()) + 1, np.int64)
    np.maximum.at(most, pair // width, count)
    return float(most.sum() / max(known.sum(), 1))


def ratios(rooms: Sequence[Room], config: OversegmentConfig) -> list[float]:
    """Of each of SHARES the mean of segments over those of the mesh, and the mean purity."""
    cells: list[float] = []
    for i in range(len(SHARES)):
        found = []
        for one in rooms:
            cloud, truth = one.clouds[i]
            scene = prepare(cloud, None, truth, config)
            mesh = prepare(one.mesh, None, one.truth)
            found.append(
                (scene.graph.size / mesh.graph.size, purity(scene.segments, truth.instance))
            )
        cells += np.mean(found, axis=0).tolist()
    return cells


def room_tables(rooms: Sequence[Room], sweep: bool) -> list[Table]:
    """The rooms one by one, and the sweep over all of them."""
    names = [f"{share:g} x: {what}" for share in SHARES for what in ("segments", "purity")]
    rows = []
    for one in rooms:
        mesh = prepare(one.mesh, None, one.truth)
        own = (len(one.mesh.vertices), mesh.graph.size, purity(mesh.segments, one.truth.instance))
        rows.append((one.mesh.name, *own, *ratios([one], OversegmentConfig())))
    means = np.mean([row[1:] for row in rows], axis=0).tolist()
    rows.append(("mean", *means))
    header = ("room", "vertices", "mesh: segments", "mesh: purity", *names)
    tables = [Table("Clouds of synthetic rooms; segments in those of the mesh", header, rows)]
    if sweep:
        lines = []
        for changed in SWEEP:
            name = ", ".join(f"{key} {value:g}" for key, value in changed.items()) or "as it is"
            print(name, file=sys.stderr, flush=True)
            lines.append((name, *ratios(rooms, replace(OversegmentConfig(), **changed))))
        tables.append(Table(f"Sweep, mean of {len(rooms)} rooms", ("", *names), lines))
    return tables


def real_table(data: Path) -> Table:
    """The real clouds."""
    rows = []
    for source in find_scenes(sorted((data / "scannet50k").glob("*.ply"))):
        scan, _, truth = read_source(source, True)
        assert truth is not None
        scene = prepare(scan, None, truth)
        sizes = np.bincount(scene.segments)
        found = purity(scene.segments, truth.instance)
        rows.append((scan.name, len(sizes), int(np.median(sizes)), found))
    means = np.mean([row[1:] for row in rows], axis=0).tolist()
    header = ("scan", "segments", "points of a segment, median", "purity")
    return Table("Real clouds of 50,000 points", header, [*rows, ("mean", *means)])


def label_table(data: Path) -> Table:
    """Top-1 clicks on the real clouds, spread by the walk and by the assigner."""
    import label_cases as lc

    from seggroup.assign.weights import BOX, load_assigner

    cases = [case for case in lc.real_cases(data) if case.group == lc.CLOUDS]
    rows = []
    methods = {"random walk": lc.walk(), "assign": lc.assign(load_assigner(BOX))}
    methods |= {"segments' ceiling": lc.segment_ceiling(), "pieces' ceiling": lc.piece_ceiling()}
    for name, method in methods.items():
        found = lc.summary(lc.measure(method, cases))
        keys = ("semantic_miou", "instance_miou", "instance_iou_all", "ap50")
        rows.append((name, *(found[key] for key in keys)))
    clicks = sum(len(case.clicks) for case in cases)
    header = ("", "semantic mIoU", "instance IoU", "IoU of all instances", "AP50")
    return Table(f"Top-1 on the real clouds, {clicks} clicks", header, rows)


def speed(number: int, points: int) -> tuple:
    """Seconds and bytes a point of `prepare`; to be run in a fresh process."""
    one = room(number)
    prepare(one.clouds[0][0])  # compiles, or loads what was compiled
    cloud, _ = drawn(one.mesh, one.truth, points / len(one.mesh.vertices))
    del one
    before = memory("VmRSS")
    start, processor = time.perf_counter(), time.process_time()
    scene = prepare(cloud)
    seconds, worked = time.perf_counter() - start, time.process_time() - processor
    extra = memory("VmHWM") - before
    size = (len(cloud.vertices), scene.graph.size)
    return *size, seconds, worked, extra / (1 << 20), extra / points


def main() -> None:
    """Measure and print."""
    given = options(
        __doc__,
        rooms={"type": int, "default": 10, "help": "synthetic rooms"},
        sweep={"action": "store_true", "help": "vary the parameters"},
        points={"type": int, "default": 2_000_000, "help": "of the cloud that is timed"},
        labels={"action": "store_true", "help": "Top-1 on the real clouds"},
    )
    rooms = [room(number) for number in range(given.rooms)]
    tables = room_tables(rooms, given.sweep) if rooms else []
    if given.points:
        header = ("points", "segments", "seconds", "processor seconds", "MiB", "bytes a point")
        rows = [fresh(speed, 0, given.points)]
        tables.append(Table("From arrays to a scene (target 25 s and 2 GiB)", header, rows))
    data = real_data()
    if data:
        tables.append(real_table(data))
        if given.labels:
            tables.append(label_table(data))
    output(tables, given.json)


if __name__ == "__main__":
    main()
