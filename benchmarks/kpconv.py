"""One training step of KP-FCNN (forward, backward, AdamW) at 10,000 points of its level 0.

    python benchmarks/kpconv.py

On the middle of scene0000_00 where SEGGROUP_REAL_DATA is set, else of a synthetic room; default
settings, 64 channels and 5 levels. Target: at most 0.8 s on 2 cores, with one thread and with two.
Each row has a process of its own and its peak is the whole process's, imports included. "prepare"
is the geometry of a batch, which the training can make beside the steps.

Beside it in the same run the plain network (tests/downstream/reference_kpconv.py): all neighbours
and kernel points in full tensors, as the published code computes, on the same neighbours. Both give
the same losses; the last column is the difference.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
from common import GIB, Table, fresh, memory, options, output, processor_time, scannet_folder

POINTS = 10_000
CLASSES = 20

sys.path.append(str(Path(__file__).parents[1] / "tests" / "downstream"))  # reference_kpconv.py


def middle(folder: Path):  # type: ignore[no-untyped-def]
    """The points around the middle of a scan that fill about `POINTS` cells, with random labels."""
    from seggroup.downstream.cloud import Cloud
    from seggroup.downstream.config import KPConvConfig
    from seggroup.downstream.pyramid import ladder
    from seggroup.io.scenes import find_scenes
    from seggroup.pipeline import load_scene

    scan = load_scene(find_scenes([folder])[0]).scan
    order = np.argsort(np.linalg.norm(scan.vertices - scan.vertices.mean(axis=0), axis=1))
    cell = ladder(scan.vertices[order], KPConvConfig().voxel, 1)[1]
    seen = np.zeros(len(order), bool)
    seen[np.unique(cell, return_index=True)[1]] = True
    order = order[: int(np.searchsorted(np.cumsum(seen), POINTS)) + 1]
    colors = scan.colors[order].astype(np.float32) / 127.5 - 1
    semantic = np.random.default_rng(0).integers(0, CLASSES, len(order))
    return Cloud(scan.vertices[order], colors, semantic, np.zeros_like(semantic))


def plain(net, cloud, pyramid):  # type: ignore[no-untyped-def]
    """The plain network on the pyramid's neighbours: features -> logits of level 0."""
    from reference_kpconv import Network

    from seggroup.downstream.kernelpoints import kernel_points
    from seggroup.downstream.pyramid import neighbours

    c, steps = net.config, [points.numpy() for points in pyramid.points]

    def around(i: int, queries: np.ndarray) -> list[list[int]]:
        table = neighbours([steps[i]], [queries], c.radius * c.voxel * 2**i, c.neighbours)
        return [row[row < len(steps[i])].tolist() for row in table]

    near = [around(i, points) for i, points in enumerate(steps)]
    pools = [around(i, points) for i, points in enumerate(steps[1:])]
    return Network(net, kernel_points(c.kernel_points), steps, near, pools, pyramid.up)


def measure(folder: Path, full: bool) -> list[float]:
    """Level-0 points, seconds by both clocks of prepare, forward and step, GiB, first loss."""
    import torch

    from seggroup.downstream.cloud import make_targets, semantic_losses
    from seggroup.downstream.config import KPConvConfig
    from seggroup.downstream.kpconv import KPFCNN

    torch.manual_seed(0)
    cloud, net = middle(folder), KPFCNN(CLASSES, KPConvConfig())
    inputs, targets = net.prepare([cloud]), make_targets([cloud])
    slow = plain(net, cloud, inputs.pyramid) if full else None
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3)

    def loss() -> torch.Tensor:
        if slow is None:
            return net(inputs, targets, 0.0)["semantic"]
        return semantic_losses(slow(inputs.features)[inputs.pyramid.cell], targets)["semantic"]

    def step() -> None:
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()

    first = float(loss().detach())
    runs = (lambda: net.prepare([cloud]), loss, step)
    seconds = [one for run in runs for one in fastest(run, 2 if full else 5)]
    return [len(inputs.features), *seconds, memory("VmHWM") / GIB, first]


def fastest(run: Callable[[], object], repeats: int) -> list[float]:
    """Seconds by the clock and of the processor, the least of some runs after one to warm up."""
    run()
    times = []
    for _ in range(repeats):
        start = perf_counter(), processor_time()
        run()
        times.append((perf_counter() - start[0], processor_time() - start[1]))
    return np.min(times, axis=0).tolist()


def main() -> None:
    """Measure and print."""
    given, rows, ratios = options(__doc__), [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = scannet_folder(Path(temporary))
        for threads in (1, 2):
            *ours, loss = fresh(measure, folder, False, threads=threads)
            *full, full_loss = fresh(measure, folder, True, threads=threads)
            points, _, _, forward, _, step, _, gib = full
            rows.append((f"ours, threads: {threads}", *ours, "0.8 s a step"))
            rest = (None, None, forward, full[4], step, full[6], gib, "")
            rows.append((f"full tensors, threads: {threads}", points, *rest))
            times = full[4] / ours[4], full[6] / ours[6], gib / ours[7]
            ratios.append((threads, *times, ours[2] / ours[6], abs(loss - full_loss)))
    kinds = [
        f"{what}, {unit}" for what in ("prepare", "forward", "step") for unit in ("s", "cpu s")
    ]
    header = ("", "points", *kinds, "peak GiB", "target")
    shares = ("threads", "forward", "step", "memory", "ours: prepare / step", "losses differ by")
    output(
        [
            Table(f"{folder.name}, seconds by the clock and of the processor", header, rows),
            Table("Full tensors / ours, by processor seconds", shares, ratios),
        ],
        given.json,
    )


if __name__ == "__main__":
    main()
