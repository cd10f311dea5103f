"""Where to click next: the segment whose click is expected to settle most of the scan.

The random walk of `walk.py` takes every instance for clicked; while somebody is clicking, most are
not. So here a walker gives up on the way: at every segment with probability `LEAK` / (1 + `LEAK`).
With the graph's adjacency A and degrees D, ``G = ((1 + LEAK) D - A)^-1`` holds the expected visits
and ``h(t, s) = G(t, s) / G(s, s)`` the probability that a walker from t comes by s. The walkers
that end at no click say what no label is near to; those that end at several instances' clicks say
what is torn between them. The doubt e(t) is 1 less the largest share that one instance has of t's
walkers, and a click on s is expected to settle

    gain(s) = e(s)  sum over t of  size(t) e(t) h(t, s)

vertices: those whose walkers now come by s first, where their label and that of s are wrong. Here
h is of walkers that end at the clicked segments c, whose visits are ``G - U U'`` with
``U U' = G(., c) G(c, c)^-1 G(c, .)``: all gains cost one solve with a factor made once a scan.
"""

import typing
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int
from numba import njit
from scipy.linalg import solve_triangular
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import SuperLU, splu

from seggroup.types import NONE, Graph

# How soon a walker gives up. 0.01 … 0.1 do alike on eight synthetic rooms; 0.03 is in the middle.
LEAK = 0.03
_NOTHING = 1e-9  # share of the scan: a gain below it is rounding


@dataclass(frozen=True)
class Guide:
    """What the rule knows of a scan before any click. size: vertices of each segment.

    factor   : LU of G's inverse
    diagonal : of G
    """

    size: Int[np.ndarray, " s"]
    factor: SuperLU
    diagonal: Float64[np.ndarray, " s"]


@dataclass(frozen=True)
class Place:
    """A segment to click.

    gain  : expected share of the scan's vertices that the click settles
    reach : share of the segment's walkers that meet a click before they give up
    """

    segment: int
    gain: float
    reach: float


def make_guide(
    graph: Graph, weights: Float64[np.ndarray, " e"], size: Int[np.ndarray, " s"]
) -> Guide:
    """The guide of a scan whose graph has the positive edge `weights` of `walk.edge_weights`."""
    a, b = graph.edges.T
    degree = np.bincount(a, weights, graph.size) + np.bincount(b, weights, graph.size)
    stays = np.where(degree > 0, (1 + LEAK) * degree, 1)  # a segment without neighbours: any
    factor = factorised(graph.edges, weights, stays)
    return Guide(size, factor, inverse_diagonal(factor))


def factorised(
    edges: Int[np.ndarray, "e 2"],
    weights: Float64[np.ndarray, " e"],
    diagonal: Float64[np.ndarray, " s"],
) -> SuperLU:
    """LU, without pivoting, of the `diagonal` less the adjacency of the weighted edges."""
    half = coo_matrix((weights, tuple(edges.T)), shape=(len(diagonal), len(diagonal)))
    return splu(
        (diags(diagonal) - half - half.T).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )


def next_clicks(
    guide: Guide, seeds: Int[np.ndarray, " c"], instance: Int[np.ndarray, " c"], count: int
) -> list[Place]:
    """The best places to click, at most `count`, by gain; none is a seed.

    seeds    : distinct segments that are clicked, or that the annotator declined to click
    instance : whose they are; `NONE` for the declined, which count as settled

    Each place is chosen as though the ones before it were clicked, so that they are apart.
    """
    basis, share = _hits(guide, seeds, instance)
    doubt = np.maximum(1 - share.max(axis=1, initial=0), 0)
    reach = share.sum(axis=1).clip(0, 1)
    left = guide.diagonal - (basis**2).sum(axis=1)
    free = np.ones(len(doubt), bool)
    free[seeds] = False
    places: list[Place] = []
    while len(places) < count:
        gain = _gains(guide, basis, left, doubt, free)
        best = int(gain.argmax())
        if gain[best] < _NOTHING:
            break
        places.append(Place(best, float(gain[best]), float(reach[best])))
        free[best] = False
        visits = _columns(guide.factor, np.array([best]))[:, 0] - basis @ basis[best]
        doubt = np.maximum(doubt - visits / left[best] * doubt[best], 0)
        basis = np.column_stack([basis, visits / np.sqrt(left[best])])
        left = left - basis[:, -1] ** 2
    return places


def inverse_diagonal(factor: SuperLU) -> Float64[np.ndarray, " s"]:
    """The diagonal of the inverse of a symmetric matrix from its factor, which did not pivot.

    By Takahashi's equations, which need only the inverse's entries where L has some: a solve for
    every segment would take seconds on a large scan.
    """
    lower = factor.L.tocsc()
    lower.sort_indices()
    diagonal = _takahashi(lower.indptr, lower.indices, lower.data, 1 / factor.U.diagonal())
    return diagonal[factor.perm_c]


@njit(cache=True)
@typing.no_type_check
def _takahashi(start, row, lower, pivot):
    """Diagonal of Z = (L D L')^-1, column by column from the last; `pivot`: that of D^-1.

    L is unit and by columns, rows ascending: Z(i, j) = -sum over k > j of Z(i, k) L(k, j).
    """
    inverse = np.zeros_like(lower)
    column, total = np.zeros(len(pivot)), np.zeros(len(pivot))
    for j in range(len(pivot) - 1, -1, -1):
        below = range(start[j] + 1, start[j + 1])
        for e in below:
            column[row[e]] = lower[e]
        for e in below:
            k = row[e]
            total[k] += column[k] * inverse[start[k]]
            for d in range(start[k] + 1, start[k + 1]):
                total[row[d]] += column[k] * inverse[d]
                total[k] += column[row[d]] * inverse[d]
        inverse[start[j]] = pivot[j]
        for e in below:
            inverse[e] = -total[row[e]]
            inverse[start[j]] += lower[e] * total[row[e]]
        for e in below:
            column[row[e]] = 0
            for d in range(start[row[e]], start[row[e] + 1]):
                total[row[d]] = 0
    return inverse[start[:-1]]


def _hits(
    guide: Guide, seeds: Int[np.ndarray, " c"], instance: Int[np.ndarray, " c"]
) -> tuple[Float64[np.ndarray, "s c"], Float64[np.ndarray, "s k"]]:
    """U, and the share of each segment's walkers that end at each of k instances.

    A declined segment is an instance by itself.
    """
    columns = _columns(guide.factor, seeds)
    half = np.linalg.cholesky(columns[seeds])
    basis = solve_triangular(half, columns.T, lower=True).T
    hits = solve_triangular(half, basis.T, lower=True, trans="T").T
    own = np.where(instance == NONE, NONE - np.arange(len(seeds)) - 1, instance)
    numbers, kind = np.unique(own, return_inverse=True)
    return basis, hits @ np.eye(len(numbers))[kind]


def _gains(
    guide: Guide,
    basis: Float64[np.ndarray, "s c"],
    left: Float64[np.ndarray, " s"],
    doubt: Float64[np.ndarray, " s"],
    free: Bool[np.ndarray, " s"],
) -> Float64[np.ndarray, " s"]:
    """The gain of every free segment as a share of the scan; `left` is the diagonal of G - UU'."""
    mass = guide.size * doubt / guide.size.sum()
    visits = guide.factor.solve(mass) - basis @ (basis.T @ mass)
    return np.divide(doubt * visits, left, out=np.zeros_like(left), where=free)


def _columns(factor: SuperLU, which: Int[np.ndarray, " c"]) -> Float64[np.ndarray, "s c"]:
    """Columns of G."""
    size = factor.shape[0]
    if len(which) == 0:
        return np.zeros((size, 0))
    one_hot = np.zeros((size, len(which)), order="F")
    one_hot[which, np.arange(len(which))] = 1
    return factor.solve(one_hot)
