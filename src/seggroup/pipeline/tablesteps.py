"""The steps behind the tables: clicks, labels, training, prediction and score.

A step is a folder named by what it depends on, the steps before it included, so that rows share
their steps and a change of any number starts only what it touches. `done.json`, written last,
holds a step's figures: a step that has one is never done again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from seggroup.downstream.config import FitConfig, ModelName
from seggroup.evaluate.pseudo import jsonable
from seggroup.io.clicks import find_clicks
from seggroup.io.files import read_bytes, read_json, write_json
from seggroup.io.scenes import Source
from seggroup.io.store import CLICKS_FOLDER, LABELS_FOLDER
from seggroup.pipeline.protocol import Learning, Protocol, Split
from seggroup.pipeline.tableplan import Supply

DONE = "done.json"
STEPS_FOLDER = "steps"
Sources = Sequence[Source]
Result = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """What the steps do, each into the folder `out` that comes last; scores are shares of 1.

    click          : (scenes, style, real click files or None, seed, out) -> minutes
    group          : (scenes, clicks, epochs, seed, out) -> levels (`evaluate_pseudo` of each),
                     peak_mb; the labels go to out/labels
    annotate       : (scenes, labels, minutes or None for all, seed, out) -> scenes (names),
                     minutes; the labels go to `out`
    fit            : (scenes, labels, model, its learning, protocol, validation scenes, out)
                     -> history, seconds, peak_mb
    predict        : (run, scenes, rotations, folder of class sets or None, out)
    score_labels   : (scenes, labels) -> `evaluate_pseudo`
    score_semantic : (scenes, labels, protocol) -> miou, iou
    score_instance : (scenes, labels, protocol) -> ap, ap50, ap25
    """

    click: Callable[[Sources, str, Path | None, int, Path], Result]
    group: Callable[[Sources, Path, int, int, Path], Result]
    annotate: Callable[[Sources, Supply, float | None, int, Path], Result]
    fit: Callable[[Sources, Path, ModelName, Learning, Protocol, Sources, Path], Result]
    predict: Callable[[Path, Sources, int, Path | None, Path], Any]
    score_labels: Callable[[Sources, Path], Result]
    score_semantic: Callable[[Sources, Path, Protocol], Result]
    score_instance: Callable[[Sources, Path, Protocol], Result]


@dataclass(frozen=True)
class Study:
    """One seed's work on a split, in a folder.

    clicks : folder of real click files; None: they are simulated
    say    : told the name of every step that is begun
    """

    out: Path
    split: Split
    protocol: Protocol
    work: Work
    seed: int = 0
    clicks: Path | None = None
    say: Callable[[str], None] = lambda text: None


@dataclass(frozen=True)
class Step:
    """A finished step: its name, the key of all it depends on, its folder and its figures."""

    word: str
    key: str
    folder: Path
    result: Result

    @property
    def labels(self) -> Path:
        """The folder of the labels it made."""
        return self.folder / LABELS_FOLDER


def labels_of(study: Study, supply: Supply) -> Step:
    """The labels of a form for the training scenes, as far as the labelling time goes.

    Its figures have `scenes` (names), `minutes`, `seconds` and `peak_mb`; those that are pseudo
    labels also their score, `levels` or `figures`.
    """
    if supply.form == "clicks":
        return _grouped(study, supply)
    given = _annotated(study, supply)
    return _activated(study, given) if supply.tagged else given


def fit_of(study: Study, labels: Step, model: ModelName) -> Step:
    """A model trained on labels; begun again, its loop goes on where it was."""
    split, protocol = study.split, study.protocol
    learning = protocol.learning(model)
    fit = _as_many_steps(learning.fit, len(labels.result["scenes"]), len(split.training))
    seeded = replace(learning, fit=replace(fit, seed=study.seed))

    def make(out: Path) -> Result:
        return study.work.fit(
            split.training, labels.labels, model, seeded, protocol, split.validation, out
        )

    classes = [protocol.classes, protocol.things]
    depends = [labels.key, asdict(seeded), classes, _signature(split.validation)]
    return once(study, f"{model}-{labels.word}", depends, make)


def _as_many_steps(fit: FitConfig, labelled: int, every: int) -> FitConfig:
    """Few labelled scenes are seen more often, for the steps and validations of all scenes."""
    a_step = fit.batch * fit.accumulate
    times = -(-every // a_step) / -(-labelled // a_step)
    return replace(
        fit,
        epochs=max(1, round(times * fit.epochs)),
        validate_every=round(times * fit.validate_every),
    )


def score_of(study: Study, fit: Step, model: ModelName) -> Step:
    """A model's labels of the validation scenes, scored by ScanNet's rules: `figures`."""
    validation, protocol, work = study.split.validation, study.protocol, study.work

    def make(out: Path) -> Result:
        place = out / LABELS_FOLDER
        work.predict(fit.folder, validation, protocol.rotations, None, place)
        score = work.score_instance if model == "pointgroup" else work.score_semantic
        return {"figures": score(validation, place, protocol)}

    return once(study, f"score-{fit.word}", [fit.key, protocol.rotations], make)


def clicks_of(study: Study, style: str = "") -> Step:
    """The clicks of all training scenes: real ones, or simulated in a style (`Supply.style`)."""
    training = study.split.training
    real = study.clicks if style in ("", "manual") else None
    style = {"": study.protocol.style, "manual": "noisy"}.get(style, style)
    files = [] if real is None else [read_bytes(find_clicks(real, s.name)) for s in training]
    digests = [hashlib.sha256(file).hexdigest() for file in files]

    def make(out: Path) -> Result:
        return study.work.click(training, style, real, study.seed, out / CLICKS_FOLDER)

    word = f"clicks-{'real' if real else style}"
    return once(study, word, [_signature(training), digests], make)


def _grouped(study: Study, supply: Supply) -> Step:
    """SegGroup's pseudo labels from clicks, which no budget shortens: they set it."""
    clicks, training = clicks_of(study, supply.style), study.split.training
    epochs = study.protocol.seggroup_epochs

    def make(out: Path) -> Result:
        place = clicks.folder / CLICKS_FOLDER
        made = study.work.group(training, place, epochs, study.seed, out)
        names = [source.name for source in training]
        return {**made, "scenes": names, "minutes": clicks.result["minutes"]}

    return once(study, f"seggroup-{clicks.word}", [clicks.key, epochs], make)


def _annotated(study: Study, supply: Supply) -> Step:
    """What annotators give: for all training scenes, or those that the clicks' time buys."""
    training = study.split.training
    minutes = clicks_of(study).result["minutes"] if supply.equal else None
    drawn = supply.equal or supply.form in ("active", "subcloud")
    study = study if drawn else replace(study, seed=0)  # the same for all seeds

    def make(out: Path) -> Result:
        made = study.work.annotate(training, supply, minutes, study.seed, out / LABELS_FOLDER)
        return {"peak_mb": 0.0, **made}

    return once(study, supply.word, [_signature(training), asdict(supply), minutes], make)


def _activated(study: Study, given: Step) -> Step:
    """Labels from class sets: what a KPConv that learnt the sets sees where (MPRM's idea)."""
    names = set(given.result["scenes"])
    bought = [source for source in study.split.training if source.name in names]
    if not bought:
        return given
    fit = fit_of(study, given, "kpconv")
    rotations = study.protocol.rotations

    def make(out: Path) -> Result:
        place = out / LABELS_FOLDER
        study.work.predict(fit.folder, bought, rotations, given.labels, place)
        cost = {"seconds": fit.result["seconds"], "peak_mb": fit.result["peak_mb"]}
        return {**given.result, **cost, "figures": study.work.score_labels(bought, place)}

    return once(study, f"activation-{given.word}", [fit.key, rotations], make)


def once(study: Study, word: str, depends: Any, make: Callable[[Path], Result]) -> Step:
    """The step with its figures: read where it is done, else made; `seconds` are added."""
    text = json.dumps([word, study.seed, depends], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:10]
    name = f"{word}-seed{study.seed}-{key}"
    folder = study.out / STEPS_FOLDER / name
    if not (folder / DONE).exists():
        study.say(name)
        start = time.perf_counter()
        result = make(folder)
        seconds = time.perf_counter() - start
        write_json(folder / DONE, jsonable({"seconds": seconds, **result}))
    return Step(word, key, folder, read_json(folder / DONE))


def _signature(sources: Sources) -> list[list[Any]]:
    """The scenes by name, and their files by size and time: cheap, and no path is in it."""
    files = [(s.scan, s.segments, s.aggregation, s.labels) for s in sources]
    states = [[path.stat() for path in paths if path is not None] for paths in files]
    return [
        [source.name, *([state.st_size, state.st_mtime_ns] for state in of_scene)]
        for source, of_scene in zip(sources, states, strict=True)
    ]
