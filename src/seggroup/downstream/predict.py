"""Prediction for every vertex of a scan: averaged over rotations, in blocks where it is large."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from torch import nn

from seggroup.downstream.augment import part, turned
from seggroup.downstream.cloud import Answer, Cloud, Proposal
from seggroup.types import NONE, ClassSets, Labels

MARGIN = 1.0  # metres around a block that the model also sees
LIMIT = 500_000  # points of a scene that are predicted at once


def predict(
    model: nn.Module,
    cloud: Cloud,
    device: torch.device,
    rotations: int = 1,
    limit: int = LIMIT,
) -> tuple[Float32[np.ndarray, "n k"], tuple[Proposal, ...]]:
    """Class probabilities of every point, and proposals where the model makes any.

    rotations : about the vertical axis, equally far apart; probabilities are their mean, and
                proposals those of the first
    limit     : points above which a scene is predicted in blocks. Proposals do not cross blocks.
    """
    total: Float32[np.ndarray, "n k"] | None = None
    proposals: list[Proposal] = []
    for number in range(rotations):
        angle = 2 * np.pi * number / rotations
        seen = replace(cloud, points=turned(cloud.points, angle)) if number else cloud
        for index, own in blocks(cloud.points, limit):
            answer = _answer(model, part(seen, index), device)
            probability = answer.logits.float().softmax(1).cpu().numpy()
            if total is None:
                total = np.zeros((len(cloud), probability.shape[1]), np.float32)
            total[index[own]] += probability[own] / rotations
            if number == 0:
                proposals += _own(answer.proposals, index, own)
    assert total is not None, "a scan has at least one point and is seen at least once"
    return total, tuple(sorted(proposals, key=lambda proposal: -proposal.score))


def _answer(model: nn.Module, cloud: Cloud, device: torch.device) -> Answer:
    with torch.no_grad():
        inputs = model.prepare([cloud]).to(device)  # type: ignore[operator]
        return model.answer(inputs)  # type: ignore[operator]


def _own(
    proposals: Sequence[Proposal], index: Int64[np.ndarray, " p"], own: Bool[np.ndarray, " p"]
) -> list[Proposal]:
    """A block's proposals over the scene's points; the ones mostly outside are another block's."""
    return [
        replace(proposal, points=index[proposal.points])
        for proposal in proposals
        if own[proposal.points].mean() > 0.5
    ]


def blocks(
    points: Float32[np.ndarray, "n 3"], limit: int, margin: float = MARGIN
) -> Iterator[tuple[Int64[np.ndarray, " p"], Bool[np.ndarray, " p"]]]:
    """Points that are predicted together, and which of them are the block's own.

    Every point is one block's own. A block of more than `limit` points is halved at the median of
    its longer horizontal side; the points within `margin` metres around it are seen with it, or
    fewer metres where that would be more than `limit` further points.
    """
    waiting = [np.arange(len(points))]
    while waiting:
        own = waiting.pop()
        low, high = points[own, :2].min(axis=0), points[own, :2].max(axis=0)
        if len(own) > limit and (high > low).any():
            axis = int(np.argmax(high - low))
            order = own[np.argsort(points[own, axis], kind="stable")]
            waiting += [np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])]
            continue
        if len(own) == len(points):
            yield own, np.ones(len(own), bool)
            return
        beyond = np.maximum(low - points[:, :2], points[:, :2] - high).max(axis=1)
        inside = np.zeros(len(points), bool)
        inside[own] = True
        around = np.flatnonzero((beyond <= margin) & ~inside)
        if len(around) > limit:
            around = around[np.argsort(beyond[around], kind="stable")[:limit]]
        seen = np.sort(np.concatenate([own, around]))
        yield seen, inside[seen]


def restricted(
    probability: Float32[np.ndarray, "n k"], sets: ClassSets, classes: Sequence[int]
) -> Float32[np.ndarray, "n k"]:
    """A vertex may only be of a class that all sets it lies in hold (MPRM's pseudo labels).

    Where nothing is left, or a vertex is in no set, the probabilities stay as they are.
    """
    allowed = np.ones(probability.shape, bool)
    for members, known in zip(sets.members, sets.classes, strict=True):
        allowed[members] &= np.isin(classes, known)
    allowed |= ~allowed.any(axis=1, keepdims=True)
    kept = np.where(allowed, probability, 0)
    return (kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-12)).astype(np.float32)


def labels_of(
    probability: Float32[np.ndarray, "n k"],
    proposals: Sequence[Proposal],
    classes: Sequence[int],
) -> Labels:
    """One class and at most one instance a vertex: the likeliest, and the surest proposal's.

    Instances are numbered as the proposals; one that others cover whole keeps no vertex.
    """
    best = probability.argmax(axis=1)
    semantic = np.asarray(classes, np.int32)[best]
    confidence = probability[np.arange(len(best)), best]
    instance = np.full(len(best), NONE, np.int32)
    for number, proposal in enumerate(proposals):
        free = proposal.points[instance[proposal.points] == NONE]
        instance[free] = number
        semantic[free] = classes[proposal.semantic]
        confidence[free] = proposal.score
    return Labels(semantic, instance, confidence)
