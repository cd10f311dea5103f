"""The report's figures laid out as tables of text, which the page and the Markdown share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seggroup.classes import BENCHMARK18, BENCHMARK20, class_name
from seggroup.evaluate.table import (
    LEVEL_NAMES,
    LEVELS,
    PAPER_MIOU,
    SHORT_NAMES,
    per_cent,
    table_rows,
)
from seggroup.report.report import Report

_FIGURES = {  # keys of `evaluate_pseudo` and their heads
    "semantic_miou": "Sem mIoU",
    "instance_miou": "Inst mIoU",
    "semantic_accuracy": "Sem acc",
    "instance_accuracy": "Inst acc",
    "instance_iou_all": "Inst IoU, all",
    "coverage": "Coverage",
    "accuracy_labelled": "Acc, labelled",
    "ece": "ECE",
}
_CLICKS = {  # keys of `click_statistics`, their heads, and whether they are shares
    "clicks": ("Clicks", False),
    "instances": ("Instances", False),
    "clicks_per_instance": ("Clicks / instance", False),
    "share_clicked": ("Points clicked, %", True),
    "share_labelled": ("Points in labelled segments, %", True),
    "minutes": ("Minutes", False),
}


@dataclass(frozen=True)
class Table:
    """A titled table of text; `quiet` are the indices of rows that stand back (the paper's)."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    quiet: frozenset[int] = frozenset()


def share(figures: Mapping[str, Any], key: str) -> str:
    """A figure in per cent; a dash where it is missing, None or NaN."""
    value = figures.get(key)
    return per_cent(float("nan") if value is None else 100 * float(value))


def headline(report: Report) -> list[tuple[str, str]]:
    """(figure, what it is) to stand at the top."""
    minutes = sum(scene.clicks.get("minutes", 0.0) for scene in report.scenes)
    tiles = [
        (share(report.final, "semantic_miou") + " %", "semantic mIoU"),
        (share(report.final, "instance_miou") + " %", "instance mIoU"),
        (share(report.final, "coverage") + " %", "of the points labelled"),
        (share(report.final, "purity") + " %", "purity of the segments"),
        (f"{minutes:.1f} min", "of clicking, by the paper's cost model"),
    ]
    return [tile for tile in tiles if not tile[0].startswith(("–", "0.0 min"))]


def tables(report: Report) -> list[Table]:
    """Every table that has something in it, in reading order."""
    every = [
        _methods(report),
        _table_one(report),
        _instances(report),
        _scenes(report),
        _clicks(report),
        _stages(report),
    ]
    return [table for table in every if table.rows]


def _methods(report: Report) -> Table:
    rows = [
        [LEVEL_NAMES[level], *(share(report.levels[level], key) for key in _FIGURES)]
        for level in LEVELS
        if level in report.levels
    ]
    rows += [
        [name, *(share(figures, key) for key in _FIGURES)]
        for name, figures in report.baselines.items()
    ]
    ours = len(rows)
    if rows:
        blank = ["–"] * (len(_FIGURES) - 1)
        rows += [[f"Paper: {name}", per_cent(miou), *blank] for name, miou in PAPER_MIOU.items()]
    return Table(
        "Pseudo labels",
        ["Per cent", *_FIGURES.values()],
        rows,
        "Unlabelled points count as wrong. The paper's rows are ScanNet's whole training set.",
        frozenset(range(ours, len(rows))),
    )


def _own_names(report: Report) -> list[str] | None:
    """The classes of the figures where they are not the benchmark's 20."""
    names = next((list(figures.get("semantic_iou", ())) for figures in report.levels.values()), [])
    known = {class_name(i) for i in BENCHMARK20}
    return None if set(names) <= known else names


def _classes(report: Report, key: str, mean: str, title: str, head: str) -> Table:
    """IoU by level and class, of a class list of one's own."""
    names = list(next(report.levels[level][key] for level in LEVELS if level in report.levels))
    rows = [
        [
            LEVEL_NAMES[level],
            *(share(report.levels[level][key], name) for name in names),
            share(report.levels[level], mean),
        ]
        for level in LEVELS
        if level in report.levels
    ]
    return Table(title, [head, *names, "Mean"], rows)


def _table_one(report: Report) -> Table:
    if _own_names(report) is not None:
        title = "Semantic IoU by level and class"
        return _classes(report, "semantic_iou", "semantic_miou", title, "Sem IoU")
    rows = [[name, *map(per_cent, values)] for name, values in table_rows(report.levels)]
    return Table(
        "Semantic IoU by level and class (the paper's Table 1)",
        ["Sem IoU", *SHORT_NAMES, "Mean"],
        rows,
        "A dash: the class does not occur. The paper's rows are ScanNet's whole training set.",
        frozenset(range(1, len(rows), 2)),
    )


def _instances(report: Report) -> Table:
    if _own_names(report) is not None:
        title = "Instance IoU by level and class"
        return _classes(report, "instance_iou", "instance_miou", title, "Inst IoU")
    rows = [
        [
            LEVEL_NAMES[level],
            *(share(report.levels[level]["instance_iou"], class_name(i)) for i in BENCHMARK18),
            share(report.levels[level], "instance_miou"),
        ]
        for level in LEVELS
        if level in report.levels
    ]
    return Table("Instance IoU by level and class", ["Inst IoU", *SHORT_NAMES[2:], "Mean"], rows)


def _scenes(report: Report) -> Table:
    keys = {**_FIGURES, "purity": "Purity"}
    rows = [
        [scene.name, *(share(scene.figures, key) for key in keys)]
        for scene in report.scenes
        if scene.figures
    ]
    return Table("Scene by scene", ["Per cent", *keys.values()], rows)


def _clicks(report: Report) -> Table:
    def text(value: float | int | None, is_share: bool) -> str:
        if value is None:
            return "–"
        return f"{100 * value:.3g}" if is_share else f"{round(value, 2):g}"

    rows = [
        [scene.name, *(text(scene.clicks.get(k), is_share) for k, (_, is_share) in _CLICKS.items())]
        for scene in report.scenes
        if scene.clicks
    ]
    note = "The paper's annotators: 41.15 clicks and 31.92 instances a scene, 1.93 minutes."
    return Table("Clicks", ["Scene", *(head for head, _ in _CLICKS.values())], rows, note)


def _stages(report: Report) -> Table:
    rows = [
        [s.name, f"{s.seconds:.2f}", "–" if s.memory is None else f"{s.memory:.0f}"]
        for s in report.stages
    ]
    return Table("Time and memory", ["Stage", "Seconds", "Peak memory, MB"], rows)
