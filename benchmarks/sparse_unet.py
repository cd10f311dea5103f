"""A training step (forward, backward, update) of the sparse U-Net, and the maps it reads.

    python benchmarks/sparse_unet.py

50,000 active voxels, 16 channels, 7 levels, 2 blocks a level. Targets: a step at most 1.6 s on one
thread and 1.0 s on two, 0.8 GB; never slower than 1.1 times spconv on one thread. And 15,000 voxels
with 5 levels, which is what a CPU trains.

Where SEGGROUP_REAL_DATA is set, the rooms are scene0000_00 at 2 cm, cut to the voxels nearest its
middle, whose vertices lie so far apart that every voxel has 2.5 neighbours and the second level
nearly as many voxels as the first; and a large dense mesh, with voxels as large as it takes. Else
synthetic rooms, voxels likewise.

Beside it in the same run: the same network with the convolutions of a few lines of torch (offset by
offset, index_add), and by spconv, where it is installed, on one thread and with one line mended,
without which its wheel for CPUs has no backward. Every measurement has a process of its own.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from common import (
    GIB,
    MIB,
    SCENE,
    Table,
    best,
    fresh,
    memory,
    options,
    output,
    processor_time,
    real_data,
)

sys.path.append(str(Path(__file__).parents[1] / "tests" / "downstream"))  # reference_sparse.py
DENSE = "multiscan/scene_00097_02.ply"
VOXEL = 0.02  # metres


@dataclass(frozen=True)
class Case:
    """A room at so many voxels, with an edge as large as it takes, or given and the room cut."""

    name: str
    voxels: int
    levels: int
    edge: float | None = None


def points_of(case: Case) -> np.ndarray:
    """The vertices of the case's room."""
    from scans import big_scan

    from seggroup.io.scan import read_scan
    from seggroup.io.scenes import find_scenes
    from seggroup.pipeline import load_scene

    data = real_data()
    if data is None:
        return big_scan(4 * case.voxels).scan.vertices
    if case.edge:
        return load_scene(find_scenes([data / SCENE])[0]).scan.vertices
    return read_scan(data / DENSE).vertices


def sites_of(case: Case):  # type: ignore[no-untyped-def]
    """About `case.voxels` sites."""
    import torch

    from seggroup.downstream.voxels import voxelize

    points = torch.from_numpy(points_of(case))
    scene = torch.zeros(len(points), dtype=torch.int64)
    if case.edge:
        coords = voxelize(points, scene, case.edge).coords
        middle = coords[:, 1:3].double().mean(0)
        far = (coords[:, 1:3] - middle).square().sum(1).argsort()
        return coords[far[: case.voxels].sort().values]
    low, high = VOXEL / 4, 1.0
    for _ in range(20):
        edge = (low + high) / 2
        coords = voxelize(points, scene, edge).coords
        low, high = (edge, high) if len(coords) > case.voxels else (low, edge)
    return voxelize(points, scene, high).coords


def step(case: Case, convolutions: str) -> dict[str, float]:
    """Figures of a step by one kind of convolution: seconds, memory, sizes."""
    import torch
    from reference_sparse import PLAIN

    from seggroup.downstream import spconv_backend, unet
    from seggroup.downstream.config import UNetConfig
    from seggroup.downstream.grid import build_grid

    if convolutions == "plain":
        unet.convolutions = lambda *_: PLAIN  # type: ignore[assignment]
    if convolutions == "spconv":
        from spconv.pytorch import ops  # type: ignore[import-not-found]

        ops.get_current_stream = lambda: 0
        theirs = spconv_backend._of_spconv()  # keeps its maps from step to step, as the others do
        unet.convolutions = lambda *_: theirs  # type: ignore[assignment]
    torch.manual_seed(0)
    coords = sites_of(case)
    grid = build_grid(coords, case.levels)
    net = unet.UNet(unet.FEATURES, UNetConfig(levels=case.levels))
    optimizer = torch.optim.AdamW(net.parameters(), fused=True)
    features = torch.randn(len(coords), unet.FEATURES)

    before, times = memory("VmRSS"), []
    for _ in range(4):
        times.append((perf_counter(), processor_time()))
        optimizer.zero_grad()
        net(features, grid).square().mean().backward()
        optimizer.step()
    times.append((perf_counter(), processor_time()))
    clock, processor = np.diff(times, axis=0)[1:].min(axis=0).tolist()  # the first warms up
    return {
        "voxels": len(coords),
        "neighbours": sum(map(sum, grid.levels[0].pairs.counts)) / len(coords),
        "maps": best(lambda: build_grid(coords, case.levels), 3, clock=processor_time),
        "clock": clock,
        "processor": processor,
        "peak": memory("VmHWM") / GIB,
        "above": (memory("VmHWM") - before) / MIB,
    }


def main() -> None:
    """Measure and print."""
    from seggroup.downstream.spconv_backend import spconv_available

    given, rows = options(__doc__), []
    cases = [Case("room", 50_000, 7), Case("room", 15_000, 5)]
    if real_data():
        cases = [Case("scene0000_00", 50_000, 7, VOXEL), Case("dense", 50_000, 7), cases[1]]
    kinds = [("ours", 1), ("ours", 2), ("plain", 1), *[("spconv", 1)] * spconv_available()]
    for case in cases:
        ours: dict[str, float] = {}
        for kind, threads in kinds:
            found = fresh(step, case, kind, threads=threads)
            ours = ours or found
            rows.append(
                (
                    f"{case.name}, {case.voxels:,}, {case.levels} levels: {kind}",
                    threads,
                    round(found["neighbours"], 1),
                    found["maps"] if kind == "ours" else None,
                    found["clock"],
                    found["processor"],
                    found["processor"] / ours["processor"] if threads == 1 else None,
                    found["peak"],
                    int(found["above"]),
                )
            )
    header = (
        *("", "threads", "neighbours", "maps, processor s", "step, s", "step, processor s"),
        *("to ours", "peak of the process, GiB", "above network and maps, MiB"),
    )
    tables = [Table("Training step of the sparse U-Net", header, rows)]
    output(tables, given.json)
    if not spconv_available():
        print("\nspconv is not installed: not compared with it.")


if __name__ == "__main__":
    main()
