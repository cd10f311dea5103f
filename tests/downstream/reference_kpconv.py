"""Slow twins of the KPConv network: loops and full tensors, as the equations stand."""

import itertools

import numpy as np
import torch
from torch.nn import functional


def grid(points, voxel, levels):
    """Barycentres of every level by dictionaries, in the order of their cells; level-0 cells."""
    low = points.min(axis=0).astype(np.float64)
    place = [tuple(int(c) for c in np.floor((p - low) / voxel)) for p in points]
    steps, first = [], None
    for _ in range(levels):
        order = sorted(set(place))
        members = {c: [i for i, d in enumerate(place) if d == c] for c in order}
        first = first or [order.index(c) for c in place]
        points = np.array([points[members[c]].astype(np.float64).mean(axis=0) for c in order])
        place = [tuple(c // 2 for c in cell) for cell in order]
        steps.append(points)
    return steps, first


def ball(points, query, radius, most):
    """The points within the radius, nearest first; the nearest in any case."""
    distance = np.linalg.norm(points - query, axis=1)
    order = np.argsort(distance, kind="stable")[:most]
    return [int(j) for j in order if distance[j] <= radius] or [int(order[0])]


def influences(points, query, j, kernel, extent):
    """Equation 3: one number for every kernel point."""
    return [max(0.0, 1 - float(np.linalg.norm(points[j] - query - p)) / extent) for p in kernel]


def convolve(x, points, queries, around, kernel, extent, weight):
    """Equations 1 and 2 by loops; `around` holds each query's neighbours."""
    out = []
    for query, members in zip(queries, around, strict=True):
        total = torch.zeros(weight.shape[2], dtype=x.dtype)
        for j in members:
            for h, w in zip(influences(points, query, j, kernel, extent), weight, strict=True):
                total = total + h * (x[j] @ w)
        out.append(total)
    return torch.stack(out)


def padded(around, size):
    """Neighbours as a table, filled up with `size`."""
    rows = itertools.zip_longest(*around, fillvalue=size)
    return torch.tensor(list(rows)).T


def full_influences(points, queries, table, kernel, extent):
    """Equation 3 for every query, neighbour and kernel point: (q, h, K)."""
    far = torch.cat([points, torch.full((1, 3), 1e6, dtype=points.dtype)])
    apart = far[table] - queries[:, None]
    distance = (apart[:, :, None] - kernel).square().sum(3).sqrt()
    return (1 - distance / extent).clamp(min=0)


def convolve_full(x, h, table, weight):
    """Equations 1 and 2 on all neighbours and kernel points at once, as the published code."""
    neighbours = torch.cat([x, torch.zeros_like(x[:1])])[table]
    gathered = torch.einsum("qhk,qhc->qkc", h, neighbours)
    return torch.einsum("qkc,kcd->qd", gathered, weight)


class Network:
    """KP-FCNN as a function of a `KPFCNN`'s parameters, with full tensors, for one scene.

    geometry : (points, neighbours) of every level and (pools, up) between the levels
    """

    def __init__(self, net, kernel, steps, around, pools, up):
        self.net, self.config = net, net.config
        dtype = net.classify.weight.dtype
        points = [torch.as_tensor(p).to(dtype) for p in steps]
        self.near, self.down, self.up = [], [], up
        for i, p in enumerate(points):
            extent = self.config.extent * self.config.voxel * 2**i
            scaled = torch.tensor(kernel, dtype=dtype) * 1.5 * extent
            table = padded(around[i], len(p))
            self.near.append((full_influences(p, p, table, scaled, extent), table))
            if i + 1 < len(points):
                table = padded(pools[i], len(p))
                h = full_influences(p, points[i + 1], table, scaled, extent)
                self.down.append((h, table))

    def norm(self, norm, x):
        if self.net.training:
            mean, variance = x.mean(0), x.var(0, unbiased=False)
        else:
            mean, variance = norm.running_mean, norm.running_var
        return (x - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias

    def unary(self, unary, x):
        return self.norm(unary.normal.norm, x @ unary.linear.weight.T)

    def simple(self, simple, x, where):
        x = self.norm(simple.normal.norm, convolve_full(x, *where, simple.conv.weight))
        return functional.leaky_relu(x, 0.1)

    def block(self, block, x, where, strided):
        inner = functional.leaky_relu(self.unary(block.narrow, x), 0.1)
        through = self.unary(block.widen, self.simple(block.simple, inner, where))
        if strided:
            far = torch.cat([x, torch.full_like(x[:1], -torch.inf)])
            x = far[where[1]].amax(1)
        if block.shortcut is not None:
            x = self.unary(block.shortcut, x)
        return functional.leaky_relu(through + x, 0.1)

    def __call__(self, features):
        """Logits of level 0."""
        net, skips = self.net, []
        x = self.simple(net.first, features, self.near[0])
        for i, block in enumerate(net.blocks):
            x = self.block(block, x, self.near[i], False)
            if i < len(net.strides):
                skips.append(x)
                x = self.block(net.strides[i], x, self.down[i], True)
        for rise, skip, up in reversed(list(zip(net.rises, skips, self.up, strict=True))):
            both = torch.cat([x[up], skip], 1)
            weight = torch.cat([rise.above.weight, rise.beside.weight], 1)
            x = functional.leaky_relu(self.norm(rise.normal.norm, both @ weight.T), 0.1)
        x = functional.leaky_relu(self.unary(net.head, x), 0.1)
        return x @ net.classify.weight.T + net.classify.bias


def network(net, kernel, points):
    """The slow network on the points of one scene: its geometry by loops."""
    c = net.config
    steps, cell = grid(points, c.voxel, c.levels)
    around, pools, up = [], [], []
    for i, p in enumerate(steps):
        radius = c.radius * c.voxel * 2**i
        around.append([ball(p, q, radius, c.neighbours) for q in p])
        if i + 1 < c.levels:
            pools.append([ball(p, q, radius, c.neighbours) for q in steps[i + 1]])
            up.append([ball(steps[i + 1], q, np.inf, 1)[0] for q in p])
    return Network(net, kernel, steps, around, pools, up), steps, cell
