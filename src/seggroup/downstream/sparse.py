"""Sparse convolution: gather, matrix product, scatter, on neighbour maps made once per level.

A submanifold convolution (Graham et al. 2018) has outputs only where its inputs are:

    out_i = sum over offsets k of W_k^T x_near(i, k),

a term being left out where no site lies at the offset. Per offset, the rows of x that take part are
gathered, multiplied by W_k and kept; then every output gathers its terms and adds them up. Nothing
is ever added to at random places, hence the sums have a fixed order. Sites are handled in blocks,
whose terms stay in the cache, and blocks side by side on several threads.

The map is symmetric, near(i, k) = j if near(j, 26 - k) = i, so that the gradient for x is the same
convolution with the kernel turned around; it is made in one pass with the gradient for W.

A strided convolution (kernel 2, stride 2) sends every site to one parent, with the weight of the
part of the parent that it is; the inverse convolution sends it back. Both are a matrix product and
a gather, and each one's gradient gathers as the other does.

Weights are (offset, in, out), offsets with z fastest, as in dense convolution. Plain twins stand in
tests/downstream/reference_sparse.py.

Letters: m sites, n sites of the next coarser level, c and d channels, p pairs of neighbours.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, reduce
from typing import TypeVar

import torch
from jaxtyping import Float, Int32
from torch import Tensor
from torch.autograd.function import once_differentiable

from seggroup.downstream.grid import Block, Grid, Level, Pairs, build_grid

__all__ = ["Grid", "Level", "build_grid", "inverse", "strided", "submanifold"]

T = TypeVar("T")


class _Submanifold(torch.autograd.Function):
    """out_i = sum over k of x[near(i, k)] W_k."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, pairs: Pairs) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x, weight)
        ctx.pairs = pairs
        matrices = weight.unbind()
        out = x.new_empty(len(x), weight.shape[2])

        def work(block: Block) -> None:
            terms, parts = block.room(weight.shape[2], x)
            for k, part in parts:
                torch.mm(block.gather(x, block.source, k), matrices[k], out=part)
            out[block.at] = block.add_up(terms)

        _for_blocks(work, pairs, x.device)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor, None]:  # type: ignore[no-untyped-def]
        x, weight = ctx.saved_tensors
        gradient, matrices = gradient.contiguous(), weight.flip(0).mT.unbind()
        g_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None

        def work(block: Block) -> Tensor:
            g_weight = torch.zeros_like(weight)
            g_matrices = g_weight.unbind()[::-1]
            terms, parts = block.room(weight.shape[1], x)
            for k, part in parts:
                g = block.gather(gradient, block.source, k)
                torch.mm(block.gather(x, block.target, k).T, g, out=g_matrices[k])
                if g_x is not None:
                    torch.mm(g, matrices[k], out=part)
            if g_x is not None:
                g_x[block.at] = block.add_up(terms)
            return g_weight

        return g_x, reduce(torch.Tensor.add_, _for_blocks(work, ctx.pairs, x.device)), None


def _for_blocks(work: Callable[[Block], T], pairs: Pairs, device: torch.device) -> list[T]:
    """`work` on every block, the results in order; on a CPU every thread takes blocks alone.

    One block alone also goes to such a thread: threads inside its many small operations would wait
    for each other after every one.
    """
    blocks, count = pairs.blocks(), torch.get_num_threads()
    if device.type != "cpu" or count == 1:
        return [work(block) for block in blocks]
    return list(_threads(count).map(torch.no_grad()(work), blocks))


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))


class _Merge(torch.autograd.Function):
    """The 8 parts of every parent side by side, zeros where one is missing."""

    @staticmethod
    def forward(ctx, x: Tensor, children: Tensor, place: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(place)
        return _collect(x, children)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[no-untyped-def]
        return _hand_out(gradient, *ctx.saved_tensors), None, None


class _Split(torch.autograd.Function):
    """The reverse: to every site the part of its parent that it is."""

    @staticmethod
    def forward(ctx, x: Tensor, children: Tensor, place: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(children)
        return _hand_out(x, place)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[no-untyped-def]
        return _collect(gradient, *ctx.saved_tensors), None, None


def _collect(x: Float[Tensor, "m c"], children: Int32[Tensor, "n 8"]) -> Float[Tensor, "n _"]:
    padded = torch.cat([x, x.new_zeros(1, x.shape[1])])
    return padded.index_select(0, children.flatten()).view(len(children), -1)


def _hand_out(x: Float[Tensor, "n _"], place: Int32[Tensor, " m"]) -> Float[Tensor, "m c"]:
    return x.reshape(8 * len(x), -1).index_select(0, place)


def submanifold(
    x: Float[Tensor, "m c"], weight: Float[Tensor, "27 c d"], level: Level
) -> Float[Tensor, "m d"]:
    """Convolution with kernel 3 at the sites of a level."""
    return _Submanifold.apply(*_one_type(x, weight), level.pairs)


def strided(
    x: Float[Tensor, "m c"], weight: Float[Tensor, "8 c d"], fine: Level, coarse: Level
) -> Float[Tensor, "n d"]:
    """Convolution with kernel 2 and stride 2, from a level to the next coarser one."""
    x, weight = _one_type(x, weight)
    return _Merge.apply(x, coarse.children, fine.place) @ weight.flatten(0, 1)


def inverse(
    x: Float[Tensor, "n c"], weight: Float[Tensor, "8 c d"], fine: Level, coarse: Level
) -> Float[Tensor, "m d"]:
    """Transposed convolution with kernel 2 and stride 2, back to the sites of the finer level."""
    x, weight = _one_type(x, weight)
    wide = x @ weight.transpose(0, 1).flatten(1)
    return _Split.apply(wide, coarse.children, fine.place)


def _one_type(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Both contiguous, in the type of mixed precision where that is on, else the features'."""
    kind = x.device.type
    mixed = torch.is_autocast_enabled(kind)
    dtype = torch.get_autocast_dtype(kind) if mixed else x.dtype
    return x.to(dtype).contiguous(), weight.to(dtype)
