"""The benchmarks' figures as a page with pictures, as Markdown, or as JSON.

Made from the results of `evaluate_semantic` and `evaluate_instance` with their details.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.errors import InputError
from seggroup.evaluate.pseudo import jsonable
from seggroup.evaluate.semantic import mean, ratio
from seggroup.evaluate.table import per_cent
from seggroup.io.files import write_text
from seggroup.report.chart import recall_chart
from seggroup.report.markdown import markdown_table
from seggroup.report.matrix import MAX_SHOWN, STYLE, matrix_chart
from seggroup.report.page import page_html, table_html, tiles_html
from seggroup.report.tables import Table

_CONFUSIONS = 12  # listed
_STYLE = f"""{STYLE}
.curves {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr));
  gap: 24px 14px; margin-top: 14px; }}
svg .strict {{ stroke: var(--accent); }}
svg .loose {{ stroke: var(--soft); stroke-dasharray: 4 3; stroke-width: 1.5; }}
.key svg {{ width: 34px; height: 8px; vertical-align: middle; }}
"""


@dataclass(frozen=True)
class BenchmarkPage:
    """What is shown: headline figures, tables, and pictures (title, text, SVG)."""

    title: str
    summary: str
    tiles: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    pictures: tuple[tuple[str, str, str], ...]


def write_benchmark(path: Path, page: BenchmarkPage, result: Mapping[str, Any]) -> None:
    """Write the page as .html, .md (without its pictures), or the result as .json.

    Raises InputError for another ending.
    """
    match Path(path).suffix.lower():
        case ".html":
            write_text(path, benchmark_html(page))
        case ".md":
            write_text(path, benchmark_markdown(page))
        case ".json":
            write_text(path, json.dumps(jsonable(dict(result)), indent=1) + "\n")
        case _:
            raise InputError(f"{path}: a report ends in .html, .md or .json")


def benchmark_html(page: BenchmarkPage) -> str:
    """The page, which needs nothing else."""
    body = [f"<p>{page.summary}</p>", tiles_html(page.tiles)]
    first, *others = page.tables
    body.append(table_html(first))
    body += [f"<h2>{title}</h2><p>{text}</p>{svg}" for title, text, svg in page.pictures if svg]
    body += [table_html(table) for table in others if table.rows]
    return page_html(page.title, body, _STYLE)


def benchmark_markdown(page: BenchmarkPage) -> str:
    """The page as Markdown, without its pictures."""
    parts = [f"# {page.title}", page.summary]
    parts.append("\n".join(f"- **{figure}** {name}" for figure, name in page.tiles))
    for table in page.tables:
        if table.rows:
            parts += [f"## {table.title}", markdown_table(table), table.note]
    return "\n\n".join(part for part in parts if part) + "\n"


def semantic_page(result: Mapping[str, Any]) -> BenchmarkPage:
    """IoU, precision and recall by class, the confusion matrix, and the commonest confusions."""
    names = result["confusion"]["classes"]
    vertices = result["confusion"]["vertices"]
    table = np.array(vertices, np.int64).reshape(len(names), len(names) + 1)
    hits, true, predicted = np.diagonal(table), table.sum(axis=1), table[:, :-1].sum(axis=0)
    recall = ratio(hits, true)
    rows = [
        [name, _share(result["iou"][name]), _share(p), _share(r), f"{t:,}", f"{q:,}"]
        for name, p, r, t, q in zip(
            names, ratio(hits, predicted), recall, true.tolist(), predicted.tolist(), strict=True
        )
    ]
    rows.append(["Mean", _share(result["miou"]), "–", _share(mean(recall)), "–", "–"])
    accuracy = float(hits.sum() / table.sum()) if table.sum() else float("nan")
    note = "A dash: the class does not occur."
    if np.count_nonzero(true) > MAX_SHOWN:
        note += f" The matrix shows the {MAX_SHOWN} largest classes."
    return BenchmarkPage(
        "Semantic segmentation",
        "ScanNet's semantic benchmark: vertices of all scenes are pooled, those of other true "
        "classes skipped.",
        (
            (f"{_share(result['miou'])} %", "mean IoU"),
            (f"{_share(accuracy)} %", "of the vertices are right"),
            (f"{_share(mean(recall))} %", "mean recall of the classes"),
            (f"{table.sum():,}", "vertices counted"),
        ),
        (
            Table(
                "By class", ["Class", "IoU", "Precision", "Recall", "True", "Predicted"], rows, note
            ),
            _confusions(names, table),
        ),
        (
            (
                "Confusion matrix",
                "Per cent of each true class (row) by what it was predicted as (column).",
                f'<div class="matrix">{chart}</div>'
                if (chart := matrix_chart(names, vertices))
                else "",
            ),
        ),
    )


def _confusions(names: list[str], table: np.ndarray) -> Table:
    """The pairs of classes that are confused most, by vertices."""
    heads = [*names, "other"]
    wrong = table.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]
    rows = [
        [names[i], heads[j], f"{wrong[i, j]:,}", per_cent(100 * wrong[i, j] / table[i].sum())]
        for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True)
        if wrong[i, j]
    ]
    head = ["True", "Predicted", "Vertices", "Per cent of the true class"]
    return Table("Commonest confusions", head, rows)


def instance_page(result: Mapping[str, Any]) -> BenchmarkPage:
    """AP by class with what was found at half overlap, and the precision-recall curves."""
    curves = result["curves"]
    rows, total = [], np.zeros(3, np.int64)
    for name, figures in result["classes"].items():
        half = curves.get(name, {}).get("0.5")
        counts = None if half is None else [half[key] for key in ("hits", "missed", "misfires")]
        total += counts or [0, 0, 0]
        cells = (
            ["–"] * 3 if counts is None else [str(sum(counts[:2])), str(counts[0]), str(counts[2])]
        )
        rows.append([name, *(_share(figures[key]) for key in ("ap", "ap50", "ap25")), *cells])
    means = [_share(result[key]) for key in ("ap", "ap50", "ap25")]
    rows.append(["Mean, or sum", *means, *map(str, (total[0] + total[1], total[0], total[2]))])
    head = ["Class", "AP", "AP50", "AP25", "Instances", "Found at 0.5", "False at 0.5"]
    note = "A dash: the class does not occur. Instances under 100 vertices need not be found."
    charts = "".join(
        recall_chart(name, {"loose": _points(own["0.25"]), "strict": _points(own["0.5"])})
        for name, own in curves.items()
    )
    return BenchmarkPage(
        "Instance segmentation",
        "ScanNet's instance benchmark: AP is the mean over overlaps of 0.50, 0.55 … 0.90; AP50 "
        "and AP25 are at their own.",
        (
            (f"{means[0]} %", "AP"),
            (f"{means[1]} %", "AP50"),
            (f"{means[2]} %", "AP25"),
            (f"{total[0] + total[1]:,}", "instances to be found"),
        ),
        (Table("By class", head, rows, note),),
        (
            (
                "Precision over recall",
                f"{_key('strict')} overlap over 0.5 &emsp; {_key('loose')} overlap over 0.25",
                f'<div class="curves">{charts}</div>' if charts else "",
            ),
        ),
    )


def _points(curve: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Recalls and precisions."""
    return curve["recall"], curve["precision"]


def _key(style: str) -> str:
    line = f'<path class="line {style}" d="M0 4H34"/>'
    return f'<span class="key"><svg viewBox="0 0 34 8" aria-hidden="true">{line}</svg></span>'


def _share(value: float | None) -> str:
    """In per cent; a dash for NaN and None."""
    return per_cent(float("nan") if value is None else 100 * float(value))
