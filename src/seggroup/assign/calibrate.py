"""The temperature: how sure the network's answers may sound, fitted on rooms it has not seen.

What is reported of a piece is its winner's share among the clicked instances. That confidence is
what the temperature makes true: of the pieces (by their vertices) that are called 80 % sure, 80 %
shall be right. Pieces of instances that nobody clicked count as wrong, and of a piece that mixes
two objects only its owner's vertices can be right. Clicked pieces, which are certain, are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from scipy.optimize import minimize_scalar

from seggroup.assign.examples import Example
from seggroup.assign.network import Assigner, instance_shares, read
from seggroup.assign.opinion import log_shares, plain_walk
from seggroup.assign.training import draw_clicks
from seggroup.types import NONE

RANGE = (0.25, 8.0)  # of the temperatures that are tried
BINS = 20  # of confidences, equally wide
DRAWS = 2  # of clicks on each example


@dataclass(frozen=True)
class Answer:
    """The network's answer to one draw of clicks, p annotated pieces without a click, c clicks.

    logits : of the clicks and none
    column : of every click, its instance, numbered from 0
    owner  : of every piece, in the same numbers; -1 where its instance was not clicked
    purity : share of the piece's vertices that are its owner's
    size   : vertices
    """

    logits: Float32[np.ndarray, "p k"]
    column: Int64[np.ndarray, " c"]
    owner: Int64[np.ndarray, " p"]
    purity: Float32[np.ndarray, " p"]
    size: Int64[np.ndarray, " p"]


def answers(network: Assigner, examples: Sequence[Example], seed: int) -> list[Answer]:
    """What the network answers to clicks drawn by (seed, example, draw)."""
    result = []
    for i, example in enumerate(examples):
        with torch.no_grad():
            found = read(network, example.around)
        plain = plain_walk(example.around)
        for k in range(DRAWS):
            draw = draw_clicks(example, np.random.default_rng([seed, i, k]))
            if draw is None:
                continue
            with torch.no_grad():
                logits = log_shares(network, example.around, found, plain, draw.asked).numpy()
            numbers, column = np.unique(draw.instance, return_inverse=True)
            lookup = np.full(len(example.classes), -1)
            lookup[numbers] = np.arange(len(numbers))
            free = example.owner != NONE
            free[draw.asked.piece] = False
            size = example.around.size[free].astype(np.int64)
            owner = lookup[example.owner[free]]
            result.append(Answer(logits[free], column, owner, example.purity[free], size))
    return result


def judged(
    answer: Answer, temperature: float
) -> tuple[Float64[np.ndarray, " p"], Float64[np.ndarray, " p"]]:
    """Of every piece: the confidence of its label, and the share of its vertices that is right."""
    logits = torch.from_numpy(answer.logits).double() / temperature
    total = instance_shares(logits, answer.column)[:, :-1].numpy()
    winner = total.argmax(axis=1)
    confidence = total[np.arange(len(winner)), winner]
    return confidence, np.where(winner == answer.owner, answer.purity, 0).astype(np.float64)


def surprise(found: Sequence[Answer], temperature: float) -> float:
    """The mean negative log-likelihood of right and wrong under the confidences, by vertices."""
    total = weight = 0.0
    for answer in found:
        confidence, right = judged(answer, temperature)
        confidence = confidence.clip(1e-6, 1 - 1e-6)
        loss = -right * np.log(confidence) - (1 - right) * np.log1p(-confidence)
        total += float((loss * answer.size).sum())
        weight += float(answer.size.sum())
    return total / max(weight, 1)


def calibration(found: Sequence[Answer], temperature: float) -> tuple[float, float]:
    """The share of vertices labelled rightly, and the expected calibration error over `BINS`."""
    pairs = [judged(answer, temperature) for answer in found]
    confidence, right = (np.concatenate(values) for values in zip(*pairs, strict=True))
    size = np.concatenate([answer.size for answer in found])
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gap = np.abs(np.bincount(place, size * (right - confidence), BINS)).sum()
    whole = size.sum()
    return float((size * right).sum() / whole), float(gap / whole)


def fit_temperature(network: Assigner, examples: Sequence[Example], seed: int) -> float:
    """The temperature of least `surprise` on examples, which the network keeps from then on."""
    found = answers(network, examples, seed)
    low, high = np.log(RANGE)
    best = minimize_scalar(
        lambda log: surprise(found, float(np.exp(log))), bounds=(low, high), method="bounded"
    )
    temperature = float(np.exp(best.x)) if found else 1.0
    network.temperature.fill_(temperature)
    return temperature
