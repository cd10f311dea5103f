"""The tables' steps with the project's own commands behind them, and the run over all rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seggroup import pipeline
from seggroup.cli.common import errors, over_scenes, progress, warn
from seggroup.cli.running import train_run
from seggroup.downstream.config import ModelName
from seggroup.io.scenes import Source, find_scenes
from seggroup.io.store import write_record
from seggroup.labels.budget import scenes_bought
from seggroup.pipeline.downstream import Fitting, fit_run, start_device
from seggroup.pipeline.forms import Labelling, claim_folder, label_scene, minutes_of, survey
from seggroup.pipeline.predicting import Predicting, predict_run
from seggroup.pipeline.protocol import ROOMS, SCANNET, Learning, Protocol, Split
from seggroup.pipeline.scoring import score_instance, score_semantic
from seggroup.pipeline.tableplan import Row, Supply
from seggroup.pipeline.tables import RowResult, remake
from seggroup.pipeline.tablesteps import Result, Study, Work
from seggroup.report.tablepages import write_tables
from seggroup.report.tablereport import TablesReport

ROOMS_FOLDER = "rooms"
FIRST_VALIDATION_ROOM = 5000  # so that another number of training rooms leaves validation alone


def find_protocol(name: str, split: Split, epochs: int | None) -> Protocol:
    """The protocol of that name; "auto": ScanNet's where its lists parted the scenes."""
    full = name == "scannet" or (name == "auto" and split.lists)
    chosen = SCANNET if full else ROOMS
    return chosen if epochs is None else chosen.with_epochs(epochs)


def make_rooms(out: Path, rooms: int, validation: int, jobs: int, seed: int) -> Split:
    """Synthetic rooms for training and validation; those that are there are not made again."""
    place = out / ROOMS_FOLDER
    numbers = [*range(rooms), *(FIRST_VALIDATION_ROOM + i for i in range(validation))]
    made = over_scenes("rooms", pipeline.synthesize, [(i, place, seed) for i in numbers], jobs)
    sources = find_scenes([place / "scans" / row["scene"] for row in made])  # sorted by number
    return Split(tuple(sources[:rooms]), tuple(sources[rooms:]), lists=False)


def make_tables(
    rows: Sequence[Row],
    out: Path,
    split: Split,
    protocol: Protocol,
    work: Work,
    seeds: Sequence[int],
    clicks: Path | None = None,
) -> TablesReport:
    """Measure the rows with every seed, and write the pages after each."""
    write_record(out, "tables", protocol.numbers(), seeds[0])
    if split.note:
        warn([split.note], "scenes")
    studies = [
        Study(out, split, protocol, work, seed, clicks, lambda step: _say(f"  {step}"))
        for seed in seeds
    ]

    def report(results: Sequence[RowResult]) -> TablesReport:
        return TablesReport(protocol, split, tuple(seeds), tuple(results))

    def after(results: list[RowResult]) -> None:
        write_tables(out, report(results))
        done = sum(len(result.runs) for result in results)
        _say(f"{done} of {len(rows) * len(seeds)} rows are finished")

    return report(remake(rows, studies, after))


def _say(text: str) -> None:
    errors.print(text, highlight=False, markup=False)


def real_work(jobs: int, device: str) -> Work:
    """The steps as the program takes them."""
    steps = Steps(jobs, device)
    return Work(
        steps.click,
        steps.group,
        steps.annotate,
        steps.fit,
        steps.predict,
        score_labels,
        lambda sources, labels, how: score_semantic(sources, labels, how.classes),
        lambda sources, labels, how: score_instance(sources, labels, how.classes, how.things),
    )


def score_labels(sources: Sequence[Source], labels: Path) -> Result:
    """The figures of pseudo labels."""
    return pipeline.evaluate_folder(sources, labels, pipeline.Loading())


@dataclass(frozen=True)
class Steps:
    """The steps (`Work` says what each gives); scenes go side by side in `jobs` processes."""

    jobs: int
    device: str

    def click(
        self, sources: Sequence[Source], style: str, real: Path | None, seed: int, out: Path
    ) -> Result:
        """Simulated clicks, or real ones brought into the folder."""
        files = () if real is None else (real,)
        clicking = pipeline.Clicking(style, seed=seed, files=files, contradiction="drop")
        items = [(source, out, clicking, pipeline.Loading()) for source in sources]
        rows = over_scenes("clicks", pipeline.click, items, self.jobs)
        return {"minutes": sum(row["minutes"] for row in rows)}

    def group(
        self, sources: Sequence[Source], clicks: Path, epochs: int, seed: int, out: Path
    ) -> Result:
        """SegGroup trained on the clicks, its labels of the same scenes, their figures."""
        done = train_run(
            [source.scan for source in sources],
            clicks,
            out,
            epochs=epochs,
            released=False,
            thresholds=None,
            contradiction="drop",
            jobs=self.jobs,
            seed=seed,
            device=self.device,
        )
        memory = max(stage["memory_mb"] for stage in done["stages"])
        return {"levels": done["metrics"]["levels"], "peak_mb": memory}

    def annotate(
        self,
        sources: Sequence[Source],
        supply: Supply,
        minutes: float | None,
        seed: int,
        out: Path,
    ) -> Result:
        """Labels of a form for all scenes, or for those that so many minutes buy."""
        assert supply.form != "clicks"
        labelling = Labelling(supply.form, number=supply.number or 20, seed=seed)
        rows = over_scenes("survey", survey, [(source,) for source in sources], self.jobs)
        names, costs = [row["scene"] for row in rows], [minutes_of(row, labelling) for row in rows]
        bought = list(range(len(rows)))
        if minutes is not None:
            bought = sorted(scenes_bought(names, costs, minutes, seed))
        spent = {names[i]: costs[i] for i in bought}
        if bought:
            claim_folder(out, labelling, spent, sum(costs) if minutes is None else minutes)
            items = [(sources[i], out, labelling) for i in bought]
            over_scenes("labels", label_scene, items, self.jobs)
        return {"scenes": list(spent), "minutes": sum(spent.values())}

    def fit(
        self,
        sources: Sequence[Source],
        labels: Path,
        model: ModelName,
        learning: Learning,
        protocol: Protocol,
        validation: Sequence[Source],
        out: Path,
    ) -> Result:
        """A downstream model trained on the scenes that have labels."""
        stuff = tuple(c for c in protocol.classes if c not in protocol.things)
        fitting = Fitting(learning.network, learning.fit, protocol.classes, stuff, self.device)
        with progress() as bar:
            task = bar.add_task(model, total=learning.fit.epochs)

            def after(epoch: int, result: Any) -> None:
                bar.update(task, completed=epoch + 1)

            done = fit_run(sources, labels, out, fitting, validation, after)
        return {name: done[name] for name in ("history", "seconds", "peak_mb", "scenes")}

    def predict(
        self,
        run: Path,
        sources: Sequence[Source],
        rotations: int,
        restrict: Path | None,
        out: Path,
    ) -> None:
        """Labels of every vertex of the scenes, and proposals where the model makes any."""
        how = Predicting(rotations, restrict)
        predict_run(run, sources, out, how, start_device(self.device))
