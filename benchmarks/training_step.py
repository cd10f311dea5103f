"""One training step (forward with clustering, backward, update; all points) and one propagation.

    python benchmarks/training_step.py

On scene0000_00 where SEGGROUP_REAL_DATA is set, else on a synthetic room; Top-1 clicks. Targets on
2 cores for that scan of 81k vertices: a step at most 4 s and 2.5 GiB, a propagation at most 1.5 s.
Also at 150,000 resampled points, which is what the authors' released code takes; its figures are
quoted, not measured here. Every measurement has a process of its own, and its peak is the whole
process's, imports included.

Beside it in the same run, what folding gives: forward and backward of the network's two semantic
EdgeConvs, folded and plain (tests/reference.py, which keeps every edge), on the same points.
"""

import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from common import GIB, Table, best, fresh, memory, options, output, processor_time, scannet_folder

from seggroup.config import NetworkConfig, TrainConfig

RELEASED_POINTS = 150_000
QUOTED = "the authors' released code, quoted, 150,000 points"


def example(folder: Path):  # type: ignore[no-untyped-def]
    """The scan of a folder with Top-1 clicks."""
    from seggroup.io.scenes import find_scenes
    from seggroup.labels.clicks import seg_level_labels
    from seggroup.labels.simulate import simulate
    from seggroup.pipeline import load_scene
    from seggroup.train import Example

    scene = load_scene(find_scenes([folder])[0])
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    return Example(scene, clicks, seg_level_labels(clicks, scene.segments))


def step(folder: Path, resample: int) -> tuple[float, float, float, float]:
    """Points, seconds, processor seconds and GiB; an epoch over one scene is one step."""
    import torch

    from seggroup.train import class_list, train

    one, clock = example(folder), [(perf_counter(), processor_time())]
    config = TrainConfig(epochs=4, network=NetworkConfig(resample=resample))
    classes, device = class_list([one.clicks]), torch.device("cpu")
    note = lambda *_: clock.append((perf_counter(), processor_time()))  # noqa: E731
    train([one], classes, config, device, after_epoch=note)
    taken = np.diff(np.array(clock), axis=0)[1:]  # the first one warms up
    points = resample or len(one.scene.scan.vertices)
    return points, *taken.min(axis=0).tolist(), memory("VmHWM") / GIB


def propagation(folder: Path, resample: int) -> tuple[float, float, float, float]:
    """The same of a propagation with an untrained network."""
    import torch

    from seggroup.classes import NYU40
    from seggroup.model.network import build
    from seggroup.propagate import propagate

    one = example(folder)
    network = build(tuple(NYU40), NetworkConfig(resample=resample), 0).eval()
    run = lambda: propagate(network, one.scene, one.clicks, one.labels, torch.device("cpu"))  # noqa: E731
    seconds = [best(run, 3, clock=clock) for clock in (perf_counter, processor_time)]
    return resample or len(one.scene.scan.vertices), *seconds, memory("VmHWM") / GIB


def edge_conv(folder: Path, layers: int, plain: bool) -> tuple[int, float, float]:
    """Points, processor seconds and GiB above the input of a forward and backward.

    The groups are the segments, and the loss is on their maxima, as in the network.
    """
    import reference
    import torch

    from seggroup.model.edgeconv import EdgeConv
    from seggroup.model.layers import segment_max, semantic_edges

    scene, config = example(folder).scene, NetworkConfig()
    order = np.argsort(scene.segments, kind="stable")
    rgb = scene.scan.colors[order].astype(np.float32) / 127.5 - 1
    device = torch.device("cpu")
    edges = semantic_edges(scene.scan.vertices[order], rgb, scene.segments[order], config, device)
    torch.manual_seed(0)
    conv = EdgeConv(18, config.width, layers, config.leak)
    weights = [(conv.first.weight, conv.first_norm.weight, conv.first_norm.bias)]
    if conv.second is not None and conv.second_norm is not None:
        weights.append((conv.second.weight, conv.second_norm.weight, conv.second_norm.bias))
    sizes = torch.from_numpy(np.bincount(scene.segments))
    four = (edges.neighbour, edges.center, edges.index, edges.members)

    def run() -> None:
        conv.zero_grad()
        h = reference.edge_conv(weights, *four) if plain else conv(edges)
        segment_max(h, sizes).square().mean().backward()

    before = memory("VmRSS")
    seconds = best(run, 2, clock=processor_time)
    return len(order), seconds, (memory("VmHWM") - before) / GIB


def main() -> None:
    """Measure and print."""
    given, rows, convs = options(__doc__), [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = scannet_folder(Path(temporary))
        for name, measure, target in (
            ("training step", step, "4 s, 2.5 GiB"),
            ("propagation", propagation, "1.5 s"),
        ):
            for resample in (0, RELEASED_POINTS):
                rows.append((name, *fresh(measure, folder, resample), "" if resample else target))
        for layers in (1, 2):
            points, ours, gib = fresh(edge_conv, folder, layers, False)
            _, plain, plain_gib = fresh(edge_conv, folder, layers, True)
            name = f"EdgeConv of {layers} layer{'s' * (layers > 1)}, {points:,} points"
            convs.append((name, ours, plain, plain / ours, gib, plain_gib, plain_gib / gib))
    rows.append((f"training step, {QUOTED}", RELEASED_POINTS, 46.0 + 22.0, 57.0 + 39.0, 7.7, ""))
    rows.append((f"propagation, {QUOTED}", RELEASED_POINTS, None, 56.0, None, ""))
    header = ("", "points", "seconds by the clock", "processor seconds", "peak GiB", "target")
    times = ("folded, s", "plain, s", "ratio", "folded, GiB", "plain, GiB", "ratio of memory")
    output(
        [
            Table(folder.name, header, rows),
            Table("Forward and backward, processor seconds", ("", *times), convs),
        ],
        given.json,
    )


if __name__ == "__main__":
    main()
