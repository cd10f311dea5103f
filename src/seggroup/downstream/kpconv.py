"""KP-FCNN with rigid kernel points (KPConv, Thomas et al. 2019, section 3 and supplementary).

A kernel point convolution (equations 1 and 2) is a sparse matrix, a reshape and a matrix:

    out_i = sum_j sum_k h_ijk x_j W_k,   out = (H x as n rows of K c) W

with the influences h of pyramid.py, not divided by the number of neighbours, as in the published
code. Its gradients read the same numbers by columns: with b_jk = sum_i h_ijk g_i,

    dL/dx_j = sum_k b_jk W_k^T,   dL/dW_k = sum_j x_j^T b_jk

so that nothing but x is kept, and nothing of size points x neighbours x channels is ever made.
The plain convolution stands in tests/downstream/reference_kpconv.py.

Sizes follow the published ScanNet settings: a level of fdim = channels 2^i has bottleneck blocks
of 2 fdim channels with fdim / 2 inside. The published layers have a random turn of the kernel each;
here all share one, so that they share the influences. Letters: n, m points, c, d channels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from seggroup.downstream.cloud import Answer, Cloud, Targets, semantic_losses
from seggroup.downstream.config import KPConvConfig, Norm
from seggroup.downstream.normal import normalise
from seggroup.downstream.pyramid import Bags, Influence, Pyramid, barycentres, make_pyramid

INPUTS = 5  # 1, three colours, height above the lowest point: the published S3DIS settings
LEAK = 0.1  # of LeakyReLU: published PyTorch code
MOMENTUM = 0.02  # of the normalisation's running statistics: published code (0.98 by its count)
BLOCK = 1 << 20  # numbers of H x made at a time on a CPU, so that they stay in its cache
WHOLE = 4 * BLOCK  # up to so many are made at once where that saves work


@dataclass(frozen=True)
class KPInputs:
    """What KP-FCNN sees of a batch: the pyramid and a feature for each point of its level 0."""

    pyramid: Pyramid
    features: Float[Tensor, "m c"]

    def to(self, device: torch.device) -> "KPInputs":
        """The same on another device."""
        return KPInputs(self.pyramid.to(device), self.features.to(device))


class _Convolution(torch.autograd.Function):
    """The kernel point convolution of x (m, c) with weights (K, c, d)."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, influence: Influence) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x, weight)
        ctx.influence = influence
        out = x.new_empty(len(influence.ahead) // len(weight), weight.shape[2])
        for rows, sums in _summed(x, influence.ahead, len(weight)):
            torch.mm(sums, weight.flatten(0, 1), out=out[rows])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor):  # type: ignore[no-untyped-def]
        x, weight = ctx.saved_tensors
        few = len(g) * weight[..., 0].numel() <= WHOLE * _scale(g)
        if few or not ctx.needs_input_grad[0]:
            return *_by_rows(g, x, weight, ctx.influence, ctx.needs_input_grad[0]), None
        return *_by_columns(g.contiguous(), x, weight, ctx.influence.back), None


def _by_rows(
    g: Tensor, x: Tensor, weight: Tensor, influence: Influence, wanted: bool
) -> tuple[Tensor | None, Tensor]:
    """The gradients as H^T (g W^T), n x K x c numbers at once, and (H x)^T g."""
    flat, g_weight = weight.flatten(0, 1), None
    for rows, sums in _summed(x, influence.ahead, len(weight)):
        g_weight = _plus(g_weight, sums.T @ g[rows])
    g_weight = torch.zeros_like(flat) if g_weight is None else g_weight
    spread = (g @ flat.T).view(-1, weight.shape[1]) if wanted else None
    g_x = None if spread is None else _bag_sums(spread, influence.transposed(len(weight)))
    return g_x, g_weight.view_as(weight)


def _by_columns(g: Tensor, x: Tensor, weight: Tensor, back: Bags) -> tuple[Tensor, Tensor]:
    """The gradients from b_jk, a block of points j at a time."""
    turned, g_x, g_weight = weight.transpose(1, 2).flatten(0, 1), torch.empty_like(x), None
    for rows, sums in _summed(g, back, len(weight)):
        torch.mm(sums, turned, out=g_x[rows])
        by_kernel = sums.unflatten(1, (len(weight), -1)).transpose(0, 1)
        g_weight = _plus(g_weight, x[rows].T.expand(len(weight), -1, -1) @ by_kernel)
    return g_x, torch.zeros_like(weight) if g_weight is None else g_weight


def _plus(total: Tensor | None, more: Tensor) -> Tensor:
    return more if total is None else total.add_(more)


def _scale(x: Tensor) -> int:
    """How much more than on a CPU is made at a time: a CPU's cache is small."""
    return 1 if x.device.type == "cpu" else 64


def _summed(x: Tensor, bags: Bags, kernels: int) -> Iterator[tuple[slice, Tensor]]:
    """Slices of points with their sums over neighbours, a row of `kernels` x channels a point."""
    n = len(bags) // kernels
    step = max(1, BLOCK * _scale(x) // (kernels * x.shape[1]))
    for first in range(0, n, step):
        rows = slice(first, min(first + step, n))
        part = bags if step >= n else bags.rows(rows.start * kernels, rows.stop * kernels)
        yield rows, _bag_sums(x, part).view(-1, kernels * x.shape[1])


def _bag_sums(x: Tensor, bags: Bags) -> Tensor:
    """The product of the sparse matrix `bags` and x."""
    return functional.embedding_bag(
        bags.index,
        x.detach(),
        bags.start,
        mode="sum",
        per_sample_weights=bags.weight.to(x.dtype),  # type: ignore[union-attr]
        include_last_offset=True,
    )


class KernelPointConv(nn.Module):
    """Equation 1: c channels of a level's points to d channels of the queries of `influence`."""

    def __init__(self, inputs: int, outputs: int, kernels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(kernels, inputs, outputs))
        nn.init.normal_(self.weight, std=(2 / (kernels * inputs)) ** 0.5)

    def forward(self, x: Float[Tensor, "m c"], influence: Influence) -> Float[Tensor, "n d"]:
        device = x.device.type
        mixed = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if mixed else self.weight.dtype
        with torch.autocast(device, enabled=False):
            return _Convolution.apply(x.to(dtype), self.weight.to(dtype), influence)


class Normal(nn.Module):
    """Batch normalisation over all points of a level, or over each scene's alone."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        kept = norm == "batch"
        self.norm = nn.BatchNorm1d(channels, momentum=MOMENTUM, track_running_stats=kept)

    def forward(self, x: Float[Tensor, "n c"], scenes: tuple[int, ...]) -> Float[Tensor, "n c"]:
        return normalise(self.norm, x, scenes)


def max_pool(x: Float[Tensor, "m c"], pool: Bags) -> Float[Tensor, "n c"]:
    """Maximum over the neighbours of every query."""
    return functional.embedding_bag(pool.index, x, pool.start, mode="max", include_last_offset=True)


class Unary(nn.Module):
    """Linear map, normalisation and, unless `last` in a sum, LeakyReLU."""

    def __init__(self, inputs: int, outputs: int, norm: Norm, last: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.normal = Normal(outputs, norm)
        self.slope = 1.0 if last else LEAK

    def forward(self, x: Float[Tensor, "n c"], scenes: tuple[int, ...]) -> Float[Tensor, "n d"]:
        x = self.normal(self.linear(x), scenes)
        return x if self.slope == 1 else functional.leaky_relu(x, self.slope)


class Simple(nn.Module):
    """Kernel point convolution, normalisation, LeakyReLU; `scenes` are those of the outputs."""

    def __init__(self, inputs: int, outputs: int, kernels: int, norm: Norm) -> None:
        super().__init__()
        self.conv = KernelPointConv(inputs, outputs, kernels)
        self.normal = Normal(outputs, norm)

    def forward(
        self, x: Float[Tensor, "m c"], influence: Influence, scenes: tuple[int, ...]
    ) -> Float[Tensor, "n d"]:
        return functional.leaky_relu(self.normal(self.conv(x, influence), scenes), LEAK)


class Bottleneck(nn.Module):
    """Residual block with the convolution at a quarter of its channels (supplementary, figure).

    From level `i` of a pyramid to itself or, strided, to the next: then the shortcut pools.
    """

    def __init__(self, inputs: int, outputs: int, kernels: int, norm: Norm) -> None:
        super().__init__()
        self.narrow = Unary(inputs, outputs // 4, norm)
        self.simple = Simple(outputs // 4, outputs // 4, kernels, norm)
        self.widen = Unary(outputs // 4, outputs, norm, last=True)
        same = inputs == outputs
        self.shortcut = None if same else Unary(inputs, outputs, norm, last=True)

    def forward(
        self, x: Float[Tensor, "m c"], pyramid: Pyramid, i: int, strided: bool = False
    ) -> Float[Tensor, "n d"]:
        influence = pyramid.down[i] if strided else pyramid.near[i]
        scenes = pyramid.scenes[i + strided]
        h = self.simple(self.narrow(x, pyramid.scenes[i]), influence, scenes)
        beside = max_pool(x, pyramid.pool[i]) if strided else x
        if self.shortcut is not None:
            beside = self.shortcut(beside, scenes)
        return functional.leaky_relu(self.widen(h, scenes) + beside, LEAK)


class Rise(nn.Module):
    """Nearest upsampling, skip link and a unary map: the map of what lies above comes first.

    That is the map of both put together, split in two, and there are fewer points above.
    """

    def __init__(self, above: int, beside: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.above = nn.Linear(above, outputs, bias=False)
        self.beside = nn.Linear(beside, outputs, bias=False)
        self.normal = Normal(outputs, norm)

    def forward(
        self, x: Float[Tensor, "m a"], skip: Float[Tensor, "n b"], pyramid: Pyramid, i: int
    ) -> Float[Tensor, "n c"]:
        both = self.above(x).index_select(0, pyramid.up[i]) + self.beside(skip)
        return functional.leaky_relu(self.normal(both, pyramid.scenes[i]), LEAK)


class KPFCNN(nn.Module):
    """The segmentation network of KPConv: an encoder of blocks, nearest upsampling, skip links.

    Classifies the points of level 0; an original point takes the logits of its cell.
    """

    def __init__(self, classes: int, config: KPConvConfig) -> None:
        super().__init__()
        self.config = config
        kernels, base, norm = config.kernel_points, config.channels, config.norm
        width = [2 * base * 2**i for i in range(config.levels)]
        self.first = Simple(INPUTS, base, kernels, norm)
        pairs = zip([base, *width], width, strict=False)
        self.blocks = nn.ModuleList(Bottleneck(a, b, kernels, norm) for a, b in pairs)
        self.strides = nn.ModuleList(Bottleneck(w, w, kernels, norm) for w in width[:-1])
        above = [w // 2 for w in width[1:-1]] + width[-1:]  # what comes down to each level
        rises = zip(above, width[:-1], strict=False)
        self.rises = nn.ModuleList(Rise(a, w, w // 2, norm) for a, w in rises)
        self.head = Unary(base if config.levels > 1 else width[0], base, norm)
        self.classify = nn.Linear(base, classes)

    def prepare(self, clouds: Sequence[Cloud]) -> KPInputs:
        """Pyramid and features of a batch of scenes; InputError where a scene has no points."""
        pyramid = make_pyramid([cloud.points for cloud in clouds], self.config)
        return KPInputs(pyramid, torch.from_numpy(_features(clouds, pyramid)))

    def forward(self, inputs: KPInputs, targets: Targets, progress: float) -> dict[str, Tensor]:
        """Losses by name (`cloud.Model`)."""
        return semantic_losses(self.logits(inputs), targets)

    @torch.no_grad()
    def answer(self, inputs: KPInputs) -> Answer:
        """Logits of every original point."""
        return Answer(self.logits(inputs))

    def logits(self, inputs: KPInputs) -> Float[Tensor, "n k"]:
        """Class scores of every original point."""
        pyramid, skips = inputs.pyramid, []
        x = self.first(inputs.features, pyramid.near[0], pyramid.scenes[0])
        for i, block in enumerate(self.blocks):
            x = block(x, pyramid, i)
            if i < len(self.strides):
                skips.append(x)
                x = self.strides[i](x, pyramid, i, strided=True)
        for i in reversed(range(len(self.rises))):
            x = self.rises[i](x, skips[i], pyramid, i)
        x = self.head(x, pyramid.scenes[0])
        return self.classify(x).index_select(0, pyramid.cell)


def _features(clouds: Sequence[Cloud], pyramid: Pyramid) -> Float[np.ndarray, "m c"]:
    """1, mean colour, height above the scene's lowest cell in metres, for each level-0 point."""
    cell, z = pyramid.cell.numpy(), pyramid.points[0].numpy()[:, 2]
    colors = barycentres(np.concatenate([cloud.colors for cloud in clouds]), cell)
    scene = np.zeros(len(z), np.int64)
    scene[cell] = np.repeat(np.arange(len(clouds)), [len(cloud) for cloud in clouds])
    floor = np.full(len(clouds), np.inf, z.dtype)
    np.minimum.at(floor, scene, z)
    return np.column_stack([np.ones_like(z), colors, z - floor[scene]])
