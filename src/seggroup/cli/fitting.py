"""`seggroup fit` and `seggroup predict`: downstream models."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from seggroup.cli.common import (
    ClassesOption,
    Device,
    Json,
    Scenes,
    Seed,
    UnitOption,
    UpOption,
    errors,
    output,
    progress,
    reading_of,
    table,
)
from seggroup.downstream.config import Augmentation, ModelName, Norm
from seggroup.errors import InputError

LabelsPlace = Annotated[
    Path, typer.Option(help="Folder of labels: of `propagate`, `budget` or `predict`, or a run.")
]
MinConfidence = Annotated[
    float, typer.Option(help="Labels less sure than this do not count.", min=0, max=1)
]
Run = Annotated[Path, typer.Option("-o", "--output", help="The run's folder; resumes there.")]
Validation = Annotated[
    list[Path] | None,
    typer.Option(help="Scenes with truth to validate on, as SCENES. Repeatable."),
]
Epochs = Annotated[int, typer.Option(help="Passes over the scenes.", min=1)]
Batch = Annotated[int, typer.Option(help="Scenes a forward.", min=1)]
Accumulate = Annotated[int, typer.Option(help="Forwards a step.", min=1)]
Rate = Annotated[float, typer.Option(help="The highest learning rate.", min=0)]
Voxel = Annotated[
    float | None,
    typer.Option(help="Metres; default: as published, coarser where the scans are coarser."),
]
Channels = Annotated[int | None, typer.Option(help="Of the first level.", min=1)]
Levels = Annotated[int | None, typer.Option(help="Of the network.", min=1, max=9)]
Radius = Annotated[
    float | None, typer.Option(help="Metres between points of one cluster; default: as the voxel.")
]
MinPoints = Annotated[
    int | None, typer.Option(help="Of a cluster; default: as published, or as the scans.", min=1)
]
Normalised = Annotated[
    Norm, typer.Option(help="What is normalised together: a batch (published) or each scene.")
]
Augment = Annotated[
    Augmentation,
    typer.Option(
        help="Changes of the scenes at random. full: as published; light: turned, mirrored, "
        "scaled and recoloured, not bent, for short trainings; none: to learn scenes by heart."
    ),
]
MaxPoints = Annotated[int, typer.Option(help="Larger scenes are cropped at random.", min=100)]
Balance = Annotated[
    float, typer.Option(help="Classes weigh as their frequency to minus this: 0, 0.5, 1.", min=0)
]
Every = Annotated[int, typer.Option(help="Epochs from validation to validation.", min=0)]
Threads = Annotated[int, typer.Option(help="Of the processor; 0: all its cores.", min=0)]
TensorBoard = Annotated[bool, typer.Option(help="Also write logs for TensorBoard.")]
Mixed = Annotated[bool, typer.Option(help="Mixed precision on CUDA.")]


def fit(
    task: Annotated[Literal["semantic", "instance"], typer.Argument(help="What is learnt.")],
    scenes: Scenes,
    labels: LabelsPlace,
    out: Run,
    model: Annotated[
        ModelName | None,
        typer.Option(help="Semantic: unet (the default) or kpconv; instance: pointgroup."),
    ] = None,
    validation: Validation = None,
    epochs: Epochs = 100,
    batch: Batch = 2,
    accumulate: Accumulate = 1,
    learning_rate: Rate = 3e-3,
    voxel: Voxel = None,
    channels: Channels = None,
    levels: Levels = None,
    norm: Normalised = "batch",
    radius: Radius = None,
    min_points: MinPoints = None,
    augment: Augment = "full",
    max_points: MaxPoints = 120_000,
    class_balance: Balance = 0.0,
    validate_every: Every = 10,
    classes: ClassesOption = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    min_confidence: MinConfidence = 0.0,
    mixed_precision: Mixed = True,
    tensorboard: TensorBoard = False,
    threads: Threads = 0,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Train a model on the scenes that have labels; unlabelled points do not count.

    Full truth, pseudo labels, single points and class sets are all taken (`seggroup budget`).
    Lengths and numbers of points are the published ones, or follow the scans where these are
    coarser than ScanNet's. Interrupted, the same command goes on. Several processes:
    `torchrun -m seggroup.cli fit …`.
    """
    from seggroup.downstream.config import FitConfig, augmentation
    from seggroup.downstream.distributed import Share
    from seggroup.io.scenes import find_scenes
    from seggroup.pipeline.downstream import Fitting, fit_run
    from seggroup.pipeline.sizes import resized, sized_for

    model = model or ("unet" if task == "semantic" else "pointgroup")
    grouping = model == "pointgroup"
    if grouping != (task == "instance"):
        raise InputError(f"--model {model}: does not learn {task} labels; see --help")
    if not grouping and (radius is not None or min_points is not None):
        raise InputError("--radius and --min-points are of pointgroup; leave them out")
    reading = reading_of(unit, up, classes)
    sources = find_scenes(scenes, reading)
    checks = find_scenes(validation, reading) if validation else []
    if voxel is not None and not voxel > 0:
        raise InputError(f"--voxel {voxel}: must be more than 0")
    network, note = sized_for(sources, model)
    if note and voxel is None:
        errors.print(note, style="yellow", markup=False, highlight=False, soft_wrap=True)
    network = resized(network, voxel, channels, levels, norm, radius, min_points)
    settings = FitConfig(
        epochs,
        batch,
        accumulate,
        learning_rate,
        max_points=max_points,
        class_balance=class_balance,
        validate_every=validate_every,
        mixed_precision=mixed_precision,
        seed=seed,
        augment=augmentation(augment),
    )
    fitting = Fitting(
        network, settings, device=device, threads=threads, min_confidence=min_confidence
    )
    if reading.classes is not None:
        stuff = set(reading.classes.classes) - set(reading.classes.things)
        listed = tuple(reading.classes.classes)
        fitting = replace(fitting, classes=listed, stuff=tuple(sorted(stuff)))
    total = fitting.fit.epochs
    with progress() as bar:
        row = bar.add_task("fit", total=total)

        def after(epoch: int, result) -> None:  # type: ignore[no-untyped-def]
            bar.update(row, completed=epoch + 1)
            values = {**result.losses, **(result.validation or {})}
            words = "  ".join(f"{name} {value:.3f}" for name, value in values.items())
            line = f"epoch {epoch + 1}/{total}  {words}  {result.seconds:.1f} s"
            errors.print(line, highlight=False, soft_wrap=True)

        result = fit_run(sources, labels, out, fitting, checks, after, tensorboard)
    if result["rank"]:  # one of several processes speaks for all
        Share().leave()
    _write_report(out, result)
    if result["without_labels"]:
        errors.print(f"{result['without_labels']} scenes have no labels there and were left out")

    def show() -> None:
        rows = [
            {**row["losses"], **(row["validation"] or {}), "epoch": row["epoch"]}
            for row in result["history"]
            if row["validation"] or row["epoch"] == total
        ]
        table(rows, ["epoch", *dict.fromkeys(k for row in rows for k in row if k != "epoch")])
        print(f"{result['run']}  ({result['seconds']:.0f} s, {result['peak_mb']:.0f} MB)")

    output(json, result, show)
    Share().leave()


def _write_report(out: Path, result: dict[str, Any]) -> None:
    """The curves of a run as a page in its folder, with what made them."""
    from seggroup.io.files import read_json
    from seggroup.io.store import RECORD, REPORT
    from seggroup.report.page import write_report
    from seggroup.report.report import Report

    rows = [row["losses"] | (row["validation"] or {}) for row in result["history"]]
    names = dict.fromkeys(name for row in rows for name in row)
    record = read_json(out / RECORD)
    report = Report(
        f"{record['config']['model']}, {result['scenes']} scenes",
        f"{result['seconds']:.0f} s of training, {result['parameters']:,} parameters.",
        curve={name: [row.get(name, float("nan")) for row in rows] for name in names},
        configuration=record["config"],
        versions=record["versions"],
    )
    write_report(out / REPORT, report)


def predict(
    run: Annotated[Path, typer.Argument(help="The folder of a `fit` run, or a checkpoint.")],
    scenes: Scenes,
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for the labels.")],
    rotations: Annotated[
        int, typer.Option(help="Class probabilities are the mean over so many.", min=1, max=64)
    ] = 1,
    restrict: Annotated[
        Path | None,
        typer.Option(help="Folder of class sets (`budget`): other classes are ruled out."),
    ] = None,
    best: Annotated[
        bool, typer.Option("--best", help="The best epoch by validation, not the last.")
    ] = False,
    benchmark: Annotated[
        bool, typer.Option(help="Also write ScanNet's text files, in OUT/benchmark.")
    ] = False,
    ply: Annotated[bool, typer.Option(help="Also write a labelled PLY.")] = False,
    score_threshold: Annotated[
        float | None,
        typer.Option(help="Instances less sure are left out; default 0.09.", min=0, max=1),
    ] = None,
    min_predicted: Annotated[
        int | None,
        typer.Option(help="Smaller instances are left out, vertices; default 100.", min=1),
    ] = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    threads: Threads = 0,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Label every vertex of scans with a trained model: class, instance and confidence."""
    from seggroup.io.scenes import find_scenes
    from seggroup.io.store import BEST_CHECKPOINT, CHECKPOINT
    from seggroup.pipeline.downstream import start_device
    from seggroup.pipeline.predicting import Predicting, predict_run

    sources = find_scenes(scenes, reading_of(unit, up))
    if run.is_dir() and not (run / CHECKPOINT).exists():
        raise InputError(f"{run}: holds no trained model; train one with `seggroup fit`")
    weights = run / BEST_CHECKPOINT if best else run
    if best and not weights.exists():
        raise InputError(f"{run}: holds no best epoch; fit with --validation, or leave --best out")
    how = Predicting(rotations, restrict, score_threshold, min_predicted, benchmark, ply)
    with progress() as bar:
        task = bar.add_task("predict", total=len(sources))
        where = start_device(device, threads)
        rows = predict_run(weights, sources, out, how, where, lambda row: bar.advance(task))
    for row in rows:
        if row["note"]:
            errors.print(f"{row['scene']}: {row['note']}", style="yellow", markup=False)

    def show() -> None:
        table(rows, ["scene", "vertices", "instances", "confidence", "seconds"])
        print(f"labels are in {out}")

    output(json, {"scenes": rows, "output": str(out)}, show)
