"""`seggroup pretrain`: the assigner's weights, made again."""

from pathlib import Path
from typing import Annotated

import typer

from seggroup.cli.common import Json, Seed, errors, output, progress


def pretrain(
    out: Annotated[Path, typer.Option("-o", "--output", help="The weights (.safetensors).")],
    rooms: Annotated[int, typer.Option(help="Synthetic rooms; 50 are held back.", min=51)] = 1500,
    variants: Annotated[int, typer.Option(help="Examples of each room.", min=1)] = 2,
    steps: Annotated[int | None, typer.Option(help="Of the training; default 4000.", min=1)] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Of the training, instead of --steps.", min=0)
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder of rooms and examples, 5 MB a room; default: beside OUT."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(help="Rooms side by side, and threads of the training.", min=1)
    ] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a broken-off run.")] = False,
    seed: Seed = 5,
    json: Json = False,
) -> None:
    """Make weights of the `assign` method from nothing: synthetic rooms, training, temperature.

    It makes weights of the kind in the box; hours on a few cores. Rooms and examples are kept in
    the cache. With the same settings, --steps and --jobs, the weights are the same.
    """
    import torch

    from seggroup.errors import InputError
    from seggroup.pipeline.pretrain import PretrainConfig
    from seggroup.pipeline.pretrain import pretrain as make_weights

    if steps is not None and minutes is not None:
        raise InputError("--steps and --minutes: give one of them")
    if minutes == 0:
        raise InputError("--minutes 0: must be more than 0")
    usual = PretrainConfig()
    config = PretrainConfig(
        rooms=rooms,
        variants=variants,
        steps=steps or usual.steps,
        minutes=minutes or usual.minutes,
        seed=seed,
    )
    torch.set_num_threads(jobs)
    with progress() as bar:
        task = bar.add_task("rooms", total=rooms)

        def after_row(row: dict[str, float]) -> None:
            words = "  ".join(
                f"{name} {value:.3f}" for name, value in row.items() if name != "step"
            )
            errors.print(f"step {row['step']:.0f}  {words}", highlight=False, soft_wrap=True)

        result = make_weights(
            out,
            config,
            cache or out.with_suffix(".cache"),
            jobs,
            resume,
            lambda made: bar.advance(task),
            after_row,
        )

    def show() -> None:
        check = ", ".join(f"{name} {value}" for name, value in result["check"].items())
        print(f"{result['output']}  ({result['steps']} steps, {result['seconds']:.0f} s)")
        print(f"temperature {result['temperature']:.3f}; on rooms held back: {check}")

    output(json, result, show)
