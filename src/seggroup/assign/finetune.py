"""Training on the user's own clicks, EM-like (paper 3.2): believe what is sure, learn from it.

With the weights fixed, pieces that the network is sure of get their instance; with these beliefs
fixed, a copy of the network learns them from clicks drawn anew, held near the start by a spring
(L2-SP: Li et al., ICML 2018). The clicks of some instances are kept out of both: how well the
network foretells them decides, at the end, whether the copy may stay. So it must not harm.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import nn

from seggroup.assign.examples import Example
from seggroup.assign.features import Surroundings
from seggroup.assign.labels import Known, asked_of
from seggroup.assign.network import Asked, Assigner, Read, read
from seggroup.assign.opinion import log_shares, plain_walk
from seggroup.assign.training import LOSSES, Draw, by_instance, losses
from seggroup.types import NONE, Clicks

FEWEST = 5  # clicks to judge by: fewer could not tell luck from learning
LEFT_OUT = 3  # clicks of one instance that are foretold from its others, at most


@dataclass(frozen=True)
class RefineConfig:
    """The numbers of the training on clicks."""

    steps: int = 20
    batch: int = 1  # scans a step
    every: int = 10  # steps from one set of beliefs to the next
    sure: float = 0.9  # smallest share of a piece that is believed
    tested: float = 1 / 3  # share of the instances kept out, to judge by
    learning_rate: float = 1e-4
    pull: float = 1.0  # of the spring
    clip: float = 1.0  # largest norm of a gradient
    seed: int = 0


@dataclass(frozen=True)
class Refined:
    """What became of it.

    network       : the trained copy where it was kept, else the network that was given
    kept          : the clicks kept out are foretold better, by more than the standard error
    before, after : their mean log-probability; nan where too few clicks could be kept out
    """

    network: Assigner
    kept: bool
    before: float
    after: float


def drawn(known: Known, clicks: Clicks) -> Draw:
    """A user's clicks as if they had been drawn."""
    return Draw(asked_of(known, clicks), clicks.instance)


def refine(
    network: Assigner,
    scans: Sequence[tuple[Surroundings, Draw]],
    config: RefineConfig | None = None,
) -> Refined:
    """Train a copy on scans with clicks; keep it only where it foretells clicks better.

    Scans without enough clicks to judge by leave the network as it is.
    """
    config = config or RefineConfig()
    rng = np.random.default_rng(config.seed)
    tested = [_tested(draw, config.tested, rng) for _, draw in scans]
    before = _scores(network, scans, tested)
    if len(before) < FEWEST:
        return Refined(network, False, float("nan"), float("nan"))
    copy = deepcopy(network)
    start = [parameter.detach().clone() for parameter in copy.parameters()]
    optimizer = torch.optim.AdamW(copy.parameters(), config.learning_rate, weight_decay=0.0)
    beliefs: list[Example] = []
    for step in range(config.steps):
        if step % config.every == 0:
            beliefs = [
                believed(copy, around, draw, kept_out, config.sure)
                for (around, draw), kept_out in zip(scans, tested, strict=True)
            ]
        optimizer.zero_grad()
        for _ in range(config.batch):
            example = beliefs[int(rng.integers(len(beliefs)))]
            found = losses(copy, example, rng)
            if found is None:
                continue
            if not (example.classes > 0).all():
                found.pop("kinds")  # nothing can be learnt of a class that nobody named
            weighted = [LOSSES[name] * loss for name, loss in found.items()]
            (torch.stack(weighted).sum() / config.batch).backward()
        pairs = zip(copy.parameters(), start, strict=True)
        (config.pull * torch.stack([((p - s) ** 2).sum() for p, s in pairs]).sum()).backward()
        nn.utils.clip_grad_norm_(copy.parameters(), config.clip)
        optimizer.step()
    after = _scores(copy, scans, tested)
    gain = after - before
    kept = bool(gain.mean() > gain.std() / np.sqrt(len(gain)))
    return Refined(
        copy.eval() if kept else network, kept, float(before.mean()), float(after.mean())
    )


def believed(
    network: Assigner, around: Surroundings, draw: Draw, kept_out: np.ndarray, sure: float
) -> Example:
    """The scan as an example: its owners where the network is sure or a click says so."""
    with torch.no_grad():
        found = read(network, around)
        logits = log_shares(network, around, found, plain_walk(around), draw.asked)
        share = by_instance(logits / network.temperature, draw.instance).exp().numpy()
    numbers, column = np.unique(draw.instance, return_inverse=True)
    share = share[:, :-1]
    owner = np.where(share.max(axis=1) >= sure, share.argmax(axis=1), NONE)
    purity = share.max(axis=1)
    owner[draw.asked.piece] = column
    purity[draw.asked.piece] = 1
    owner[np.isin(owner, np.flatnonzero(np.isin(numbers, kept_out)))] = NONE
    classes = np.zeros(len(numbers), np.int32)
    classes[column] = draw.asked.semantic
    return Example(around, owner.astype(np.int32), purity.astype(np.float32), classes)


def _tested(draw: Draw, share: float, rng: np.random.Generator) -> np.ndarray:
    """The instances whose clicks are kept out; one at least stays in."""
    numbers = np.unique(draw.instance)
    return rng.permutation(numbers)[: min(round(share * len(numbers)), len(numbers) - 1)]


def _scores(
    network: Assigner,
    scans: Sequence[tuple[Surroundings, Draw]],
    tested: Sequence[np.ndarray],
) -> Float64[np.ndarray, " k"]:
    """How well each click kept out is foretold, of all scans."""
    found = []
    for (around, draw), kept_out in zip(scans, tested, strict=True):
        with torch.no_grad():
            found.append(foretold(network, around, read(network, around), draw, kept_out))
    return np.concatenate(found) if found else np.zeros(0)


def foretold(
    network: Assigner, around: Surroundings, seen: Read, draw: Draw, instances: np.ndarray
) -> Float64[np.ndarray, " k"]:
    """Log-probabilities of the clicks of some instances, from all other clicks.

    A click of an instance with others: that its piece goes to the instance without it. The only
    click of an instance: that its piece is of the class that was named, if one was.
    """
    numbers, column = np.unique(draw.instance, return_inverse=True)
    found: list[float] = []
    rank = np.zeros(len(column), np.int64)  # of a click among those of its instance
    single = np.zeros(len(column), bool)
    for i in range(len(numbers)):
        own = np.flatnonzero(column == i)
        rank[own] = np.arange(len(own))
        single[own] = len(np.unique(draw.asked.piece[own])) == 1
    chosen, plain = np.isin(draw.instance, instances), plain_walk(around)
    for k in np.flatnonzero(chosen & single & (draw.asked.semantic > 0)):
        found.append(float(seen.kinds[draw.asked.piece[k], draw.asked.semantic[k]]))
    for r in range(LEFT_OUT):
        out = chosen & ~single & (rank == r)
        if not out.any():
            break
        rest = Asked(draw.asked.piece[~out], draw.asked.semantic[~out])
        logits = log_shares(network, around, seen, plain, rest) / network.temperature
        log = by_instance(logits, draw.instance[~out])
        found += log[draw.asked.piece[out], column[out]].tolist()
    return np.array(found)
