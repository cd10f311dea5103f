"""EdgeConv (paper 3.2, appendix C) without its edges.

For point i and neighbour j the edge input is a sum, e_ij = f_j + h_i: in a semantic layer
(x_j - x_i, x_i) = (x_j, 0) + (-x_i, x_i), in the structural layer the neighbour's features minus
the neighbourhood's mean. Three identities follow, and with them nothing of size
points x neighbours x channels is ever kept:

1. A linear map of an edge is two maps of points: W e_ij = W f_j + W h_i.
2. Batch statistics of W e come from the edges' mean m and covariance S, which no weight enters:
   mean W m, variance diag(W S W^T).
3. Batch normalisation and LeakyReLU are monotone in each channel (increasing where the scale is
   not negative), so the maximum over neighbours may be taken before them.

A second layer needs the activations of every edge; they are made again, a block of points at a
time, where they are needed. On a CPU the blocks run side by side, one thread each: threads inside
the operations would wait for each other after every one, which takes ten times as long on a busy
machine. Sums go over blocks in order, so that the number of threads changes no bit.

The plain EdgeConv stands in tests/reference.py; both agree in values and gradients.

Letters: n points, k neighbours, d channels of an edge input, c channels.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5  # batch normalisation's, torch's default
T = TypeVar("T")
BLOCK = 1 << 13  # edges made at a time on a CPU, so that they stay in its cache


@dataclass(frozen=True)
class Edges:
    """Edge inputs e_ij = neighbour[j] + center[i] for j in index[i, :members[i]].

    The rest of a row of `index` is filled with i itself, which the maximum does not notice.
    """

    neighbour: Float[Tensor, "n d"]
    center: Float[Tensor, "n d"]
    index: Int[Tensor, "n k"]
    members: Int[Tensor, " n"]

    def for_blocks(self, work: Callable[[slice], T]) -> list[T]:
        """`work` on slices of points whose edges are handled together; the results in order."""
        n, k = self.index.shape
        on_cpu = self.index.device.type == "cpu"
        rows = max(1, (BLOCK if on_cpu else 64 * BLOCK) // max(k, 1))
        blocks = [slice(i, min(i + rows, n)) for i in range(0, n, rows)]
        work = torch.no_grad()(work)  # each thread has a gradient mode of its own
        return list(_threads().map(work, blocks)) if on_cpu else [work(b) for b in blocks]

    def inside(self, block: slice) -> Float[Tensor, "b k"]:
        """1 for an edge, 0 for filling."""
        k = self.index.shape[1]
        position = torch.arange(k, device=self.index.device)
        return (position < self.members[block, None]).to(self.neighbour.dtype)


@cache
def _threads() -> ThreadPoolExecutor:
    """A thread for every processor, or OMP_NUM_THREADS of them, each computing alone."""
    count = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    return ThreadPoolExecutor(count, initializer=_compute_alone)


def _compute_alone() -> None:
    torch.set_num_threads(1)  # of this thread


def edge_moments(edges: Edges) -> tuple[Float[Tensor, " d"], Float[Tensor, "d d"], int]:
    """Mean and covariance of all edge inputs (identity 2), and their number; in float64.

    Both centred first, so that nothing cancels.
    """
    f, h = edges.neighbour.double(), edges.center.double()
    shift_f, shift_h = f.mean(0), h.mean(0)
    f, h = f - shift_f, h - shift_h
    n, k = edges.index.shape
    members = edges.members.double()
    count = int(edges.members.sum())
    total = torch.empty_like(f)  # sum of f over each point's neighbours

    def gather(block: slice) -> None:
        total[block] = f[edges.index[block]].sum(1)

    edges.for_blocks(gather)
    total -= (k - members)[:, None] * f  # the filling is the point itself
    degree = torch.zeros(n, dtype=f.dtype, device=f.device)
    degree.scatter_add_(
        0, edges.index.flatten().long(), torch.ones_like(degree).repeat_interleave(k)
    )
    degree -= k - members
    weighted = members[:, None] * h
    mean = (total.sum(0) + weighted.sum(0)) / count
    cross = total.T @ h
    second = (f.T @ (degree[:, None] * f) + cross + cross.T + h.T @ weighted) / count
    covariance = second - torch.outer(mean, mean)
    return mean + shift_f + shift_h, covariance, count


class _NeighbourMax(torch.autograd.Function):
    """max over j of a[j], for every point and channel; the gradient goes to the winner."""

    @staticmethod
    def forward(ctx, a: Tensor, edges: Edges) -> Tensor:  # type: ignore[no-untyped-def]
        best = torch.empty_like(a)
        winner = torch.empty(a.shape, dtype=torch.int32, device=a.device)

        def reduce(block: slice) -> None:
            index = edges.index[block]
            best[block], at = a[index].max(dim=1)
            winner[block] = index.gather(1, at).int()

        edges.for_blocks(reduce)
        ctx.save_for_backward(winner)
        return best

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        (winner,) = ctx.saved_tensors
        return torch.zeros_like(gradient).scatter_add_(0, winner.long(), gradient), None


class _SecondLayer(torch.autograd.Function):
    """Over the edges z_ij = V LeakyReLU(U e_ij + b): the maximum over j, sum z and sum z^2."""

    @staticmethod
    def forward(ctx, u: Tensor, b: Tensor, v: Tensor, edges: Edges, leak: float):  # type: ignore[no-untyped-def]
        a, q = edges.neighbour @ u.T, edges.center @ u.T + b
        best = a.new_empty(len(a), len(v))
        winner = torch.empty(best.shape, dtype=torch.int32, device=a.device)

        def reduce(block: slice) -> tuple[Tensor, Tensor]:
            index, inside = edges.index[block], edges.inside(block)
            z = functional.leaky_relu_(a[index] + q[block, None], leak) @ v.T
            best[block], at = z.max(dim=1)
            winner[block] = index.gather(1, at).int()
            z *= inside[..., None]
            return z.sum((0, 1)).double(), torch.linalg.vector_norm(z, dim=(0, 1)).double() ** 2

        sums, squares = zip(*edges.for_blocks(reduce), strict=True)
        total, square = torch.stack(sums).sum(0), torch.stack(squares).sum(0)
        ctx.save_for_backward(u, b, v, winner)
        ctx.edges, ctx.leak = edges, leak
        return best, total, square

    @staticmethod
    def backward(ctx, g_best: Tensor, g_total: Tensor, g_square: Tensor):  # type: ignore[no-untyped-def]
        # With y = LeakyReLU(p), p = U e + b, z = V y, the sums give dL/dz = g_total + 2 z g_square,
        # so dL/dy = H y + g with H = 2 V^T diag(g_square) V, g = V^T g_total. The maximum adds the
        # few edges that won and whose gradient is not zero.
        u, b, v, winner = ctx.saved_tensors
        edges, leak = ctx.edges, ctx.leak
        a, q = edges.neighbour @ u.T, edges.center @ u.T + b
        g_total, g_square = g_total.to(v.dtype), g_square.to(v.dtype)
        hessian, g = 2 * (v.T * g_square) @ v, v.T @ g_total

        def reduce(block: slice) -> tuple[Tensor, Tensor, Tensor, Tensor]:
            index, inside = edges.index[block], edges.inside(block)
            p = (a[index] + q[block, None]).flatten(0, 1)
            y = functional.leaky_relu(p, leak) * inside.reshape(-1, 1)
            e = (edges.neighbour[index] + edges.center[block, None]).flatten(0, 1)
            g_y = torch.addmm(g, y, hessian)
            g_p = torch.where(p > 0, g_y, leak * g_y) * inside.reshape(-1, 1)
            return g_p.T @ e, g_p.sum(0), y.T @ y, y.sum(0)

        parts = zip(*edges.for_blocks(reduce), strict=True)
        g_u, g_b, gram, sums = (torch.stack(part).sum(0) for part in parts)
        g_v = 2 * (g_square[:, None] * v) @ gram + torch.outer(g_total, sums)
        i, channel = g_best.nonzero(as_tuple=True)
        j, weight = winner[i, channel].long(), g_best[i, channel]
        p = a[j] + q[i]
        e = edges.neighbour[j] + edges.center[i]
        g_y = weight[:, None] * v[channel]
        g_p = torch.where(p > 0, g_y, leak * g_y)
        g_u.addmm_(g_p.T, e)
        g_b += g_p.sum(0)
        g_v.index_add_(0, channel, weight[:, None] * functional.leaky_relu(p, leak))
        return g_u, g_b, g_v, None, None


class EdgeConv(nn.Module):
    """Shared layers (linear without bias, batch normalisation, LeakyReLU), max over neighbours.

    inputs : d, channels of an edge
    layers : 1 or 2 shared layers of `width` channels

    The normalisation uses the statistics of the scene's own edges, in training and inference
    (METHOD section 4). Returns one feature a point, (n, width).
    """

    def __init__(self, inputs: int, width: int, layers: int, leak: float) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width, bias=False)
        self.first_norm = nn.BatchNorm1d(width, track_running_stats=False)
        self.second = nn.Linear(width, width, bias=False) if layers == 2 else None
        self.second_norm = nn.BatchNorm1d(width, track_running_stats=False) if layers == 2 else None
        self.leak = leak

    def forward(self, edges: Edges) -> Float[Tensor, "n c"]:
        w = self.first.weight
        mean, covariance, count = edge_moments(edges)
        mean, covariance = mean.to(w.dtype), covariance.to(w.dtype)
        variance = ((w @ covariance) * w).sum(1)
        scale = self.first_norm.weight * torch.rsqrt(variance + EPSILON)
        shift = self.first_norm.bias - scale * (w @ mean)
        folded = (
            scale[:, None] * w
        )  # the map and its normalisation in one: BN(W e) = folded e + shift
        if self.second is None or self.second_norm is None:
            peak = _NeighbourMax.apply(edges.neighbour @ folded.T, edges)
            return functional.leaky_relu(peak + edges.center @ folded.T + shift, self.leak)
        # Identity 3 wants a scale that is not negative: the sign moves into the second map.
        sign = torch.where(self.second_norm.weight < 0, -1.0, 1.0).to(w.dtype)
        peak, total, square = _SecondLayer.apply(
            folded, shift, sign[:, None] * self.second.weight, edges, self.leak
        )
        mean2 = total / count
        variance2 = (square / count - mean2**2).clamp_min(0)
        scale2 = (sign * self.second_norm.weight) * torch.rsqrt(variance2 + EPSILON).to(w.dtype)
        peak = scale2 * (peak - mean2.to(w.dtype)) + self.second_norm.bias
        return functional.leaky_relu(peak, self.leak)
