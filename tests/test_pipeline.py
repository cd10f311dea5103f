"""The stages over files: what is made again and what is left, and the figures of a folder."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import bumpy_grid
from toy_files import write_toy

import seggroup.synth
from seggroup import pipeline
from seggroup.config import NetworkConfig
from seggroup.downstream.cloud import IGNORE
from seggroup.errors import InputError
from seggroup.io.scenes import find_scenes, read_source
from seggroup.io.store import labels_file, levels_file, read_labels, write_labels
from seggroup.model.checkpoint import save_network
from seggroup.model.network import build
from seggroup.pipeline import Clicking, Loading, Propagating
from seggroup.pipeline.downstream import Clouds
from seggroup.pipeline.labels import confident
from seggroup.types import Labels, Scan

WALK = Propagating("walk")
UNTRAINED = Propagating("seggroup")
ASSIGN = Propagating("assign")


@pytest.fixture
def place(tmp_path):
    """A folder with two scans and the clicks of both."""
    for seed, name in enumerate("ab"):
        write_toy(tmp_path / "scans", name, seed)
    for source in find_scenes([tmp_path / "scans"]):
        pipeline.click(source, tmp_path / "clicks", Clicking(), Loading())
    return tmp_path


def propagate(place, spread, out="out", loading=Loading(), name="a"):  # noqa: B008
    source = next(s for s in find_scenes([place / "scans"]) if s.name == name)
    return pipeline.propagate_scene(source, place / "clicks", place / out, spread, loading)


def test_nothing_is_done_twice(place):
    assert not propagate(place, WALK)["reused"]
    files = {path: path.stat().st_mtime_ns for path in (place / "out").rglob("*.*")}
    assert {path.name for path in files} == {"a.npz", "a.ply"}  # of labels and of levels
    assert propagate(place, WALK)["reused"]
    assert files == {path: path.stat().st_mtime_ns for path in (place / "out").rglob("*.*")}


@pytest.mark.parametrize("spread", [WALK, UNTRAINED, ASSIGN])
def test_equal_input_elsewhere_gives_equal_bytes(place, spread):
    propagate(place, spread)
    write_toy(place / "scans", "a", 0)  # the same file, written later
    propagate(place, spread, "again")
    for path in (place / "out").rglob("*.*"):
        again = place / "again" / path.relative_to(place / "out")
        assert path.read_bytes() == again.read_bytes(), path


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"level": "2"},
        {"semantic_level": "2"},
        {"thresholds": (1.0, 1.0, 1.0)},
        {"min_confidence": 0.5},
        {"released": True},
    ],
)
def test_other_options_are_done_again(place, change):
    propagate(place, UNTRAINED)
    if "released" in change:
        with pytest.MonkeyPatch.context() as patch:
            small = replace(NetworkConfig().released(), resample=900)
            patch.setattr(NetworkConfig, "released", lambda self: small)
            assert not propagate(place, replace(UNTRAINED, **change))["reused"]
        return
    assert not propagate(place, replace(UNTRAINED, **change))["reused"]
    assert not propagate(place, UNTRAINED)["reused"]


def test_another_method_is_done_again(place):
    for spread in (WALK, ASSIGN, UNTRAINED, WALK):
        assert not propagate(place, spread)["reused"]


def test_other_clicks_weights_and_scans_are_done_again(place):
    def weights(seed):
        save_network(place / "model", build((1, 2), NetworkConfig(), seed), (1, 2))
        return replace(UNTRAINED, weights=place / "model")

    assert not propagate(place, weights(0))["reused"]
    assert propagate(place, weights(0))["reused"]
    assert not propagate(place, weights(1))["reused"]
    source = find_scenes([place / "scans" / "a.ply"])[0]
    pipeline.click(source, place / "clicks", Clicking("all3"), Loading())
    assert not propagate(place, weights(1))["reused"]
    assert not propagate(place, weights(1), loading=Loading(truth=False))["reused"]
    write_toy(place / "scans", "a", 9)
    with pytest.raises(InputError, match="another mesh"):
        propagate(place, weights(1))


def test_an_interrupted_write_is_done_again(place, monkeypatch):
    propagate(place, WALK)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.labels, "write_levels", killed)
        with pytest.raises(KeyboardInterrupt):
            propagate(place, UNTRAINED)  # the labels are new, the levels are not
    assert not propagate(place, WALK)["reused"]


def test_half_a_file_is_done_again(place):
    propagate(place, WALK)
    path = levels_file(place / "out", "a")
    path.write_bytes(path.read_bytes()[:99])
    assert not propagate(place, WALK)["reused"]


def test_levels_are_what_was_asked_for(place):
    for level in ("1", "3", "final"):
        spread = replace(UNTRAINED, level=level)
        propagate(place, spread, level)
        labels = np.load(labels_file(place / level, "a"))["instance"]
        levels = np.load(levels_file(place / level, "a"))
        row = levels["names"].tolist().index(level)
        np.testing.assert_array_equal(labels, levels["instance"][row][levels["segments"]])
    assert np.load(labels_file(place / "final", "a"))["instance"].min() >= 0


def test_a_scan_is_never_written_over(place):
    before = (place / "scans" / "a.ply").read_bytes()
    with pytest.raises(InputError, match="would be written over"):
        propagate(place, WALK, "scans")
    source = find_scenes([place / "scans" / "a.ply"])[0]
    with pytest.raises(InputError, match="would be written over"):
        pipeline.segment(source, source.scan, Loading())
    assert (place / "scans" / "a.ply").read_bytes() == before


def test_segments_that_are_there_are_kept_and_never_renamed(place):
    source = find_scenes([place / "scans" / "a.ply"])[0]
    first = pipeline.segment(source, None, Loading())
    assert not first["reused"]
    source = find_scenes([place / "scans" / "a.ply"])[0]
    assert source.segments is not None
    assert pipeline.segment(source, None, Loading())["reused"]
    coarse = replace(Loading(), oversegment=replace(Loading().oversegment, k=0.5))
    with pytest.raises(InputError, match="--recompute"):
        pipeline.segment(source, None, coarse)
    again = pipeline.segment(source, place / "new.segs.json", replace(coarse, recompute=True))
    assert again["segments"] < first["segments"]


def test_truth_against_itself_is_perfect(place):
    sources = find_scenes([place / "scans"])
    for source in sources:
        write_labels(labels_file(place / "perfect", source.name), read_source(source)[2])
    figures = pipeline.evaluate_folder(sources, place / "perfect", Loading())
    for key in ("semantic_miou", "instance_miou", "semantic_accuracy", "instance_accuracy"):
        assert figures[key] == 1
    assert figures["coverage"] == 1
    assert figures["scenes"] == 2
    assert figures["levels"] == {}


def test_the_figures_of_a_folder_by_level(place):
    sources = find_scenes([place / "scans"])
    for name in "ab":
        propagate(place, UNTRAINED, name=name)
    figures = pipeline.evaluate_folder(sources, place / "out", Loading())
    assert list(figures["levels"]) == ["1", "2", "3", "4", "final"]
    assert figures["levels"]["final"]["semantic_miou"] == figures["semantic_miou"]
    coverage = [level["coverage"] for level in figures["levels"].values()]
    assert coverage == sorted(coverage)
    assert coverage[-1] == 1
    alone = pipeline.evaluate_folder(sources[:1], place / "out", Loading())
    assert alone["points"] < figures["points"]


def test_evaluation_says_what_is_missing(place):
    sources = find_scenes([place / "scans"])
    with pytest.raises(InputError, match="no labels of this scene"):
        pipeline.evaluate_folder(sources, place / "nowhere", Loading())
    propagate(place, WALK)
    write_toy(place / "scans", "a", 0, side=10)
    with pytest.raises(InputError, match=r"a\.npz"):
        pipeline.evaluate_folder(find_scenes([place / "scans" / "a.ply"]), place / "out", Loading())


def test_no_truth_gives_the_same_labels(place):
    for spread in (WALK, UNTRAINED, ASSIGN):
        propagate(place, spread, "with")
        propagate(place, spread, "without", Loading(truth=False))
        a, b = (labels_file(place / folder, "a").read_bytes() for folder in ("with", "without"))
        assert a == b


def test_unsure_labels_do_not_train(place):
    propagate(place, WALK)
    sources = find_scenes([place / "scans" / "a.ply"])
    labels = read_labels(labels_file(place / "out", "a"), 24 * 24)
    limit = float(np.median(labels.confidence)) + 1e-6
    every, sure = (Clouds(sources, place / "out", (1, 2, 5, 39), min_confidence=c)[0]
                   for c in (0.0, limit))  # fmt: skip
    kept = labels.confidence >= limit
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_array_equal(sure.semantic[kept], every.semantic[kept])
    assert (sure.semantic[~kept] == IGNORE).all()
    assert (every.semantic != IGNORE).all()
    truth = read_source(sources[0])[2]  # says nothing of how sure it is
    assert confident(truth, 1.0) is truth


@pytest.fixture
def tiny_rooms(monkeypatch):
    """`make_room` makes a bumpy grid; returns the seeds it was called with."""
    seeds = []

    def make_room(seed, name, config=None):
        seeds.append(seed)
        vertices, faces = bumpy_grid(np.random.default_rng(seed), 12)
        one = np.ones(len(vertices), np.int32)
        scan = Scan(name, vertices, np.full((len(vertices), 3), 99, np.uint8), faces)
        return scan, Labels(5 * one, 0 * one)

    monkeypatch.setattr(seggroup.synth, "make_room", make_room)
    return seeds


def test_rooms_are_made_once_and_of_one_seed(tmp_path, tiny_rooms):
    first = pipeline.synthesize(0, tmp_path, 3)
    assert first["scene"] == "synth0000_00"
    assert not first["reused"]
    assert pipeline.synthesize(0, tmp_path, 3) == first | {"reused": True}
    assert not pipeline.synthesize(1, tmp_path, 3)["reused"]
    assert len(set(tiny_rooms)) == len(tiny_rooms) == 2
    with pytest.raises(InputError, match="rooms of seed 3"):
        pipeline.synthesize(0, tmp_path, 4)
    assert [s.name for s in find_scenes([tmp_path])] == ["synth0000_00", "synth0001_00"]


def test_a_room_that_was_interrupted_is_made_again(tmp_path, tiny_rooms):
    pipeline.synthesize(0, tmp_path, 0)
    folder = tmp_path / "scans" / "synth0000_00"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "synth0000_00.txt").unlink()
    assert not pipeline.synthesize(0, tmp_path, 0)["reused"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_labels_folder_is_that_of_a_run(place):
    propagate(place, WALK, "run/labels")
    labels = pipeline.labels_folder(place / "run")
    assert labels == place / "run"  # no checkpoint: a plain folder
    save_network(place / "run" / "model.safetensors", build((1,), NetworkConfig(), 0), (1,))
    labels = pipeline.labels_folder(place / "run")
    assert len(read_labels(labels_file(labels, "a"), 24 * 24)) == 24 * 24
