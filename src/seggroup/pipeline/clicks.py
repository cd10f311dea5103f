"""Clicks on disk: simulated, imported, and joined with their scenes for training."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from seggroup.classes import NYU40
from seggroup.errors import InputError
from seggroup.io.classlist import ClassList, is_nyu40, names_of_file
from seggroup.io.clicks import find_clicks, read_clicks, write_authors_clicks, write_clicks
from seggroup.io.files import read_json
from seggroup.io.scenes import Source
from seggroup.io.store import authors_clicks_file, clicks_file
from seggroup.labels.budget import click_statistics
from seggroup.labels.clicks import drop_contradictions, seg_level_labels
from seggroup.labels.simulate import simulate
from seggroup.pipeline.scenes import Loading, load_scene, rng_of
from seggroup.types import Clicks, Labels, Scene

Contradiction = Literal["refuse", "drop"]


@dataclass(frozen=True)
class Clicking:
    """How clicks come about: simulated in a style, or imported from files."""

    style: str = "top1"
    per: Literal["part", "instance"] = "part"
    seed: int = 0
    files: tuple[Path, ...] = ()
    authors_format: bool = False
    contradiction: Contradiction = "refuse"


def click(source: Source, out: Path, clicking: Clicking, loading: Loading) -> dict:
    """Simulate or import the clicks of a scene and write them to `out`."""
    scene = load_scene(source, loading)
    notes: list[str] = []
    if clicking.files:
        path = _file_of(scene.name, clicking.files)
        clicks, notes = read_clicks(path, scene, remap=True, classes=source.reading.classes)
        clicks, dropped = settle(clicks, scene, clicking.contradiction, path)
        notes += dropped
    else:
        clicks = simulate(scene, clicking.style, rng_of(scene, clicking.seed), per=clicking.per)
    if clicking.authors_format:
        write_authors_clicks(authors_clicks_file(out, scene.name), clicks, scene)
    else:
        annotator = "imported" if clicking.files else clicking.style
        listed = source.reading.classes
        write_clicks(clicks_file(out, scene.name), clicks, scene, annotator, listed)
    return {"scene": scene.name, **click_statistics(clicks, scene), "notes": notes}


def _file_of(scene: str, files: Sequence[Path]) -> Path:
    """The click file of a scene among files and folders."""
    named = {f"{scene}.json", f"{scene}.clicks.json"}
    for path in files:
        if path.is_dir():
            return find_clicks(path, scene)
        if path.name in named or len(files) == 1:
            return path
    raise InputError(f"{files[0]}: no file is named {' or '.join(sorted(named))}; name one so")


def settle(
    clicks: Clicks, scene: Scene, contradiction: Contradiction, path: Path
) -> tuple[Clicks, list[str]]:
    """Clicks without contradictions: refused by default, or the later one of two dropped."""
    if contradiction == "drop":
        return drop_contradictions(clicks, scene.segments)
    try:
        seg_level_labels(clicks, scene.segments)
    except InputError as error:
        raise InputError(f"{path}: {error} (--on-contradiction drop)") from error
    return clicks, []


def load_clicks(
    scene: Scene,
    place: Path,
    contradiction: Contradiction = "refuse",
    classes: ClassList | None = None,
) -> tuple[Clicks, Labels, list[str]]:
    """A scene's clicks from a file or folder, the seg-level labels they make, and notes."""
    path = find_clicks(place, scene.name)
    clicks, notes = read_clicks(path, scene, classes=classes)
    clicks, dropped = settle(clicks, scene, contradiction, path)
    return clicks, seg_level_labels(clicks, scene.segments), notes + dropped


def load_free_clicks(
    scene: Scene,
    place: Path,
    contradiction: Contradiction = "refuse",
    classes: ClassList | None = None,
) -> tuple[Clicks, list[str]]:
    """A scene's clicks where several instances may be clicked in one segment, and notes.

    Only one vertex of two instances, or one instance of two classes, is a contradiction.
    """
    path = find_clicks(place, scene.name)
    clicks, notes = read_clicks(path, scene, classes=classes)
    clicks, reasons = drop_contradictions(clicks, np.arange(len(scene.segments)), "vertex")
    if reasons and contradiction == "refuse":
        raise InputError(f"{path}: {reasons[0]}; remove one of the two (--on-contradiction drop)")
    if len(clicks) == 0:
        raise InputError(f"{path}: no click: at least one instance of the scene must be clicked")
    return clicks, notes + reasons


def names_nyu40(path: Path, listed: ClassList | None = None) -> bool:
    """Whether the class ids of clicks are NYU40's: the list's, else those that the file names.

    A file that names none has NYU40's.
    """
    return is_nyu40(class_names(path, listed))


def class_names(path: Path, listed: ClassList | None = None) -> dict[int, str]:
    """The name of every class of clicks: the list's, else those that the file names, else NYU40's.

    A file's names are in lower case.
    """
    if listed is not None:
        return listed.names
    value = read_json(path)
    classes = value.get("classes") if isinstance(value, dict) else None
    return {i: name for name, i in names_of_file(classes).items()} or dict(NYU40)


class Examples(Sequence):  # a Sequence, so that training reads scenes when it needs them
    """Scenes with their clicks, read when they are asked for; the last few stay in memory."""

    def __init__(
        self,
        sources: Sequence[Source],
        clicks: Path,
        loading: Loading,
        contradiction: Contradiction = "refuse",
        keep: int = 16,
    ) -> None:
        self._sources = sources

        @lru_cache(maxsize=keep)
        def load(i: int):  # type: ignore[no-untyped-def]
            from seggroup.train import Example

            scene = load_scene(sources[i], loading)
            listed = sources[i].reading.classes
            found, labels, _ = load_clicks(scene, clicks, contradiction, listed)
            return Example(scene, found, labels)

        self._load = load

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, i):  # type: ignore[no-untyped-def]
        return self._load(int(i))
