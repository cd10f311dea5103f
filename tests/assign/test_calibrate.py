"""The temperature makes the confidences true."""

import numpy as np
import pytest
from toy_rooms import boxes_room

from seggroup.assign import calibrate
from seggroup.assign.calibrate import Answer, calibration, fit_temperature, judged, surprise
from seggroup.assign.examples import make_example
from seggroup.assign.network import Assigner
from seggroup.geometry.prepare import prepare


def too_sure(sharpness, pieces=100_000):
    """Answers whose logits are `sharpness` times those that would be true."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (pieces, 4))
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    column = np.array([0, 0, 1])
    drawn = (share.cumsum(axis=1) < rng.random((pieces, 1))).sum(axis=1)
    owner = np.array([0, 0, 1, -1])[drawn]
    size = rng.integers(1, 50, pieces)
    logits = (sharpness * logits).astype(np.float32)
    return Answer(logits, column, owner, np.ones(pieces, np.float32), size)


def test_a_piece_is_judged_by_its_label():
    logits = np.log(np.array([[0.3, 0.3, 0.2, 0.2], [0.1, 0.1, 0.2, 0.6]], np.float32))
    answer = Answer(
        logits,
        np.array([0, 0, 1]),
        np.array([0, -1]),
        np.array([0.9, 1.0], np.float32),
        np.array([5, 5]),
    )
    confidence, right = judged(answer, 1.0)
    assert confidence == pytest.approx([0.6, 0.2], abs=1e-6)
    assert right == pytest.approx([0.9, 0])


def test_true_confidences_have_no_error():
    right, error = calibration([too_sure(1)], 1.0)
    assert error < 0.01
    assert 0.5 < right < 0.9
    assert calibration([too_sure(2)], 1.0)[1] > 0.08


@pytest.mark.parametrize("sharpness", [0.5, 2.0, 3.0])
def test_the_temperature_is_found(monkeypatch, sharpness):
    monkeypatch.setattr(calibrate, "answers", lambda *_: [too_sure(sharpness)])
    network = Assigner(16, 1)
    temperature = fit_temperature(network, [], 0)
    assert temperature == pytest.approx(sharpness, rel=0.06)
    assert float(network.temperature) == pytest.approx(temperature)
    assert calibration([too_sure(sharpness)], temperature)[1] < 0.012
    assert surprise([too_sure(sharpness)], temperature) < surprise([too_sure(sharpness)], 1.0)


def test_answers_are_of_pieces_that_were_not_clicked():
    scan, truth = boxes_room(4)
    example = make_example(prepare(scan, None, truth))
    found = calibrate.answers(Assigner(16, 1), [example], 0)
    again = calibrate.answers(Assigner(16, 1), [example], 0)
    assert len(found) == calibrate.DRAWS
    for answer, other in zip(found, again, strict=True):
        assert len(answer.owner) + len(answer.column) <= len(example.owner)
        assert np.array_equal(answer.column, other.column)
        assert answer.size.sum() < len(scan.vertices)


def test_without_examples_nothing_is_fitted():
    network = Assigner(16, 1)
    assert fit_temperature(network, [], 0) == 1
    assert float(network.temperature) == 1
