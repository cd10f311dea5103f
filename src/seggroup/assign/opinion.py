"""A second opinion, and the answer in use.

The network has seen synthetic rooms only. The training-free walk (walk.py) has seen none, walks on
whole segments, and errs elsewhere: its shares are mixed into the network's before these are made to
agree along the links. On synthetic rooms that costs a little; on real scans, whose truth was often
drawn along segments, it gains several points (docs/benchmarks.md).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from seggroup.assign.features import Surroundings, segment_values
from seggroup.assign.network import Asked, Assigner, Read, ask
from seggroup.config import WalkConfig
from seggroup.geometry.graph import contract
from seggroup.types import Graph
from seggroup.walk import absorption, unit

LEAN = 1.0  # how far the answer leans on the links: the mean of what training draws


@dataclass(frozen=True)
class Plain:
    """The segment graph with the training-free walk's weights of its edges."""

    graph: Graph
    weights: Float64[np.ndarray, " e"]


def plain_walk(around: Surroundings) -> Plain:
    """The weights of `walk.edge_weights`, but of the pieces' means in place of the vertices'."""
    touch = around.touching > 0
    graph = contract(around.links[touch], around.segment, around.touching[touch])
    normal = unit(segment_values(around, around.normal))
    color = segment_values(around, around.lab)
    a, b = graph.edges.T
    bend = 1 - np.abs((normal[a] * normal[b]).sum(axis=1))
    difference = np.linalg.norm(color[a] - color[b], axis=1)
    usual = WalkConfig()
    weights = graph.boundary * np.exp(-usual.bend * bend - usual.color * difference)
    return Plain(graph, weights)


def opinion(
    plain: Plain, around: Surroundings, pieces: Int64[np.ndarray, " c"]
) -> Float32[Tensor, "p k"]:
    """The walk's shares of the clicks on `pieces`, and 0 for none; rows of 0 where it cannot go."""
    clicked, row = np.unique(around.segment[pieces], return_inverse=True)
    kinds = np.zeros((len(clicked), len(pieces)))
    kinds[row, np.arange(len(pieces))] = 1
    kinds /= kinds.sum(axis=1, keepdims=True)
    probability = absorption(plain.graph, plain.weights, clicked, kinds)
    of_segments = np.column_stack([probability, np.zeros(len(probability))])
    return torch.from_numpy(of_segments.astype(np.float32)[around.segment])


def log_shares(
    network: Assigner,
    around: Surroundings,
    found: Read,
    plain: Plain,
    clicks: Asked,
    pair: Float32[Tensor, "p c h"] | None = None,
) -> Float32[Tensor, "p k"]:
    """Log-shares of the clicks and none for every piece, before the temperature."""
    other = opinion(plain, around, clicks.piece)
    return ask(network, around, found, clicks, lean=LEAN, pair=pair, opinion=other)[-1]
