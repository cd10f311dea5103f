"""Submissions: what is written passes the check and scores alike; every fault is named."""

import numpy as np
import pytest

from seggroup.classes import BENCHMARK20
from seggroup.errors import InputError
from seggroup.evaluate.checking import check_submission
from seggroup.evaluate.instance import Prediction, evaluate_instance
from seggroup.evaluate.instancefiles import evaluate_instance_files, read_submission
from seggroup.evaluate.textfiles import read_integers
from seggroup.io.proposals import pack_proposals
from seggroup.io.submission import (
    MASKS,
    write_instances,
    write_semantic,
)

SCENES = {"scene0707_00": 400, "scene0708_00": 300}


@pytest.fixture
def semantic(tmp_path):
    rng = np.random.default_rng(0)
    for scene, count in SCENES.items():
        write_semantic(tmp_path, scene, rng.choice(BENCHMARK20, count).astype(np.int32))
    return tmp_path


@pytest.fixture
def instance(tmp_path):
    for scene, count in SCENES.items():
        rows = [(np.arange(0, 150), 5, 0.25), (np.arange(100, count), 7, 0.75)]
        write_instances(tmp_path, scene, pack_proposals(rows), count)
    return tmp_path


def refused(folder, task, **options):
    found = check_submission(folder, task, SCENES, **options)
    return [f"{problem.file}: {problem.message}" for problem in found if problem.refused]


def test_written_semantic_labels(tmp_path):
    labels = np.array([1, -1, 39, 0, 5], np.int32)
    path = write_semantic(tmp_path, "scene0707_00", labels)
    assert path.read_text() == "1\n0\n39\n0\n5\n"
    found = check_submission(tmp_path, "semantic", {"scene0707_00": 5})
    assert [(p.refused, p.message) for p in found] == [
        (False, "has no class for 2 vertices; they count as wrong")
    ]
    write_semantic(tmp_path, "scene0707_00", np.abs(labels) + (labels == 0))
    assert check_submission(tmp_path, "semantic", {"scene0707_00": 5}) == []


def test_written_instances(instance):
    assert check_submission(instance, "instance", SCENES) == []
    assert (instance / "scene0707_00.txt").read_text() == (
        "predicted_masks/scene0707_00_000.txt 7 0.750000\n"
        "predicted_masks/scene0707_00_001.txt 5 0.250000\n"
    )
    values = read_integers(instance / MASKS / "scene0707_00_001.txt")
    assert values.tolist() == [1] * 150 + [0] * 250


def test_written_instances_score_as_the_arrays(instance, tmp_path_factory):
    truth = tmp_path_factory.mktemp("truth")
    scenes = []
    for scene, count in SCENES.items():
        ids = np.repeat([5001, 7001], [150, count - 150])
        (truth / f"{scene}.txt").write_text("".join(f"{i}\n" for i in ids))
        place = np.arange(count)
        scenes.append((ids, [Prediction(7, 0.75, place >= 100), Prediction(5, 0.25, place < 150)]))
    assert (
        evaluate_instance_files(truth, instance)["classes"]["table"]
        == (evaluate_instance(scenes)["classes"]["table"])
    )


def test_masks_of_an_earlier_submission_go(instance):
    rows = [(np.arange(200), 4, 0.5), (np.array([], int), 4, 0.5)]
    write_instances(instance, "scene0707_00", pack_proposals(rows), 400)
    assert check_submission(instance, "instance", SCENES) == []
    assert not (instance / MASKS / "scene0707_00_001.txt").exists()
    write_instances(instance, "scene0707_00", pack_proposals([]), 400)
    assert (instance / "scene0707_00.txt").read_text() == ""
    assert refused(instance, "instance") == []


def test_too_many_instances_are_not_written(tmp_path):
    rows = [(np.array([0]), 5, 0.5)] * 1001
    with pytest.raises(InputError, match="1001 instances"):
        write_instances(tmp_path, "scene0707_00", pack_proposals(rows), 5)


def change(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


LINES = "".join("5\n" for _ in range(400))
SEMANTIC = [
    ("scene0707_00.txt", LINES[:-2], "scene0707_00.txt: has 399 lines for 400 vertices"),
    ("scene0707_00.txt", LINES + "5\n", "has 401 lines for 400 vertices"),
    ("scene0707_00.txt", "", "is empty"),
    ("scene0707_00.txt", "13\n" + LINES[2:], "1 vertices have ids that are no classes"),
    ("scene0707_00.txt", "-1\n" * 400, "400 vertices have ids that are no classes of the b"),
    ("scene0707_00.txt", "5.0\n" + LINES[2:], "line 1 is not one integer"),
    ("scene0707_00.txt", "chair\n" + LINES[2:], "line 1 is not one integer"),
    ("scene0707_00.txt", b"\xff\xfe" + LINES.encode(), "line 1 is not one integer"),
    ("scene0900_00.txt", LINES, "is no scene that was asked for"),
    ("results/scene0707_00.txt", LINES, "results: is a folder in the folder"),
    (".DS_Store", "x", ".DS_Store: is a hidden file"),
    ("._scene0707_00.txt", LINES, "is a hidden file"),
    ("log.csv", "x", "log.csv: belongs to no scene"),
]


@pytest.mark.parametrize(("name", "text", "message"), SEMANTIC)
def test_faults_of_semantic_submissions(semantic, name, text, message):
    assert refused(semantic, "semantic") == []
    change(semantic / name, text)
    assert any(message in found for found in refused(semantic, "semantic"))


LIST = "predicted_masks/scene0707_00_000.txt 7 0.75\n"
OTHER = "predicted_masks/scene0707_00_001.txt"
INSTANCE = [
    ("scene0707_00.txt", LIST + f"{OTHER} 5\n", "line 2 is not '<mask file> <class id>"),
    ("scene0707_00.txt", LIST + f"{OTHER}  5 1\n", "line 2 is not"),
    ("scene0707_00.txt", LIST + "\n", "line 2 is not"),
    ("scene0707_00.txt", LIST + f"{OTHER} 1 1\n", "the class id 1 is not among"),
    ("scene0707_00.txt", LIST + f"{OTHER} 5.5 1\n", "the class id '5.5' is not an integer"),
    ("scene0707_00.txt", LIST + f"{OTHER} chair 1\n", "the class id 'chair' is not an integer"),
    ("scene0707_00.txt", LIST + f"{OTHER} 5 nan\n", "the confidence nan is not between"),
    ("scene0707_00.txt", LIST + f"{OTHER} 5 inf\n", "the confidence inf is not between"),
    ("scene0707_00.txt", LIST + f"{OTHER} 5 -0.1\n", "the confidence -0.1 is not between"),
    ("scene0707_00.txt", LIST + f"{OTHER} 5 97.5\n", "the confidence 97.5 is not between"),
    ("scene0707_00.txt", LIST + f"{OTHER} 5 high\n", "the confidence 'high' is not a number"),
    ("scene0707_00.txt", LIST + "/etc/hostname 5 1\n", "mask /etc/hostname is not inside"),
    ("scene0707_00.txt", LIST + "../a.txt 5 1\n", "mask ../a.txt is not inside"),
    ("scene0707_00.txt", LIST + "predicted_masks/no.txt 5 1\n", "no.txt: is missing, though"),
    ("scene0707_00.txt", LIST, "001.txt: is a mask that no scene names"),
    ("scene0707_00.txt", LIST + LIST, "is named twice"),
    ("scene0707_00.txt", b"\xff\n", "is not UTF-8"),
    ("scene0707_00.txt", LIST + f"{OTHER}\0 5 1\n", "is not inside"),
    (OTHER, "1\n" * 399, "has 399 lines for 400 vertices"),
    (OTHER, "2\n" * 400, "numbers other than 0 and 1"),
    (OTHER, "12\n" * 400, "numbers other than 0 and 1"),
    (OTHER, "-1\n" * 400, "numbers other than 0 and 1"),
    (OTHER, "1.0\n" * 400, "001.txt: line 1 is not one integer"),
    (OTHER, "", "is empty; write a line"),
    (OTHER, "0\n" * 400, "all its lines are 0"),
    ("predicted_masks/.hidden", "x", "is a hidden file"),
    ("predicted_masks/deep/a.txt", "1\n", "predicted_masks/deep: is a folder in the folder"),
    ("scene0707_00.json", "{}", "scene0707_00.json: belongs to no scene"),
    ("mask.txt", "1\n" * 400, "mask.txt: is no scene that was asked for"),
    ("eval.json", "{}", "eval.json: belongs to no scene"),
]


@pytest.mark.parametrize(("name", "text", "message"), INSTANCE)
def test_faults_of_instance_submissions(instance, name, text, message):
    change(instance / name, text)
    assert any(message in found for found in refused(instance, "instance"))


@pytest.mark.parametrize("task", ["semantic", "instance"])
def test_a_missing_scene(task, request):
    folder = request.getfixturevalue(task)
    (folder / "scene0708_00.txt").unlink()
    assert "scene0708_00.txt: is missing; every scene must be there" in refused(folder, task)


def test_oddities_are_not_refused(instance):
    masks = instance / MASKS
    (masks / "scene0707_00_001.txt").write_text("1\n" * 99 + "0\n" * 301)
    (masks / "link.txt").symlink_to(masks / "scene0708_00_000.txt")
    (instance / "scene0708_00.txt").write_text("")
    found = check_submission(instance, "instance", SCENES)
    odd = {f"{p.file}: {p.message}" for p in found if not p.refused}
    for words in ("fewer than 100 vertices", "link.txt: is a link", "lists no instance"):
        assert any(words in text for text in odd), words
    assert [p.refused for p in found] == sorted([p.refused for p in found], reverse=True)


def test_a_list_of_too_many_instances_is_odd_and_its_faults_are_few(instance):
    (instance / "scene0707_00.txt").write_text(LIST * 1001)
    found = [p for p in check_submission(instance, "instance", SCENES) if "0707" in p.file]
    assert len([p for p in found if p.file == "scene0707_00.txt"]) == 20
    (instance / "scene0707_00.txt").write_text(
        "".join(f"{MASKS}/{i}.txt 5 1\n" for i in range(1001))
    )
    for i in range(1001):
        (instance / MASKS / f"{i}.txt").write_text("1\n" * 400)
    (instance / MASKS / "scene0707_00_000.txt").unlink()
    (instance / MASKS / "scene0707_00_001.txt").unlink()
    assert [p.message[:21] for p in check_submission(instance, "instance", SCENES)] == [
        "lists 1,001 instances"
    ]


def test_without_scenes_the_test_set_is_meant(semantic, tmp_path_factory):
    found = check_submission(semantic, "semantic")
    assert [(p.file, p.message) for p in found] == [(".", "has 2 scenes; the test set has 100")]
    (semantic / "room.txt").write_text("1\n")
    found = check_submission(semantic, "semantic")
    assert "is not named as a scan of ScanNet" in found[0].message
    with pytest.raises(InputError, match="is no folder"):
        check_submission(semantic / "nowhere", "semantic")


def test_without_scenes_masks_must_agree(instance):
    (instance / MASKS / "scene0707_00_001.txt").write_text("1\n" * 399)
    found = check_submission(instance, "instance")
    assert "has 399 lines for 400 vertices" in found[0].message


def test_other_classes(semantic):
    write_semantic(semantic, "scene0707_00", np.full(400, 900, np.int32))
    assert len(refused(semantic, "semantic")) == 1
    assert len(refused(semantic, "semantic", classes=[900])) == 1  # the other scene's ids now
    assert refused(semantic, "semantic", classes=[900, *BENCHMARK20]) == []


def test_a_mask_linked_from_outside(instance, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "mask.txt"
    outside.write_text("1\n" * 400)
    mask = instance / MASKS / "scene0707_00_001.txt"
    mask.unlink()
    mask.symlink_to(outside)
    assert any("is not inside" in text for text in refused(instance, "instance"))


def test_two_links_to_one_mask_are_two_predictions(instance):
    masks = instance / MASKS
    (masks / "again.txt").symlink_to(masks / "scene0707_00_000.txt")
    path = instance / "scene0707_00.txt"
    path.write_text(path.read_text() + f"{MASKS}/again.txt 7 0.5\n")
    assert len(read_submission(path, instance, path, 400)) == 3
