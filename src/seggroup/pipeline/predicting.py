"""Downstream prediction over files: labels of every vertex, and their score."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seggroup.downstream.augment import crop
from seggroup.downstream.cloud import Cloud, Proposal, make_cloud
from seggroup.downstream.config import PointGroupConfig
from seggroup.downstream.models import Design, describe, load_model
from seggroup.downstream.predict import LIMIT, labels_of, predict, restricted
from seggroup.errors import InputError
from seggroup.evaluate.instance import evaluate_instance
from seggroup.evaluate.semantic import evaluate_semantic
from seggroup.io.classsets import read_class_sets
from seggroup.io.files import read_json
from seggroup.io.ply import write_ply
from seggroup.io.proposals import Proposals, pack_proposals, write_proposals
from seggroup.io.scenes import Source, read_source
from seggroup.io.store import (
    BENCHMARK_FOLDER,
    RECORD,
    labels_file,
    proposals_file,
    sets_file,
    write_labels,
    write_record,
)
from seggroup.io.submission import MAX_INSTANCES, write_instances, write_semantic
from seggroup.pipeline.labels import weights_file
from seggroup.pipeline.scenes import keep
from seggroup.pipeline.scoring import benchmark_ids, instances_of_proposals
from seggroup.types import Labels

COMMAND = "predict"  # in the record of a folder that these functions filled


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
            instances.append((benchmark_ids(truth), _packed(proposals, design.classes)))
    miou = {"miou": evaluate_semantic(semantic, design.classes)["miou"]}
    if not design.has_instances:
        return miou
    things = [c for c in design.classes if c not in design.stuff]
    masked = ((ids, instances_of_proposals(found, len(ids))) for ids, found in instances)
    figures = evaluate_instance(masked, things)  # masks of one scene at a time
    return {name: figures[name] for name in ("ap50", "ap", "ap25")} | miou


@dataclass(frozen=True)
class Predicting:
    """How labels are predicted, and what is written.

    rotations : about the vertical axis, over which class probabilities are averaged
    restrict  : folder of `<scene>.sets.npz`; a vertex may only be of a class of all its sets
    score_threshold, min_predicted : other than the model's own, of instances
    benchmark : also ScanNet's text files, in a folder inside the output
    ply       : also a labelled PLY a scene
    """

    rotations: int = 1
    restrict: Path | None = None
    score_threshold: float | None = None
    min_predicted: int | None = None
    benchmark: bool = False
    ply: bool = False


def predict_run(
    run: Path,
    sources: Sequence[Source],
    out: Path,
    how: Predicting | None = None,
    device: torch.device | None = None,
    after_scene: Callable[[dict], None] = lambda row: None,
) -> list[dict[str, Any]]:
    """Label every vertex of every scene: `<scene>.npz`, and proposals where the model makes any.

    A scene without proposals carries a note that says why and what to change. Raises InputError
    where the folder holds another command's work or a scan that would be written over.
    """
    how, device = how or Predicting(), device or torch.device("cpu")
    model, design = load_model(weights_file(run), device)
    _adjust(model, how)
    _check_folder(out)
    for source in sources:
        keep(source, labels_file(out, source.name).with_suffix(".ply"))
    rows = []
    for source in sources:
        start = time.perf_counter()
        scan, _, _ = read_source(source, truth=False)
        cloud = make_cloud(scan, None, design.classes)
        probability, proposals = predict(model, cloud, device, how.rotations)
        if how.restrict is not None:
            sets = read_class_sets(sets_file(how.restrict, source.name), len(cloud))
            probability = restricted(probability, sets, design.classes)
        found = labels_of(probability, proposals, design.classes)
        proposals_file(out, source.name).unlink(missing_ok=True)  # of another model
        if design.has_instances:
            packed = _packed(proposals, design.classes)
            write_proposals(proposals_file(out, source.name), packed, design.named)
        if how.ply:
            write_ply(labels_file(out, source.name).with_suffix(".ply"), scan, found)
        if how.benchmark:
            _write_benchmark(out / BENCHMARK_FOLDER, source.name, found, proposals, design)
        write_labels(labels_file(out, source.name), found, design.named)
        note = "" if proposals or not design.has_instances else _why_none(model, cloud, device)
        rows.append(
            {
                "scene": source.name,
                "vertices": len(cloud),
                "instances": len(proposals) if design.has_instances else None,
                "confidence": float(found.confidence.mean()),  # type: ignore[union-attr]
                "seconds": time.perf_counter() - start,
                "note": note,
            }
        )
        after_scene(rows[-1])
    settings = asdict(how) | {"restrict": how.restrict is not None}
    write_record(out, COMMAND, describe(design) | settings, 0)
    return rows


def _adjust(model: torch.nn.Module, how: Predicting) -> None:
    """Other thresholds of instances than those the model was trained with."""
    given = {"score_threshold": how.score_threshold, "min_predicted": how.min_predicted}
    other: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if other:
        if not isinstance(model.config, PointGroupConfig):
            raise InputError("a model without instances has no thresholds of instances")
        model.config = replace(model.config, **other)


def _check_folder(out: Path) -> None:
    """Refuse a folder in which another command's run lies."""
    if not (out / RECORD).exists():
        return
    record = read_json(out / RECORD)
    command = record.get("command") if isinstance(record, dict) else None
    if command != COMMAND:
        raise InputError(f"{out}: holds a run of seggroup {command}; choose another folder")


def _write_benchmark(
    folder: Path, scene: str, found: Labels, proposals: Sequence[Proposal], design: Design
) -> None:
    """ScanNet's text files; of very many instances the surest that a submission can hold."""
    write_semantic(folder / "semantic", scene, found.semantic)
    if design.has_instances:
        packed = _packed(proposals[:MAX_INSTANCES], design.classes)
        write_instances(folder / "instance", scene, packed, len(found))


def _why_none(model: torch.nn.Module, cloud: Cloud, device: torch.device) -> str:
    """Why a model of instances found none, looked at in a part of the scene if it is large."""
    part = crop(cloud, LIMIT, np.random.default_rng(0))
    return model.why_none(model.prepare([part]).to(device))  # type: ignore[operator]


def _packed(proposals: Sequence[Proposal], classes: Sequence[int]) -> Proposals:
    """Proposals with class ids, as files hold them."""
    return pack_proposals((one.points, classes[one.semantic], one.score) for one in proposals)
