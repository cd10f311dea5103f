"""Regions of a graph merged by what they look like: Ward's clustering along the edges.

Merging two regions of a and b points costs ab/(a+b) times the squared distance of their mean
features: by so much the sum of squares within regions grows (Ward, "Hierarchical grouping to
optimize an objective function", 1963). A region and its cheapest neighbour merge where the choice
is mutual, all such pairs at once (Murtagh, "A survey of recent advances in hierarchical clustering
algorithms", 1983). That is local, what happens far away changes nothing, and takes few rounds.
A region also joins a cheapest neighbour that is many times as large and has chosen another, so
that a floor takes a thousand specks in one round and not in a thousand.
"""

import typing

import numpy as np
from jaxtyping import Float32, Int32
from numba import njit

from seggroup.geometry.oversegment import find

_LARGER = 16  # times a region's size: a neighbour that it may join without being its choice


@njit(cache=True)
@typing.no_type_check
def _adjacency(n, edges):
    """Neighbours of every node one after another, and where each node's begin."""
    start = np.zeros(n + 1, np.int64)
    for e in range(len(edges)):
        start[edges[e, 0] + 1] += 1
        start[edges[e, 1] + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    place = start[:-1].copy()
    to = np.empty(2 * len(edges), np.int32)
    for e in range(len(edges)):
        a, b = edges[e]
        to[place[a]], to[place[b]] = b, a
        place[a] += 1
        place[b] += 1
    return start, to


@njit(cache=True, inline="always")
@typing.no_type_check
def _shuffled(a, b):
    """A number that looks random, the same for (a, b) and (b, a): it decides between equals."""
    low, high = np.uint64(min(a, b)), np.uint64(max(a, b))
    x = low * np.uint64(0x9E3779B97F4A7C15) + high * np.uint64(0xC2B2AE3D27D4EB4F)
    x ^= x >> np.uint64(29)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    return x ^ (x >> np.uint64(32))


@njit(cache=True)
@typing.no_type_check
def _choices(start, to, size, means, limit, smaller):
    """Every region's cheapest neighbour, itself where it has none that costs less than `limit`.

    With `smaller` above 0 only regions of fewer points choose, at any cost, and by the distance
    of the means alone.
    """
    n, width = means.shape
    choice = np.arange(n).astype(np.int32)
    for i in range(n):
        if smaller > 0 and size[i] >= smaller:
            continue
        least, tie = limit, np.uint64(0)
        for p in range(start[i], start[i + 1]):
            j = to[p]
            cost = 0.0
            for d in range(width):
                difference = means[i, d] - means[j, d]
                cost += difference * difference
            if smaller == 0:
                cost *= size[i] * size[j] / (size[i] + size[j])
            if cost < least:
                least, tie, choice[i] = cost, _shuffled(i, j), j
            elif cost == least and choice[i] != i:
                number = _shuffled(i, j)
                if number < tie:
                    tie, choice[i] = number, j
    return choice


@njit(cache=True)
@typing.no_type_check
def _joined(choice, size, everyone):
    """The group 0, 1, … of every region after the choices that hold; and how many there are."""
    n = len(choice)
    parent = np.arange(n).astype(np.int32)
    for i in range(n):
        j = choice[i]
        if j == i:
            continue
        if everyone or choice[j] == i or size[j] >= _LARGER * size[i]:
            a, b = find(parent, np.int32(i)), find(parent, j)
            if a != b:
                parent[max(a, b)] = min(a, b)
    group = np.empty(n, np.int32)
    count = 0
    for i in range(n):  # a root is the lowest of its group
        root = find(parent, np.int32(i))
        if root == i:
            group[i] = count
            count += 1
        else:
            group[i] = group[root]
    return group, count


@njit(cache=True)
@typing.no_type_check
def _contracted(start, to, group, count):
    """The adjacency of the groups, every neighbour once."""
    n = len(group)
    first = np.zeros(count + 1, np.int64)
    for i in range(n):
        first[group[i] + 1] += 1
    for g in range(count):
        first[g + 1] += first[g]
    place = first[:-1].copy()
    members = np.empty(n, np.int32)
    for i in range(n):
        members[place[group[i]]] = i
        place[group[i]] += 1
    begin = np.zeros(count + 1, np.int64)
    found = np.empty(len(to), np.int32)
    seen = np.full(count, -1, np.int32)
    last = 0
    for g in range(count):
        for q in range(first[g], first[g + 1]):
            i = members[q]
            for p in range(start[i], start[i + 1]):
                other = group[to[p]]
                if other != g and seen[other] != g:
                    seen[other] = g
                    found[last] = other
                    last += 1
        begin[g + 1] = last
    return begin, found[:last].copy()


@njit(cache=True)
@typing.no_type_check
def _pooled(size, means, group, count):
    """Sizes and means of the groups."""
    width = means.shape[1]
    total = np.zeros(count, np.float64)
    pooled = np.zeros((count, width), np.float64)
    for i in range(len(group)):
        g = group[i]
        total[g] += size[i]
        for d in range(width):
            pooled[g, d] += size[i] * means[i, d]
    for g in range(count):
        for d in range(width):
            pooled[g, d] /= total[g]
    return total, pooled


@njit(cache=True)
@typing.no_type_check
def _merge(features, edges, limit, least):
    """The region of every point; see `merge_similar`."""
    n = len(features)
    region = np.arange(n).astype(np.int32)
    size, means = np.ones(n, np.float64), features.astype(np.float64)
    start, to = _adjacency(n, edges)
    small = False  # first pass: by cost; second pass: small regions
    while True:
        if small:
            choice = _choices(start, to, size, means, np.inf, least)
        else:
            choice = _choices(start, to, size, means, limit, 0)
        group, count = _joined(choice, size, small)
        if count == len(size):
            if small:
                break
            small = True
            continue
        start, to = _contracted(start, to, group, count)
        size, means = _pooled(size, means, group, count)
        for i in range(n):
            region[i] = group[region[i]]
    return region


def merge_similar(
    features: Float32[np.ndarray, "v d"],
    edges: Int32[np.ndarray, "m 2"],
    limit: float,
    least: int,
) -> Int32[np.ndarray, " v"]:
    """The region 0 … r-1 of every point: neighbours merge while that costs less than `limit`.

    Then every region of fewer than `least` points joins the neighbour whose mean is nearest to
    its own; one without neighbours stays. `edges` come once each.
    """
    return _merge(np.ascontiguousarray(features), edges, float(limit), int(least))


def numbered(
    region: Int32[np.ndarray, " v"],
) -> tuple[Int32[np.ndarray, " v"], Int32[np.ndarray, " s"]]:
    """Segments 0 … s-1 in ascending order of the lowest index of their points, and those."""
    first = np.full(int(region.max(initial=-1)) + 1, len(region), np.int32)
    np.minimum.at(first, region, np.arange(len(region), dtype=np.int32))
    place = np.argsort(first)
    number = np.empty(len(first), np.int32)
    number[place] = np.arange(len(first), dtype=np.int32)
    return number[region], first[place]
