"""Slow, obvious twins of the voxels and of sparse convolution, on dicts and on dense tensors."""

import itertools
import math

import torch
from torch.nn import functional

from seggroup.downstream.spconv_backend import Convolutions

OFFSETS = list(itertools.product((-1, 0, 1), repeat=3))


def voxelize(points, scene, voxel):
    """Sites sorted, and the place of every point's own."""
    points, scene = points.double().tolist(), scene.tolist()
    low = {}
    for point, s in zip(points, scene, strict=True):
        low[s] = [min(a, b) for a, b in zip(point, low.get(s, point), strict=True)]
    own = [
        (s, *(math.floor((a - b) / voxel) for a, b in zip(point, low[s], strict=True)))
        for point, s in zip(points, scene, strict=True)
    ]
    found = sorted(set(own))
    return torch.tensor(found), torch.tensor([found.index(site) for site in own])


def neighbours(coords):
    """Rows at the 27 offsets, m where there is no site."""
    place = {tuple(site): row for row, site in enumerate(coords.tolist())}
    return torch.tensor(
        [
            [place.get((s, x + a, y + b, z + c), len(place)) for a, b, c in OFFSETS]
            for s, x, y, z in coords.tolist()
        ]
    )


def dense(x, coords, side):
    """(scenes, channels, side, side, side), zeros where there is no site."""
    whole = x.new_zeros(int(coords[:, 0].max()) + 1, side, side, side, x.shape[1])
    return whole.index_put(tuple(coords.T), x).movedim(-1, 1)


def at(whole, coords):
    """The values at the sites."""
    return whole.movedim(1, -1)[tuple(coords.T)]


def kernel(weight):
    """(offset, in, out) to conv3d's (out, in, x, y, z)."""
    side = round(len(weight) ** (1 / 3))
    return weight.permute(2, 1, 0).unflatten(2, (side, side, side))


def side_of(*levels):
    return 2 * (int(max(level.coords[:, 1:].max() for level in levels)) // 2 + 1)


def submanifold(x, weight, level):
    whole = dense(x, level.coords, side_of(level))
    return at(functional.conv3d(whole, kernel(weight), padding=1), level.coords)


def strided(x, weight, fine, coarse):
    whole = dense(x, fine.coords, side_of(fine))
    return at(functional.conv3d(whole, kernel(weight), stride=2), coarse.coords)


def inverse(x, weight, fine, coarse):
    whole = dense(x, coarse.coords, side_of(fine) // 2)
    turned = kernel(weight).transpose(0, 1)  # conv_transpose3d has (in, out, x, y, z)
    return at(functional.conv_transpose3d(whole, turned, stride=2), fine.coords)


def plain_submanifold(x, weight, level):
    """Offset by offset: gather, product, scatter; what a few lines of torch would do."""
    out = x.new_zeros(len(x), weight.shape[2])
    for k, matrix in enumerate(weight):
        row = (level.near[:, k] < len(x)).nonzero().flatten()
        out = out.index_add(0, row, x[level.near[row, k].long()] @ matrix)
    return out


def plain_strided(x, weight, fine, coarse):
    out = x.new_zeros(len(coarse), weight.shape[2])
    for k, matrix in enumerate(weight):
        row = (coarse.children[:, k] < len(x)).nonzero().flatten()
        out = out.index_add(0, row, x[coarse.children[row, k].long()] @ matrix)
    return out


def plain_inverse(x, weight, fine, coarse):
    parent, part = fine.place.long() // 8, fine.place.long() % 8
    out = x.new_zeros(len(fine), weight.shape[2])
    for k, matrix in enumerate(weight):
        row = (part == k).nonzero().flatten()
        out = out.index_add(0, row, x[parent[row]] @ matrix)
    return out


PLAIN = Convolutions(plain_submanifold, plain_strided, plain_inverse)
DENSE = Convolutions(submanifold, strided, inverse)
