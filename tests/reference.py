"""Slow twins: they read like the paper's text or pseudo code and share no code with the source."""

from collections import defaultdict

import numpy as np
import torch
from torch.nn import functional

F32 = np.float32


# --- over-segmentation (METHOD section 1) ---


def vertex_normals(vertices, faces):
    """The running mean of the unit normals of the faces around each vertex."""
    normals, count = np.zeros((len(vertices), 3), F32), np.zeros(len(vertices), int)
    for face in faces:
        p, q, r = vertices[face]
        u, w = q - p, r - p
        n = np.array(
            [u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]], F32
        )
        length = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
        if not length > 0:
            continue
        n = n / length
        for i in face:
            new = F32(1) / F32(count[i] + 1)
            normals[i] = new * n + (F32(1) - new) * normals[i]
            count[i] += 1
    return normals


def edge_weight(vertices, normals, a, b):
    """1 - n_a.n_b, squared where the edge is convex."""
    d = vertices[b] - vertices[a]
    length = np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
    if length > 0:
        d = d / length
    na, nb = normals[a], normals[b]
    w = F32(1) - (na[0] * nb[0] + na[1] * nb[1] + na[2] * nb[2])
    convex = nb[0] * d[0] + nb[1] * d[1] + nb[2] * d[2] > 0
    return w * w if convex else w


def segment_mesh(vertices, faces, k=0.01, min_size=20):
    """Root vertex of every vertex's segment, with sets for components."""
    edges = [e for a, b, c in faces for e in ((a, b), (a, c), (c, b))]
    normals = vertex_normals(vertices, faces)
    weighted = sorted(
        ((edge_weight(vertices, normals, a, b), n, a, b) for n, (a, b) in enumerate(edges)),
        key=lambda item: item[:2],
    )
    root = list(range(len(vertices)))
    members = {i: {i} for i in root}
    rank = dict.fromkeys(root, 0)
    threshold = dict.fromkeys(root, F32(k))

    def join(a, b):
        keep, gone = (a, b) if rank[a] > rank[b] else (b, a)
        if rank[a] == rank[b]:
            rank[keep] += 1
        for i in members[gone]:
            root[i] = keep
        members[keep] |= members.pop(gone)
        return keep

    for w, _, a, b in weighted:
        a, b = root[a], root[b]
        if a != b and w <= threshold[a] and w <= threshold[b]:
            keep = join(a, b)
            threshold[keep] = w + F32(k) / F32(len(members[keep]))
    for _, _, a, b in weighted:
        a, b = root[a], root[b]
        if a != b and min(len(members[a]), len(members[b])) < min_size:
            join(a, b)
    return np.array(root)


# --- sampling ---


def farthest_points(points, samples):
    """Indices of one segment's samples; the first is farthest from the segment's first point."""
    if len(points) <= samples:
        return [i % len(points) for i in range(samples)]
    chosen = [int(np.argmax(((points - points[0]) ** 2).sum(1)))]
    while len(chosen) < samples:
        gap = ((points[:, None] - points[chosen]) ** 2).sum(2).min(1)
        chosen.append(int(np.argmax(gap)))
    return chosen


# --- the network (paper 3.2) ---


def edge_conv(layers, neighbour, center, index, members, leak=0.2):
    """EdgeConv with all its edges: layers = [(weight, gamma, beta), ...]; max over neighbours."""
    inside = torch.arange(index.shape[1]) < members[:, None]
    x = neighbour[index.long()] + center[:, None]
    for weight, gamma, beta in layers:
        x = x @ weight.T
        edges = x[inside]
        mean, variance = edges.mean(0), edges.var(0, unbiased=False)
        x = functional.leaky_relu((x - mean) / (variance + 1e-5).sqrt() * gamma + beta, leak)
    return torch.where(inside[..., None], x, -torch.inf).amax(1)


def graph_conv(h, edges, weight, slope):
    """Equations 1 to 3, node by node."""
    around = defaultdict(list)
    for a, b in edges.tolist():
        around[a].append(b)
        around[b].append(a)
    rows = []
    for i in range(len(h)):
        e = [torch.exp(-slope * torch.linalg.vector_norm(h[i] - h[j])) for j in around[i]]
        norm = 1 + sum(e)
        total = weight @ h[i] / norm
        for e_ij, j in zip(e, around[i], strict=True):
            total = total + e_ij / norm * (weight @ h[j])
        rows.append(torch.relu(total))
    return torch.stack(rows)


# --- appendix B ---


def algorithm1(features, edges, labels, threshold, join_same_instance=False):
    """Clusters as sets, in the order of their first member."""
    cluster = {i: {i} for i in range(len(features))}
    label = dict(enumerate(labels))
    find = {i: i for i in range(len(features))}
    for a, b in edges:
        p, q = find[a], find[b]
        if p == q:
            continue
        if label[p] != -1 and label[q] != -1:
            same = label[p] == label[q]
            if not (same and join_same_instance):
                continue
        if np.sqrt(((features[a] - features[b]) ** 2).sum()) < threshold:
            cluster[p] |= cluster.pop(q)
            for i in cluster[p]:
                find[i] = p
            if label[q] != -1:
                label[p] = label[q]
            del label[q]
    return sorted(cluster.values(), key=min)


def algorithm2(features, edges, labels):
    """Clusters as sets after every unlabelled node with a neighbour has joined one."""
    h = {i: f.copy() for i, f in enumerate(features)}
    label = dict(enumerate(labels))
    cluster = {i: {i} for i in h}
    around = {i: set() for i in h}
    for a, b in edges:
        around[a].add(b)
        around[b].add(a)
    while any(label[i] == -1 and around[i] for i in h):
        for i in sorted(h):
            if label[i] != -1 or not around[i]:
                continue
            k = min(sorted(around[i]), key=lambda j: ((h[i] - h[j]) ** 2).sum())
            h[k] = np.maximum(h[i], h[k])
            cluster[k] |= cluster.pop(i)
            for j in around.pop(i):
                around[j].discard(i)
                if j != k:
                    around[j].add(k)
                    around[k].add(j)
            del h[i], label[i]
    return sorted(cluster.values(), key=min)


def algorithm2_in_rounds(features, edges, labels):
    """Released: distances once a round, every unlabelled cluster joins its nearest neighbour."""
    cluster = {i: {i} for i in range(len(features))}
    while True:
        home = {i: c for c, members in cluster.items() for i in members}
        h = {c: features[sorted(members)].max(0) for c, members in cluster.items()}
        labelled = {c for c, members in cluster.items() if any(labels[i] != -1 for i in members)}
        around = {c: set() for c in cluster}
        for a, b in edges:
            if home[a] != home[b]:
                around[home[a]].add(home[b])
                around[home[b]].add(home[a])
        nearest = {
            c: min(sorted(around[c]), key=lambda d: ((h[c] - h[d]) ** 2).sum())
            for c in cluster
            if around[c]
        }
        now = {c: c for c in cluster}  # the cluster that each has become part of in this round
        changed = False
        for c in sorted(nearest):
            p, q = now[c], now[nearest[c]]
            if p == q or p in labelled:
                continue
            cluster[q] |= cluster.pop(p)
            now = {x: q if y == p else y for x, y in now.items()}
            changed = True
        if not changed:
            return sorted(cluster.values(), key=min)


def join_small(distance, edges, labels, points, group, fewest):
    """Released: the nearest pair of clusters with a small one joins, until there is none."""
    cluster = {g: set(np.flatnonzero(group == g)) for g in range(group.max() + 1)}
    instance = lambda c: {labels[i] for i in cluster[c] if labels[i] != -1}  # noqa: E731
    size = lambda c: sum(points[i] for i in cluster[c])  # noqa: E731
    while True:
        home = {i: c for c, members in cluster.items() for i in members}
        for e in sorted(range(len(edges)), key=lambda e: (distance[e], e)):
            p, q = home[edges[e][0]], home[edges[e][1]]
            if p != q and min(size(p), size(q)) < fewest and len(instance(p) | instance(q)) < 2:
                cluster[p] |= cluster.pop(q)
                break
        else:
            return sorted(cluster.values(), key=min)
