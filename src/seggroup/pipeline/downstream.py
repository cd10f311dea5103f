"""Downstream training and prediction over files (paper 4.2, 4.3)."""

import csv
import io
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, assert_never

import numpy as np
import torch

from seggroup.classes import BENCHMARK20, STUFF
from seggroup.device import pick_device
from seggroup.downstream.cloud import Cloud, Proposal, make_cloud
from seggroup.downstream.config import (
    FitConfig,
    KPConvConfig,
    ModelName,
    NetworkConfig,
    Norm,
    PointGroupConfig,
    UNetConfig,
    at_voxel,
)
from seggroup.downstream.density import VOXELS_PER_SPACING, median_spacing
from seggroup.downstream.distributed import Share
from seggroup.downstream.fit import Epoch, digest, fit
from seggroup.downstream.models import Design, build, describe, load_model, save_model
from seggroup.downstream.predict import labels_of, predict, restricted
from seggroup.errors import InputError
from seggroup.evaluate.instance import evaluate_instance
from seggroup.evaluate.semantic import evaluate_semantic
from seggroup.evaluate.submission import write_instances, write_semantic
from seggroup.io.classsets import read_class_sets
from seggroup.io.files import write_text
from seggroup.io.ply import write_ply
from seggroup.io.proposals import Proposals, pack_proposals, write_proposals
from seggroup.io.scenes import Source, read_source
from seggroup.io.store import (
    BENCHMARK_FOLDER,
    BEST_CHECKPOINT,
    CHECKPOINT,
    CURVE,
    labels_file,
    proposals_file,
    read_labels,
    sets_file,
    write_labels,
    write_record,
)
from seggroup.pipeline.labels import labels_folder, weights_file
from seggroup.pipeline.scenes import keep
from seggroup.pipeline.scoring import benchmark_ids, instances_of_proposals
from seggroup.resources import peak_mb, reset_peak

_MUCH_COARSER = 1.5  # times ScanNet's spacing, from where published settings no longer fit
AfterEpoch = Callable[[int, Epoch], None]


@dataclass(frozen=True)
class Fitting:
    """What is trained, and how.

    classes : class ids the model learns; stuff: those of them that have no instances
    threads : of the processor's operations; 0: as many as it has cores
    """

    network: NetworkConfig
    fit: FitConfig = field(default_factory=FitConfig)
    classes: tuple[int, ...] = BENCHMARK20
    stuff: tuple[int, ...] = STUFF
    device: str = "auto"
    threads: int = 0


def sized_for(sources: Sequence[Source], model: ModelName) -> tuple[NetworkConfig, str]:
    """The published numbers of a model, or coarser ones where the scans are coarser, and why.

    Looked at are the first, the middle and the last scan.
    """
    published: dict[ModelName, NetworkConfig] = {
        "unet": UNetConfig(),
        "kpconv": KPConvConfig(),
        "pointgroup": PointGroupConfig(),
    }
    some = {0, len(sources) // 2, len(sources) - 1}
    spacing = float(
        np.median([median_spacing(read_source(sources[i], False)[0].vertices) for i in some])
    )
    coarser = spacing * VOXELS_PER_SPACING / UNetConfig().voxel
    config = published[model]
    if coarser < _MUCH_COARSER:
        return config, ""
    voxel = config.unet.voxel if isinstance(config, PointGroupConfig) else config.voxel
    wider = float(f"{voxel * coarser:.2g}")
    return at_voxel(config, wider), (
        f"points lie {spacing:.3g} m apart, {coarser:.1f} times as far as ScanNet's: voxels of "
        f"{wider:g} m are used in place of {voxel:g} m, and all lengths and counts of points "
        "that go with them"
    )


def resized(
    config: NetworkConfig,
    voxel: float | None = None,
    channels: int | None = None,
    levels: int | None = None,
    norm: Norm = "batch",
) -> NetworkConfig:
    """The same model with what is given; what depends on the points' density stays as it is."""
    given = {"voxel": voxel, "channels": channels, "levels": levels}
    size: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    match config:
        case UNetConfig() | KPConvConfig():
            return replace(config, norm=norm, **size)
        case PointGroupConfig():
            return replace(config, unet=replace(config.unet, norm=norm, **size))
        case _:
            assert_never(config)


class Clouds(Sequence):
    """Scenes with labels from a folder, read when they are asked for; some stay in memory."""

    def __init__(
        self, sources: Sequence[Source], labels: Path, classes: Sequence[int], keep: int = 64
    ) -> None:
        self.sources = [source for source in sources if _labelled(source, labels)]

        @lru_cache(maxsize=keep)
        def load(i: int) -> Cloud:
            source = self.sources[i]
            scan, _, _ = read_source(source, truth=False)
            place, sets = labels_file(labels, source.name), sets_file(labels, source.name)
            size = len(scan.vertices)
            return make_cloud(
                scan,
                read_labels(place, size) if place.exists() else None,
                classes,
                read_class_sets(sets, size) if sets.exists() else None,
            )

        self._load = load

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, i):  # type: ignore[no-untyped-def]
        return self._load(int(i))


def _labelled(source: Source, labels: Path) -> bool:
    return any(place(labels, source.name).exists() for place in (labels_file, sets_file))


def start_device(name: str, threads: int = 0) -> torch.device:
    """The device, with the processor's threads for one large computation."""
    device = pick_device(name)
    torch.set_num_threads(threads or len(os.sched_getaffinity(0)))
    return device


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
    CSV and the record. Raises InputError where no scene has labels.
    """
    start = time.perf_counter()
    reset_peak()
    labels = labels_folder(labels)
    clouds = Clouds(sources, labels, fitting.classes)
    if not len(clouds):
        raise InputError(
            f"{labels}: holds labels of none of the {len(sources)} scenes; "
            "make some with `seggroup propagate` or `seggroup budget`"
        )
    share = Share()
    device = share.device(start_device(fitting.device, fitting.threads))
    design = Design(fitting.network, fitting.classes, fitting.stuff)
    model = build(design, fitting.fit.seed)
    history: list[Epoch] = []
    writer = _tensorboard(out) if tensorboard and share.rank == 0 else None

    def validate(network: torch.nn.Module) -> dict[str, float]:
        return score(network, design, validation, device)

    def after(epoch: int, result: Epoch, network: torch.nn.Module) -> None:
        history[:] = [*history[:epoch], result]
        if share.rank:
            return
        save_model(out / CHECKPOINT, network, design)
        best = _best(history)
        if best is not None and best == epoch:
            save_model(out / BEST_CHECKPOINT, network, design)
        if writer:
            _log(writer, epoch, result)
        after_epoch(epoch, result)

    header = describe(design) | {"labels": _labels_digest(clouds)}
    history[:] = fit(
        model,
        clouds,
        fitting.fit,
        device,
        out,
        header,
        validate if validation else None,
        after,
        workers=1 if device.type == "cpu" else 4,
    )
    if writer:
        writer.close()
    if share.rank == 0:
        write_curve(out / CURVE, history)
        names = [source.name for source in clouds.sources]
        record = {**describe(design), "fit": asdict(fitting.fit), "scenes": names}
        write_record(out, "fit", record, fitting.fit.seed)
    return {
        "run": str(out),
        "scenes": len(clouds),
        "without_labels": len(sources) - len(clouds),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "history": [{"epoch": i + 1, **asdict(epoch)} for i, epoch in enumerate(history)],
        "seconds": sum(epoch.seconds for epoch in history),
        "seconds_now": time.perf_counter() - start,
        "peak_mb": _peak_mb(device),
    }


def _labels_digest(clouds: Clouds) -> str:
    """What the training scenes and their labels are, as a word."""
    words = []
    for source, cloud in zip(clouds.sources, clouds, strict=True):
        tagged = [array for tag in cloud.tags for array in (tag.points, tag.classes)]
        words.append(source.name + digest(cloud.semantic, cloud.instance, *tagged))
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


def score(
    model: torch.nn.Module, design: Design, sources: Sequence[Source], device: torch.device
) -> dict[str, float]:
    """The benchmark's main figures of a model on scenes with truth, the first one first."""
    semantic, instances = [], []
    for source in sources:
        scan, _, truth = read_source(source, True)
        if truth is None:
            raise InputError(f"{source.scan}: has no ground truth to validate on")
        cloud = make_cloud(scan, None, design.classes)
        probability, proposals = predict(model, cloud, device)
        semantic.append((truth.semantic, labels_of(probability, (), design.classes).semantic))
        if design.has_instances:
            found = instances_of_proposals(_packed(proposals, design.classes), len(cloud))
            instances.append((benchmark_ids(truth), found))
    miou = {"miou": evaluate_semantic(semantic, design.classes)["miou"]}
    if not design.has_instances:
        return miou
    things = [c for c in design.classes if c not in design.stuff]
    figures = evaluate_instance(instances, things)
    return {name: figures[name] for name in ("ap50", "ap", "ap25")} | miou


def _packed(proposals: Sequence[Proposal], classes: Sequence[int]) -> Proposals:
    """Proposals with class ids, as files hold them."""
    return pack_proposals((one.points, classes[one.semantic], one.score) for one in proposals)


def _why_none(
    model: torch.nn.Module,
    cloud: Cloud,
    device: torch.device,
    design: Design,
    proposals: Sequence[Proposal],
) -> str:
    """Why a model of instances found none; empty where it found some, or makes none."""
    if not design.has_instances or proposals:
        return ""
    inputs = model.prepare([cloud]).to(device)  # type: ignore[operator]
    return model.why_none(inputs)  # type: ignore[operator]


def predict_run(
    run: Path,
    sources: Sequence[Source],
    out: Path,
    rotations: int = 1,
    restrict: Path | None = None,
    device: str = "auto",
    threads: int = 0,
    after_scene: Callable[[dict], None] = lambda row: None,
    benchmark: bool = False,
    ply: bool = False,
) -> list[dict[str, Any]]:
    """Label every vertex of every scene: `<scene>.npz`, and proposals where the model makes any.

    restrict  : folder of `<scene>.sets.npz`; a vertex may only be of a class of all its sets
    benchmark : also ScanNet's text files, in a folder inside `out`
    ply       : also a labelled PLY a scene

    A scene without proposals carries a note that says why and what to change.
    """
    where = start_device(device, threads)
    model, design = load_model(weights_file(run), where)
    rows = []
    for source in sources:
        start = time.perf_counter()
        scan, _, _ = read_source(source, truth=False)
        cloud = make_cloud(scan, None, design.classes)
        probability, proposals = predict(model, cloud, where, rotations)
        if restrict is not None:
            sets = read_class_sets(sets_file(restrict, source.name), len(cloud))
            probability = restricted(probability, sets, design.classes)
        found = labels_of(probability, proposals, design.classes)
        write_labels(labels_file(out, source.name), found)
        packed = _packed(proposals, design.classes)
        proposals_file(out, source.name).unlink(missing_ok=True)  # of another model
        if design.has_instances:
            write_proposals(proposals_file(out, source.name), packed)
        if ply:
            path = labels_file(out, source.name).with_suffix(".ply")
            keep(source, path)
            write_ply(path, scan, found)
        if benchmark:
            write_semantic(out / BENCHMARK_FOLDER / "semantic", source.name, found.semantic)
        if benchmark and design.has_instances:
            folder = out / BENCHMARK_FOLDER / "instance"
            write_instances(folder, source.name, packed, len(cloud))
        rows.append(
            {
                "scene": source.name,
                "vertices": len(cloud),
                "instances": len(proposals) if design.has_instances else None,
                "confidence": float(found.confidence.mean()),  # type: ignore[union-attr]
                "seconds": time.perf_counter() - start,
                "note": _why_none(model, cloud, where, design, proposals),
            }
        )
        after_scene(rows[-1])
    config = describe(design) | {"rotations": rotations, "restricted": restrict is not None}
    write_record(out, "predict", config, 0)
    return rows


def with_seed(fitting: Fitting, seed: int) -> Fitting:
    """The same training with another seed."""
    return replace(fitting, fit=replace(fitting.fit, seed=seed))
