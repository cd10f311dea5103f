"""Prediction for every vertex of a scan: averaged over rotations, in blocks where it is large."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from torch import nn

from seggroup.downstream.augment import part, turned
from seggroup.downstream.cloud import Answer, Cloud, Proposal
from seggroup.geometry.blocks import joined
from seggroup.types import NONE, ClassSets, Labels

MARGIN = 1.0  # metres around a block that the model also sees
LIMIT = 500_000  # points of a scene that are predicted at once
# What a block sees: its points, which of them are its own, and its proposals over them.
Seen = tuple[Int64[np.ndarray, " _"], Bool[np.ndarray, " _"], Sequence[Proposal]]


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
    limit     : points above which a scene is predicted in blocks, and their proposals are joined
    """
    total: Float32[np.ndarray, "n k"] | None = None
    found: list[Seen] = []
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
                found.append((index, own, answer.proposals))
    assert total is not None, "a scan has at least one point and is seen at least once"
    proposals = found[0][2] if len(found) == 1 else across(found)
    return total, tuple(sorted(proposals, key=lambda proposal: -proposal.score))


def _answer(model: nn.Module, cloud: Cloud, device: torch.device) -> Answer:
    with torch.no_grad():
        inputs = model.prepare([cloud]).to(device)  # type: ignore[operator]
        return model.answer(inputs)  # type: ignore[operator]


def across(found: Sequence[Seen]) -> tuple[Proposal, ...]:
    """The proposals of all blocks over the scene's points; what a border cut is one again.

    Each block gives the points of its own; the class and the score are those of the surest part.
    Where a block's proposals overlap, a point is the surer one's.
    """
    parts, surest = [], []
    for index, _, proposals in found:
        instance = np.full(len(index), NONE, np.int32)
        ordered = sorted(proposals, key=lambda proposal: -proposal.score)
        for number, proposal in reversed(list(enumerate(ordered))):
            instance[proposal.points] = number
        parts.append((index, instance))
        surest.append(ordered)
    pieces: dict[int, list[tuple[Proposal, Int64[np.ndarray, " _"]]]] = {}
    for (index, own, _), ordered, (_, instance), common in zip(
        found, surest, parts, joined(parts), strict=True
    ):
        for number, proposal in enumerate(ordered):
            at = np.flatnonzero((instance == number) & own)
            if len(at):
                pieces.setdefault(int(common[at[0]]), []).append((proposal, index[at]))
    return tuple(_whole(of_one) for of_one in pieces.values())


def _whole(pieces: Sequence[tuple[Proposal, Int64[np.ndarray, " _"]]]) -> Proposal:
    best, _ = max(pieces, key=lambda piece: piece[0].score)
    return replace(best, points=np.sort(np.concatenate([points for _, points in pieces])))


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
