"""Quality of the pseudo labels: learning curves beside the untrained network and a random walk.

    python benchmarks/quality.py [--seeds 3] [--clouds 1] [--rooms 4] [--released]

On scene0000_00, trained on this scene alone for 6 epochs with the paper's configuration, from
Top-1 clicks on every connected part (76) and from the authors' human clicks (the later of two that
contradict each other dropped: 74); then on the ten scannet50k clouds together, 6 epochs of batches
of 8, with segments of merged regions (the default) and of merged edges (as meshes). Epoch 0 is the
network as drawn, untrained. --seeds and --clouds are the seeds of the two; --released adds the
authors' configuration (150,000 points: slow). Target: the authors' released code after one epoch,
semantic 0.588 and instance 0.567 with the Top-1 clicks.

The data lie where SEGGROUP_REAL_DATA says; without it everything runs on --rooms synthetic rooms.
"semantic" is the mean IoU over 20 classes, "instance" over 18, ECE that of the confidence.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from common import SCENE, Table, options, output, real_data, scannet_folder, synthetic_folder

from seggroup.config import CloudMerging, NetworkConfig, OversegmentConfig, TrainConfig
from seggroup.evaluate.pseudo import count, figures
from seggroup.io.scenes import find_scenes
from seggroup.labels.clicks import seg_level_labels
from seggroup.labels.simulate import simulate
from seggroup.model.network import SegGroup, build
from seggroup.pipeline import Loading, load_clicks, load_scene
from seggroup.propagate import propagate
from seggroup.train import Example, class_list, train
from seggroup.types import LEVELS, Labels, Scene
from seggroup.walk import random_walk, surface_normals

CPU = torch.device("cpu")
KEYS = ("semantic_miou", "instance_miou", "semantic_accuracy", "instance_accuracy", "ece")
NAMES = ("semantic", "instance", "semantic accuracy", "instance accuracy", "ECE")
Scored = list[tuple[Example, dict[str, Labels]]]


def score(scored: Scored, level: str = "final") -> dict:
    """Figures of one level, pooled over the scenes."""
    total = None
    for example, levels in scored:
        scene = example.scene
        assert scene.truth is not None
        one = count(scene.truth, levels[level].at(scene.segments), scene.segments)
        total = one if total is None else total + one
    assert total is not None
    return figures(total)


def walked(examples: Sequence[Example]) -> dict:
    """Figures of the training-free random walk."""
    return score(
        [(e, {"final": random_walk(e.scene, surface_normals(e.scene.scan), e.labels)})
         for e in examples]
    )  # fmt: skip


def propagated(network: SegGroup, examples: Sequence[Example]) -> Scored:
    """The labels of every scene at every level."""
    return [(e, propagate(network, e.scene, e.clicks, e.labels, CPU)) for e in examples]


def curve(
    examples: Sequence[Example], config: TrainConfig, every: bool
) -> list[tuple[int, Scored]]:
    """Labels by epoch, from 0 (untrained) on; only the first and the last unless `every`."""
    classes = class_list([e.clicks for e in examples])
    found = [(0, propagated(build(classes, config.network, config.seed), examples))]

    def after(epoch: int, _: object, network: SegGroup) -> None:
        if every or epoch + 1 == config.epochs:
            found.append((epoch + 1, propagated(network, examples)))
            print(f"seed {config.seed}, epoch {epoch + 1}", file=sys.stderr, flush=True)

    train(examples, classes, config, CPU, after_epoch=after)
    return found


def tables(
    title: str, examples: Sequence[Example], network: NetworkConfig, seeds: int, every: bool = True
) -> list[Table]:
    """The learning curve, mean and spread over seeds, and the levels of seed 0."""
    curves = [
        curve(examples, TrainConfig(seed=seed, network=network), every) for seed in range(seeds)
    ]
    walk = walked(examples)
    rows: list[list] = [["random walk, training-free", *(walk[key] for key in KEYS)]]
    for same in zip(*curves, strict=True):
        values = np.array([[score(labels)[key] for key in KEYS] for _, labels in same])
        cells = [f"{m:.3f}" for m in values.mean(axis=0)]
        if seeds > 1:
            cells = [f"{c} ± {d:.3f}" for c, d in zip(cells, values.std(axis=0), strict=True)]
        epoch = same[0][0]
        rows.append([f"epoch {epoch}" if epoch else "untrained network (epoch 0)", *cells])
    if title.startswith("scene0000_00"):
        rows.append(["authors' released code, Top-1, epoch 1 (quoted)", 0.588, 0.567, *[None] * 3])
    last = [(level, score(curves[0][-1][1], level)) for level in LEVELS]
    levels = [[name, *(f[key] for key in (*KEYS, "coverage"))] for name, f in last]
    of_seeds = f"{seeds} seeds" if seeds > 1 else "1 seed"
    return [
        Table(f"{title}, {of_seeds}", ("", *NAMES), rows),
        Table(f"{title}, by level, last epoch, seed 0", ("level", *NAMES, "coverage"), levels),
    ]


def clicked(scene: Scene) -> Example:
    """A scene with Top-1 clicks on every connected part."""
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    return Example(scene, clicks, seg_level_labels(clicks, scene.segments))


def main() -> None:
    """Measure and print."""
    number = lambda value: {"type": int, "default": value}  # noqa: E731
    released = {"action": "store_true"}
    given = options(__doc__, seeds=number(3), clouds=number(1), rooms=number(4), released=released)
    data, paper, result = real_data(), NetworkConfig(), []

    def add(tables_of_case: list[Table]) -> None:
        result.extend(tables_of_case)
        if not given.json:
            output(tables_of_case, False)
            sys.stdout.flush()

    if data is None:
        print("SEGGROUP_REAL_DATA is not set: synthetic rooms", file=sys.stderr)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        scene = load_scene(find_scenes([scannet_folder(root)])[0])
        top1 = clicked(scene)
        name = f"{scene.name}, Top-1 ({len(top1.clicks)} clicks)"
        add(tables(name, [top1], paper, given.seeds))
        if given.released:
            add(tables(f"{name}, released", [top1], paper.released(), given.seeds))
        if data:
            clicks, labels, _ = load_clicks(
                scene, data / f"scannet/clicks/{Path(SCENE).name}.json", "drop"
            )
            human = Example(scene, clicks, labels)
            name = f"{scene.name}, human ({len(clicks)})"
            add(tables(name, [human], paper, given.seeds))
            if given.released:
                add(tables(f"{name}, released", [human], paper.released(), given.seeds))
            places = sorted((data / "scannet50k").glob("*.ply"))
        else:
            places = [synthetic_folder(root, i) for i in range(1, given.rooms + 1)]
        kind = "scannet50k clouds" if data else "synthetic rooms"
        mergings: list[CloudMerging] = ["regions", "edges"] if data else ["regions"]
        for merging in mergings if given.clouds else []:
            loading = Loading(oversegment=OversegmentConfig(cloud_merging=merging))
            many = [clicked(load_scene(find_scenes([place])[0], loading)) for place in places]
            how = f"{kind} merged by {merging}" if data else kind
            add(tables(f"{len(many)} {how}, Top-1", many, paper, given.clouds, every=False))
    if given.json:
        output(result, True)


if __name__ == "__main__":
    main()
