"""The subcommands. Heavy imports stand inside them, so that each starts fast."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from seggroup.cli.budgeting import budget
from seggroup.cli.checking import check
from seggroup.cli.classing import classes
from seggroup.cli.common import (
    ClassesOption,
    ClicksPlace,
    Device,
    Jobs,
    Json,
    K,
    MinSize,
    NoTruth,
    OnContradiction,
    OneScene,
    Scenes,
    Seed,
    UnitOption,
    UpOption,
    Voxel,
    output,
    over_scenes,
    parse_thresholds,
    reading_of,
    table,
    warn,
)
from seggroup.cli.converting import convert
from seggroup.cli.evaluating import evaluate_app, print_figures
from seggroup.cli.exporting import export
from seggroup.cli.fitting import fit, predict
from seggroup.cli.people import DATABASE, Place, users_app
from seggroup.cli.pretraining import pretrain
from seggroup.cli.tabling import tables
from seggroup.config import DEFAULT_METHOD, CloudMerging, Method
from seggroup.errors import InputError

app = typer.Typer(
    name="seggroup",
    help="Label a whole 3D scan with one click per object, and train on it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(users_app, name="users")
app.command("budget")(budget)
app.command("check")(check)
app.command("classes")(classes)
app.command("convert")(convert)
app.command("export")(export)
app.command("fit")(fit)
app.command("predict")(predict)
app.command("pretrain")(pretrain)
app.command("tables")(tables)

Style = Literal["top1", "top2", "top3", "all3", "random", "central", "noisy"]
Level = Literal["final", "1", "2", "3", "4"]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        from seggroup import __version__

        print(__version__)
        raise typer.Exit


@app.command()
def segment(
    scenes: Scenes,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The .segs.json; a folder where scenes are several."),
    ] = None,
    k: K = 0.01,
    min_size: MinSize = 20,
    clouds: Annotated[
        CloudMerging,
        typer.Option(
            help="How clouds merge: whole regions by planes and colours, or single edges as in "
            "meshes (fewer, less pure segments, which the paper's network prefers)."
        ),
    ] = "regions",
    recompute: Annotated[bool, typer.Option(help="Also where a segs.json is there.")] = False,
    voxel: Voxel = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    jobs: Jobs = 1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Over-segment scans and write ScanNet's segs.json (beside the scan unless -o says where).

    A scan that has a segs.json keeps it; --recompute makes a new one. Nothing is random here.
    """
    from time import perf_counter

    from seggroup import pipeline
    from seggroup.config import OversegmentConfig
    from seggroup.io.scenes import find_scenes

    start = perf_counter()
    if not k >= 0:
        raise InputError(f"--k {k}: must be 0 or more")
    sources = find_scenes(scenes, reading_of(unit, up))
    config = OversegmentConfig(k=k, min_size=min_size, cloud_merging=clouds)
    loading = pipeline.Loading(False, recompute, config, voxel)
    many = len(sources) > 1 or (out is not None and out.is_dir())
    outputs = [
        out / f"{source.scan.stem}.{k:.6f}.segs.json" if many and out else out for source in sources
    ]
    items = [(source, path, loading) for source, path in zip(sources, outputs, strict=True)]
    rows = over_scenes("segment", pipeline.segment, items, jobs)
    seconds = perf_counter() - start
    for row in rows:
        warn(row["notes"], row["scene"])
    result = {**rows[0], "seconds": seconds} if len(rows) == 1 else {}
    result |= {"scenes": rows, "seconds": seconds}

    def show() -> None:
        table(rows, ["scene", "vertices", "faces", "segments", "edges", "reused", "output"])
        print(f"{seconds:.2f} s")

    output(json, result, show)


@app.command()
def click(
    scenes: Scenes,
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for the click files.")],
    style: Annotated[Style, typer.Option(help="The simulated annotator.")] = "top1",
    per: Annotated[
        Literal["part", "instance"],
        typer.Option(
            help="A click on each connected part of an instance, or one on each instance."
        ),
    ] = "part",
    files: Annotated[
        list[Path] | None,
        typer.Option("--import", help="Import click files (the authors' or ours) by vertex."),
    ] = None,
    format: Annotated[
        Literal["ours", "authors"],
        typer.Option(help="What is written: ours, or the authors' JSON."),
    ] = "ours",
    database: Annotated[
        str | None,
        typer.Option(help="Take the clicks made in the annotator, from its database."),
    ] = None,
    annotator: Annotated[
        str | None,
        typer.Option(help="Whose; else the accepted or submitted track, or the only one."),
    ] = None,
    classes: ClassesOption = None,
    on_contradiction: OnContradiction = "refuse",
    voxel: Voxel = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    jobs: Jobs = 1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Simulate an annotator on scenes with ground truth, or take clicks that people made."""
    from seggroup import pipeline
    from seggroup.io.scenes import find_scenes

    reading = reading_of(unit, up, classes)
    if database is not None:
        from seggroup.cli.tracks import export_tracks

        rows = export_tracks(scenes, out, database, annotator, format == "authors", reading)
    else:
        sources = find_scenes(scenes, reading)
        clicking = pipeline.Clicking(
            style, per, seed, tuple(files or ()), format == "authors", on_contradiction
        )
        loading = pipeline.Loading(voxel=voxel)
        items = [(source, out, clicking, loading) for source in sources]
        rows = over_scenes("click", pipeline.click, items, jobs)
    for row in rows:
        warn(row["notes"], row["scene"])
    keys = ["clicks", "instances", "clicks_per_instance", "share_clicked", "share_labelled"]
    mean = {key: sum(row[key] for row in rows) / len(rows) for key in [*keys, "minutes"]}

    def show() -> None:
        table(rows, ["scene", "clicks", "instances", "share_labelled", "minutes"])
        print(f"{len(rows)} scenes, {mean['clicks']:.1f} clicks and {mean['minutes']:.2f} min each")

    output(json, {"scenes": rows, "mean": mean, "output": str(out)}, show)


@app.command()
def train(
    scenes: Scenes,
    clicks: ClicksPlace,
    out: Annotated[Path, typer.Option("-o", "--output", help="The run's folder; resumes there.")],
    epochs: Annotated[int, typer.Option(help="Passes over the scenes.", min=1)] = 6,
    released: Annotated[
        bool, typer.Option("--released", help="The departures of the authors' released code.")
    ] = False,
    thresholds: Annotated[
        str | None, typer.Option(help="Clustering thresholds of the three layers, as 6,2,2.")
    ] = None,
    on_contradiction: OnContradiction = "refuse",
    classes: ClassesOption = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    jobs: Jobs = 1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Train the SegGroup network on clicked scenes, then label these scenes with it.

    The folder then holds the checkpoint, the configuration, the labels of every scene and, where
    there is ground truth, their figures. Interrupted, the same command goes on.
    """
    from seggroup.cli.running import train_run

    result = train_run(
        scenes,
        clicks,
        out,
        epochs=epochs,
        released=released,
        thresholds=parse_thresholds(thresholds),
        contradiction=on_contradiction,
        jobs=jobs,
        seed=seed,
        device=device,
        reading=reading_of(unit, up, classes),
    )

    def show() -> None:
        table(result["history"], ["epoch", "loss", "accuracy"])
        if result["metrics"]:
            print_figures(result["metrics"])
        print(f"{result['checkpoint']}  ({result['seconds']:.1f} s)")

    output(json, result, show)


@app.command()
def propagate(
    scenes: Scenes,
    clicks: ClicksPlace,
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for the labels.")],
    weights: Annotated[
        Path | None,
        typer.Option(help="A checkpoint, the folder of a training run, or another assigner."),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            help="assign: the trained network in the box; walk: the training-free random walk; "
            "seggroup: the paper's network, untrained and drawn by --seed unless weights are "
            f"given. Default: the method of the weights, else {DEFAULT_METHOD}."
        ),
    ] = None,
    level: Annotated[Level, typer.Option(help="Level the labels are taken from.")] = "final",
    semantic_level: Annotated[
        Level | None, typer.Option(help="Another level for the classes (released: 2).")
    ] = None,
    thresholds: Annotated[
        str | None, typer.Option(help="Other clustering thresholds (released for classes: 3,2,2).")
    ] = None,
    min_confidence: Annotated[
        float, typer.Option(help="Labels less sure than this are left out.", min=0, max=1)
    ] = 0.0,
    refine: Annotated[
        int,
        typer.Option(
            help="assign only: steps of training on each scan's own clicks; kept only where clicks "
            "left out are foretold better.",
            min=0,
        ),
    ] = 0,
    on_contradiction: OnContradiction = "refuse",
    ply: Annotated[bool, typer.Option(help="Also write a labelled PLY.")] = True,
    no_truth: NoTruth = False,
    classes: ClassesOption = None,
    voxel: Voxel = None,
    blocks: Annotated[
        float | None,
        typer.Option(
            help="Metres: label in overlapping blocks of this side; 0: whole. Default: whole up to "
            "30 m, and as far as memory holds it.",
            min=0,
        ),
    ] = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    jobs: Jobs = 1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Spread the clicks over the scans: a class, an instance and a confidence for every vertex.

    assign labels finer than segments: one may be clicked as several instances, and is then split.
    It also warns of clicks that are probably wrong, and overrules none.
    """
    from seggroup import pipeline
    from seggroup.cli.running import propagate_all
    from seggroup.io.scenes import find_scenes

    file = pipeline.weights_file(weights) if weights else None
    chosen = method or (pipeline.method_of(file) if file else DEFAULT_METHOD)
    spread = pipeline.Propagating(
        chosen,
        file,
        level,
        semantic_level,
        parse_thresholds(thresholds),
        False,
        seed,
        device,
        on_contradiction,
        ply,
        min_confidence,
        refine,
        blocks,
    )
    pipeline.check_method(spread)
    loading = pipeline.Loading(truth=not no_truth, voxel=voxel)
    sources = find_scenes(scenes, reading_of(unit, up, classes))
    rows = propagate_all(sources, clicks, out, spread, loading, jobs)

    def show() -> None:
        table(rows, ["scene", "vertices", "segments", "clicks", "labelled", "confidence", "reused"])
        print(f"labels are in {out}")

    output(json, {"scenes": rows, "output": str(out), "method": chosen}, show)


@app.command()
def show(
    scene: OneScene,
    out: Annotated[
        Path, typer.Option("-o", "--output", help="A picture .png, or a labelled .ply.")
    ],
    labels: Annotated[
        Path | None, typer.Option(help="Labels to show: a .npz, or the folder they lie in.")
    ] = None,
    clicks: Annotated[
        Path | None, typer.Option(help="Clicks to show as red balls: a file or a folder.")
    ] = None,
    color: Annotated[
        Literal["auto", "scan", "instance", "class", "segments", "truth", "confidence"],
        typer.Option(help="What colours the scan; auto: labels, else clicked segments, else scan."),
    ] = "auto",
    size: Annotated[str, typer.Option(help="Width x height in pixels.")] = "1200x900",
    no_truth: NoTruth = False,
    classes: ClassesOption = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """A picture of a scan and its labels, without a display, or a PLY with the labels in it."""
    from seggroup.cli.showing import show_scene

    reading = reading_of(unit, up, classes)
    result = show_scene(scene, out, labels, clicks, color, size, not no_truth, reading)
    output(json, result, lambda: print(out))


@app.command()
def annotate(
    scenes: Scenes,
    port: Annotated[
        int | None,
        typer.Option(help="0: any. Default: the first free from 8737.", min=0, max=65535),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Who can reach it; others than this machine's need users.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Another assigner, or a checkpoint or run of the paper's network, which can then "
            "be chosen under Spread by; exports stay with the assigner."
        ),
    ] = None,
    database: Place = DATABASE,
    classes: ClassesOption = None,
    labels: Annotated[
        list[Path] | None, typer.Option(help="A folder of labels, shown as a layer. Repeatable.")
    ] = None,
    users: Annotated[
        bool, typer.Option("--users", help="People sign in by name on this machine too.")
    ] = False,
    public_name: Annotated[
        list[str] | None,
        typer.Option(help="A further name that the server is reached by. Repeatable."),
    ] = None,
    no_truth: NoTruth = False,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Annotate scans in the browser: one click per object. Prints the address that opens it.

    Everything is saved as it is done, in the database. Ctrl+C ends.
    """
    from seggroup.cli.annotating import Serving, serve

    serving = Serving(
        scenes,
        port,
        host,
        browser,
        weights,
        database,
        reading_of(unit, up, classes),
        labels or (),
        not no_truth,
        users,
        public_name or (),
        device,
        json,
    )
    serve(serving)


@app.command()
def stats(
    database: Place = DATABASE,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """How long annotating took: seconds per instance, minutes per scene."""
    from seggroup.cli.people import show_stats

    show_stats(database, json)


@app.command()
def synth(
    number: Annotated[int, typer.Option("-n", "--number", help="How many rooms.", min=1)],
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for the ScanNet layout.")],
    jobs: Jobs = 1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Make synthetic scanned rooms with dense truth; rooms that are there are not made again."""
    from seggroup import pipeline

    rows = over_scenes("synth", pipeline.synthesize, [(i, out, seed) for i in range(number)], jobs)

    def show() -> None:
        table(rows, ["scene", "vertices", "faces", "segments", "instances", "reused"])

    output(json, {"scenes": rows, "output": str(out)}, show)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("-o", "--output", help="The run's folder.")] = Path(
        "runs/demo"
    ),
    rooms: Annotated[int, typer.Option(help="How many synthetic rooms.", min=1)] = 6,
    epochs: Annotated[int, typer.Option(help="Passes over the rooms.", min=1)] = 6,
    jobs: Jobs = 2,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """The main job on synthetic rooms: scan, segment, click, train, propagate, score, report."""
    from seggroup.cli.demonstration import run_demo

    result = run_demo(out, rooms, epochs, jobs, seed, device)

    def show() -> None:
        print_figures(result["metrics"])
        print(f"report: {result['report']}  ({result['seconds']:.0f} s)")

    output(json, result, show)


@app.command()
def info(
    path: Annotated[
        Path, typer.Argument(help="A scan, clicks, labels, a class list, a checkpoint or a run.")
    ],
    no_truth: NoTruth = False,
    classes: ClassesOption = None,
    unit: UnitOption = "auto",
    up: UpOption = "auto",
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """What a file or a run holds."""
    from seggroup.cli.showing import describe

    result = describe(path, not no_truth, reading_of(unit, up, classes))

    def show() -> None:
        from seggroup.report.report import settings

        table([{"what": key, "value": value} for key, value in settings(result)], ["what", "value"])

    output(json, result, show)
