"""Downstream training over files (paper 4.2, 4.3)."""

import csv
import io
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seggroup.classes import BENCHMARK20, STUFF
from seggroup.device import pick_device
from seggroup.downstream.cloud import IGNORE, Cloud, make_cloud
from seggroup.downstream.config import FitConfig, NetworkConfig
from seggroup.downstream.distributed import Share
from seggroup.downstream.fit import Epoch, digest, fit
from seggroup.downstream.models import Design, build, describe, save_model
from seggroup.errors import InputError
from seggroup.io.classlist import nyu40
from seggroup.io.classsets import read_class_sets
from seggroup.io.files import write_text
from seggroup.io.relisting import read_listed
from seggroup.io.scenes import Source, read_source
from seggroup.io.store import (
    BEST_CHECKPOINT,
    CHECKPOINT,
    CURVE,
    labels_file,
    sets_file,
    write_record,
)
from seggroup.pipeline.labels import confident, labels_folder
from seggroup.pipeline.predicting import score
from seggroup.pipeline.scenes import check_truth
from seggroup.resources import peak_mb, reset_peak

AfterEpoch = Callable[[int, Epoch], None]


@dataclass(frozen=True)
class Fitting:
    """What is trained, and how.

    classes : class ids the model learns; stuff: those of them that have no instances
    threads : of the processor's operations; 0: as many as it has cores
    min_confidence : labels below it do not count
    """

    network: NetworkConfig
    fit: FitConfig = field(default_factory=FitConfig)
    classes: tuple[int, ...] = BENCHMARK20
    stuff: tuple[int, ...] = STUFF
    device: str = "auto"
    threads: int = 0
    min_confidence: float = 0.0


class Clouds(Sequence):  # a Sequence, so that training reads scenes when it needs them
    """Scenes with labels from a folder, read when they are asked for; some stay in memory."""

    def __init__(
        self,
        sources: Sequence[Source],
        labels: Path,
        classes: Sequence[int],
        keep: int = 20_000_000,
        min_confidence: float = 0.0,
    ) -> None:
        """`keep`: points of all scenes that stay in memory, the latest.

        `min_confidence`: labels less sure are left out.
        """
        self.sources = [source for source in sources if _labelled(source, labels)]
        self._labels, self._classes, self._keep = labels, classes, keep
        self._kept: dict[int, Cloud] = {}
        self._least = min_confidence

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, i):  # type: ignore[no-untyped-def]
        cloud = self._kept.get(int(i))
        if cloud is None:
            cloud = self._kept[int(i)] = self._read(self.sources[int(i)])
            kept = list(self._kept.items())  # several threads may be here
            while len(kept) > 1 and sum(len(cloud) for _, cloud in kept) > self._keep:
                self._kept.pop(kept.pop(0)[0], None)
        return cloud

    def _read(self, source: Source) -> Cloud:
        scan, _, _ = read_source(source, truth=False)
        place, sets = labels_file(self._labels, source.name), sets_file(self._labels, source.name)
        size = len(scan.vertices)
        labels = None
        if place.exists():
            labels = confident(read_listed(place, size, source.reading.classes)[0], self._least)
        return make_cloud(
            scan,
            labels,
            self._classes,
            read_class_sets(sets, size) if sets.exists() else None,
        )


def _labelled(source: Source, labels: Path) -> bool:
    return any(place(labels, source.name).exists() for place in (labels_file, sets_file))


def start_device(name: str, threads: int = 0) -> torch.device:
    """The device, with the processor's threads for one large computation."""
    device = pick_device(name)
    torch.set_num_threads(threads or _cores())
    return device


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fit_run(
    sources: Sequence[Source],
    labels: Path,
    out: Path,
    fitting: Fitting,
    validation: Sequence[Source] = (),
    after_epoch: AfterEpoch = lambda epoch, result: None,
    tensorboard: bool = False,
) -> dict[str, Any]:
    """Train on the scenes that have labels in the folder; the run's folder holds everything.

    That is the checkpoint, the best one by validation, the state to go on from, the curve as
    CSV and the record; of several processes the first (`rank` 0) writes them. Raises InputError
    where no scene has labels of these classes, and where a scene to validate on has no truth.
    """
    start = time.perf_counter()
    reset_peak()
    least = fitting.min_confidence
    clouds = Clouds(sources, labels_folder(labels), fitting.classes, min_confidence=least)
    if not len(clouds):
        raise InputError(
            f"{labels}: holds labels of none of the {len(sources)} scenes; "
            "make some with `seggroup propagate` or `seggroup budget`"
        )
    for source in validation:
        check_truth(source)
    listed = sources[0].reading.classes or nyu40()
    named = tuple(map(listed.name, fitting.classes))
    design = Design(fitting.network, fitting.classes, fitting.stuff, named)
    if design.has_instances and set(design.classes) <= set(design.stuff):
        raise InputError("no class of the list is a thing, so there is no instance to learn")
    header = describe(replace(design, names=())) | {"labels": _labels_digest(clouds, labels)}
    share = Share()
    device = share.device(start_device(fitting.device, fitting.threads))
    model = build(design, fitting.fit.seed)
    writer = _tensorboard(out) if tensorboard and share.rank == 0 else None

    def validate(network: torch.nn.Module) -> dict[str, float]:
        return score(network, design, validation, device)

    def after(history: list[Epoch], network: torch.nn.Module) -> None:
        if share.rank:
            return
        latest = len(history) - 1
        save_model(out / CHECKPOINT, network, design)
        if latest == _best(history):
            save_model(out / BEST_CHECKPOINT, network, design)
        write_curve(out / CURVE, history)
        if writer:
            _log(writer, latest, history[-1])
        after_epoch(latest, history[-1])

    history = fit(
        model,
        clouds,
        fitting.fit,
        device,
        out,
        header,
        validate if validation else None,
        after,
        workers=1 if device.type == "cpu" else 4,
        classes=len(design.classes),
    )
    if writer:
        writer.close()
    if share.rank == 0:
        names = [source.name for source in clouds.sources]
        record = {**describe(design), "fit": asdict(fitting.fit), "scenes": names}
        record["min_confidence"] = least
        write_record(out, "fit", record, fitting.fit.seed)
    share.wait()
    return {
        "run": str(out),
        "rank": share.rank,
        "scenes": len(clouds),
        "without_labels": len(sources) - len(clouds),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "history": [{"epoch": i + 1, **asdict(epoch)} for i, epoch in enumerate(history)],
        "seconds": sum(epoch.seconds for epoch in history),
        "seconds_now": time.perf_counter() - start,
        "peak_mb": _peak_mb(device),
    }


def _labels_digest(clouds: Clouds, labels: Path) -> str:
    """What the training scenes and their labels are, as a word.

    Raises InputError where nothing at all is labelled.
    """
    words, known = [], False
    for source, cloud in zip(clouds.sources, clouds, strict=True):
        tagged = [array for tag in cloud.tags for array in (tag.points, tag.classes)]
        words.append(source.name + digest(cloud.semantic, cloud.instance, *tagged))
        known |= bool(cloud.tags) or bool((cloud.semantic != IGNORE).any())
    if not known:
        raise InputError(
            f"{labels}: no label is of a class that is learnt; name your class list by --classes, "
            "or lower --min-confidence where one is set"
        )
    return digest(np.frombuffer(" ".join(words).encode(), np.uint8))


def _best(history: Sequence[Epoch]) -> int | None:
    """The epoch with the highest main figure, the first of several; None without validation."""
    main = {
        i: next(iter(epoch.validation.values()))
        for i, epoch in enumerate(history)
        if epoch.validation
    }
    known = {i: value for i, value in main.items() if value == value}
    return max(known, key=lambda i: (known[i], -i)) if known else None


def _peak_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / (1 << 20)
    return peak_mb()


def _tensorboard(folder: Path):  # type: ignore[no-untyped-def]
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            f"logs for TensorBoard need it installed ({error}); pip install tensorboard"
        ) from error
    return SummaryWriter(str(folder / "tensorboard"))


def _log(writer, epoch: int, result: Epoch) -> None:  # type: ignore[no-untyped-def]
    for name, value in {**result.losses, **(result.validation or {})}.items():
        writer.add_scalar(name, value, epoch + 1)
    writer.flush()


def write_curve(path: Path, history: Sequence[Epoch]) -> None:
    """The epochs as CSV: losses, seconds and, where it was validated, the figures."""
    rows = [
        {"epoch": i + 1, **epoch.losses, "seconds": epoch.seconds, **(epoch.validation or {})}
        for i, epoch in enumerate(history)
    ]
    text = io.StringIO(newline="")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
