"""Node clustering: Algorithms 1 and 2 of the paper's appendix B.

Both take a graph with features and labels and return a grouping: the new node of every node. A
label is an instance number, NONE where the node is unlabelled. New nodes are numbered in the order
of their first member. Slow twins that read like the paper's pseudo code stand in
tests/reference.py.
"""

import typing

import numpy as np
from jaxtyping import Float, Int, Int32
from numba import njit

from seggroup.config import NetworkConfig
from seggroup.geometry.neighbours import nearest
from seggroup.geometry.oversegment import find
from seggroup.types import NONE

Group = Int32[np.ndarray, " m"]


@njit(cache=True)
@typing.no_type_check
def _roots(parent):
    for i in range(len(parent)):
        parent[i] = find(parent, i)
    return parent


@njit(cache=True)
@typing.no_type_check
def _cluster(edges, close, label, join_same):
    parent = np.arange(len(label))
    label = label.copy()
    for e in range(len(edges)):
        p, q = find(parent, edges[e, 0]), find(parent, edges[e, 1])
        if p == q:
            continue
        if label[p] >= 0 and label[q] >= 0 and not (join_same and label[p] == label[q]):
            continue
        if close[e]:
            parent[q] = p
            label[p] = max(label[p], label[q])
    return _roots(parent)


def number_groups(group: Int[np.ndarray, " m"]) -> Group:
    """The same grouping with groups numbered 0, 1, … in the order of their first member."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[inverse]


def labels_of_groups(
    label: Int[np.ndarray, " m"], group: Int[np.ndarray, " m"]
) -> Int32[np.ndarray, " g"]:
    """The instance of each group: that of its labelled members, NONE where there is none."""
    merged = np.full(int(group.max()) + 1, NONE, np.int32)
    labelled = label != NONE
    merged[group[labelled]] = label[labelled]
    return merged


def cluster(
    distance: Float[np.ndarray, " e"],
    edges: Int[np.ndarray, "e 2"],
    label: Int[np.ndarray, " m"],
    threshold: float,
    config: NetworkConfig,
) -> Group:
    """Algorithm 1: merge neighbours whose features are nearer than `threshold`.

    `distance` is between the features of an edge's *original* nodes. Edges come sorted; two
    labelled clusters never merge, except two of one instance with `join_same_instance`
    (released); `inclusive_threshold` (released) also merges at the threshold itself.
    """
    close = distance <= threshold if config.inclusive_threshold else distance < threshold
    parent = _cluster(edges, close, label.astype(np.int32), config.join_same_instance)
    return number_groups(parent)


def join_small(
    distance: Float[np.ndarray, " e"],
    edges: Int[np.ndarray, "e 2"],
    label: Int[np.ndarray, " m"],
    points: Int[np.ndarray, " m"],
    group: Group,
    fewest: int,
) -> Group:
    """Released: clusters of fewer than `fewest` points join their nearest neighbour.

    Repeated while it changes anything. Two labelled clusters of different instances stay apart:
    the released code lets them join and can then loop for ever.
    """
    parent = group.astype(np.int64)
    by_distance = np.argsort(distance, kind="stable")
    while True:
        size = np.bincount(parent, points, minlength=parent.max() + 1)
        labels = labels_of_groups(label, parent)
        for e in by_distance:
            p, q = parent[edges[e, 0]], parent[edges[e, 1]]
            if p == q or min(size[p], size[q]) >= fewest:
                continue
            if labels[p] != NONE and labels[q] != NONE and labels[p] != labels[q]:
                continue
            parent[parent == q] = p
            break
        else:
            return number_groups(parent)


@njit(cache=True)
@typing.no_type_check
def _absorb(features, edges, label):
    """Neighbour lists are chains over half-edges, so that two nodes' lists join in one step."""
    n = len(features)
    parent = np.arange(n)
    head, tail = np.full(n, -1), np.full(n, -1)
    following = np.full(2 * len(edges), -1)
    for half in range(2 * len(edges)):  # half-edge 2e leads from a to b, 2e + 1 back
        owner = edges[half // 2, half % 2]
        if head[owner] < 0:
            head[owner] = half
        else:
            following[tail[owner]] = half
        tail[owner] = half
    changed = True
    while changed:
        changed = False
        for i in range(n):
            if parent[i] != i or label[i] >= 0:
                continue
            best, nearest_distance, before = -1, np.inf, -1
            half = head[i]
            while half >= 0:
                j = find(parent, edges[half // 2, 1 - half % 2])
                after = following[half]
                if j == i:  # inside the cluster by now: cut it out
                    if before < 0:
                        head[i] = after
                    else:
                        following[before] = after
                    if after < 0:
                        tail[i] = before
                else:
                    d = 0.0
                    for c in range(features.shape[1]):
                        d += (features[i, c] - features[j, c]) ** 2
                    if d < nearest_distance or (d == nearest_distance and j < best):
                        best, nearest_distance = j, d
                    before = half
                half = after
            if best < 0:
                continue
            changed = True
            parent[i] = best
            features[best] = np.maximum(features[best], features[i])
            if head[best] < 0:
                head[best] = head[i]
            else:
                following[tail[best]] = head[i]
            tail[best] = tail[i]
    return _roots(parent)


@njit(cache=True)
@typing.no_type_check
def _absorb_in_rounds(features, edges, label):
    n = len(features)
    parent = np.arange(n)
    while True:
        best = np.full(n, -1)
        nearest_distance = np.full(n, np.inf)
        for e in range(len(edges)):
            p, q = find(parent, edges[e, 0]), find(parent, edges[e, 1])
            if p == q:
                continue
            d = ((features[p] - features[q]) ** 2).sum()
            for i, j in ((p, q), (q, p)):
                if d < nearest_distance[i] or (d == nearest_distance[i] and j < best[i]):
                    best[i], nearest_distance[i] = j, d
        changed = False
        for i in range(n):
            if best[i] < 0:
                continue
            p, q = find(parent, i), find(parent, best[i])
            if p == q or label[p] >= 0:  # its cluster may have been labelled in this round
                continue
            parent[p] = q
            features[q] = np.maximum(features[q], features[p])
            changed = True
        if not changed:
            return _roots(parent)


def absorb(
    features: Float[np.ndarray, "m c"],
    edges: Int[np.ndarray, "e 2"],
    label: Int[np.ndarray, " m"],
    config: NetworkConfig,
) -> Group:
    """Algorithm 2: each unlabelled node, in order, joins its most similar neighbour.

    Features max-pool and edges contract at once; ties go to the node with the smaller number.
    Repeated until no unlabelled node has a neighbour, so that what is left unlabelled are whole
    components without a click (`attach` gives them an instance). With `absorb_in_rounds`
    (released) the distances are taken once a round.
    """
    run = _absorb_in_rounds if config.absorb_in_rounds else _absorb
    parent = run(features.astype(np.float64), edges, label.astype(np.int32))
    return number_groups(parent)


def attach(
    positions: Float[np.ndarray, "n 3"],
    group: Int[np.ndarray, " n"],
    label: Int[np.ndarray, " g"],
) -> Int32[np.ndarray, " g"]:
    """Every group's instance: an unlabelled one takes that of the point nearest its centroid.

    `group` is that of each point. Only labelled groups' points count. (METHOD section 4; the
    released code takes the first node's, wherever it is.)
    """
    complete = label.astype(np.int32).copy()
    lonely = np.flatnonzero(label == NONE)
    if len(lonely) == 0:
        return complete
    size = np.bincount(group, minlength=len(label))
    centroid = (
        np.stack(
            [np.bincount(group, positions[:, a], minlength=len(label)) for a in range(3)], axis=1
        )
        / np.maximum(size, 1)[:, None]
    )
    labelled = label[group] != NONE
    queries = centroid[lonely].astype(np.float32)
    _, index = nearest(positions[labelled].astype(np.float32), queries, 1)
    complete[lonely] = label[group[labelled][index[:, 0]]]
    return complete
