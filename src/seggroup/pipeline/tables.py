"""The paper's tables, row by row and seed by seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from seggroup.classes import BENCHMARK20, class_name
from seggroup.evaluate.papertables import PAPER_TABLES
from seggroup.pipeline.tableplan import Row
from seggroup.pipeline.tablesteps import Result, Study, fit_of, labels_of, score_of

NOTHING = "A row without figures: the labelling time does not buy a whole scene."


@dataclass(frozen=True)
class Run:
    """A row measured with one seed.

    figures : by metric, shares of 1; empty where `note` says why there are none
    minutes : of labelling, by the cost model
    label_seconds, seconds : of making the labels, and of training on them
    curve   : an epoch each: its training loss and what validation found
    """

    figures: dict[str, float | int | None]
    scenes: int
    minutes: float | int
    label_seconds: float | int = 0.0
    seconds: float | int = 0.0
    peak_mb: float | int = 0.0
    curve: tuple[Result, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class RowResult:
    """A row with the runs that are finished, one a seed."""

    row: Row
    runs: list[Run] = field(default_factory=list)

    def values(self, metric: str) -> list[float]:
        """A metric in per cent, of the seeds that have it."""
        found = [run.figures.get(metric) for run in self.runs]
        return [100 * value for value in found if value is not None]

    def mean(self, metric: str) -> float | None:
        """The mean over the seeds; None without any."""
        values = self.values(metric)
        return fmean(values) if values else None

    def spread(self, metric: str) -> float | None:
        """The standard deviation over the seeds (n - 1); None for fewer than two."""
        values = self.values(metric)
        return stdev(values) if len(values) > 1 else None


def remake(
    rows: Sequence[Row],
    studies: Sequence[Study],
    after_row: Callable[[list[RowResult]], None] = lambda results: None,
) -> list[RowResult]:
    """Measure every row in every study, one seed after the other; finished steps are read.

    `after_row` gets all rows whenever one is measured, so that a long run can be watched.
    """
    results = [RowResult(row) for row in rows]
    for study in studies:
        for result in results:
            result.runs.append(run_row(study, result.row))
            after_row(results)
    return results


def run_row(study: Study, row: Row) -> Run:
    """Labels, training, prediction, score: a row of a table."""
    labels = labels_of(study, row.supply)
    made = labels.result
    scenes, minutes = len(made["scenes"]), made["minutes"]
    if not scenes:
        return Run({}, 0, minutes, note=NOTHING)
    if row.model is None:
        figures = made["levels"][row.level] if row.level else made["figures"]
        return Run(_by_class(figures), scenes, minutes, made["seconds"], 0.0, made["peak_mb"])
    fit = fit_of(study, labels, row.model)
    figures = score_of(study, fit, row.model).result["figures"]
    return Run(
        {metric: figures[metric] for metric in PAPER_TABLES[row.table].metrics},
        scenes,
        minutes,
        made["seconds"],
        fit.result["seconds"],
        max(fit.result["peak_mb"], made["peak_mb"]),
        _curve(fit.result["history"]),
    )


def _by_class(figures: Result) -> dict[str, float | None]:
    """Table 1's figures: the classes and their mean."""
    iou = figures["semantic_iou"]
    names = map(class_name, BENCHMARK20)
    return {name: iou.get(name) for name in names} | {"miou": figures["semantic_miou"]}


def _curve(history: Sequence[Result]) -> tuple[Result, ...]:
    return tuple(
        {"loss": sum(epoch["losses"].values()), **(epoch["validation"] or {})} for epoch in history
    )
