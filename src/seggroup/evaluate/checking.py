"""What ScanNet's benchmark server would refuse of a submission.

The form is that of the benchmark's documentation (kaldir.vc.in.tum.de/scannet_benchmark/
documentation, "Format for 3D Semantic Label / Instance Prediction"): the archive's root holds a
`<scene>.txt` for each of the 100 test scans and nothing else, for instances also a folder of masks.
The rules are those that its evaluation scripts enforce (github.com/ScanNet/ScanNet,
BenchmarkScripts/util_3d.py and 3d_evaluation/evaluate_semantic_{label,instance}.py), and what they
would pass over in silence though it can only be a mistake.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from seggroup.classes import BENCHMARK18, BENCHMARK20
from seggroup.errors import InputError
from seggroup.evaluate.instance import MIN_VERTICES
from seggroup.evaluate.instancefiles import lies_inside
from seggroup.evaluate.textfiles import mask_digits, read_integers
from seggroup.io.submission import MASKS, MAX_INSTANCES

TEST_SCENES = 100  # of ScanNet v2: scene0707_00 … scene0806_00
MAX_BYTES = 8 << 30  # unpacked; users' 12 GB timed out on the server, its bound is not published
_SHOWN = 20  # problems of one scene
_LINK = "is a link; an archive may hold the link alone, so copy what it names"
_SCENE = re.compile(r"scene\d{4}_\d{2}", re.ASCII)
Task = Literal["semantic", "instance"]


@dataclass(frozen=True)
class Problem:
    """A fault of a submission: the file (relative to the folder), what is wrong, the remedy.

    refused : whether it breaks the benchmark's form; else it is odd, or costs accuracy
    """

    file: str
    message: str
    refused: bool = True

    def row(self) -> dict[str, str | bool]:
        """The same as a mapping."""
        return asdict(self)


def check_submission(
    folder: Path,
    task: Task,
    expected: Mapping[str, int] | None = None,
    classes: Sequence[int] | None = None,
) -> list[Problem]:
    """What is wrong with a submission, what would be refused first; empty where nothing is.

    Of a scene at most 20 faults are told.

    expected : vertices of each scene that must be there; None: the 100 scans of the test set,
               whose sizes are not known, so that only the lengths within a scene are compared
    classes  : ids that are taken; by default the benchmark's 20, or 18 for instances
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; name the folder to be submitted")
    taken = set(classes or (BENCHMARK20 if task == "semantic" else BENCHMARK18))
    files = [path for path in sorted(folder.glob("[!.]*.txt")) if path.is_file()]
    scenes = {path.stem: path for path in files}
    problems = list(_scene_names(scenes, expected))
    named: set[str] = set()
    for scene, path in scenes.items():
        count = (expected or {}).get(scene)
        if task == "semantic":
            found = list(_semantic(path, count, taken))
        else:
            found = list(_instances(folder, path, count, taken, named))
        problems += sorted(found, key=_gravity)[:_SHOWN]
    problems += _others(folder, scenes, named, task)
    return sorted(problems, key=_gravity)


def _gravity(problem: Problem) -> bool:
    return not problem.refused


def _scene_names(
    scenes: Mapping[str, Path], expected: Mapping[str, int] | None
) -> Iterator[Problem]:
    """Scenes that are missing, or are not among those asked for."""
    if expected is not None:
        for scene in sorted(expected.keys() - scenes.keys()):
            yield Problem(f"{scene}.txt", "is missing; every scene must be there")
        for scene in sorted(scenes.keys() - expected.keys()):
            yield Problem(f"{scene}.txt", "is no scene that was asked for; take it out")
        return
    for scene in scenes:
        if not _SCENE.fullmatch(scene):
            yield Problem(f"{scene}.txt", "is not named as a scan of ScanNet; take it out")
    if len(scenes) != TEST_SCENES:
        yield Problem(".", f"has {len(scenes)} scenes; the test set has {TEST_SCENES}", False)


def _semantic(path: Path, count: int | None, classes: set[int]) -> Iterator[Problem]:
    """Faults of a scene's class ids; 0, no class, is odd alone."""
    try:
        values = read_integers(path)
    except InputError as error:
        yield Problem(path.name, _reason(error, path))
        return
    if len(values) == 0 or (count is not None and len(values) != count):
        yield _lines_differ(path.name, len(values), count)
    ids, vertices = np.unique(values, return_counts=True)
    found = dict(zip(ids.tolist(), vertices.tolist(), strict=True))
    if none := found.pop(0, 0):
        yield Problem(path.name, f"has no class for {none:,} vertices; they count as wrong", False)
    if strange := {i: n for i, n in found.items() if i not in classes}:
        shown = f"{sum(strange.values()):,} vertices have ids that are no classes of the benchmark"
        yield Problem(path.name, f"{shown} ({_some(list(strange))}); map them to its ids")


def _instances(
    folder: Path, path: Path, count: int | None, classes: set[int], named: set[str]
) -> Iterator[Problem]:
    """Faults of a scene's list of instances and of its masks, which are added to `named`."""
    try:
        lines = path.read_bytes().decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        yield Problem(path.name, "is not UTF-8 text; write it again")
        return
    if not lines:
        yield Problem(path.name, "lists no instance; all of the scene's are missed", refused=False)
    if len(lines) > MAX_INSTANCES:
        long = f"lists {len(lines):,} instances; the server may run out of time, drop unsure ones"
        yield Problem(path.name, long, refused=False)
    for number, line in enumerate(lines, start=1):
        where = f"line {number}"
        parts = line.split(" ")
        if len(parts) != 3:
            wanted = "'<mask file> <class id> <confidence>', one blank between them"
            yield Problem(path.name, f"{where} is not {wanted}")
            continue
        yield from (
            Problem(path.name, f"{where}: {fault}")
            for fault in _values(parts[1], parts[2], classes)
        )
        if not lies_inside(path.parent, parts[0], folder):
            yield Problem(path.name, f"{where}: the mask {parts[0]:.80} is not inside the folder")
            continue
        mask = os.path.normpath(parts[0])
        if mask in named:
            yield Problem(path.name, f"{where}: the mask {mask} is named twice; one line is lost")
            continue
        named.add(mask)
        size, faults = _mask(folder / mask, mask, count)
        yield from faults
        count = size if count is None else count


def _values(label: str, confidence: str, classes: set[int]) -> Iterator[str]:
    """Faults of a class id and of a confidence."""
    if not re.fullmatch(r"\d{1,9}", label, re.ASCII):
        yield f"the class id {label!r:.20} is not an integer"
    elif int(label) not in classes:
        yield f"the class id {label} is not among the benchmark's; the instance is passed over"
    try:
        score = float(confidence)
    except ValueError:
        yield f"the confidence {confidence!r:.20} is not a number"
        return
    if not 0 <= score <= 1:  # nor NaN
        yield f"the confidence {confidence:.20} is not between 0 and 1"


def _mask(path: Path, name: str, count: int | None) -> tuple[int | None, list[Problem]]:
    """The number of lines of a mask file (None: unreadable), and its faults."""
    if not path.is_file():
        return None, [Problem(name, "is missing, though a scene names it")]
    try:
        values = mask_digits(path)
        if values is None:
            values = read_integers(path)
    except InputError as error:
        return None, [Problem(name, _reason(error, path))]
    faults = []
    if np.any((values < 0) | (values > 1)):
        faults.append(Problem(name, "has numbers other than 0 and 1; write these alone"))
    size, inside = len(values), np.count_nonzero(values)
    if size == 0 or (count is not None and size != count):
        faults.append(_lines_differ(name, size, count))
    elif inside == 0:
        faults.append(Problem(name, "is empty: all its lines are 0; leave it out"))
    elif inside < MIN_VERTICES:
        small = f"has fewer than {MIN_VERTICES} vertices; the instance is passed over"
        faults.append(Problem(name, small, refused=False))
    return size, faults


def _others(
    folder: Path, scenes: Mapping[str, Path], named: set[str], task: Task
) -> Iterator[Problem]:
    """Files that no scene needs, folders in folders, links, and the size of it all."""
    total, roots = 0, set(scenes.values())
    for parent, folders, files in os.walk(folder):
        inside = Path(parent).relative_to(folder)
        for name in sorted(folders):
            place = (inside / name).as_posix()
            if (Path(parent) / name).is_symlink():
                yield Problem(place, _LINK, refused=False)
            elif place != MASKS and not any(mask.startswith(f"{place}/") for mask in named):
                yield Problem(place, "is a folder in the folder; files go into the archive's root")
        for name in sorted(files):
            place = (inside / name).as_posix()
            path = folder / place
            total += path.lstat().st_size
            if path.is_symlink():
                yield Problem(place, _LINK, refused=False)
            elif place not in named and path not in roots:
                yield _stray(place, task)
    if total > MAX_BYTES:
        size = f"{total / 2**30:.1f} GB"
        yield Problem(".", f"is {size} unpacked, which may time out; drop unsure instances", False)


def _stray(place: str, task: Task) -> Problem:
    """A file that belongs to nothing."""
    if Path(place).name.startswith("."):
        return Problem(place, "is a hidden file; take it out")
    if task == "instance" and place.endswith(".txt") and "/" in place:
        return Problem(place, "is a mask that no scene names; take it out")
    return Problem(place, "belongs to no scene; take it out")


def _lines_differ(name: str, lines: int, count: int | None) -> Problem:
    if lines == 0:
        return Problem(name, "is empty; write a line for every vertex of the mesh")
    return Problem(name, f"has {lines:,} lines for {count:,} vertices; write one for each")


def _reason(error: Exception, path: Path) -> str:
    """The message without the path, which stands beside it."""
    return str(error).removeprefix(f"{path}: ")


def _some(values: Sequence[int]) -> str:
    """The first few, and how many more."""
    shown = ", ".join(map(str, values[:5]))
    return shown if len(values) <= 5 else f"{shown} and {len(values) - 5} more"
