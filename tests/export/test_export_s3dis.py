"""S3DIS's text, read back as PointNet's and Pointcept's preparation read it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_samples import five, random_sample

from seggroup.errors import InputError
from seggroup.export.s3dis import S3DIS, class_word, finish_s3dis, write_s3dis
from seggroup.export.target import Sample
from seggroup.io.classlist import ClassList, Named, nyu40
from seggroup.types import NONE, Labels, Scan

LIST = ClassList(
    {
        1: Named("wall", (1, 2, 3), thing=False),
        5: Named("chair", (4, 5, 6)),
        39: Named("shower curtain", (7, 8, 9)),
        13: Named("Clutter", (0, 0, 0)),
    }
)


def by_the_preparation(room):
    """Points, class words and instance numbers, as `preprocess_s3dis.py` collects them."""
    rows, words, numbers = [], [], []
    for number, path in enumerate(sorted((room / "Annotations").glob("*.txt"))):
        points = np.loadtxt(path, ndmin=2)
        rows.append(points)
        words += [path.stem.split("_")[0]] * len(points)
        numbers += [number] * len(points)
    return np.concatenate(rows), np.array(words), np.array(numbers)


def test_five_points_line_by_line(tmp_path):
    sample = five()
    labelled = Labels(
        np.where(sample.labels.semantic == NONE, 5, sample.labels.semantic).astype(np.int32),
        sample.labels.instance,
    )
    facts = write_s3dis(tmp_path, Sample(sample.scan, labelled, None, "val"), nyu40())
    room = tmp_path / "Area_5" / "five"
    assert (room / "five.txt").read_text() == (
        "0.000 0.000 0.000 255 0 0\n1.500 0.000 0.250 0 255 0\n1.500 2.000 0.250 0 0 255\n"
        "-1.000 2.000 3.000 1 2 3\n0.000 -0.001 1.000 128 64 32\n"
    )
    assert (room / "Annotations" / "wall_1.txt").read_text() == "0.000 0.000 0.000 255 0 0\n"
    assert (room / "Annotations" / "chair_2.txt").read_text().count("\n") == 2
    assert (room / "Annotations" / "bed_1.txt").exists()
    assert len(facts["files"]) == 5
    assert (
        "2 vertices with a class and no instance: those of a class became one object."
        in (facts["notes"])
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_preparation_gets_points_classes_and_instances(tmp_path, seed):
    sample = random_sample(seed)
    facts = write_s3dis(tmp_path, sample, LIST)
    assert "without a class became clutter." in facts["notes"][0]
    points, words, numbers = by_the_preparation(tmp_path / "Area_1" / f"toy{seed}")
    whole = np.loadtxt(tmp_path / "Area_1" / f"toy{seed}" / f"toy{seed}.txt")
    np.testing.assert_allclose(whole[:, :3], sample.scan.vertices, atol=0.00051)
    np.testing.assert_array_equal(whole[:, 3:], sample.scan.colors)
    order = np.lexsort(whole.T)
    again = np.lexsort(points.T)
    np.testing.assert_array_equal(points[again], whole[order])
    semantic = np.where(sample.labels.semantic == NONE, 13, sample.labels.semantic)[order]
    expected = [class_word(LIST.name(int(i))) for i in semantic]
    assert words[again].tolist() == expected
    pairs = set(zip(numbers[again].tolist(), semantic, sample.labels.instance[order], strict=True))
    assert len(pairs) == len(set(numbers.tolist()))


@pytest.mark.filterwarnings("ignore:Input line 1")
def test_pointcept_finds_the_rooms_in_the_list_of_each_area(tmp_path):
    rows = [{"scene": name, "split": "train"} for name in ("a", "b")]
    files = finish_s3dis(tmp_path, [*rows, {"scene": "c", "split": "val"}], LIST)
    assert files == [f"Area_{n}/Area_{n}_alignmentAngle.txt" for n in range(1, 7)]
    read = np.loadtxt(tmp_path / files[0], dtype=str)
    assert [(room, int(angle)) for room, angle in read] == [("a", 0), ("b", 0)]
    assert (tmp_path / files[4]).read_text().splitlines()[1:] == ["c 0"]


def test_without_clutter_a_vertex_without_class_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"has 1 vertex without a class.*clutter"):
        write_s3dis(tmp_path, five(), nyu40())
    assert list(tmp_path.rglob("*.txt")) == []
    assert S3DIS.ignore is None
    assert "without --confidence" in S3DIS.refusal


def test_an_instance_of_two_classes_is_divided_and_old_objects_go(tmp_path):
    sample = random_sample(1)
    write_s3dis(tmp_path, sample, LIST)
    size = len(sample.labels)
    semantic = np.where(np.arange(size) < 9, 1, 5).astype(np.int32)
    facts = write_s3dis(
        tmp_path, Sample(sample.scan, Labels(semantic, np.zeros(size, np.int32))), LIST
    )
    names = sorted(p.name for p in (tmp_path / "Area_1" / "toy1" / "Annotations").iterdir())
    assert names == ["chair_1.txt", "wall_1.txt"]
    assert facts["notes"] == ["Instances of several classes were divided: 1 became 2."]


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=3, max_size=30))
def test_numbers_are_those_that_python_writes(values):
    points = np.resize(np.array(values, np.float32), (len(values) // 3 * 3)).reshape(-1, 3)
    from seggroup.export.s3dis import _lines

    colors = np.zeros(points.shape, np.uint8)
    scan = Scan("a", points, colors, np.zeros((0, 3), np.int32))
    text = _lines(scan, np.arange(len(points))).decode()
    read = np.array([line.split() for line in text.splitlines()])[:, :3]
    for written, value in zip(read.ravel(), points.ravel(), strict=True):
        assert abs(float(written) - float(value)) <= 0.0005 + 1e-9
        assert len(written.split(".")[1]) == 3
        assert written != "-0.000"


def test_words_of_classes_cannot_leave_the_folder():
    assert class_word("shower curtain") == "shower-curtain"
    assert class_word("../../etc_passwd") == "etc-passwd"
    assert class_word("//") == "class"
    assert Path(class_word("Stühle / hoch")).name == "Stühle-hoch"
