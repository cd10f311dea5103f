"""The paper's Table 1: semantic IoU of the pseudo labels by level and class, theirs beside ours."""

from collections.abc import Mapping

import numpy as np

from seggroup.classes import BENCHMARK20, class_name
from seggroup.types import LEVELS

LEVEL_NAMES = {"1": "Level 1", "2": "Level 2", "3": "Level 3", "4": "Level 4", "final": "Final"}

# Per cent on ScanNet's training set, in the order of BENCHMARK20, then the mean (paper, table 1).
_TABLE1 = {
    "1": "37.4 51.5 30.5 20.3 18.7 11.3 35.0 38.5 11.6 9.2 47.6 36.4 22.0 5.5 25.3 "
    "14.0 13.5 21.2 21.0 20.2 24.5",
    "2": "65.5 81.4 44.1 35.0 31.5 22.3 49.0 61.4 36.3 17.6 43.6 49.1 36.7 56.4 41.4 "
    "69.1 22.0 27.8 25.2 37.0 42.6",
    "3": "67.8 80.1 50.1 37.9 43.7 32.0 51.8 64.2 43.2 27.4 43.5 49.2 39.7 61.2 49.3 "
    "70.0 31.0 36.1 29.6 48.6 47.8",
    "4": "67.9 80.1 50.9 38.1 51.2 33.5 54.5 64.3 43.7 28.4 44.9 49.3 40.5 61.4 51.5 "
    "70.0 36.0 42.1 30.3 51.2 49.5",
    "final": "71.0 82.5 63.0 52.3 72.7 61.2 65.1 66.7 55.9 46.3 42.7 50.9 50.6 67.9 67.3 "
    "70.3 70.7 53.1 54.5 63.7 61.4",
}
PAPER_TABLE1 = {level: tuple(map(float, row.split())) for level, row in _TABLE1.items()}
PAPER_MIOU = {
    "SegGroup": PAPER_TABLE1["final"][-1],
    "MPRM, subcloud labels": 47.4,
    "MPRM, scene labels": 24.4,
}

# The column heads of the paper.
SHORT_NAMES = (
    *("wall", "floor", "cab", "bed", "chair", "sofa", "table", "door", "wind", "bkshf", "pic"),
    *("cntr", "desk", "curt", "fridg", "showr", "toil", "sink", "bath", "ofurn"),
)


def table_rows(levels: Mapping[str, Mapping]) -> list[tuple[str, list[float]]]:
    """(row's name, per cent for the 20 classes and the mean), ours then the paper's per level.

    levels : figures of `evaluate_pseudo` by level, keys of `LEVELS`
    """
    rows: list[tuple[str, list[float]]] = []
    for level in LEVELS:
        if level in levels:
            iou = levels[level]["semantic_iou"]
            values = [iou.get(class_name(i)) for i in BENCHMARK20] + [
                levels[level]["semantic_miou"]
            ]
            ours = [float("nan") if value is None else 100 * float(value) for value in values]
            rows.append((f"{LEVEL_NAMES[level]}, ours", ours))
            rows.append((f"{LEVEL_NAMES[level]}, paper", list(PAPER_TABLE1[level])))
    return rows


def per_cent(value: float) -> str:
    """One decimal; a dash for NaN."""
    return "–" if np.isnan(value) else f"{value:.1f}"
