"""Learning to assign: clicks drawn anew each time, every piece asked whose it is."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor
from torch.nn import functional as F

from seggroup.assign.examples import Example
from seggroup.assign.features import Surroundings
from seggroup.assign.network import CLASSES, Asked, Assigner, ask, instance_shares, read
from seggroup.types import NONE

Rng = np.random.Generator
MIN_PART = 100  # vertices, as the simulated annotators'
# How much each loss counts.
LOSSES = {"ask0": 0.25, "ask1": 0.4, "ask2": 0.6, "ask3": 1.0, "links": 0.5, "kinds": 0.4}
SHIFT = 0.3  # deviations of a feature by which a scan is off


@dataclass(frozen=True)
class Draw:
    """Clicks on an example: as the network is asked, and the instance each is on."""

    asked: Asked
    instance: np.ndarray


def draw_clicks(example: Example, rng: Rng) -> Draw | None:
    """Clicks of an annotator who mostly takes the largest segment, sometimes errs or misses."""
    around, owner = example.around, example.owner
    a, b = around.links[(around.touching > 0)].T
    same = (owner[a] == owner[b]) & (owner[a] != NONE)
    p = len(owner)
    joined = coo_matrix((same[same], (a[same], b[same])), shape=(p, p))
    part = connected_components(joined, directed=False)[1]
    per_part = rng.random() < 0.6
    style = rng.choice(4, p=[0.6, 0.15, 0.15, 0.1])  # largest, by size, any, several
    missed = rng.choice([0, 0.05, 0.15, 0.4], p=[0.4, 0.3, 0.2, 0.1])
    wrong = rng.choice([0.0, 0.05], p=[0.6, 0.4])
    nameless = rng.random() < 0.12
    pieces: list[int] = []
    instances: list[int] = []
    for i in range(len(example.classes)):
        own = np.flatnonzero(owner == i)
        if len(own) == 0 or rng.random() < missed:
            continue
        kind = part[own] if per_part else np.zeros(len(own), int)
        group = np.unique(kind, return_inverse=True)[1]
        total = np.bincount(group, around.size[own])
        for g in np.flatnonzero((total >= MIN_PART) | (np.arange(len(total)) == total.argmax())):
            members = own[group == g]
            of = np.unique(around.segment[members], return_inverse=True)[1]
            size = np.bincount(of, around.size[members])
            if style == 0:
                chosen = [int(size.argmax())]
            elif style == 3:
                chosen = rng.permutation(len(size))[: rng.integers(1, 4)].tolist()
            else:
                chosen = [int(rng.choice(len(size), p=size / size.sum() if style == 1 else None))]
            for k in chosen:
                inside = members[of == k]
                middle = np.average(around.center[inside], axis=0, weights=around.size[inside])
                gap = np.linalg.norm(around.center[inside] - middle, axis=1)
                pieces.append(int(inside[gap.argmin()]))
                instances.append(i)
    if not pieces:
        return None
    instance = np.array(instances)
    semantic = np.clip(example.classes[instance], 0, None)
    semantic[semantic >= CLASSES] = 0
    for i in np.unique(instance):
        if rng.random() < wrong:
            semantic[instance == i] = rng.choice(semantic)
    semantic[rng.random(len(semantic)) < (1.0 if nameless else 0.03)] = 0
    return Draw(Asked(np.array(pieces), semantic.astype(np.int64)), instance)


def targets(example: Example, instance: np.ndarray) -> Tensor:
    """Column of each piece among the clicked instances, ascending; past them: none; -1: unknown."""
    numbers = np.unique(instance)
    place = np.searchsorted(numbers, example.owner)
    clicked = np.append(numbers, -2)[place] == example.owner
    column = np.where(clicked, place, len(numbers))
    return torch.from_numpy(np.where(example.owner == NONE, -1, column))


def by_instance(logits: Tensor, instance: np.ndarray) -> Tensor:
    """Log-probabilities of the clicked instances and none from logits of the clicks and none."""
    return torch.log(instance_shares(logits, instance) + 1e-7)


def shifted(around: Surroundings, rng: Rng) -> Surroundings:
    """The same scan with every feature a little off, in all of the scan alike.

    So do real scans differ from synthetic ones; what leans on a feature's exact value is unlearned.
    """

    def off(*values: np.ndarray) -> list[np.ndarray]:
        """The same shift and stretch for arrays of the same features."""
        axes = tuple(range(values[0].ndim - 1))
        deviation, middle = values[0].std(axis=axes), values[0].mean(axis=axes)
        shift = deviation * rng.normal(0, SHIFT, len(deviation))
        stretch = np.exp(rng.normal(0, SHIFT / 2, len(deviation)))
        return [((v - middle) * stretch + middle + shift).astype(np.float32) for v in values]

    (features,), (points,), (link, back) = (
        off(around.features), off(around.points), off(around.link, around.back),
    )  # fmt: skip
    return replace(around, features=features, points=points, link=link, back=back)


def losses(network: Assigner, example: Example, rng: Rng) -> dict[str, Tensor] | None:
    """Of one example with fresh clicks: assignment by round, links, classes."""
    draw = draw_clicks(example, rng)
    if draw is None:
        return None
    around = shifted(example.around, rng) if rng.random() < 0.7 else example.around
    found = read(network, around)
    answers = ask(network, around, found, draw.asked, lean=rng.exponential(1.0))
    target = targets(example, draw.instance)
    known = target >= 0
    owner = torch.from_numpy(example.owner).long()
    size = torch.from_numpy((around.size * example.purity).astype(np.float32))
    whole = size.new_zeros(len(example.classes) + 1).index_add_(0, owner.clamp(min=0), size)
    weight = (size / (whole[owner.clamp(min=0)] + 20).sqrt())[known]
    weight = weight / weight.sum()
    result = {}
    for r, logits in enumerate(answers):
        log = by_instance(logits, draw.instance)
        loss = F.nll_loss(log[known], target[known], reduction="none")
        result[f"ask{r}"] = (loss * weight).sum()
    a, b = around.links[:, 0], around.links[:, 1]
    both = (example.owner[a] != NONE) & (example.owner[b] != NONE)
    truth = torch.from_numpy((example.owner[a] == example.owner[b])[both].astype(np.float32))
    sure = torch.from_numpy((example.purity[a] * example.purity[b])[both].astype(np.float32))
    result["links"] = F.binary_cross_entropy_with_logits(
        found.affinity[torch.from_numpy(both)], truth, sure
    )
    kind = torch.from_numpy(np.clip(example.classes, 0, CLASSES - 1)).long()[owner.clamp(min=0)]
    loss = F.nll_loss(found.kinds[known], kind[known], reduction="none")
    result["kinds"] = (loss * weight).sum()
    return result
