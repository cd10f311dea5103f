"""Parquet, read back by pyarrow and by `datasets` itself, and the data card."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import yaml
from toy_samples import five, random_sample

from seggroup.errors import InputError
from seggroup.export import parquet
from seggroup.export.parquet import finish_parquet, write_scene_row
from seggroup.export.target import Sample, indexed
from seggroup.io.classlist import nyu40
from seggroup.types import Labels

pq = pytest.importorskip("pyarrow.parquet")


def written(folder, *samples):
    rows = [
        write_scene_row(folder, sample, nyu40())
        | {"scene": sample.scan.name, "split": sample.split}
        for sample in samples
    ]
    return rows, finish_parquet(folder, rows, nyu40())


def test_five_points_by_pyarrow(tmp_path):
    _, files = written(tmp_path, five())
    assert files == ["data/train-00000-of-00001.parquet", "README.md"]
    (row,) = pq.read_table(tmp_path / files[0]).to_pylist()
    assert row["scene"] == "five"
    assert row["coord"][:2] == [[0, 0, 0], [1.5, 0, 0.25]]
    assert row["color"][3] == [1, 2, 3]
    assert row["semantic"] == [0, 4, 4, -1, 3]  # places in NYU40's list
    assert row["instance"] == [-1, 3, 3, -1, 7]
    assert row["confidence"] == [1, 0.5, 0.75, 0, 0.25]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["README.md", "data"]


@pytest.mark.filterwarnings("ignore")
def test_datasets_reads_the_folder_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    datasets = pytest.importorskip("datasets")
    samples = [random_sample(seed, confidence=seed != 2) for seed in range(4)]
    samples[3] = Sample(samples[3].scan, samples[3].labels, None, "val")
    written(tmp_path / "set", *samples)
    sets = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(rows) for name, rows in sets.items()} == {"train": 3, "validation": 1}
    names = sets["train"].features["semantic"].feature.names
    assert names == [known.name for known in nyu40().classes.values()]
    rows = [*sets["train"].with_format("numpy"), *sets["validation"].with_format("numpy")]
    for row, sample in zip(rows, samples, strict=True):
        assert row["scene"] == sample.scan.name
        assert row["coord"].dtype == np.float32
        np.testing.assert_array_equal(row["coord"], sample.scan.vertices)
        np.testing.assert_array_equal(row["color"], sample.scan.colors)
        np.testing.assert_array_equal(row["semantic"], indexed(sample.labels, nyu40(), -1))
        np.testing.assert_array_equal(row["instance"], sample.labels.instance)
        if sample.labels.confidence is None:
            assert row["confidence"] is None
        else:
            np.testing.assert_array_equal(row["confidence"], sample.labels.confidence)


def test_scenes_are_divided_among_files_by_size(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_SHARD", 15_000)  # two scenes
    _, files = written(tmp_path, *(random_sample(seed) for seed in range(5)))
    assert files[:-1] == [f"data/train-{i:05d}-of-00003.parquet" for i in range(3)]
    found = [pq.read_table(tmp_path / name)["scene"].to_pylist() for name in files[:-1]]
    assert found == [["toy0", "toy1"], ["toy2", "toy3"], ["toy4"]]


def test_a_second_run_keeps_other_splits_and_leaves_nothing_stale(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_SHARD", 8_000)  # one scene
    train, _ = written(tmp_path, random_sample(0), random_sample(1))
    other = random_sample(2)
    val = write_scene_row(tmp_path, other, nyu40()) | {"scene": "toy2", "split": "val"}
    files = finish_parquet(tmp_path, [*train, val], nyu40())
    assert [name.split("/")[-1][:11] for name in files[:3]] == [
        "train-00000",
        "train-00001",
        "val-00000-o",
    ]
    assert len(list((tmp_path / "data").iterdir())) == 3
    moved = write_scene_row(tmp_path, random_sample(0), nyu40()) | {"scene": "toy0", "split": "val"}
    finish_parquet(tmp_path, [train[1], moved, val], nyu40())
    names = {p.name: pq.read_table(p)["scene"].to_pylist() for p in (tmp_path / "data").iterdir()}
    assert names == {
        "train-00000-of-00001.parquet": ["toy1"],
        "val-00000-of-00002.parquet": ["toy0"],
        "val-00001-of-00002.parquet": ["toy2"],
    }
    with pytest.raises(InputError, match="no longer holds gone"):
        finish_parquet(tmp_path, [train[1] | {"scene": "gone"}], nyu40())


def test_the_card_says_what_a_reader_must_know(tmp_path):
    truth = random_sample(1)
    written(tmp_path, five())
    text = (tmp_path / "README.md").read_text()
    _, head, body = text.split("---\n", 2)
    card = yaml.safe_load(head)
    assert card["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    assert card["license"] == "unknown"
    assert "1 scene, 5 points, 80.0 % of them with a class" in body
    assert "The least confidence of a point with a class is 0.250." in body
    assert "| 4 | 5 | chair | `#bcbd22` | thing | 2 |" in body
    plain = Sample(truth.scan, Labels(truth.labels.semantic, truth.labels.instance))
    written(tmp_path / "truth", plain)
    assert "does not say how they were made" in (tmp_path / "truth" / "README.md").read_text()
    written(tmp_path / "own", replace(plain, made="truth"))
    assert "truth that the scans' own files have" in (tmp_path / "own" / "README.md").read_text()


def test_without_pyarrow_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pip install 'seggroup\[parquet\]'"):
        write_scene_row(tmp_path, five(), nyu40())
