"""ScanNet's instance benchmark on its text files: truth, and submissions with their masks."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from seggroup.classes import BENCHMARK18, class_name
from seggroup.errors import InputError
from seggroup.evaluate.instance import Instances, Prediction, evaluate_instance
from seggroup.evaluate.textfiles import read_integers, read_mask, scene_files


def evaluate_instance_files(
    truth_dir: Path,
    prediction_dir: Path,
    classes: Sequence[int] = BENCHMARK18,
    names: Callable[[int], str] = class_name,
    details: bool = False,
) -> dict:
    """The benchmark on its text files: truth ids a vertex, and submissions with mask files."""

    def read(truth_file: Path, prediction_file: Path) -> Instances:
        truth = read_integers(truth_file)
        return truth, read_submission(prediction_file, Path(prediction_dir), truth_file, len(truth))

    files = scene_files(truth_dir, prediction_dir)
    return evaluate_instance((read(*pair) for pair in files), classes, names, details)


def read_submission(path: Path, root: Path, truth_file: Path, count: int) -> list[Prediction]:
    """The predictions that `<scene>.txt` lists: mask file, class id and confidence a line.

    Mask files are named relative to `path` and must lie inside `root`; each holds a number for
    each of the `count` vertices, not 0 inside. Of a mask named twice the last line counts.
    """
    listed: dict[str, tuple[int, float]] = {}
    for number, line in enumerate(_lines(path), start=1):
        try:
            name, label, confidence = line.split()
            entry = int(float(label)), float(confidence)
            if not np.isfinite(entry[1]):
                raise ValueError
        except (ValueError, OverflowError) as error:
            raise InputError(
                f"{path}: line {number} is not '<mask file> <class id> <confidence>'"
            ) from error
        if not lies_inside(path.parent, name, root):
            raise InputError(
                f"{path}: line {number}: the mask {name} lies outside {root}; keep masks inside it"
            )
        listed[os.path.normpath(path.parent / name)] = entry
    return [
        Prediction(label, confidence, read_mask(Path(mask), count, truth_file))
        for mask, (label, confidence) in listed.items()
    ]


def lies_inside(folder: Path, name: str, root: Path) -> bool:
    """Whether the file `name` of `folder`, links followed, is within `root`."""
    if os.path.isabs(name) or "\0" in name:
        return False
    return Path(os.path.realpath(folder / name)).is_relative_to(os.path.realpath(root))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from error
