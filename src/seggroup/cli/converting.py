"""`seggroup convert`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from seggroup.cli.common import (
    ClassesOption,
    Device,
    Jobs,
    Json,
    NoTruth,
    Scenes,
    Seed,
    UnitOption,
    UpOption,
    output,
    over_scenes,
    table,
    warn,
)
from seggroup.errors import InputError


def convert(
    scenes: Scenes,
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="A file .ply, .glb, .laz or .las, or with --to a folder."
        ),
    ],
    to: Annotated[
        str | None,
        typer.Option("--to", help="The layout or format; `seggroup export --list` says which."),
    ] = None,
    classes: ClassesOption = None,
    split: Annotated[list[str] | None, typer.Option(help="As `seggroup export` takes it.")] = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    no_truth: NoTruth = False,
    jobs: Jobs = 1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Turn scans and the labels they carry into another layout or format, and say what was lost.

    One scan becomes a file by the ending of -o (room.e57 into room.laz); with --to, scenes of any
    layout become one of the targets of `seggroup export`.
    """
    from seggroup.cli.exporting import classes_and_reading, run_export, show_export
    from seggroup.export.targets import target
    from seggroup.io.scenes import find_scenes
    from seggroup.pipeline.converting import ONE_FILE, Converting, files_of
    from seggroup.pipeline.exporting import Exporting
    from seggroup.pipeline.splits import read_splits

    to = None if to is None else to.lower()
    plain = to is None or to in ONE_FILE
    default = "nyu40" if to is None else target(to).classes
    listed, reading = classes_and_reading(classes or default, unit, up)
    sources = find_scenes(scenes, reading)
    if plain:
        converting = Converting(listed, not no_truth)
        paths = files_of(sources, out, to)
        items = [(source, path, converting) for source, path in zip(sources, paths, strict=True)]
        result = _convert(items, out, jobs)
        output(json, result, lambda: _show(result))
        return
    assert to is not None
    if no_truth:
        raise InputError(f"--no-truth: {to} is made of labels; leave it out")
    splits, rest = read_splits(split or [])
    exported = run_export(
        sources, Exporting(to, out, listed, None, None, splits, rest), jobs, "convert"
    )
    output(json, exported, lambda: show_export(exported))


def _convert(items: Sequence[tuple], out: Path, jobs: int) -> dict[str, Any]:
    """Write the files and say what was lost; `items` are what `convert_file` takes."""
    from time import perf_counter

    from seggroup.pipeline.converting import convert_file

    start = perf_counter()
    rows = over_scenes("convert", convert_file, items, jobs)
    for row in rows:
        warn(row["notes"], row["scene"])
    lost = list(dict.fromkeys(what for row in rows for what in row["cannot_hold"]))
    return {
        "scenes": rows,
        "output": str(out),
        "cannot_hold": lost,
        "seconds": perf_counter() - start,
    }


def _show(result: dict[str, Any]) -> None:
    table(result["scenes"], ["scene", "points", "faces", "labelled", "bytes", "output"])
    if result["cannot_hold"]:
        print(f"lost, since this format cannot hold it: {', '.join(result['cannot_hold'])}")
