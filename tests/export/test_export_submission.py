"""The benchmark submission, read back by the rules of ScanNet's own scripts."""

import numpy as np
import pytest
from toy_samples import five, random_sample

from seggroup.classes import BENCHMARK20
from seggroup.errors import InputError
from seggroup.export.submission import SCANNET_BENCHMARK, write_submission
from seggroup.io.classlist import ClassList, nyu40
from seggroup.labels.objects import objects
from seggroup.types import NONE, Labels

TWENTY = ClassList({i: nyu40().classes[i] for i in BENCHMARK20})


def semantic_by_the_script(path):
    """`evaluate_semantic_label.py`: one integer a line."""
    return np.array([int(line) for line in path.read_text().splitlines()])


def instances_by_the_script(path):
    """`util_3d.read_instance_prediction_file`: mask, class and confidence of each line."""
    found = {}
    for line in path.read_text().splitlines():
        mask, label, confidence = line.split(" ")
        assert not mask.startswith("/")
        values = np.array([int(text) for text in (path.parent / mask).read_text().splitlines()])
        found[mask] = (values, int(label), float(confidence))
    return found


def test_five_points_as_text(tmp_path):
    facts = write_submission(tmp_path, five(), TWENTY)
    assert (tmp_path / "semantic" / "five.txt").read_text() == "1\n5\n5\n0\n4\n"
    assert (tmp_path / "instance" / "five.txt").read_text() == (
        "predicted_masks/five_000.txt 5 0.625000\npredicted_masks/five_001.txt 4 0.250000\n"
    )
    first = tmp_path / "instance" / "predicted_masks" / "five_000.txt"
    assert first.read_text() == "0\n1\n1\n0\n0\n"
    assert facts["notes"] == ["1 vertex without a class became 0, which counts as wrong."]
    assert all((tmp_path / name).is_file() for name in facts["files"])


@pytest.mark.parametrize("seed", range(3))
def test_the_scripts_read_every_vertex_and_every_thing(tmp_path, seed):
    sample = random_sample(seed)
    write_submission(tmp_path, sample, TWENTY)
    labels = sample.labels
    semantic = semantic_by_the_script(tmp_path / "semantic" / f"toy{seed}.txt")
    np.testing.assert_array_equal(semantic, np.maximum(labels.semantic, 0))
    found = instances_by_the_script(tmp_path / "instance" / f"toy{seed}.txt")
    expected = {
        (one.semantic, tuple(one.points), round(one.confidence, 5))
        for one in objects(labels)
        if one.semantic in TWENTY.things
    }
    got = {
        (label, tuple(np.flatnonzero(mask)), round(sure, 5)) for mask, label, sure in found.values()
    }
    assert {(c, p) for c, p, _ in got} == {(c, p) for c, p, _ in expected}
    for one in expected:
        assert any(one[:2] == other[:2] and abs(one[2] - other[2]) < 2e-5 for other in got)


def test_other_classes_are_said_and_a_thousand_instances_refused(tmp_path):
    notes = write_submission(tmp_path, five(), nyu40())["notes"]
    assert any("20 classes of the list" in note and "blinds" in note for note in notes)
    sample = random_sample(0, 1100)
    many = Labels(np.full(1100, 5, np.int32), np.arange(1100, dtype=np.int32))
    with pytest.raises(InputError, match="1100 instances"):
        write_submission(tmp_path, type(sample)(sample.scan, many), TWENTY)
    assert SCANNET_BENCHMARK.ignore is None
    assert "wrong" in SCANNET_BENCHMARK.refusal


def test_objects_are_those_of_a_slow_twin():
    for seed in range(5):
        labels = random_sample(seed).labels
        labels.semantic[::7] = np.where(labels.instance[::7] == 2, 3, labels.semantic[::7])
        known = (labels.semantic != NONE) & (labels.instance != NONE)
        found = objects(labels)
        assert [one.number for one in found] == sorted(set(labels.instance[known].tolist()))
        for one in found:
            points = [
                i for i in range(len(labels)) if known[i] and labels.instance[i] == one.number
            ]
            classes = labels.semantic[points].tolist()
            best = min(set(classes), key=lambda c: (-classes.count(c), c))
            assert (one.points.tolist(), one.semantic) == (points, best)
            assert one.other == len(points) - classes.count(best)
            assert one.confidence == pytest.approx(labels.confidence[points].mean(), abs=1e-6)
    empty = np.full(4, NONE, np.int32)
    assert objects(Labels(empty, empty)) == []
