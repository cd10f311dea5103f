"""What the downstream models share: scenes as they see them, targets, losses and answers.

Letters: n points of all scenes of a batch one after the other, k classes.

A model is an `nn.Module` with three methods (`Model`): `prepare` makes its inputs from scenes, on
the CPU; `forward` gives its losses by name, which are added up; `answer` what it predicts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Int64
from torch import Tensor
from torch.nn import functional

from seggroup.types import ClassSets, Labels, Scan

IGNORE = -100  # the class of points that do not count


@dataclass(frozen=True)
class Tags:
    """Points of which only the classes among them are known (MPRM's subclouds, whole scenes)."""

    points: Int64[np.ndarray, " p"]
    classes: Bool[np.ndarray, " k"]


@dataclass(frozen=True)
class Cloud:
    """A scene, or a part of one, as training sees it.

    points   : metres
    colors   : in [-1, 1]
    semantic : position in the class list; `IGNORE` where unlabelled
    instance : from 0; -1 where none
    """

    points: Float32[np.ndarray, "n 3"]
    colors: Float32[np.ndarray, "n 3"]
    semantic: Int64[np.ndarray, " n"]
    instance: Int64[np.ndarray, " n"]
    tags: tuple[Tags, ...] = ()

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True)
class Targets:
    """What the scenes of a batch should become.

    scene         : number of each point's scene in the batch, ascending
    instance      : distinct over the batch; -1 where none
    tagged        : (points, classes) of every tag, points numbered over the batch
    class_weights : of the cross entropy; None: all alike
    """

    semantic: Int64[Tensor, " n"]
    instance: Int64[Tensor, " n"]
    scene: Int64[Tensor, " n"]
    tagged: tuple[tuple[Int64[Tensor, " _"], Bool[Tensor, " k"]], ...] = ()
    class_weights: Float32[Tensor, " k"] | None = None

    def to(self, device: torch.device) -> "Targets":
        """The same on another device."""
        return Targets(
            self.semantic.to(device),
            self.instance.to(device),
            self.scene.to(device),
            tuple((points.to(device), classes.to(device)) for points, classes in self.tagged),
            None if self.class_weights is None else self.class_weights.to(device),
        )


@dataclass(frozen=True)
class Proposal:
    """A predicted instance of one scene: its points, the position of its class, its score."""

    points: Int64[np.ndarray, " p"]
    semantic: int
    score: float


@dataclass(frozen=True)
class Answer:
    """What a model predicts for the points of a batch; proposals only where the task has any."""

    logits: Float[Tensor, "n k"]
    proposals: tuple[Proposal, ...] = ()


class Inputs(Protocol):
    """A frozen dataclass of a model's own, of tensors."""

    def to(self, device: torch.device) -> Any:
        """The same on another device."""


class Model(Protocol):
    """What the loop needs of a model, besides `nn.Module`."""

    def prepare(self, clouds: Sequence[Cloud]) -> Any:
        """The model's inputs for a batch of scenes, on the CPU; no random numbers, no gradient."""

    def __call__(self, inputs: Any, targets: Targets, progress: float) -> dict[str, Tensor]:
        """Losses by name, scalars; `progress` is the share of the training that is done."""

    def answer(self, inputs: Any) -> Answer:
        """Predictions; proposals are numbered over the points of the batch."""


def make_cloud(
    scan: Scan, labels: Labels | None, classes: Sequence[int], sets: ClassSets | None = None
) -> Cloud:
    """A scan as the models see it, with what is known of it.

    The origin moves to the scan's middle at its lowest height, so that a scan may lie anywhere.
    Classes outside the list do not count; instances are numbered anew.
    """
    low, high = scan.vertices.min(axis=0), scan.vertices.max(axis=0)
    origin = np.array([*(low + high)[:2] / 2, low[2]], np.float32)
    if labels is None:
        nothing = np.full(len(scan.vertices), -1, np.int32)
        labels = Labels(nothing, nothing)
    known = np.maximum(labels.instance, -1)  # any negative number is none
    _, instance = np.unique(np.append(-1, known), return_inverse=True)
    return Cloud(
        scan.vertices - origin,
        scan.colors.astype(np.float32) / 127.5 - 1,
        positions(labels.semantic, classes),
        instance[1:].astype(np.int64) - 1,
        tuple(
            Tags(members.astype(np.int64), np.isin(classes, there))
            for members, there in zip(sets.members, sets.classes, strict=True)
        )
        if sets
        else (),
    )


def positions(ids: Int[np.ndarray, " n"], classes: Sequence[int]) -> Int64[np.ndarray, " n"]:
    """The place of every class id in the list; `IGNORE` where it is not there."""
    order = np.argsort(classes)
    known = np.asarray(classes)[order]
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.where(known[place] == ids, order[place], IGNORE)


def make_targets(clouds: Sequence[Cloud], class_weights: Tensor | None = None) -> Targets:
    """The targets of a batch of scenes."""
    sizes = np.array([len(cloud) for cloud in clouds])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    instance, taken = [], 0
    for cloud in clouds:
        instance.append(np.where(cloud.instance >= 0, cloud.instance + taken, -1))
        taken += int(cloud.instance.max(initial=-1)) + 1
    return Targets(
        torch.from_numpy(np.concatenate([cloud.semantic for cloud in clouds])),
        torch.from_numpy(np.concatenate(instance)),
        torch.from_numpy(np.repeat(np.arange(len(clouds)), sizes)),
        tuple(
            (torch.from_numpy(tag.points + start), torch.from_numpy(tag.classes))
            for cloud, start in zip(clouds, starts.tolist(), strict=True)
            for tag in cloud.tags
        ),
        class_weights,
    )


def semantic_losses(logits: Float[Tensor, "n k"], targets: Targets) -> dict[str, Tensor]:
    """Cross entropy of the labelled points, and of tagged points what their classes say.

    A tag's points are pooled by their mean and scored for every class (MPRM, Wei et al. 2020):
    the classifier works point by point, so that its logits are the class activation map.
    """
    losses = {"semantic": _cross_entropy(logits, targets)}
    if targets.tagged:
        pooled = torch.stack([logits[points].mean(0) for points, _ in targets.tagged])
        wanted = torch.stack([classes for _, classes in targets.tagged]).to(pooled.dtype)
        losses["tags"] = functional.binary_cross_entropy_with_logits(pooled, wanted)
    return losses


def _cross_entropy(logits: Float[Tensor, "n k"], targets: Targets) -> Tensor:
    """Mean over the labelled points; 0, with a gradient of 0, where there are none."""
    if not bool((targets.semantic != IGNORE).any()):
        return logits.sum() * 0
    return functional.cross_entropy(
        logits, targets.semantic, targets.class_weights, ignore_index=IGNORE
    )
