"""The laws of training: the same seed the same bytes, resuming, accumulation over a batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional
from toy_scenes import random_scene

from seggroup.classes import NYU40
from seggroup.config import NetworkConfig, TrainConfig
from seggroup.errors import InputError
from seggroup.io.store import CHECKPOINT, TRAINING_STATE
from seggroup.labels.clicks import seg_level_labels
from seggroup.model.network import build, first_level, make_points
from seggroup.train import IGNORE, Example, class_list, targets, train
from seggroup.types import NONE, Clicks

CPU = torch.device("cpu")
SMALL = TrainConfig(
    epochs=3, batch=2, network=NetworkConfig(width=8, hidden=8, thresholds=(3.0, 1.0, 1.0))
)
CLASSES = tuple(NYU40)


def example(seed, nodes=16, instances=4):
    """A toy scene whose every instance is clicked once."""
    scene = random_scene(seed, nodes, instances)
    vertex = [int(np.argmax(scene.truth.instance == i)) for i in range(instances)]
    clicks = Clicks(
        np.array(vertex, np.int32),
        np.arange(instances, dtype=np.int32),
        scene.truth.semantic[vertex],
    )
    return Example(scene, clicks, seg_level_labels(clicks, scene.segments))


EXAMPLES = [example(seed) for seed in range(3)]


def run(folder, config, examples=EXAMPLES):
    _, history = train(examples, CLASSES, config, CPU, folder)
    return (folder / CHECKPOINT).read_bytes(), (folder / TRAINING_STATE).read_bytes(), history


def test_a_resumed_run_follows_the_same_curve(tmp_path):
    whole = run(tmp_path / "whole", SMALL)
    run(tmp_path / "parts", replace(SMALL, epochs=1))
    assert run(tmp_path / "parts", SMALL) == whole
    assert len(whole[2]) == 3


def test_a_finished_run_is_left_as_it_is(tmp_path):
    first = run(tmp_path, SMALL)
    date = (tmp_path / CHECKPOINT).stat().st_mtime_ns
    assert run(tmp_path, SMALL) == first
    assert (tmp_path / CHECKPOINT).stat().st_mtime_ns == date


def test_the_seed_decides_every_byte(tmp_path):
    first = run(tmp_path / "a", SMALL)
    torch.manual_seed(99)  # no global state enters
    np.random.seed(99)  # noqa: NPY002
    assert run(tmp_path / "b", SMALL) == first
    assert run(tmp_path / "c", replace(SMALL, seed=1))[0] != first[0]


@pytest.mark.parametrize(
    "other",
    [
        replace(SMALL, seed=1),
        replace(SMALL, learning_rate=0.2),
        replace(SMALL, network=replace(SMALL.network, thresholds=(1.0, 1.0, 1.0))),
    ],
)
def test_the_folder_of_another_run_is_refused(tmp_path, other):
    run(tmp_path, replace(SMALL, epochs=1))
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(InputError, match="holds a run"):
        run(tmp_path, other)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_the_folder_of_a_run_on_other_clicks_is_refused(tmp_path):
    run(tmp_path, replace(SMALL, epochs=1))
    with pytest.raises(InputError, match="holds a run"):
        run(tmp_path, SMALL, [*EXAMPLES[:2], example(7)])


def test_a_broken_state_is_refused(tmp_path):
    run(tmp_path, replace(SMALL, epochs=1))
    data = (tmp_path / TRAINING_STATE).read_bytes()
    (tmp_path / TRAINING_STATE).write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=TRAINING_STATE):
        run(tmp_path, SMALL)


def test_a_scene_with_one_instance_trains():
    _, history = train([example(0, 8, 1)], CLASSES, replace(SMALL, epochs=2), CPU)
    assert all(np.isfinite(epoch.loss) for epoch in history)


def test_one_segment_in_all_trains():
    train([example(0, 1, 1)], CLASSES, replace(SMALL, epochs=1), CPU)


def test_a_batch_is_the_mean_over_all_its_instances():
    examples = [example(0, 16, 6), example(1, 12, 3)]
    config = replace(SMALL, epochs=1, weight_decay=0.0, network=replace(SMALL.network, dropout=0.0))
    trained, history = train(examples, CLASSES, config, CPU)
    network = build(CLASSES, config.network, config.seed).train()
    losses = []
    for e in examples:
        points = make_points(e.scene, config.network, CPU, np.random.default_rng(0))
        grouping = network(points, first_level(e.scene, e.labels))
        losses.append(
            functional.cross_entropy(
                network.classifier(grouping.features),
                targets(grouping.nodes, e.clicks, CLASSES),
                reduction="none",
                label_smoothing=config.label_smoothing,
            )
        )
    loss = torch.cat(losses).mean()
    assert len(torch.cat(losses)) == 9
    loss.backward()
    assert history[0].loss == pytest.approx(float(loss.detach()), rel=1e-5)
    for (name, after), before in zip(trained.named_parameters(), network.parameters(), strict=True):
        step = before.detach() - config.learning_rate * before.grad
        torch.testing.assert_close(after.detach(), step, rtol=1e-4, atol=1e-6, msg=name)


def test_a_batch_larger_than_the_scenes_is_one_step():
    a, _ = train(EXAMPLES, CLASSES, replace(SMALL, epochs=1, batch=3), CPU)
    b, _ = train(EXAMPLES, CLASSES, replace(SMALL, epochs=1, batch=8), CPU)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_the_loss_falls_on_a_toy():
    config = replace(SMALL, epochs=25, network=replace(SMALL.network, dropout=0.0))
    _, history = train(EXAMPLES[:1], CLASSES, config, CPU)
    assert history[-1].loss < 0.6 * history[0].loss
    assert history[-1].accuracy > history[0].accuracy


def test_instances_without_a_class_are_left_out():
    known = EXAMPLES[0]
    semantic = known.clicks.semantic.copy()
    semantic[1] = NONE
    clicks = replace(known.clicks, semantic=semantic)
    target = targets(np.arange(4), clicks, CLASSES)
    assert target[1] == IGNORE
    assert (target != IGNORE).sum() == 3
    partly = Example(known.scene, clicks, seg_level_labels(clicks, known.scene.segments))
    _, history = train([partly], CLASSES, replace(SMALL, epochs=1), CPU)
    assert np.isfinite(history[0].loss)


def test_classes_are_nyu40_or_those_that_were_clicked():
    clicks = EXAMPLES[0].clicks
    assert class_list([clicks]) == CLASSES
    other = replace(clicks, semantic=np.array([90, 5, NONE, 41], np.int32))
    assert class_list([clicks, other]) == tuple(sorted({5, 41, 90} | set(clicks.semantic.tolist())))
    none = replace(clicks, semantic=np.full(4, NONE, np.int32))
    with pytest.raises(InputError, match="no click names a class"):
        class_list([none])


def test_released_trains():
    released = replace(SMALL.network.released(), resample=500)
    _, history = train(EXAMPLES, CLASSES, replace(SMALL, epochs=1, network=released), CPU)
    assert np.isfinite(history[0].loss)
