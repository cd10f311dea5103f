"""`seggroup evaluate`: pseudo labels, and ScanNet's benchmarks."""

from pathlib import Path
from typing import Annotated

import typer

from seggroup.cli.common import Device, Json, Scenes, Seed, output, table

evaluate_app = typer.Typer(help="Score labels: pseudo, semantic, instance.", no_args_is_help=True)


def print_figures(figures: dict) -> None:
    """Figures by level, then semantic IoU by class with the paper's beside (its Table 1)."""
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
    classes = [
        {
            "semantic IoU": name,
            **{level: values["semantic_iou"][name] for level, values in shown.items()},
            "Paper, final": paper / 100,
        }
        for name, paper in zip(figures["semantic_iou"], PAPER_TABLE1["final"], strict=False)
        if figures["semantic_iou"][name] == figures["semantic_iou"][name]  # it occurs
    ]
    if classes:
        table(classes, ["semantic IoU", *shown, "Paper, final"])


@evaluate_app.command("pseudo")
def evaluate_pseudo(
    scenes: Scenes,
    labels: Annotated[
        Path, typer.Option(help="Folder of labels, or the folder of a training run.")
    ],
    report: Annotated[
        Path | None, typer.Option(help="Also write the table: .html, .md or .json.")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Score pseudo labels against ground truth (paper, section 4.1), by level where it is known."""
    from seggroup import pipeline
    from seggroup.cli.running import write_figures
    from seggroup.io.scenes import find_scenes

    figures = pipeline.evaluate_folder(find_scenes(scenes), labels, pipeline.Loading())
    if report:
        write_figures(report, figures)
    output(json, figures, lambda: print_figures(figures))


@evaluate_app.command("semantic")
def evaluate_semantic(
    truth: Annotated[Path, typer.Option(help="Folder of truth: a text file a scene.")],
    prediction: Annotated[Path, typer.Option(help="Folder of predictions of the same names.")],
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """ScanNet's semantic benchmark on its text files: one NYU40 id a line for each vertex."""
    from seggroup.evaluate.semantic import evaluate_semantic_files

    result = evaluate_semantic_files(truth, prediction)

    def show() -> None:
        table([{"class": c, "IoU": v} for c, v in result["iou"].items()], ["class", "IoU"])
        print(f"mIoU {result['miou']:.4f}")

    output(json, result, show)


@evaluate_app.command("instance")
def evaluate_instance(
    truth: Annotated[Path, typer.Option(help="Folder of truth: class x 1000 + instance a line.")],
    prediction: Annotated[Path, typer.Option(help="Folder of submissions: <scene>.txt and masks.")],
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """ScanNet's instance benchmark on its text files: AP, AP50 and AP25."""
    from seggroup.evaluate.instance import evaluate_instance_files

    result = evaluate_instance_files(truth, prediction)

    def show() -> None:
        rows = [{"class": name, **values} for name, values in result["classes"].items()]
        table(rows, ["class", "ap", "ap50", "ap25"])
        print(f"AP {result['ap']:.4f}  AP50 {result['ap50']:.4f}  AP25 {result['ap25']:.4f}")

    output(json, result, show)
