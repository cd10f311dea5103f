"""A run's files."""

import io
import json
import time
import zipfile

import numpy as np
import pytest

from seggroup.errors import InputError
from seggroup.io.files import atomic, read_json
from seggroup.io.store import clicks_file, labels_file, read_labels, write_labels, write_record
from seggroup.types import Labels

LABELS = Labels(
    np.array([1, -1, 40], np.int32),
    np.array([0, -1, 7], np.int32),
    np.array([1, 0, 0.5], np.float32),
)


def npz(**arrays) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def test_labels_round_trip(tmp_path):
    path = labels_file(tmp_path / "new" / "folder", "scene0000_00")
    assert path.name == "scene0000_00.npz"
    write_labels(path, LABELS)
    found = read_labels(path, 3)
    for name in ("semantic", "instance", "confidence"):
        assert getattr(found, name).tolist() == getattr(LABELS, name).tolist()
        assert np.load(path)[name].dtype == getattr(LABELS, name).dtype
    write_labels(path, Labels(LABELS.semantic, LABELS.instance))
    assert read_labels(path, 3).confidence.tolist() == [1, 1, 1]


def test_bytes_do_not_depend_on_the_time(tmp_path, monkeypatch):
    write_labels(tmp_path / "a.npz", LABELS)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2_000_000_000))
    write_labels(tmp_path / "b.npz", LABELS)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


GOOD = {"semantic": LABELS.semantic, "instance": LABELS.instance, "confidence": LABELS.confidence}
CORPUS = [
    ("empty", b"", "empty"),
    ("garbage", b"PK\x03\x04" + b"\xff" * 100, "whole label file"),
    ("cut", npz(**GOOD)[:-30], "whole label file"),
    ("lacking", npz(semantic=LABELS.semantic), "whole label file"),
    (
        "length",
        npz(**(GOOD | {"instance": np.zeros(4, np.int32)})),
        "instance is int32 of shape (4,)",
    ),
    ("flat", npz(**(GOOD | {"instance": np.zeros((3, 1), np.int32)})), "shape (3, 1)"),
    ("words", npz(**(GOOD | {"semantic": np.array(["a", "b", "c"])})), "semantic is <U1"),
    ("large", npz(**(GOOD | {"semantic": np.zeros(10**6, np.int32)})), "more labels than"),
    ("pickle", npz(**(GOOD | {"semantic": np.array([{}, 1, 2], object)})), "whole label file"),
]


@pytest.mark.parametrize(("name", "data", "words"), CORPUS, ids=[c[0] for c in CORPUS])
def test_malformed_labels(tmp_path, name, data, words):
    path = tmp_path / f"{name}.npz"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_labels(path, 3)
    assert path.name in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a\\b", "/etc/passwd", "a\0b"])
def test_names_that_are_paths_are_refused(tmp_path, name):
    for place in (labels_file, clicks_file):
        with pytest.raises(InputError, match="cannot be the name of a scene"):
            place(tmp_path, name)


def test_record_repeats_and_names_no_path(tmp_path):
    config = {"epochs": 6, "network": {"thresholds": (6.0, 2.0, 2.0)}}
    write_record(tmp_path / "a", "train", config, 3)
    write_record(tmp_path / "b", "train", config, 3)
    text = (tmp_path / "a" / "run.json").read_bytes()
    assert text == (tmp_path / "b" / "run.json").read_bytes()
    record = json.loads(text)
    assert record["command"] == "train"
    assert record["seed"] == 3
    assert record["config"]["network"]["thresholds"] == [6, 2, 2]
    assert record["versions"]["numpy"] == np.__version__
    assert record["versions"].keys() == {"python", "seggroup", "numpy", "scipy", "numba", "torch"}
    assert str(tmp_path) not in text.decode()


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic(path) as file:
            file.write(b"new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_writing_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write there"), atomic(tmp_path / "file" / "x"):
        pass


def test_json_with_a_byte_order_mark(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(tmp_path / "a.json") == [1]
