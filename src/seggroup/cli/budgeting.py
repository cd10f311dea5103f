"""`seggroup budget`: labels of one form for the scenes that a labelling budget buys."""

from pathlib import Path
from typing import Annotated, Literal

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
    reading_of,
    table,
    warn,
)
from seggroup.errors import InputError

FormOption = Annotated[
    Literal["dense", "seg", "points", "active", "subcloud", "scene"],
    typer.Option(
        help="dense: every point; seg: a click's segment; points, active: single points, drawn "
        "or chosen; subcloud, scene: only the classes of spheres, or of the whole scene."
    ),
]
StyleOption = Annotated[
    Literal["top1", "top2", "top3", "all3", "random", "central", "noisy"] | None,
    typer.Option(help="The simulated annotator of seg-level labels. Default: top1."),
]


def budget(
    scenes: Scenes,
    form: FormOption,
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for the labels.")],
    minutes: Annotated[
        float | None,
        typer.Option(help="The budget. Default: what seg-level labels of all SCENES take."),
    ] = None,
    number: Annotated[
        int | None, typer.Option(help="Points a scene, of points and active. Default: 20.", min=1)
    ] = None,
    style: StyleOption = None,
    classes: ClassesOption = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    jobs: Jobs = 1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Make one form of labels, from truth, for as many scenes as a labelling time buys.

    The folder then holds the labels of these scenes and no others; `seggroup fit` trains on them.
    """
    from seggroup.io.scenes import find_scenes
    from seggroup.pipeline import forms

    if style is not None and form != "seg":
        raise InputError("--style is of --form seg; leave it out")
    if number is not None and form not in ("points", "active"):
        raise InputError("--number is of --form points and active; leave it out")
    labelling = forms.Labelling(form, style or "top1", number or 20, seed)
    sources = find_scenes(scenes, reading_of(unit, up, classes))
    surveyed = over_scenes("survey", forms.survey, [(source,) for source in sources], jobs)
    bought, minutes = forms.buy(surveyed, labelling, minutes)
    costs = {surveyed[i]["scene"]: forms.minutes_of(surveyed[i], labelling) for i in bought}
    forms.claim_folder(out, labelling, costs, minutes)
    items = [(sources[i], out, labelling) for i in bought]
    rows = over_scenes("label", forms.label_scene, items, jobs)
    for row in rows:
        warn(row["notes"], row["scene"])
        row["minutes"] = costs[row["scene"]]
    result = {
        "form": form,
        "budget_minutes": minutes,
        "minutes": sum(costs.values()),
        "available": len(sources),
        "share_labelled": sum(r["labelled"] for r in rows) / sum(r["vertices"] for r in rows),
        "scenes": rows,
        "output": str(out),
    }

    def show() -> None:
        for row in rows:
            row["percent_labelled"] = 100 * row["share_labelled"]
        table(rows, ["scene", "vertices", "minutes", "labelled", "percent_labelled", "sets"])
        print(
            f"{len(rows)} of {len(sources)} scenes for {result['minutes']:.1f} of {minutes:.1f} "
            f"minutes, {100 * result['share_labelled']:.2f} % of their points labelled: {out}"
        )

    output(json, result, show)
