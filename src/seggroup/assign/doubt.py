"""Which clicks are probably wrong: flagged with a reason in words, never overruled.

A click can err in two ways, and either leaves a trace that does not need the click itself.

class : the reader, which never saw the clicks, takes the clicked pieces for something else
place : asked without this click, its piece belongs to another clicked instance: the click fell on
        a neighbour, or one object was clicked as two instances

The second is not asked click by click. In the first round of the asker the clicks do not yet look
at one another, so its answer without a click is its answer with that click's column taken out:
one pass over the clicked pieces serves all clicks, exactly.

Both probabilities are weighed against how seldom annotators err. Of c classes in the scene an
erring annotator names each wrong one alike, so with e = `ERRS` and p the reader's probability of
the given class, the class is wrong with odds e (1 - p) / (c - 1) : (1 - e) p. A place is wrong with
odds e s : (1 - e) (1 - s), s being the others' share.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64

from seggroup.assign.labels import Known, asked_of
from seggroup.assign.network import (
    DYNAMIC,
    GAP_TO_REST,
    HIT_TO_REST,
    Asked,
    Assigner,
    Read,
    alone,
    hits_of,
)
from seggroup.classes import class_name
from seggroup.types import Clicks

ERRS = 0.05  # share of clicks with a wrong class, and as many in a wrong place
LIMIT = 0.95  # the lowest tried that flags at most 5 % of right clicks on held-back synthetic rooms
NOWHERE = -1e9  # logit of what is not asked
OF_PIECES = ("features", "points", "center", "normal", "lab", "size", "spread", "place")


@dataclass(frozen=True)
class Doubt:
    """A click that is probably wrong: its index, the probability of it, and why, in words."""

    click: int
    chance: float
    reason: str


def doubtful(network: Assigner, known: Known, clicks: Clicks, limit: float = LIMIT) -> list[Doubt]:
    """The clicks whose chance to be wrong is above `limit`, the likeliest first."""
    asked = asked_of(known, clicks)
    named = asked.semantic
    kinds = looks(known, clicks, asked)
    owners = others(network, known, asked, clicks.instance)
    misnamed, misplaced = wrong_class(kinds, named), wrong_place(owners)
    chance = 1 - (1 - misnamed) * (1 - misplaced)
    found = []
    for i in np.argsort(-chance, kind="stable"):
        if chance[i] <= limit:
            break
        if misnamed[i] > misplaced[i]:
            rest = kinds[i].copy()
            rest[named[i]] = 0
            best = int(rest.argmax())
            likely = float(rest[best])
            seen = class_name(best) if best else "something else"
            reason = f"looks like {seen}, not {class_name(int(named[i]))}"
        else:
            j = int(owners[i].argmax())
            likely = float(owners[i, clicks.instance == clicks.instance[j]].sum())
            name = f", {class_name(int(named[j]))}" if named[j] else ""
            reason = f"lies on the object of instance {clicks.instance[j]}{name}"
        found.append(Doubt(int(i), float(chance[i]), f"{reason} ({100 * likely:.0f} %)"))
    return found


def wrong_class(
    kinds: Float64[np.ndarray, "c k"], named: Int64[np.ndarray, " c"]
) -> Float64[np.ndarray, " c"]:
    """The chance that each click's class is wrong; 0 where it names none."""
    wrong = max(len(np.unique(named[named > 0])) - 1, 1)
    right = kinds[np.arange(len(named)), named]
    odds = ERRS * (1 - right) / wrong
    return np.where(named > 0, odds / (odds + (1 - ERRS) * right + 1e-12), 0)


def wrong_place(owners: Float64[np.ndarray, "c c"]) -> Float64[np.ndarray, " c"]:
    """The chance that each click is on another click's object."""
    share = owners.sum(axis=1).clip(0, 1)
    return ERRS * share / (ERRS * share + (1 - ERRS) * (1 - share) + 1e-12)


def looks(known: Known, clicks: Clicks, asked: Asked) -> Float64[np.ndarray, "c k"]:
    """What the reader takes each click's instance for: the mean over its clicked pieces."""
    own = known.read.kinds.numpy()[asked.piece].astype(np.float64)
    numbers, instance = np.unique(clicks.instance, return_inverse=True)
    total = np.zeros((len(numbers), own.shape[1]))
    np.add.at(total, instance, np.exp(own))
    return (total / np.bincount(instance)[:, None])[instance]


def others(
    network: Assigner, known: Known, asked: Asked, instance: np.ndarray
) -> Float64[np.ndarray, "c c"]:
    """Share that each other instance's clicks have of each click's piece, asked without the click.

    Clicks in one piece say nothing about one another (they are there to cut it): they are taken
    out together. Shares of the click's own instance are 0 here, and count for the click.
    """
    share = first_without(network, known, asked)[:, :-1].astype(np.float64)
    share[instance[:, None] == instance] = 0
    return share


def first_without(network: Assigner, known: Known, asked: Asked) -> Float32[np.ndarray, "c k"]:
    """The first round's shares of every click's piece among the clicks in other pieces and none."""
    own = torch.from_numpy(asked.piece[:, None] == asked.piece)
    asker, t = network.asker, torch.from_numpy
    with torch.no_grad():
        pair = _clicked_pairs(known, asked)
        gap = pair[..., GAP_TO_REST].masked_fill(own, torch.inf)
        nearest = gap.amin(1, keepdim=True)
        pair[..., GAP_TO_REST] = torch.where(own, 0, gap - nearest).clamp(max=4)
        hit = pair[..., HIT_TO_REST].masked_fill(own, NOWHERE)
        pair[..., HIT_TO_REST] = torch.log_softmax(hit, 1).clamp(min=-12) / 4
        c = len(asked.piece)
        hidden = known.read.hidden[t(asked.piece)]
        x = asker.norm(hidden)
        y = asker.norm(asker.query(torch.cat([hidden, asker.named(t(asked.semantic))], 1)))
        dots = asker.dots(0, x, y)
        logit = asker.weigh[0](torch.cat([pair, dots, pair.new_zeros(c, c, DYNAMIC)], 2))[..., 0]
        logit = logit.masked_fill(own, NOWHERE)
        top, all_ = logit.amax(1, keepdim=True), torch.logsumexp(logit, 1, True)
        nothing = asker.none[0](torch.cat([x, top, all_], 1))
        nothing = torch.where(own.all(1, keepdim=True), 0, nothing)  # nobody else to ask
        share = torch.softmax(torch.cat([logit, nothing], 1) / network.temperature, 1)
    return share.numpy()


def _clicked_pairs(known: Known, asked: Asked) -> Float32[torch.Tensor, "c c k"]:
    """The network's `alone` of the clicked pieces: only their segments' pieces are looked at."""
    around = known.around
    hit = hits_of(known.walks, asked.piece)
    rows = np.flatnonzero(np.isin(around.segment, around.segment[asked.piece]))
    segment = np.unique(around.segment[rows], return_inverse=True)[1].astype(np.int32)
    cut = {name: getattr(around, name)[rows] for name in OF_PIECES}
    few = replace(around, **cut, segment=segment)
    index = torch.from_numpy(rows)
    found = Read(known.read.hidden[index], known.read.kinds[index], known.read.affinity)
    place = np.searchsorted(rows, asked.piece)
    pair = alone(few, found, Asked(place, asked.semantic), hit[rows])
    return pair[torch.from_numpy(place)]
