"""The main job on the embedded default, with its report (paper, Table 1 and Figure 4)."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seggroup import pipeline
from seggroup.cli.common import errors, over_scenes
from seggroup.cli.running import Stages, propagate_all, train_run
from seggroup.config import Method
from seggroup.evaluate.pseudo import evaluate_pseudo, jsonable
from seggroup.io.files import read_json, write_json, write_text
from seggroup.io.scenes import Source, find_scenes
from seggroup.io.store import (
    CLICKS_FOLDER,
    LABELS_FOLDER,
    METRICS,
    RECORD,
    REPORT,
    labels_file,
    read_labels,
)
from seggroup.labels.budget import click_statistics
from seggroup.report.markdown import report_markdown
from seggroup.report.page import write_report
from seggroup.report.render import instance_colors, png, render
from seggroup.report.report import Report, SceneReport, Stage, report_json

BASELINES: dict[str, Method] = {
    "Assigner": "assign",
    "Random walk": "walk",
    "Untrained network": "seggroup",
}
PICTURE = (640, 480)  # pixels, of each picture in the report


def run_demo(
    out: Path, rooms: int, epochs: int, jobs: int, seed: int, device: str
) -> dict[str, Any]:
    """Rooms, clicks, training, labels, figures and the report, all in the folder `out`."""
    start = time.perf_counter()
    stages = Stages(out)
    with stages.stage("synthetic rooms"):
        errors.print(f"making {rooms} synthetic scanned rooms")
        items = [(i, out, seed) for i in range(rooms)]
        over_scenes("rooms", pipeline.synthesize, items, jobs)
    folders = [out / "scans" / f"synth{i:04d}_00" for i in range(rooms)]
    sources = find_scenes(folders)
    with stages.stage("clicks"):
        clicking = pipeline.Clicking("top1", seed=seed)
        loading = pipeline.Loading()
        items_click = [(s, out / CLICKS_FOLDER, clicking, loading) for s in sources]
        over_scenes("clicks", pipeline.click, items_click, 1)
    clicks = out / CLICKS_FOLDER
    trained = train_run(
        folders,
        clicks,
        out,
        epochs=epochs,
        released=False,
        thresholds=None,
        contradiction="refuse",
        jobs=1,
        seed=seed,
        device=device,
        stages=stages,
    )
    baselines = {}
    with stages.stage("baselines"):
        for name, method in BASELINES.items():
            spread = pipeline.Propagating(method, seed=seed, device=device, ply=False)
            folder = out / "baselines" / name.lower().replace(" ", "-")
            propagate_all(sources, clicks, folder, spread, loading, 1)
            baselines[name] = pipeline.evaluate_folder(sources, folder, loading)
    with stages.stage("report"):
        report = _report(out, sources, trained, baselines, stages)
        write_report(out / REPORT, report)
        write_text(out / "report.md", report_markdown(report))
        write_json(out / "report.json", report_json(report))
    metrics = trained["metrics"] | {"baselines": baselines}
    write_json(out / METRICS, jsonable(metrics))
    return {
        "report": str(out / REPORT),
        "metrics": metrics,
        "history": trained["history"],
        "stages": stages.rows,
        "seconds": time.perf_counter() - start,
    }


def _report(
    out: Path,
    sources: Sequence[Source],
    trained: dict[str, Any],
    baselines: dict[str, Any],
    stages: Stages,
) -> Report:
    record = read_json(out / RECORD)
    return Report(
        title="SegGroup on synthetic scanned rooms",
        summary=f"{len(sources)} rooms labelled by one simulated click on each part of an object.",
        levels=trained["metrics"]["levels"],
        baselines=baselines,
        scenes=[_scene(out, source) for source in sources],
        curve={
            "Training loss": [epoch["loss"] for epoch in trained["history"]],
            "Instances classified rightly": [epoch["accuracy"] for epoch in trained["history"]],
        },
        stages=[Stage(row["stage"], row["seconds"], row["memory_mb"]) for row in stages.rows],
        configuration=record["config"],
        versions={name: str(version) for name, version in record["versions"].items()},
        notes=["Times and memory are of this run and machine; resumed stages are shorter."],
    )


def _scene(out: Path, source: Source) -> SceneReport:
    """Figures, click statistics and the four pictures of the paper's Figure 4."""
    scene = pipeline.load_scene(source)
    clicks, labels, _ = pipeline.load_clicks(scene, out / CLICKS_FOLDER)
    size = len(scene.whole.vertices)
    predicted = scene.taken(read_labels(labels_file(out / LABELS_FOLDER, source.name), size))
    assert scene.truth is not None
    pictures = {
        "Scan": (scene.scan.colors, None),
        "Clicks and their segments": (instance_colors(labels.at(scene.segments)), clicks.vertex),
        "Pseudo labels": (instance_colors(predicted), None),
        "Truth": (instance_colors(scene.truth), None),
    }
    return SceneReport(
        source.name,
        evaluate_pseudo([(scene.truth, predicted, scene.segments)]),
        click_statistics(clicks, scene),
        [
            (caption, png(render(scene.scan, colors, PICTURE, clicked=clicked)))
            for caption, (colors, clicked) in pictures.items()
        ],
    )
