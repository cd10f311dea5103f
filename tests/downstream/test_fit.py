"""The training loop: learning, resuming, accumulating, several processes."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_models import toy_cloud, toy_clouds, toy_model

from seggroup.downstream.cloud import IGNORE, Tags, make_targets, semantic_losses
from seggroup.downstream.config import FitConfig, augmentation
from seggroup.downstream.distributed import Share
from seggroup.downstream.fit import ahead, class_weights, fit, make_batch, rate
from seggroup.errors import InputError

CPU = torch.device("cpu")
CONFIG = FitConfig(epochs=6, batch=2, learning_rate=0.05, validate_every=2)
PLAIN = augmentation("none")


def states(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_equal(one, two):
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, two[name], rtol=0, atol=0)


def test_it_learns():
    model = toy_model()
    history = fit(model, toy_clouds(6), replace(CONFIG, augment=PLAIN, epochs=20), CPU)
    assert history[-1].losses["semantic"] < 0.3 < history[0].losses["semantic"]
    unseen = toy_cloud(np.random.default_rng(99))
    predicted = model.answer(model.prepare([unseen])).logits.argmax(1).numpy()
    assert (predicted == unseen.semantic).mean() > 0.95


def test_the_same_seed_gives_the_same_run_whatever_the_workers():
    runs = []
    for workers in (0, 1, 3):
        model = toy_model()
        runs.append((fit(model, toy_clouds(5), CONFIG, CPU, workers=workers), states(model)))
    for history, weights in runs[1:]:
        assert [e.losses for e in history] == [e.losses for e in runs[0][0]]
        assert_equal(weights, runs[0][1])


class Killed(Exception):
    """The process ends."""


@pytest.mark.parametrize("epoch", [0, 3, 5])
def test_a_run_that_was_interrupted_follows_the_same_curve(tmp_path, epoch):
    whole_model = toy_model()
    whole = fit(whole_model, toy_clouds(5), CONFIG, CPU, tmp_path / "whole")

    def kill(history, model):
        if len(history) == epoch + 1:
            raise Killed

    with pytest.raises(Killed):
        fit(toy_model(), toy_clouds(5), CONFIG, CPU, tmp_path / "cut", after_epoch=kill)
    seen = []
    model = toy_model(seed=5 if epoch else 0)  # where an epoch is done, the folder's weights count
    resumed = fit(
        model,
        toy_clouds(5),
        CONFIG,
        CPU,
        tmp_path / "cut",
        after_epoch=lambda history, _: seen.append(len(history)),
    )
    assert seen == list(range(epoch + 1, 7))  # the epoch that was cut short is done again
    assert [e.losses for e in resumed] == [e.losses for e in whole]
    assert_equal(states(model), states(whole_model))


def test_a_finished_run_is_left_as_it_is(tmp_path):
    first = fit(toy_model(), toy_clouds(3), CONFIG, CPU, tmp_path)
    model = toy_model(seed=3)
    again = fit(model, toy_clouds(3), CONFIG, CPU, tmp_path)
    assert again == first
    assert model.prepared == 0


def test_a_folder_with_another_run_is_refused(tmp_path):
    fit(toy_model(), toy_clouds(3), CONFIG, CPU, tmp_path, {"labels": "a"})
    with pytest.raises(InputError, match=r"other settings or on other labels \(fit\)"):
        fit(toy_model(), toy_clouds(3), replace(CONFIG, batch=1), CPU, tmp_path, {"labels": "a"})
    with pytest.raises(InputError, match=r"\(labels\)"):
        fit(toy_model(), toy_clouds(3), CONFIG, CPU, tmp_path, {"labels": "b"})


def test_validation_comes_first_every_few_and_last():
    seen = []
    config = replace(CONFIG, epochs=7, validate_every=3)
    history = fit(toy_model(), toy_clouds(2), config, CPU, validate=lambda m: {"x": 1.0})
    seen = [i + 1 for i, epoch in enumerate(history) if epoch.validation]
    assert seen == [1, 3, 6, 7]
    history = fit(
        toy_model(), toy_clouds(2), replace(config, validate_every=0), CPU, validate=lambda m: {}
    )
    assert [epoch.validation for epoch in history] == [None] * 6 + [{}]


def test_the_learning_rate_rises_and_falls():
    rates = [rate(step, 100) for step in range(100)]
    assert rates[0] == 0.2
    assert max(rates) == rates[4] == 1
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] < 0.01
    assert rate(0, 1) == 1


def test_accumulated_gradients_are_those_of_the_mean(monkeypatch):
    """One step over three forwards is the step of the mean of their losses."""
    config = FitConfig(epochs=1, batch=1, accumulate=3, learning_rate=0.01, augment=PLAIN)
    clouds, model = toy_clouds(3), toy_model()
    model.layers[3].p = 0.0
    twin = toy_model()
    twin.layers[3].p = 0.0
    fit(model, clouds, config, CPU, workers=0)
    batches = [make_batch(twin, clouds, config, 0, None, i) for i in range(3)]
    loss = sum(twin(b.inputs, b.targets, 0.0)["semantic"] for b in batches) / 3
    loss.backward()
    optimizer = torch.optim.AdamW(twin.parameters(), 0.01, weight_decay=config.weight_decay)
    optimizer.step()
    for name, tensor in twin.named_parameters():
        torch.testing.assert_close(model.state_dict()[name], tensor.detach())


def test_ahead_keeps_the_order_and_passes_errors_on():
    for workers in (0, 1, 4):
        assert list(ahead(lambda n: n * n, range(20), workers)) == [n * n for n in range(20)]
        assert list(ahead(lambda n: n, [], workers)) == []
        with pytest.raises(ZeroDivisionError):
            list(ahead(lambda n: 1 // (3 - n), range(9), workers))


def test_class_weights():
    cloud = toy_cloud(np.random.default_rng(0), 6)
    cloud = replace(cloud, semantic=np.array([0, 0, 0, 0, 2, IGNORE]))
    assert class_weights([cloud], 0.0, 3) is None
    alike = class_weights([cloud], 1.0, 3).numpy()
    np.testing.assert_allclose(alike, [0.625, 0, 2.5])
    assert (alike * [4, 0, 1]).sum() == 5  # the mean over the labelled points is 1
    root = class_weights([cloud], 0.5, 5).numpy()  # the last two classes do not occur
    assert root.shape == (5,)
    assert not class_weights([replace(cloud, semantic=cloud.semantic * 0 + IGNORE)], 1.0, 3).any()
    np.testing.assert_allclose(root[2] / root[0], 2, rtol=1e-6)


def test_points_without_labels_do_not_count():
    cloud = toy_cloud(np.random.default_rng(0), 50)
    logits = torch.randn(50, 3, requires_grad=True)
    some = np.where(np.arange(50) < 20, cloud.semantic, IGNORE)
    loss = semantic_losses(logits, make_targets([replace(cloud, semantic=some)]))["semantic"]
    loss.backward()
    assert not logits.grad[20:].any()
    short = make_targets([replace(cloud, semantic=cloud.semantic)])
    other = torch.nn.functional.cross_entropy(logits[:20], short.semantic[:20])
    torch.testing.assert_close(loss, other)
    none = make_targets([replace(cloud, semantic=np.full(50, IGNORE))])
    assert semantic_losses(logits, none)["semantic"].item() == 0


def test_tags_teach_classes_without_a_labelled_point():
    """Scenes of which only the classes are known; the map of the classifier finds the points."""
    rng, clouds = np.random.default_rng(3), []
    for i in range(12):
        cloud = toy_cloud(rng, 150)
        cloud = replace(cloud, colors=cloud.colors.copy())
        gone = cloud.semantic == i % 3  # this class is not in this scene
        keep = np.flatnonzero(~gone)
        tag = Tags(np.arange(len(keep)), np.arange(3) != i % 3)
        nothing = np.full(len(keep), IGNORE)
        clouds.append(
            replace(
                cloud,
                points=cloud.points[keep],
                colors=cloud.colors[keep],
                semantic=nothing,
                instance=nothing * 0 - 1,
                tags=(tag,),
            )
        )
    model = toy_model()
    fit(model, clouds, replace(CONFIG, epochs=60, augment=PLAIN), CPU)
    unseen = toy_cloud(np.random.default_rng(99))
    predicted = model.answer(model.prepare([unseen])).logits.argmax(1).numpy()
    assert (predicted == unseen.semantic).mean() > 0.8


def test_bad_training_is_answered():
    with pytest.raises(InputError, match="no scenes"):
        fit(toy_model(), [], CONFIG, CPU)
    cloud = toy_clouds(1)[0]
    broken = replace(cloud, colors=cloud.colors * np.float32(np.nan))
    with pytest.raises(InputError, match="no number any more in epoch 1"):
        fit(toy_model(), [broken], CONFIG, CPU)


def test_processes_share_an_epoch(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert list(Share().of(5)) == [0, 1, 2, 3, 4]
    shares = []
    for rank in range(3):
        share = Share()
        share.rank, share.count = rank, 3
        shares.append(list(share.of(7)))
    assert shares == [[0, 3, 6], [1, 4, 0], [2, 5, 1]]
    # A step of all processes takes what one process takes in as many forwards.
    assert [sorted(step) for step in zip(*shares, strict=True)] == [[0, 1, 2], [3, 4, 5], [0, 1, 6]]


SCRIPT = """
import os, sys, torch
sys.path.insert(0, sys.argv[1])
from toy_models import toy_clouds, toy_model
from seggroup.downstream.config import FitConfig
from seggroup.downstream.distributed import Share
from seggroup.downstream.fit import fit
torch.set_num_threads(1)
model = toy_model()
model.layers[3].p = 0.0
model.layers[1] = torch.nn.Identity()
config = FitConfig(epochs=2, batch=1, accumulate=int(sys.argv[3]), learning_rate=0.01)
history = fit(model, toy_clouds(4), config, torch.device("cpu"), workers=0)
if os.environ.get("RANK", "0") == "0":
    loss = torch.tensor(history[-1].losses["semantic"])
    torch.save({**model.state_dict(), "loss": loss}, sys.argv[2])
Share().wait()
Share().leave()
"""


def test_two_processes_train_as_one_that_accumulates(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    tests = str(Path(__file__).parents[1])

    def arguments(name, accumulate):
        return [str(tmp_path / "script.py"), tests, str(tmp_path / name), str(accumulate)]

    one = subprocess.run([sys.executable, *arguments("one", 2)], capture_output=True, text=True)
    assert one.returncode == 0, one.stderr
    launch = ["-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=0"]
    launch += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    two = subprocess.run(
        [sys.executable, *launch, *arguments("two", 1)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert two.returncode == 0, two.stderr
    alone, shared = (torch.load(tmp_path / n, weights_only=True) for n in ("one", "two"))
    for name, tensor in alone.items():
        torch.testing.assert_close(shared[name], tensor, rtol=1e-5, atol=1e-6)
