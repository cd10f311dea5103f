"""The benchmark's text files: what is read, and what is refused with a message."""

from pathlib import Path

import numpy as np
import pytest

from seggroup.errors import InputError
from seggroup.evaluate.instance import Prediction, evaluate_instance
from seggroup.evaluate.instancefiles import evaluate_instance_files
from seggroup.evaluate.semantic import evaluate_semantic, evaluate_semantic_files
from seggroup.evaluate.textfiles import read_integers


def write(path: Path, values) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{value}\n" for value in values))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        ("7", [7]),
        ("1\n-2\n+3\n", [1, -2, 3]),
        (" 12 \r\n0\r\n\n\n", [12, 0]),
        ("123456789012345678\n", [123456789012345678]),
    ],
)
def test_integers(tmp_path, text, values):
    (tmp_path / "a.txt").write_bytes(text.encode())
    assert read_integers(tmp_path / "a.txt").tolist() == values


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1\nx\n", 2),
        ("1.0\n", 1),
        ("1 2\n", 1),
        ("1\n\n2\n", 2),
        ("-\n", 1),
        ("--1", 1),
        ("1\n" + "9" * 19, 2),
        ("1\n\xff\n", 2),
        ("1-\n", 1),
        ("1 -2\n", 1),
    ],
)
def test_refuses_what_is_no_integer(tmp_path, text, line):
    (tmp_path / "a.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=rf"a\.txt: line {line} is not one integer"):
        read_integers(tmp_path / "a.txt")


@pytest.fixture
def submission(tmp_path):
    """One scene of two chairs and floor: tmp_path/truth, tmp_path/prediction."""
    write(tmp_path / "truth/room.txt", [5001] * 200 + [5002] * 150 + [2001] * 50)
    write(tmp_path / "prediction/predicted_masks/room_000.txt", [1] * 180 + [0] * 220)
    write(tmp_path / "prediction/predicted_masks/room_001.txt", [0] * 250 + [3] * 100 + [0] * 50)
    lines = ["predicted_masks/room_000.txt 5 0.9", "predicted_masks/room_001.txt 5.0 0.5"]
    write(tmp_path / "prediction/room.txt", lines)
    return tmp_path


def test_instance_files_give_the_figures_of_the_arrays(submission):
    truth = np.repeat([5001, 5002, 2001], [200, 150, 50])
    place = np.arange(400)
    predictions = [
        Prediction(5, 0.9, place < 180),
        Prediction(5, 0.5, (place >= 250) & (place < 350)),
    ]
    ours = evaluate_instance_files(submission / "truth", submission / "prediction")
    assert ours["classes"]["chair"] == evaluate_instance([(truth, predictions)])["classes"]["chair"]
    assert ours["ap50"] == 1


def test_a_scene_without_predictions(submission):
    (submission / "prediction/room.txt").write_text("")
    assert evaluate_instance_files(submission / "truth", submission / "prediction")["ap"] == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("../truth/room.txt 5 0.9", "lies outside"),
        ("/etc/hostname 5 0.9", "lies outside"),
        ("predicted_masks/room_000.txt 5", "line 1 is not"),
        ("predicted_masks/room_000.txt chair 0.9", "line 1 is not"),
        ("predicted_masks/room_000.txt 5 nan", "line 1 is not"),
        ("predicted_masks/room_000.txt inf 0.5", "line 1 is not"),
        ("predicted_masks/room_009.txt 5 0.9", "cannot be read"),
        ("room.txt 5 0.9", "line 1 is not one integer"),
    ],
)
def test_refuses_bad_lines_of_a_submission(submission, line, message):
    write(submission / "prediction/room.txt", [line])
    with pytest.raises(InputError, match=message):
        evaluate_instance_files(submission / "truth", submission / "prediction")


def test_refuses_a_mask_that_links_outside(submission):
    link = submission / "prediction/predicted_masks/room_000.txt"
    link.unlink()
    link.symlink_to(submission / "truth/room.txt")
    with pytest.raises(InputError, match="lies outside"):
        evaluate_instance_files(submission / "truth", submission / "prediction")


def test_refuses_a_mask_of_another_length(submission):
    write(submission / "prediction/predicted_masks/room_001.txt", [1] * 399)
    with pytest.raises(InputError, match=r"room_001\.txt: has 399 lines where .*truth.* has 400"):
        evaluate_instance_files(submission / "truth", submission / "prediction")


def test_semantic_files(tmp_path):
    truth, prediction = np.array([1, 1, 2, 0, 5]), np.array([1, 2, 2, 3, 5])
    write(tmp_path / "t/a.txt", truth)
    write(tmp_path / "p/a.txt", prediction)
    ours = evaluate_semantic_files(tmp_path / "t", tmp_path / "p")
    assert ours["miou"] == evaluate_semantic([(truth, prediction)])["miou"]
    write(tmp_path / "t/b.txt", [1])
    with pytest.raises(InputError, match=r"p/b\.txt: is missing"):
        evaluate_semantic_files(tmp_path / "t", tmp_path / "p")
    with pytest.raises(InputError, match=r"holds no <scene>\.txt"):
        evaluate_semantic_files(tmp_path / "t", tmp_path / "nowhere")
