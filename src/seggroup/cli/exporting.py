"""`seggroup export`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seggroup.cli.common import (
    ClassesOption,
    Device,
    Jobs,
    Json,
    Seed,
    UnitOption,
    UpOption,
    output,
    over_scenes,
    table,
    warn,
)
from seggroup.errors import InputError

if TYPE_CHECKING:
    from seggroup.io.classlist import ClassList
    from seggroup.io.reading import Reading
    from seggroup.io.scenes import Source
    from seggroup.pipeline.exporting import Exporting

SomeScenes = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Scan files, ScanNet scan folders, or folders of either.", metavar="SCENES"
    ),
]


def export(
    scenes: SomeScenes = None,
    to: Annotated[
        str | None, typer.Option("--to", help="The trainer or format; --list says which there are.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the files.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Folder of labels, or of a training run; default: the scenes' truth."),
    ] = None,
    classes: ClassesOption = None,
    confidence: Annotated[
        float | None,
        typer.Option(help="Labels less sure become the target's ignore value.", min=0, max=1),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            help='train (default), val or test; or a file of lines "scene split", a list of '
            "scenes with train, val or test in its name, or a folder of such lists. Repeatable."
        ),
    ] = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    listing: Annotated[
        bool, typer.Option("--list", help="The targets; with --to what that one cannot hold.")
    ] = False,
    jobs: Jobs = 1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Write labels in the form that a trainer or viewer reads.

    Unless --classes names others, trainers get ScanNet's 20 classes and formats all of NYU40.

    A second run replaces the scenes of the same splits in the folder; those of other splits stay.
    """
    if listing:
        return _list(to, json)
    if not scenes or to is None or out is None:
        raise InputError("export: needs SCENES, --to and -o (`seggroup export --list`: targets)")
    from seggroup.export.targets import target
    from seggroup.io.scenes import find_scenes
    from seggroup.pipeline.exporting import Exporting
    from seggroup.pipeline.splits import read_splits

    listed, reading = classes_and_reading(classes or target(to).classes, unit, up)
    splits, rest = read_splits(split or [])
    exporting = Exporting(to, out, listed, labels, confidence, splits, rest)
    result = run_export(find_scenes(scenes, reading), exporting, jobs)
    output(json, result, lambda: show_export(result))
    return None


def classes_and_reading(
    classes: str, unit: str = "auto", up: str = "auto"
) -> "tuple[ClassList, Reading]":
    """The list of the classes that are exported, and how scans are read for it.

    Where the list's ids are NYU40's the truth is read as NYU40, and its other classes become no
    label; otherwise the truth must be in the list's own ids or names.
    """
    from seggroup.cli.common import reading_of
    from seggroup.io.classlist import class_list, is_nyu40

    listed = class_list(classes)
    own = not is_nyu40({i: named.name for i, named in listed.classes.items()})
    return listed, reading_of(unit, up, classes if own else None)


def run_export(
    sources: "Sequence[Source]", exporting: "Exporting", jobs: int, name: str = "export"
) -> dict[str, Any]:
    """Export all scenes, `jobs` side by side, and the lists of the whole set."""
    from time import perf_counter

    from seggroup.pipeline.exporting import check_export, export_scene, finish_export

    start = perf_counter()
    check_export(sources, exporting)
    rows = over_scenes(name, export_scene, [(source, exporting) for source in sources], jobs)
    result = finish_export(exporting, rows)
    for row in rows:
        warn(row["notes"], row["scene"])
    warn(result["notes"], result["title"])
    return result | {"seconds": perf_counter() - start}


def show_export(result: dict[str, Any]) -> None:
    """The result of an export, for people."""
    columns = ["scene", "split", "points", "labelled", "instances"]
    if any(row["files"] for row in result["scenes"]):  # else the scenes are in the set's own files
        columns.append("files")
    table(result["scenes"], columns)
    megabytes = result["bytes"] / 1e6
    print(
        f"{result['files']} file{'' if result['files'] == 1 else 's'}, {megabytes:.1f} MB in "
        f"{result['output']}  ({result['seconds']:.1f} s)"
    )
    if result["removed"]:
        print(f"removed of an earlier run: {', '.join(result['removed'])}")
    if result["cannot_hold"]:
        print(f"{result['title']} cannot hold: {', '.join(result['cannot_hold'])}")


def _list(to: str | None, json: bool) -> None:
    """The targets, or one with what it cannot hold."""
    from seggroup.export.targets import TARGETS, target

    rows = [
        {
            "target": name,
            "title": known.title,
            "no_label": known.ignore or "–",
            "cannot_hold": list(known.lost),
        }
        for name, known in TARGETS.items()
        if to is None or known is target(to)
    ]

    def show() -> None:
        table(rows, ["target", "title", "no_label"])
        if to is not None:
            print("cannot hold:", *rows[0]["cannot_hold"], sep="\n  ")
        else:
            print("What one cannot hold: seggroup export --list --to TARGET")

    output(json, {"targets": rows}, show)
