"""Feature extraction and graph convolution of the grouping layers (paper 3.2, appendix C)."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seggroup.config import NetworkConfig
from seggroup.geometry.neighbours import members_within_k, nearest_within_groups
from seggroup.geometry.sampling import farthest_points, nearest_among
from seggroup.model.edgeconv import EdgeConv, Edges

MEAN_SCALE = 10.0  # of the structural layer's centred neighbours, released


class GraphConv(nn.Module):
    """Equations 1-3: h'_i = ReLU(a_ii W h_i + sum_k a_ik W h_k), a the normalised similarities."""

    def __init__(self, channels: int, slope: float, gain: float) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels, bias=False)
        if gain > 0:
            nn.init.orthogonal_(self.linear.weight, gain)
        self.slope = slope  # lambda

    def forward(self, h: Float[Tensor, "m c"], edges: Int[Tensor, "e 2"]) -> Float[Tensor, "m c"]:
        i, k = torch.cat([edges, edges.flip(1)]).T
        e = torch.exp(-self.slope * edge_lengths(h, torch.stack([i, k], 1)))  # Eq. 1
        norm = torch.ones_like(h[:, 0]).index_add(0, i, e)  # Eq. 2; e_ii = 1
        message = h.index_add(0, i, e[:, None] * h.index_select(0, k)) / norm[:, None]
        return torch.relu(self.linear(message))  # Eq. 3; W is linear, so it may come last


def edge_lengths(h: Float[Tensor, "m c"], edges: Int[Tensor, "e 2"]) -> Float[Tensor, " e"]:
    """Euclidean distance between the features of each edge's ends; its gradient is 0 at 0."""
    # index_select, not h[...]: its gradient adds in a fixed order, whatever the threads
    a, b = h.index_select(0, edges[:, 0]), h.index_select(0, edges[:, 1])
    square = (a - b).square().sum(1)
    apart = square > 0
    return torch.where(apart, torch.where(apart, square, 1.0).sqrt(), 0.0)


def segment_max(values: Float[Tensor, "n c"], lengths: Int[Tensor, " g"]) -> Float[Tensor, "g c"]:
    """Maximum over consecutive runs of rows."""
    return torch.segment_reduce(values, "max", lengths=lengths)


def pool_nodes(values: Float[Tensor, "m c"], group: Int[Tensor, " m"]) -> Float[Tensor, "g c"]:
    """Maximum over the members of each group."""
    order = torch.argsort(group, stable=True)
    return segment_max(values.index_select(0, order), torch.bincount(group))


def structural_edges(
    xyz: Float[np.ndarray, "n 3"],
    rgb: Float[np.ndarray, "n 3"],
    segments: Int[np.ndarray, " n"],
    config: NetworkConfig,
    device: torch.device,
) -> Edges:
    """Edge inputs of the structural layer: 64 samples of every segment in the unit sphere.

    For each sample its k nearest samples; 10 x (XYZ minus the neighbours' mean), and RGB. The
    input does not depend on weights or clicks, so it is made once a scene.
    """
    chosen = farthest_points(xyz, segments, config.samples)
    points = xyz[chosen] - xyz[chosen].mean(axis=1, keepdims=True)
    if config.cube_scaling:  # released
        size = np.abs(points).max(axis=(1, 2), keepdims=True)
    else:
        size = np.linalg.norm(points, axis=2, keepdims=True).max(axis=1, keepdims=True)
    points /= np.where(size > 0, size, 1)
    index = nearest_among(points, config.structural_neighbours)
    mean = np.take_along_axis(points[:, None], index[..., None], axis=2).mean(axis=2)
    offset = np.arange(len(chosen), dtype=np.int32)[:, None, None] * config.samples
    neighbour = np.concatenate([MEAN_SCALE * points, rgb[chosen]], axis=2).reshape(-1, 6)
    center = np.concatenate([-MEAN_SCALE * mean, np.zeros_like(mean)], axis=2).reshape(-1, 6)
    index = (index + offset).reshape(-1, index.shape[-1])
    return Edges(
        torch.from_numpy(neighbour).to(device),
        torch.from_numpy(center).to(device),
        torch.from_numpy(index).to(device),
        torch.full((len(index),), index.shape[1], dtype=torch.int32, device=device),
    )


def semantic_edges(
    xyz: Float[np.ndarray, "n 3"],
    rgb: Float[np.ndarray, "n 3"],
    group: Int[np.ndarray, " n"],
    config: NetworkConfig,
    device: torch.device,
) -> Edges:
    """Edge inputs (x_j - x_i, x_i) of a semantic layer, x = XYZ, RGB, XYZ minus the group's mean.

    The neighbours are the k nearest within the point's own group, all of a smaller one
    *(the released code leaks scene point 0 into groups of at most k points)*.
    """
    size = np.bincount(group)
    mean = np.stack([np.bincount(group, xyz[:, a]) for a in range(3)], axis=1) / size[:, None]
    x = np.concatenate([xyz, rgb, xyz - mean[group]], axis=1).astype(np.float32)
    zero = np.zeros_like(x)
    k = config.semantic_neighbours
    return Edges(
        torch.from_numpy(np.concatenate([x, zero], axis=1)).to(device),
        torch.from_numpy(np.concatenate([-x, x], axis=1)).to(device),
        torch.from_numpy(nearest_within_groups(xyz, group, k)).to(device),
        torch.from_numpy(members_within_k(group, k)).to(device),
    )


class StructuralFeatures(nn.Module):
    """Appendix C: EdgeConv over a segment's samples, then their maximum and mean: 2 x width."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.samples = config.samples
        self.conv = EdgeConv(6, config.width, 1, config.leak)

    def forward(self, edges: Edges) -> Float[Tensor, "s c"]:
        h = self.conv(edges).unflatten(0, (-1, self.samples))
        return torch.cat([h.amax(dim=1), h.mean(dim=1)], dim=1)
