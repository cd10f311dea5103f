"""From clicks to labels: the pieces' shares among the clicked instances, and how sure they are."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int32
from scipy.sparse.linalg import SuperLU
from torch import Tensor

from seggroup.assign.features import Surroundings, surroundings
from seggroup.assign.network import (
    CLASSES,
    PAIR,
    Asked,
    Assigner,
    Read,
    alone,
    among,
    hits_of,
    instance_shares,
    read,
    walks,
)
from seggroup.assign.opinion import Plain, log_shares, plain_walk
from seggroup.assign.pieces import Pieces, make_pieces
from seggroup.errors import InputError, TooLargeError
from seggroup.labels.clicks import instance_classes
from seggroup.types import NONE, Clicks, Labels, Scene

MOST = 8_000_000  # pieces times clicks: about 2 GiB


@dataclass(frozen=True)
class Known:
    """A scan as the network has read it: everything that no click changes.

    nyu40   : the clicks' class ids are NYU40's; those of other lists say nothing to the network
    walks   : along the links, factorised (network.py)
    plain   : the training-free walk, for a second opinion
    """

    scene: Scene
    pieces: Pieces
    around: Surroundings
    read: Read
    walks: tuple[SuperLU, ...]
    plain: Plain
    nyu40: bool = True


@dataclass(frozen=True)
class Columns:
    """What relates every piece to each click by itself: the next click adds one (network.py)."""

    asked: Asked
    pair: Float32[Tensor, "p c k"]


@dataclass(frozen=True)
class Shares:
    """What the network thinks. i clicked instances, ascending.

    numbers : of the instances
    share   : probability that each piece is of each instance
    none    : … of none that is clicked
    """

    numbers: Int32[np.ndarray, " i"]
    share: Float32[np.ndarray, "p i"]
    none: Float32[np.ndarray, " p"]


def know(network: Assigner, scene: Scene, nyu40: bool = True) -> Known:
    """Cut a scene into pieces and read it; `nyu40`: class ids of clicks will be NYU40's."""
    pieces = make_pieces(scene)
    around = surroundings(scene, pieces)
    with torch.no_grad():
        found = read(network, around)
    along = walks(around, found.affinity.numpy())
    return Known(scene, pieces, around, found, along, plain_walk(around), nyu40)


def asked_of(known: Known, clicks: Clicks) -> Asked:
    """Clicks as the network takes them. Raises InputError for none, and for too many to hold."""
    if len(clicks) == 0:
        raise InputError(f"{known.scene.name}: no click; click at least one instance")
    if len(clicks) * len(known.pieces) > MOST:
        raise TooLargeError(
            f"{known.scene.name}: {len(clicks)} clicks on {len(known.pieces)} pieces are more than "
            "memory holds; spread them in smaller --blocks or with --method walk"
        )
    semantic = clicks.semantic if known.nyu40 else np.zeros_like(clicks.semantic)
    named = np.where((semantic > 0) & (semantic < CLASSES), semantic, 0)
    return Asked(known.pieces.piece[clicks.vertex].astype(np.int64), named.astype(np.int64))


def columns(known: Known, clicks: Clicks, before: Columns | None = None) -> Columns:
    """The columns of the clicks; those that are `before` are taken from there."""
    asked = asked_of(known, clicks)
    place = {key: i for i, key in enumerate(_keys(before.asked))} if before else {}
    held = np.array([place.get(key, NONE) for key in _keys(asked)])
    new = np.flatnonzero(held == NONE)
    pair = torch.empty(len(known.pieces), len(clicks), PAIR)
    if before is not None:
        old = np.flatnonzero(held != NONE)
        pair[:, old] = before.pair[:, held[old]]
    if len(new):
        added = Asked(asked.piece[new], asked.semantic[new])
        with torch.no_grad():
            hit = hits_of(known.walks, added.piece)
            pair[:, new] = alone(known.around, known.read, added, hit)
    return Columns(asked, pair)


def _keys(asked: Asked) -> list[tuple[int, int]]:
    return list(zip(asked.piece.tolist(), asked.semantic.tolist(), strict=True))


def shares(network: Assigner, known: Known, clicks: Clicks, found: Columns | None = None) -> Shares:
    """Whose each piece is, given the clicks; `found` are their `columns`, where at hand."""
    found = found or columns(known, clicks)
    with torch.no_grad():
        pair = among(found.pair)
        log = log_shares(network, known.around, known.read, known.plain, found.asked, pair)
        return by_instance(log / network.temperature, clicks)


def by_instance(logits: Float32[Tensor, "p k"], clicks: Clicks) -> Shares:
    """The shares of instances from logits of the clicks and none."""
    share = instance_shares(logits, clicks.instance).numpy()
    return Shares(np.unique(clicks.instance).astype(np.int32), share[:, :-1], share[:, -1])


def assigned(known: Known, clicks: Clicks, found: Shares) -> Labels:
    """Labels of every vertex; clicked pieces keep their click's instance.

    Where clicks of several instances fall in one piece, each vertex in it takes the nearest, and
    is no surer of it than of the others.
    """
    winner = found.share.argmax(axis=1)
    confidence = found.share[np.arange(len(winner)), winner]
    instance = found.numbers[winner]
    piece = known.pieces.piece
    clicked = piece[clicks.vertex]
    instance[clicked] = clicks.instance
    confidence[clicked] = 1
    of_vertex, sure = instance[piece], confidence[piece]
    for shared in np.unique(clicked):
        inside = np.flatnonzero(clicked == shared)
        if len(np.unique(clicks.instance[inside])) > 1:
            members = np.flatnonzero(piece == shared)
            place = known.scene.scan.vertices
            away = place[members][:, None] - place[clicks.vertex[inside]]
            nearest = np.linalg.norm(away, axis=2).argmin(axis=1)
            of_vertex[members] = clicks.instance[inside[nearest]]
            sure[members] = 1 / len(np.unique(clicks.instance[inside]))
            sure[clicks.vertex[inside]] = 1
    class_of = instance_classes(clicks)
    classes = np.array([class_of[number] for number in found.numbers.tolist()], np.int32)
    semantic = classes[np.searchsorted(found.numbers, of_vertex)]
    return Labels(semantic, of_vertex.astype(np.int32), sure.astype(np.float32))
