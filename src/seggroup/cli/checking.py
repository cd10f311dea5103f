"""`seggroup check`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from seggroup.cli.common import (
    ClassesOption,
    Device,
    Jobs,
    Json,
    Scenes,
    Seed,
    UnitOption,
    UpOption,
    output,
    over_scenes,
    table,
)
from seggroup.errors import InputError


def check(
    scenes: Scenes,
    labels: Annotated[
        Path | None,
        typer.Option(help="Folder of labels, or of a run; default: the scenes' truth."),
    ] = None,
    clicks: Annotated[
        Path | None, typer.Option(help="Folder of click files to check with the scans.")
    ] = None,
    classes: ClassesOption = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A page .html, or a folder for check.html."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 2 where there are errors.")
    ] = False,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    jobs: Jobs = 1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Say what scans and their labels hold, and what is wrong or suspicious in them.

    Scans that cannot be read are listed and the others go on; scan files in the folders that were
    passed over are listed too. With -o a page has a picture of each scene.
    """
    from functools import partial
    from time import perf_counter

    from seggroup.cli.common import reading_of
    from seggroup.io.classlist import nyu40
    from seggroup.io.passed import passed_over
    from seggroup.io.scenes import all_scenes
    from seggroup.pipeline.checking import Checking, check_scene, summary
    from seggroup.report.checkpage import thumbnails, write_check

    start = perf_counter()
    page = None if out is None else _page(out)
    for place in (labels, clicks):
        if place is not None and not place.exists():
            raise InputError(f"{place}: does not exist; check the path")
    reading = reading_of(unit, up, classes)
    listed = reading.classes or nyu40()
    sources = all_scenes(scenes, reading)
    pictures = None if page is None else partial(thumbnails, scenes=len(sources))
    checking = Checking(listed, labels, clicks, classes is not None, pictures)
    rows = over_scenes("check", check_scene, [(source, checking) for source in sources], jobs)
    result = summary(rows, checking, passed_over(scenes, sources))
    if page is not None:
        write_check(page, result | {"rows": rows}, listed)
    for row in rows:
        row.pop("pictures", None)
    result |= {
        "rows": rows,
        "page": None if page is None else str(page),
        "seconds": perf_counter() - start,
    }
    output(json, result, lambda: _show(result))
    if strict and result["errors"]:
        raise typer.Exit(2)


def _page(out: Path) -> Path:
    if out.suffix.lower() == ".html" and not out.is_dir():
        return out
    if out.suffix and not out.is_dir():
        raise InputError(f"{out}: a page ends in .html; name one, or a folder")
    return out / "check.html"


def _show(result: dict[str, Any]) -> None:
    read = [row for row in result["rows"] if row["readable"]]
    if read:
        table(read, ["scene", "vertices", "faces", "instances", "labelled", "unit", "up"])
    if result["classes"]:
        table(result["classes"], ["name", "id", "vertices", "instances", "scenes"])
    for finding in result["findings"]:
        name = f"{finding['scene']}: " if finding["scene"] else ""
        remedy = f" – {finding['remedy']}" if finding["remedy"] else ""
        print(f"{finding['severity']}: {name}{finding['what']}{remedy}")
    print(
        f"{result['scenes']} scenes, {result['unreadable']} unreadable, {result['errors']} errors, "
        f"{result['warnings']} warnings, {result['notes']} notes  ({result['seconds']:.1f} s)"
    )
    if result["page"]:
        print(result["page"])
