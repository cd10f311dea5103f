"""The same convolutions by spconv, on CUDA alone, where it is installed and asked for.

spconv's wheel for CPUs gives wrong sums with several threads, therefore it is never used on one.
The weights are the same numbers in another order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Float, Int32
from torch import Tensor

from seggroup.downstream import sparse
from seggroup.downstream.grid import OFFSETS, Level
from seggroup.errors import InputError


@dataclass(frozen=True)
class Convolutions:
    """The three of `sparse`, by whichever means."""

    submanifold: Callable[[Tensor, Tensor, Level], Tensor]
    strided: Callable[[Tensor, Tensor, Level, Level], Tensor]
    inverse: Callable[[Tensor, Tensor, Level, Level], Tensor]


TORCH = Convolutions(sparse.submanifold, sparse.strided, sparse.inverse)


def spconv_available() -> bool:
    """Whether spconv is installed."""
    return find_spec("spconv") is not None


def convolutions(backend: str, device: torch.device) -> Convolutions:
    """Those of one forward: spconv's on CUDA where asked for, else our own.

    Raises InputError where spconv is asked for on CUDA and not installed.
    """
    if backend != "spconv" or device.type != "cuda":
        return TORCH
    if not spconv_available():
        raise InputError(
            "the configuration asks for spconv, which is not installed; install the spconv-cu* "
            "package of your CUDA version, or set backend to torch"
        )
    return _of_spconv()


def _of_spconv() -> Convolutions:
    """spconv's functions on our maps, which are put in its form once per level."""
    functional, native = import_module("spconv.pytorch.functional"), _native()
    made: dict[tuple[str, int], tuple[Tensor, Tensor]] = {}

    def pairs(kind: str, level: Level, index: Tensor, missing: int) -> tuple[Tensor, Tensor]:
        if (kind, id(level)) not in made:
            made[kind, id(level)] = spconv_pairs(index, missing)
        return made[kind, id(level)]

    def call(function: Any, x: Tensor, weight: Tensor, maps: Any, rows: int) -> Tensor:
        return function(x.contiguous(), to_spconv(weight), *maps, rows, native)

    def submanifold(x: Tensor, weight: Tensor, level: Level) -> Tensor:
        maps = pairs("near", level, level.near, len(level))
        return call(functional.indice_subm_conv, x, weight, maps, len(level))

    def strided(x: Tensor, weight: Tensor, fine: Level, coarse: Level) -> Tensor:
        maps = pairs("children", coarse, coarse.children, len(fine))
        return call(functional.indice_conv, x, weight, maps, len(coarse))

    def inverse(x: Tensor, weight: Tensor, fine: Level, coarse: Level) -> Tensor:
        maps = pairs("children", coarse, coarse.children, len(fine))
        return call(functional.indice_inverse_conv, x, weight, maps, len(fine))

    return Convolutions(submanifold, strided, inverse)


def _native() -> Any:
    """The name of gather, product, scatter among spconv's algorithms: the one that takes maps."""
    return import_module("spconv.core").ConvAlgo.Native


def spconv_pairs(
    index: Int32[Tensor, "n k"], missing: int
) -> tuple[Int32[Tensor, "2 k n"], Int32[Tensor, " k"]]:
    """Rows of inputs and outputs per offset, -1 after the last; and how many there are."""
    there = (index != missing).T
    rows = there.int().argsort(dim=1, descending=True, stable=True)
    both = torch.stack([index.T.gather(1, rows), rows.int()])
    there = there.gather(1, rows)
    return torch.where(there, both, -1), there.sum(1).int()


def to_spconv(weight: Float[Tensor, "k c d"]) -> Float[Tensor, "d s s s c"]:
    """Ours (offset, in, out) to spconv's (out, x, y, z, in)."""
    side = 3 if len(weight) == OFFSETS else 2
    return weight.permute(2, 0, 1).unflatten(1, (side, side, side)).contiguous()
