"""Making the weights: rooms kept and drawn anew alike, training that goes on where it was."""

import json
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import torch
from toy_rooms import boxes_room
from typer.testing import CliRunner

from seggroup.assign.weights import _load, load_assigner
from seggroup.errors import InputError
from seggroup.pipeline import pretrain as making
from seggroup.pipeline.pretrain import PretrainConfig, example_file, read_example, train_assigner

SMALL = PretrainConfig(
    rooms=4, held_back=2, variants=1, steps=6, batch=2, every=2, warmup=2, width=16, rounds=1
)


def keep_rooms(cache, rooms=4):
    """Boxes on a floor, where the cache keeps its rooms."""
    for room in range(rooms):
        scan, truth = boxes_room(4 + room)
        path = making.room_file(cache, room)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            vertices=scan.vertices,
            colors=scan.colors,
            faces=scan.faces,
            semantic=truth.semantic,
            instance=truth.instance,
        )


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    keep_rooms(folder)
    for room in range(4):
        making.make_examples(folder, SMALL.seed, room, 1)
    return folder


@pytest.fixture(scope="module")
def examples(cache):
    return [read_example(example_file(cache, room, 0)) for room in range(4)]


def test_examples_are_read_as_written(cache, examples, tmp_path):
    path = tmp_path / "again.npz"
    making.write_example(path, examples[0])
    again = read_example(path)
    for field in fields(again.around):
        assert np.array_equal(
            getattr(again.around, field.name), getattr(examples[0].around, field.name)
        )
    assert np.array_equal(again.owner, examples[0].owner)
    assert path.read_bytes() == example_file(cache, 0, 0).read_bytes()


def test_a_broken_example_is_named(tmp_path):
    path = tmp_path / "broken.npz"
    path.write_bytes(b"PK no archive")
    with pytest.raises(InputError, match=r"broken\.npz: is not a whole example"):
        read_example(path)


def test_examples_depend_on_seed_room_and_variant_alone(cache, tmp_path):
    keep_rooms(tmp_path, 1)
    assert making.make_examples(tmp_path, SMALL.seed, 0, 2) == 2
    assert making.make_examples(tmp_path, SMALL.seed, 0, 2) == 0
    first, second = (example_file(tmp_path, 0, v).read_bytes() for v in range(2))
    assert first == example_file(cache, 0, 0).read_bytes()
    assert first != second
    example_file(tmp_path, 0, 0).unlink()
    assert making.make_examples(tmp_path, SMALL.seed + 1, 0, 2) == 1
    assert example_file(tmp_path, 0, 0).read_bytes() != first


def test_a_cache_of_another_seed_is_refused(tmp_path):
    making.claim(tmp_path, 5)
    making.claim(tmp_path, 5)
    with pytest.raises(InputError, match="choose another folder"):
        making.claim(tmp_path, 6)


def equal(one, other):
    """Both networks have the same weights, to the bit."""
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def test_training_learns_and_is_repeatable(examples):
    longer = replace(SMALL, steps=30, every=5, learning_rate=3e-3)
    state = torch.get_rng_state()
    network, history = train_assigner(examples, longer)
    assert torch.equal(state, torch.get_rng_state())
    assert [row["step"] for row in history] == [5, 10, 15, 20, 25, 30]
    assert history[-1]["ask3"] < 0.8 * history[0]["ask3"]
    again, _ = train_assigner(examples, SMALL)
    assert equal(again, train_assigner(examples, SMALL)[0])
    assert not equal(again, network)


def test_a_training_that_broke_off_ends_alike(examples, tmp_path):
    whole, rows = train_assigner(examples, SMALL)
    state = tmp_path / "run.state"

    def stop(row):
        if row["step"] == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_assigner(examples, SMALL, state, stop)
    seen = []
    network, history = train_assigner(examples, SMALL, state, seen.append)
    assert equal(network, whole)
    assert [row["step"] for row in seen] == [6]
    for one, other in zip(history, rows, strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}


def test_a_state_of_other_settings_is_refused(examples, tmp_path):
    state = tmp_path / "run.state"
    train_assigner(examples, replace(SMALL, steps=2), state)
    with pytest.raises(InputError, match="other settings"):
        train_assigner(examples, SMALL, state)


def test_the_rate_rises_and_falls():
    config = PretrainConfig()
    assert making.rate(config, 0, 0.0) == pytest.approx(1.005 * config.learning_rate / 100)
    assert making.rate(config, 100, 0.0) == pytest.approx(1.005 * config.learning_rate)
    assert making.rate(config, 4000, 1.0) == pytest.approx(0.005 * config.learning_rate)


def test_minutes_bound_the_training(examples):
    _, history = train_assigner(examples, replace(SMALL, minutes=1e-9, steps=1000))
    assert len(history) == 1
    network, history = train_assigner(examples, replace(SMALL, minutes=0.02, steps=10**6))
    assert history[-1]["seconds"] >= 1.2
    assert not network.training


def test_from_rooms_to_weights(cache, tmp_path):
    example_file(cache, 3, 0).unlink()  # made again in a process of its own
    rooms = []
    out = tmp_path / "weights.safetensors"
    result = making.pretrain(out, SMALL, cache, 1, after_room=rooms.append)
    assert rooms == [0, 0, 0, 1]
    assert result["examples"] == 2
    network = load_assigner(out)
    assert (network.width, network.rounds) == (16, 1)
    assert float(network.temperature) == pytest.approx(result["temperature"])
    assert 0 <= result["check"]["ece"] <= 1
    lines = out.with_suffix(".csv").read_text().splitlines()
    assert lines[0] == "step,seconds,ask0,ask1,ask2,ask3,links,kinds"
    assert [line.split(",")[0] for line in lines[1:]] == ["2", "4", "6"]
    again = tmp_path / "again.safetensors"
    making.pretrain(again, SMALL, cache)
    _load.cache_clear()
    assert equal(load_assigner(again), network)


def test_rooms_that_are_all_held_back_are_refused(tmp_path):
    with pytest.raises(InputError, match="held back"):
        making.pretrain(tmp_path / "w.safetensors", replace(SMALL, rooms=2), tmp_path)


def test_the_command_passes_its_options_on(monkeypatch, tmp_path):
    import typer

    from seggroup.cli.pretraining import pretrain

    app = typer.Typer()
    app.command()(pretrain)
    given = {}

    def instead(out, config, cache, jobs, resume, after_room, after_row):
        given.update(asdict(config), cache=cache, jobs=jobs, resume=resume)
        after_room(1)
        after_row({"step": 50.0, "ask2": 0.25})
        return {"output": str(out), "steps": 7, "seconds": 1.0, "temperature": 1.5, "check": {}}

    monkeypatch.setattr(making, "pretrain", instead)
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    out = tmp_path / "w.safetensors"
    words = ["-o", str(out), "--rooms", "60", "--steps", "7", "--resume", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["temperature"] == 1.5
    assert "step 50  ask2 0.250" in done.stderr
    assert (given["rooms"], given["steps"], given["resume"]) == (60, 7, True)
    assert given["cache"] == tmp_path / "w.cache"
    both = CliRunner().invoke(app, ["-o", str(out), "--steps", "7", "--minutes", "1"])
    assert isinstance(both.exception, InputError)
