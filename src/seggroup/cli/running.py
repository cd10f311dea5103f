"""Training and propagation as runs: folders that explain themselves."""

import json
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seggroup import pipeline
from seggroup.cli.common import errors, over_scenes, progress, warn
from seggroup.config import TrainConfig
from seggroup.evaluate.pseudo import jsonable
from seggroup.io.files import write_json, write_text
from seggroup.io.reading import AS_FOUND, Reading
from seggroup.io.scenes import Source, find_scenes
from seggroup.io.store import CHECKPOINT, LABELS_FOLDER, METRICS, TIMING, write_record
from seggroup.labels.budget import click_statistics
from seggroup.resources import peak_mb, reset_peak


class Stages:
    """Seconds and peak memory of a run's stages, kept in `timing.json`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / TIMING
        self.rows: list[dict[str, Any]] = []

    @contextmanager
    def stage(self, name: str):  # type: ignore[no-untyped-def]
        """Time what happens inside; memory is this process's peak, children left out."""
        reset_peak()
        start = time.perf_counter()
        yield
        seconds = time.perf_counter() - start
        self.rows.append({"stage": name, "seconds": seconds, "memory_mb": peak_mb()})
        write_json(self._path, {"stages": self.rows})


def train_run(
    scenes: Sequence[Path],
    clicks: Path,
    out: Path,
    *,
    epochs: int,
    released: bool,
    thresholds: tuple[float, ...] | None,
    contradiction: pipeline.Contradiction,
    jobs: int,
    seed: int,
    device: str,
    stages: Stages | None = None,
    reading: Reading = AS_FOUND,
) -> dict[str, Any]:
    """Train, then label and score the training scenes; all into the run's folder."""
    from seggroup.device import pick_device
    from seggroup.train import class_list, train

    start = time.perf_counter()
    sources = find_scenes(scenes, reading)
    loading = pipeline.Loading()
    network = pipeline.network_config(released, thresholds)
    config = TrainConfig(epochs=epochs, seed=seed, network=network)
    target = pick_device(device)
    examples = pipeline.Examples(sources, clicks, loading, contradiction)
    stages = stages or Stages(out)
    with stages.stage("train"):
        known = [
            (e.clicks, e.scene.truth is not None, click_statistics(e.clicks, e.scene))
            for e in examples
        ]
        classes = class_list([clicks for clicks, _, _ in known])
        with progress() as bar:
            task = bar.add_task("train", total=epochs)

            def after(epoch: int, result, network) -> None:  # type: ignore[no-untyped-def]
                bar.update(task, completed=epoch + 1)
                errors.print(
                    f"epoch {epoch + 1}/{epochs}  loss {result.loss:.3f}  "
                    f"instances classified rightly {result.accuracy:.1%}",
                    highlight=False,
                )

            _, history = train(examples, classes, config, target, out, after)
    write_record(out, "train", asdict(config) | {"scenes": [s.name for s in sources]}, seed)
    spread = pipeline.Propagating(
        "seggroup", out / CHECKPOINT, seed=seed, device=device, contradiction=contradiction
    )
    with stages.stage("propagate"):
        propagate_all(sources, clicks, out / LABELS_FOLDER, spread, loading, jobs)
    metrics = {}
    if all(with_truth for _, with_truth, _ in known):
        with stages.stage("evaluate"):
            metrics = pipeline.evaluate_folder(sources, out / LABELS_FOLDER, loading)
            metrics["clicks"] = {
                key: sum(row[key] for _, _, row in known) / len(known) for key in known[0][2]
            }  # means over the scenes
            write_json(out / METRICS, jsonable(metrics))
    return {
        "run": str(out),
        "checkpoint": str(out / CHECKPOINT),
        "history": [{"epoch": i + 1, **asdict(epoch)} for i, epoch in enumerate(history)],
        "metrics": metrics,
        "stages": stages.rows,
        "seconds": time.perf_counter() - start,
    }


def propagate_all(
    sources: Sequence[Source],
    clicks: Path,
    out: Path,
    spread: pipeline.Propagating,
    loading: pipeline.Loading,
    jobs: int,
) -> list[dict[str, Any]]:
    """Label every scene into the folder, with the record of how."""
    items = [(source, clicks, out, spread, loading) for source in sources]
    rows = over_scenes("propagate", pipeline.propagate_scene, items, jobs)
    for row in rows:
        warn(row.get("notes", []), row["scene"])
        warn(map(_doubt, row.get("doubtful", [])), row["scene"])
    config = asdict(spread) | {"weights": spread.weights and spread.weights.name}
    write_record(out, "propagate", config | asdict(loading), spread.seed)
    return rows


def _doubt(click: dict[str, Any]) -> str:
    """A click that is probably wrong, in words."""
    return (
        f"the click on vertex {click['vertex']} (instance {click['instance']}) is doubtful: "
        f"{click['reason']}"
    )


def write_figures(path: Path, figures: dict[str, Any]) -> None:
    """Figures as a page, as Markdown or as JSON, by the file's ending."""
    from seggroup.errors import InputError
    from seggroup.report.markdown import report_markdown
    from seggroup.report.page import write_report
    from seggroup.report.report import Report

    report = Report("Pseudo labels", levels=figures.get("levels") or {"final": figures})
    match path.suffix.lower():
        case ".html":
            write_report(path, report)
        case ".md":
            write_text(path, report_markdown(report))
        case ".json":
            write_text(path, json.dumps(jsonable(figures), indent=1) + "\n")
        case _:
            raise InputError(f"{path}: a report ends in .html, .md or .json")
