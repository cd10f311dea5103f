"""`seggroup evaluate`: pseudo labels, and ScanNet's benchmarks."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
    reading_of,
    table,
)
from seggroup.errors import InputError

if TYPE_CHECKING:
    from seggroup.io.classlist import ClassList
    from seggroup.io.reading import Reading

_SHOWN = 50  # problems of a submission
SomeScenes = Annotated[
    list[Path] | None,
    typer.Argument(help="Scan files or folders, with ground truth.", metavar="SCENES"),
]
LabelsPlace = Annotated[
    Path | None, typer.Option(help="Folder of labels, as `predict` or `propagate` write them.")
]
Predictions = Annotated[
    Path | None, typer.Option(help="Folder of predictions of the names of --truth.")
]
ReportFile = Annotated[
    Path | None, typer.Option(help="Also write a page: .html with pictures, .md or .json.")
]
Details = Annotated[
    bool, typer.Option("--details", help="Confusion matrix or curves in the JSON too.")
]

evaluate_app = typer.Typer(help="Score labels: pseudo, semantic, instance.", no_args_is_help=True)


def print_figures(figures: dict) -> None:
    """Figures by level, then semantic IoU by class with the paper's beside (its Table 1)."""
    from seggroup.classes import BENCHMARK20, class_name
    from seggroup.evaluate.table import LEVEL_NAMES, PAPER_TABLE1

    keys = ["semantic_miou", "instance_miou", "semantic_accuracy", "instance_accuracy"]
    keys += ["instance_iou_all", "coverage", "purity", "accuracy_labelled", "ece"]
    shown = {LEVEL_NAMES[level]: values for level, values in figures.get("levels", {}).items()}
    if all(values["labelled"] != figures["labelled"] for values in shown.values()):
        shown["Labels"] = figures  # of a level that was not kept, or of other labels
    table(
        [{"figure": key, **{name: values[key] for name, values in shown.items()}} for key in keys],
        ["figure", *shown],
    )
    papers = dict(zip(map(class_name, BENCHMARK20), PAPER_TABLE1["final"], strict=False))
    beside = papers.keys() == figures["semantic_iou"].keys()  # another list is not compared
    classes = [
        {
            "semantic IoU": name,
            **{level: values["semantic_iou"][name] for level, values in shown.items()},
            **({"Paper, final": papers[name] / 100} if beside else {}),
        }
        for name in figures["semantic_iou"]
        if figures["semantic_iou"][name] == figures["semantic_iou"][name]  # it occurs
    ]
    if classes:
        table(classes, ["semantic IoU", *shown, *(["Paper, final"] if beside else [])])


@evaluate_app.command("pseudo")
def evaluate_pseudo(
    scenes: Scenes,
    labels: Annotated[
        Path, typer.Option(help="Folder of labels, or the folder of a training run.")
    ],
    report: Annotated[
        Path | None, typer.Option(help="Also write the table: .html, .md or .json.")
    ] = None,
    classes: ClassesOption = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Score pseudo labels against ground truth (paper, section 4.1), by level where it is known."""
    from seggroup import pipeline
    from seggroup.cli.running import write_figures
    from seggroup.io.scenes import find_scenes

    sources = find_scenes(scenes, reading_of(unit, up, classes))
    figures = pipeline.evaluate_folder(sources, labels, pipeline.Loading())
    if report:
        write_figures(report, figures)
    output(json, figures, lambda: print_figures(figures))


@evaluate_app.command("semantic")
def evaluate_semantic(
    scenes: SomeScenes = None,
    labels: LabelsPlace = None,
    truth: Annotated[
        Path | None, typer.Option(help="Folder of truth: a text file a scene, a class id a line.")
    ] = None,
    prediction: Predictions = None,
    classes: ClassesOption = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    report: ReportFile = None,
    details: Details = False,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """ScanNet's semantic benchmark: IoU by class, of labels or of its text files.

    Either SCENES with truth and --labels, or --truth and --prediction: text files of the same
    names, a class id a line for each vertex.
    """
    from seggroup.classes import BENCHMARK20

    listed = _classes(classes)
    ids = BENCHMARK20 if listed is None else tuple(listed.classes)
    names = _names(listed)
    details = details or report is not None
    place = _place(scenes, labels, truth, prediction, reading_of(unit, up, classes))
    if isinstance(place[0], Path):
        from seggroup.evaluate.semantic import evaluate_semantic_files

        result = evaluate_semantic_files(*place, ids, names, details)
    else:
        from seggroup.pipeline.scoring import score_semantic

        result = score_semantic(*place, ids, names, details)
    if report:
        from seggroup.report.benchmark import semantic_page, write_benchmark

        write_benchmark(report, semantic_page(result), result)

    def show() -> None:
        table([{"class": c, "IoU": v} for c, v in result["iou"].items()], ["class", "IoU"])
        print(f"mIoU {result['miou']:.4f}")

    output(json, result, show)


@evaluate_app.command("instance")
def evaluate_instance(
    scenes: SomeScenes = None,
    labels: LabelsPlace = None,
    truth: Annotated[
        Path | None, typer.Option(help="Folder of truth: class x 1000 + instance a line.")
    ] = None,
    prediction: Predictions = None,
    classes: ClassesOption = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    report: ReportFile = None,
    details: Details = False,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """ScanNet's instance benchmark: AP, AP50 and AP25, of labels or of its text files.

    Either SCENES with truth and --labels (with proposals where `predict` wrote any), or --truth
    and --prediction: truth as text, and submissions of <scene>.txt with their masks.
    """
    from seggroup.classes import BENCHMARK18, BENCHMARK20

    listed = _classes(classes)
    ids = BENCHMARK20 if listed is None else tuple(listed.classes)
    things = BENCHMARK18 if listed is None else listed.things
    if not things:
        raise InputError(
            f"{classes}: all classes are `thing: false`; instances need one that is not"
        )
    names = _names(listed)
    details = details or report is not None
    place = _place(scenes, labels, truth, prediction, reading_of(unit, up, classes))
    if isinstance(place[0], Path):
        from seggroup.evaluate.instancefiles import evaluate_instance_files

        result = evaluate_instance_files(*place, things, names, details)
    else:
        from seggroup.pipeline.scoring import score_instance

        result = score_instance(*place, ids, things, names, details)
    if report:
        from seggroup.report.benchmark import instance_page, write_benchmark

        write_benchmark(report, instance_page(result), result)

    def show() -> None:
        rows = [{"class": name, **values} for name, values in result["classes"].items()]
        table(rows, ["class", "ap", "ap50", "ap25"])
        print(f"AP {result['ap']:.4f}  AP50 {result['ap50']:.4f}  AP25 {result['ap25']:.4f}")

    output(json, result, show)


@evaluate_app.command("check")
def check(
    task: Annotated[Literal["semantic", "instance"], typer.Argument(help="What is submitted.")],
    folder: Annotated[Path, typer.Argument(help="The folder that becomes the archive.")],
    scenes: Annotated[
        list[Path] | None,
        typer.Option(help="The scans that must be there, for names and sizes. Repeatable."),
    ] = None,
    classes: ClassesOption = None,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Check a submission: what the benchmark server would refuse, and what costs accuracy.

    Exit status 0 when nothing would be refused, else 2. Without --scenes ScanNet's test set is
    meant, and lengths are compared only within a scene.
    """
    from seggroup.evaluate.checking import check_submission

    listed, ids = _classes(classes), None
    if listed is not None:
        ids = listed.things if task == "instance" else tuple(listed.classes)
    problems = check_submission(folder, task, _sizes(scenes), ids)
    refused = sum(problem.refused for problem in problems)

    def show() -> None:
        for problem in problems[:_SHOWN]:
            mark = "refused" if problem.refused else "note"
            print(f"{mark}: {problem.file}: {problem.message}")
        if len(problems) > _SHOWN:
            print(f"… and {len(problems) - _SHOWN} more; --json lists all")
        if not refused:
            print(f"{folder}: nothing would be refused")

    rows = [problem.row() for problem in problems]
    output(json, {"folder": str(folder), "refused": refused, "problems": rows}, show)
    if refused:
        errors.print(
            f"{folder}: {refused} faults would be refused; mend them before submitting",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(2)


def _place(
    scenes: list[Path] | None,
    labels: Path | None,
    truth: Path | None,
    prediction: Path | None,
    reading: "Reading",
) -> tuple[Any, Path]:
    """What is scored: (scenes' sources, labels), or the folders (truth, prediction)."""
    if scenes and labels and not (truth or prediction):
        from seggroup.io.scenes import find_scenes

        return find_scenes(scenes, reading), labels
    if truth and prediction and not (scenes or labels):
        return truth, prediction
    raise InputError("name SCENES and --labels, or --truth and --prediction, and not both")


def _classes(place: str | None) -> "ClassList | None":
    from seggroup.io.classlist import class_list

    return None if place is None else class_list(place)


def _names(listed: "ClassList | None") -> Callable[[int], str]:
    from seggroup.classes import class_name

    return class_name if listed is None else listed.name


def _sizes(scenes: list[Path] | None) -> dict[str, int] | None:
    """The number of vertices of each scene; None where none are named."""
    if not scenes:
        return None
    from seggroup.io.scenes import find_scenes, read_source

    sources = find_scenes(scenes)
    return {source.name: len(read_source(source, False)[0].vertices) for source in sources}
