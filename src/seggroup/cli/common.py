"""What the subcommands share: options, progress, output, and many scenes side by side."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from seggroup.errors import InputError

if TYPE_CHECKING:
    from seggroup.io.reading import Reading

T = TypeVar("T")

Scenes = Annotated[
    list[Path],
    typer.Argument(
        help="Scan files, ScanNet scan folders, or folders of either.", metavar="SCENES"
    ),
]
OneScene = Annotated[
    Path, typer.Argument(help="A scan file or a ScanNet scan folder.", metavar="SCENE")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Seed = Annotated[int, typer.Option(help="Seed of everything drawn at random.", min=0)]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where networks compute.")]
Jobs = Annotated[int, typer.Option(help="Scenes side by side, one thread each.", min=1)]
NoTruth = Annotated[bool, typer.Option("--no-truth", help="Ignore any ground truth on disk.")]
ClicksPlace = Annotated[Path, typer.Option(help="Folder of click files, or one file.")]
OnContradiction = Annotated[
    Literal["refuse", "drop"],
    typer.Option(help="Two instances clicked in one segment: refuse, or drop the later click."),
]
K = Annotated[float, typer.Option("--k", help="Scale of the segments (ScanNet's kThresh).")]
MinSize = Annotated[int, typer.Option(help="Fewest vertices of a segment.", min=1)]

Voxel = Annotated[
    float | None,
    typer.Option(
        "--voxel",
        help="Metres: one vertex of each voxel is kept, and labels go back to all; 0: all are "
        "kept. Default: scans of more than 2 million vertices are thinned to fewer.",
        min=0,
    ),
]

UnitOption = Annotated[
    Literal["auto", "m", "cm", "mm", "ft", "in"],
    typer.Option("--unit", help="Of the files' coordinates; auto: as the file and its size say."),
]
UpOption = Annotated[
    Literal["auto", "x", "y", "z", "-x", "-y", "-z"],
    typer.Option("--up", help="The files' axis that points up; auto: as the floor says."),
]
ClassesOption = Annotated[
    str | None,
    typer.Option(
        "--classes",
        help="Your own class list (YAML or JSON), or nyu40, scannet20, scannet200 or s3dis.",
    ),
]

errors = Console(stderr=True)


def reading_of(unit: str = "auto", up: str = "auto", classes: str | None = None) -> "Reading":
    """What the options state of the files. Raises InputError for a class list that is none."""
    from seggroup.io.classlist import class_list
    from seggroup.io.reading import Reading

    listed = None if classes is None else class_list(classes)
    return Reading(unit, up, listed)  # type: ignore[arg-type]  # the options' own choices


def output(as_json: bool, result: dict[str, Any], show: Callable[[], None]) -> None:
    """The result as one JSON object, or for people by `show`."""
    if as_json:
        from seggroup.evaluate.pseudo import jsonable

        print(json.dumps(jsonable(result)))
    else:
        show()


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Rows as a table on standard output."""
    grid = Table(header_style="bold")
    for column in columns:  # heads break at their words, cells are never cut
        grid.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        grid.add_row(*(_cell(row.get(column)) for column in columns))
    Console().print(grid)


def _cell(value: Any) -> str:
    if value is None or value != value:  # NaN
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def warn(notes: Iterable[str], name: str) -> None:
    """Notes of a scene, on standard error."""
    for note in notes:
        errors.print(
            f"{name}: {note}", style="yellow", markup=False, highlight=False, soft_wrap=True
        )


def progress() -> Progress:
    """A progress bar on standard error."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
        transient=not sys.stderr.isatty(),
        disable=not sys.stderr.isatty(),
    )


def over_scenes(
    what: str, function: Callable[..., T], items: Sequence[tuple], jobs: int
) -> list[T]:
    """`function(*item)` for every item in order, in `jobs` processes of one thread each.

    The first error stops the work; what is finished stays on disk.
    """
    jobs = min(jobs, len(items))
    with progress() as bar:
        task = bar.add_task(what, total=len(items))
        if jobs <= 1:
            results = []
            for item in items:
                results.append(function(*item))
                bar.advance(task)
            return results
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
        before = {name: os.environ.get(name) for name in one_thread}
        os.environ.update(one_thread)  # children read it before they import anything
        try:
            with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
                futures = [pool.submit(function, *item) for item in items]
                try:
                    for future in as_completed(futures):
                        future.result()
                        bar.advance(task)
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
                return [future.result() for future in futures]
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def parse_thresholds(text: str | None) -> tuple[float, ...] | None:
    """Numbers between commas. Raises InputError where they are none."""
    if text is None:
        return None
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError as error:
        raise InputError(f"--thresholds {text}: are not numbers; write 6,2,2") from error
