"""`seggroup tables`: the paper's tables, on ScanNet or on synthetic rooms."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from seggroup.cli.common import Device, Jobs, Json, Seed, output


def tables(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[1..6|all] [SCENES]",
            help="Tables by number, or all; then scenes with truth: a ScanNet root with its "
            "lists scannetv2_train.txt and scannetv2_val.txt, or any scenes, of which every "
            "fourth room validates. Without scenes synthetic rooms are made.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the tables and all steps.")
    ] = Path("runs/tables"),
    protocol: Annotated[
        Literal["auto", "scannet", "rooms"],
        typer.Option(help="Networks and training. auto: scannet where its lists are found."),
    ] = "auto",
    rooms: Annotated[int, typer.Option(help="Synthetic rooms to train on.", min=1, max=5000)] = 24,
    validation: Annotated[int, typer.Option(help="Synthetic rooms to validate on.", min=1)] = 8,
    epochs: Annotated[
        int | None, typer.Option(help="Of every downstream training, other than set.", min=1)
    ] = None,
    seeds: Annotated[int, typer.Option(help="Repetitions, with seeds from --seed on.", min=1)] = 1,
    clicks: Annotated[
        Path | None, typer.Option(help="Folder of real clicks, in place of simulated ones.")
    ] = None,
    jobs: Jobs = 1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """The paper's tables 1 to 6, ours beside theirs: tables.md, tables.html and tables.json.

    They are written anew after each row. Interrupted, the same command goes on; a changed option
    does anew only what depends on it.
    """
    from seggroup.cli.tablework import find_protocol, make_rooms, make_tables, real_work
    from seggroup.pipeline.protocol import find_split
    from seggroup.pipeline.tableplan import rows_of
    from seggroup.report.tablereport import findings, tables_json

    numbers, scenes = parse(what or [])
    rows = rows_of(numbers)
    split = find_split(scenes) if scenes else make_rooms(out, rooms, validation, jobs, seed)
    chosen = find_protocol(protocol, split, epochs)
    work = real_work(jobs, device)
    report = make_tables(rows, out, split, chosen, work, range(seed, seed + seeds), clicks)

    def show() -> None:
        for figure, text in findings(report):
            print(f"{figure} {text}")
        print(f"tables are in {out / 'tables.html'}, tables.md and tables.json")

    output(json, tables_json(report), show)


def parse(words: Sequence[str]) -> tuple[tuple[int, ...], list[Path]]:
    """Leading words that name tables, and the rest, which are paths; no table named: all.

    Raises InputError for the number of a table that the paper does not have.
    """
    words, numbers = list(words), set[int]()
    while words and (words[0] == "all" or words[0].isdecimal()):
        word = words.pop(0)
        numbers |= set(range(1, 7)) if word == "all" else {int(word)}
    return tuple(sorted(numbers or range(1, 7))), [Path(word) for word in words]
