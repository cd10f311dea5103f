"""Normalisation of points or voxels, over a batch or over each of its scenes."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


def normalise(
    norm: nn.BatchNorm1d, x: Float[Tensor, "n c"], scenes: tuple[int, ...] | None
) -> Float[Tensor, "n c"]:
    """Batch normalisation; by each scene's own statistics where `norm` keeps none.

    scenes : rows of every scene, which lie one after the other; only then needed

    One row alone has no variance: over a batch it is normalised by the running statistics, as in
    prediction; a scene of one row becomes the shift.
    """
    if norm.running_mean is None and scenes is not None:
        return torch.cat([_alone(norm, part) for part in x.split(scenes)])
    if not norm.training or len(x) > 1:
        return norm(x)
    kept = norm.running_mean, norm.running_var
    return functional.batch_norm(x, *kept, norm.weight, norm.bias, eps=norm.eps)


def _alone(norm: nn.BatchNorm1d, x: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
    """A scene by its own statistics, in training and prediction."""
    if len(x) < 2:
        return x * 0 + norm.bias
    return functional.batch_norm(x, None, None, norm.weight, norm.bias, True, eps=norm.eps)
