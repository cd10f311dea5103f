"""The remade tables as plain values: rows of text, what they come to, and JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seggroup.classes import BENCHMARK20, class_name
from seggroup.evaluate.papertables import PAPER_TABLES, POINT, SEG, PaperRow, PaperTable
from seggroup.evaluate.pseudo import jsonable
from seggroup.evaluate.table import SHORT_NAMES
from seggroup.pipeline.protocol import Protocol, Split
from seggroup.pipeline.tables import RowResult
from seggroup.report.tables import Table

_SHORT = dict(zip(map(class_name, BENCHMARK20), SHORT_NAMES, strict=True))


@dataclass(frozen=True)
class TablesReport:
    """Rows with the runs that are finished, and how they were measured."""

    protocol: Protocol
    split: Split
    seeds: tuple[int, ...]
    results: Sequence[RowResult]

    @property
    def tables(self) -> tuple[PaperTable, ...]:
        """The tables that were asked for, in order."""
        return tuple(PAPER_TABLES[n] for n in sorted({r.row.table for r in self.results}))

    def rows(self, number: int) -> list[RowResult]:
        """The rows of a table."""
        return [result for result in self.results if result.row.table == number]


def headline(table: PaperTable) -> str:
    """The metric that a table is plotted by."""
    return "ap50" if "ap50" in table.metrics else "miou"


def summary(report: TablesReport) -> list[str]:
    """How the figures came about, in sentences."""
    split, seeds = report.split, report.seeds
    done = sum(len(result.runs) for result in report.results)
    planned = len(report.results) * len(seeds)
    lines = [
        f"Protocol: {report.protocol.name}. {_plural(len(split.training), 'training scene')}, "
        f"{_plural(len(split.validation), 'validation scene')}, {_plural(len(seeds), 'seed')}. "
        "All figures are per cent; ± is the standard deviation over the seeds. Memory is the peak "
        "of the whole process, which earlier steps raise.",
        *report.protocol.departures,
    ]
    lines += [split.note] if split.note else []
    lines += [f"{done} of {planned} rows are finished."] if done < planned else []
    return lines


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def findings(report: TablesReport) -> list[tuple[str, str]]:
    """(figure, what it is): SegGroup beside full labels, and beside their equal-time share."""
    found = []
    for number, model, metric, at in _CLAIMS:
        rows = {(r.row.name, r.row.group): r for r in report.rows(number)}
        ours, full = rows.get((f"SegGroup ({model})", SEG)), rows.get((model, POINT))
        if ours is None or full is None:
            continue
        a, b = ours.mean(metric), full.mean(metric)
        if not a or not b:
            continue
        name = PAPER_TABLES[number].metrics[metric]
        paper = _paper_ratio(ours, full, metric)
        text = f"of the {name} that {model} reaches with {at}, from one click an object"
        found.append((f"{100 * a / b:.0f} %", text + (f" (paper: {paper:.0f} %)" if paper else "")))
    return found


_ALL, _SHARE = "full labels of all scenes", "full labels for the same labelling time"
_CLAIMS = (
    (2, "PointGroup", "ap50", _ALL),
    (3, "PointGroup", "ap50", _SHARE),
    (4, "KPConv", "miou", _ALL),
    (5, "KPConv", "miou", _SHARE),
    (4, "U-Net", "miou", _ALL),
    (5, "U-Net", "miou", _SHARE),
)


def _paper_ratio(ours: RowResult, full: RowResult, metric: str) -> float | None:
    a, b = ours.row.paper, full.row.paper
    return None if a is None or b is None else 100 * a.figures[metric] / b.figures[metric]


def layout(report: TablesReport, table: PaperTable) -> Table:
    """A table as text: ours, the paper's row beneath each, and the paper's other rows."""
    heads = [_SHORT.get(head, head) for head in table.metrics.values()]
    cost = ["Labels made in, s", "Trained in, s", "Memory, MB"]
    head = ["", "Labels", "Scenes", "Labelling, min", *heads, *cost]
    rows: list[list[str]] = []
    quiet: set[int] = set()
    for result in report.rows(table.number):
        rows.append(_ours(result, table))
        if result.row.paper:
            quiet.add(len(rows))
            rows.append(_theirs(result.row.paper, table, "in the paper"))
    for paper in others(report, table):
        quiet.add(len(rows))
        rows.append(_theirs(paper, table, f"{paper.name}, in the paper"))
    notes = [f"The paper's figures are of ScanNet's {table.measured_on}."]
    notes += sorted({run.note for r in report.rows(table.number) for run in r.runs if run.note})
    return Table(
        f"Table {table.number}. {table.title}", head, rows, " ".join(notes), frozenset(quiet)
    )


def others(report: TablesReport, table: PaperTable) -> Iterator[PaperRow]:
    """The paper's rows that are not remade."""
    remade = [result.row.paper for result in report.rows(table.number)]
    return (paper for paper in table.rows if paper not in remade)


def _ours(result: RowResult, table: PaperTable) -> list[str]:
    row, runs = result.row, result.runs
    if not runs:
        return [row.name, row.group, *["…"] * (len(table.metrics) + 5)]
    mean = {
        name: sum(getattr(run, name) for run in runs) / len(runs)
        for name in ("minutes", "label_seconds", "seconds")
    }
    return [
        row.name,
        row.group,
        _span([run.scenes for run in runs]),
        f"{mean['minutes']:.0f}",
        *(_figure(result, metric) for metric in table.metrics),
        f"{mean['label_seconds']:.0f}",
        f"{mean['seconds']:.0f}" if row.model else "–",
        f"{max(run.peak_mb for run in runs):.0f}",
    ]


def _span(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low}" if low == high else f"{low}–{high}"


def _figure(result: RowResult, metric: str) -> str:
    """The mean with its spread, which single classes go without: the JSON has it."""
    mean = result.mean(metric)
    spread = None if metric in _SHORT else result.spread(metric)
    if mean is None:
        return "–"
    return f"{mean:.1f}" if spread is None else f"{mean:.1f} ± {spread:.1f}"


def _theirs(paper: PaperRow, table: PaperTable, name: str) -> list[str]:
    figures = [paper.figures.get(metric) for metric in table.metrics]
    scenes = "–" if paper.scenes is None else str(paper.scenes)
    cells = ["–" if value is None else f"{value:.1f}" for value in figures]
    return [name, paper.group, scenes, "–", *cells, "–", "–", "–"]


def tables_json(report: TablesReport) -> dict[str, Any]:
    """All figures, per cent, with the paper's; null where there is none."""
    return jsonable(  # type: ignore[no-any-return]
        {
            "protocol": report.protocol.numbers(),
            "departures": report.protocol.departures,
            "training_scenes": [source.name for source in report.split.training],
            "validation_scenes": [source.name for source in report.split.validation],
            "note": report.split.note,
            "seeds": report.seeds,
            "findings": [f"{figure} {text}" for figure, text in findings(report)],
            "tables": [
                {
                    "table": table.number,
                    "title": table.title,
                    "paper_measured_on": table.measured_on,
                    "rows": [_row_json(r, table) for r in report.rows(table.number)],
                    "paper_only": [
                        {"name": p.name, "group": p.group, "figures": dict(p.figures)}
                        for p in others(report, table)
                    ],
                }
                for table in report.tables
            ],
        }
    )


def _row_json(result: RowResult, table: PaperTable) -> dict[str, Any]:
    row, paper = result.row, result.row.paper
    figures = {
        metric: {
            "mean": result.mean(metric),
            "spread": result.spread(metric),
            "values": result.values(metric),
            "paper": paper.figures.get(metric) if paper else None,
        }
        for metric in table.metrics
    }
    runs = [
        {
            "scenes": run.scenes,
            "labelling_minutes": run.minutes,
            "label_seconds": run.label_seconds,
            "training_seconds": run.seconds,
            "peak_mb": run.peak_mb,
            "curve": run.curve,
            "note": run.note,
        }
        for run in result.runs
    ]
    return {
        "name": row.name,
        "group": row.group,
        "labels": row.supply.word,
        "model": row.model,
        "figures": figures,
        "paper_scenes": paper.scenes if paper else None,
        "runs": runs,
    }
