"""How the tables are remade: the models, their training, and which scenes train and validate.

`SCANNET` follows the published settings as far as their sources state them; `ROOMS` is small
enough for synthetic rooms on a CPU. The numbers of both stand here and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.classes import BENCHMARK18, BENCHMARK20
from seggroup.downstream.config import (
    FitConfig,
    KPConvConfig,
    ModelName,
    NetworkConfig,
    PointGroupConfig,
    UNetConfig,
    augmentation,
)
from seggroup.errors import InputError
from seggroup.io.files import read_bytes
from seggroup.io.scenes import Source, find_scenes
from seggroup.pipeline.scenes import check_truth

_LISTS = ("scannetv2_train.txt", "scannetv2_val.txt")  # the names ScanNet gives its splits
_LIST_FOLDERS = (".", "Tasks/Benchmark", "..", "../Tasks/Benchmark")  # of the scenes' folder
_VALIDATES = 4  # of scenes without lists every fourth room validates


@dataclass(frozen=True)
class Learning:
    """A model and its training."""

    network: NetworkConfig
    fit: FitConfig


@dataclass(frozen=True)
class Protocol:
    """All that the figures depend on besides the scenes and the seed.

    style      : the simulated clicks of tables 1 to 5, where no real ones are given
    rotations  : about the vertical axis, over which predictions are averaged
    departures : how it differs from the paper's, a sentence each
    """

    name: str
    unet: Learning
    kpconv: Learning
    pointgroup: Learning
    seggroup_epochs: int = 6  # paper 3.3
    style: str = "top1"
    rotations: int = 1
    classes: tuple[int, ...] = BENCHMARK20
    things: tuple[int, ...] = BENCHMARK18
    departures: tuple[str, ...] = ()

    def learning(self, model: ModelName) -> Learning:
        """The model of that name."""
        return {"unet": self.unet, "kpconv": self.kpconv, "pointgroup": self.pointgroup}[model]

    def with_epochs(self, epochs: int) -> "Protocol":
        """The same with another length of every downstream training."""
        changed: dict[str, Any] = {
            name: replace(old, fit=replace(old.fit, epochs=epochs))
            for name in ("unet", "kpconv", "pointgroup")
            if (old := self.learning(name))  # type: ignore[arg-type]
        }
        note = f"Epochs of every downstream model, by request: {epochs}."
        return replace(self, departures=(*self.departures, note), **changed)

    def numbers(self) -> dict[str, Any]:
        """The protocol as JSON, without its sentences."""
        return {key: value for key, value in asdict(self).items() if key != "departures"}


_CLICKS = (
    "Without real clicks, a simulated annotator clicks the largest segment of each part "
    "(top1); the paper's tables 1 to 5 rest on people's clicks."
)
_VALIDATION = "Tables 2 and 4 are measured on the validation scenes, the paper's on its test set."
_STEPS = (
    "Forms that buy fewer scenes see them more often, for as many steps as all scenes would take."
)
_FORMS = (
    "MPRM and CSC stand here for their labels alone: class activation by the mean over a "
    "subcloud or scene, and points chosen by clustering plain features, without pre-training."
)

SCANNET = Protocol(
    "ScanNet",
    # CSC's published semantic training: 10,000 batches of 48 scenes, 400 passes over the 1201.
    unet=Learning(
        UNetConfig(voxel=0.02, channels=32),
        FitConfig(epochs=400, batch=4, accumulate=12, max_points=250_000, validate_every=50),
    ),
    # KPConv's published training: 500 epochs of 600 batches of 10 spheres of 2 m.
    kpconv=Learning(
        KPConvConfig(voxel=0.04),
        FitConfig(epochs=500, batch=4, learning_rate=1e-2, validate_every=50),
    ),
    # PointGroup's published training: 384 epochs, 4 scenes a batch, at most 250,000 points.
    pointgroup=Learning(
        PointGroupConfig(),
        FitConfig(epochs=384, batch=4, learning_rate=1e-3, max_points=250_000, validate_every=64),
    ),
    rotations=8,
    departures=(
        _VALIDATION,
        _CLICKS,
        "All models are trained by AdamW over one rise and fall of the learning rate; KPConv "
        "sees crops of scenes in place of spheres, and has rigid kernels throughout.",
        _STEPS,
        _FORMS,
    ),
)

# Sized for a CPU; chosen by a few minutes of training on rooms that are in no table. Scenes come
# one by one and are normalised alone; elastic and linear bending slow so short a training down.
_SHORT = FitConfig(
    epochs=80,
    batch=1,
    learning_rate=1e-2,
    class_balance=0.3,
    validate_every=20,
    augment=augmentation("light"),
)
_SMALL = UNetConfig(voxel=0.06, channels=16, levels=5, norm="scene")

ROOMS = Protocol(
    "synthetic rooms",
    unet=Learning(_SMALL, _SHORT),
    kpconv=Learning(KPConvConfig(voxel=0.08, channels=32, norm="scene"), _SHORT),
    pointgroup=Learning(PointGroupConfig(unet=_SMALL, radius=0.05, warm_up=0.2), _SHORT),
    seggroup_epochs=2,
    departures=(
        "The scenes are few, and where none were given synthetic: simulated scans of furnished "
        "rooms. Networks are smaller, voxels coarser and trainings shorter than the paper's, so "
        "the figures say how the labels compare, not what they would reach on ScanNet.",
        _VALIDATION,
        _CLICKS,
        _STEPS,
        _FORMS,
    ),
)


@dataclass(frozen=True)
class Split:
    """Training and validation scenes; `lists` where ScanNet's own lists parted them."""

    training: tuple[Source, ...]
    validation: tuple[Source, ...]
    lists: bool
    note: str = ""


def find_split(paths: Sequence[Path]) -> Split:
    """Part the scenes by ScanNet's lists where they lie beside them, else every fourth room.

    Rescans of a room (ScanNet's scene0000_00, scene0000_01) stay on one side. Raises InputError
    where a side is empty or a scene has no truth.
    """
    sources = find_scenes(paths)
    lists = _lists(paths)
    if lists is None:
        rooms = sorted({_room(source) for source in sources})
        order = np.random.default_rng(0).permutation(len(rooms))
        chosen = {rooms[i] for i in order[: -(-len(rooms) // _VALIDATES)].tolist()}
        names = [
            {s.name for s in sources if (_room(s) in chosen) == side} for side in (False, True)
        ]
    else:
        names = list(lists)
    training, validation = (tuple(s for s in sources if s.name in side) for side in names)
    if not training or not validation:
        side = "train on" if not training else "validate on"
        raise InputError(
            f"there is no scene to {side}; give at least two rooms, or the ScanNet root with its "
            f"lists {' and '.join(_LISTS)}"
        )
    for source in (*training, *validation):
        check_truth(source)
    return Split(training, validation, lists is not None, _note(lists, training + validation))


def _note(lists: tuple[set[str], set[str]] | None, sources: Sequence[Source]) -> str:
    """What a reader should know of the parting."""
    if lists is None:
        return "ScanNet's lists are not beside the scenes: every fourth room validates."
    named = sum(map(len, lists))
    missing = named - len(sources)
    return f"{missing} of the {named} listed scenes are not in the folder." if missing else ""


def _room(source: Source) -> str:
    """ScanNet numbers the rescans of a room behind an underscore."""
    room, _, scan = source.name.rpartition("_")
    return room if room and scan.isdigit() else source.name


def _lists(paths: Sequence[Path]) -> tuple[set[str], set[str]] | None:
    """The names on ScanNet's two lists, where both lie in or beside a given folder."""
    for path in paths:
        for folder in (Path(path) / inner for inner in _LIST_FOLDERS):
            files = [folder / name for name in _LISTS]
            if all(file.is_file() for file in files):
                train, val = (set(read_bytes(f).decode("utf-8", "replace").split()) for f in files)
                return train, val - train
    return None
