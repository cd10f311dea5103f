"""Splitting a building-size scan into overlapping blocks, and joining their labels again.

Blocks are the squares of a grid seen from above. Every vertex is in the inside of exactly one, and
a block sees, besides its inside, what lies within the overlap. Groups of vertices (segments) may
be kept whole: a group is in the inside of the block where most of its vertices lie, and is seen
whole by every block that would see a vertex of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Int, Int32

from seggroup.errors import InputError
from seggroup.types import NONE, Graph, Labels, Scene

SAME = 0.5  # instances that share more than this part of the larger in the overlap are one


@dataclass(frozen=True)
class Block:
    """Vertices that are labelled together, both ascending.

    inner : those that the block answers for; of all blocks together every vertex once
    outer : those that it sees; the inner ones are among them
    """

    inner: Int32[np.ndarray, " i"]
    outer: Int32[np.ndarray, " o"]


def blocks(
    points: Float32[np.ndarray, "n 3"],
    size: float,
    overlap: float,
    group: Int[np.ndarray, " n"] | None = None,
) -> list[Block]:
    """Blocks of `size` metres in x and y that see `overlap` metres beyond, without empty ones.

    The grid is centred on the scan. `group`, 0 … g-1: vertices that stay together. Raises
    InputError unless both lengths are possible.
    """
    if not (0 < size < np.inf and 0 <= overlap < np.inf):
        raise InputError(
            f"blocks of {size} m with an overlap of {overlap} m: must be more than 0, and 0 or more"
        )
    plane = points[:, :2].astype(np.float64)
    low, high = plane.min(axis=0), plane.max(axis=0)
    count = np.maximum(np.ceil((high - low) / size), 1)
    if count.prod() > 1e6:
        raise InputError(f"blocks of {size:g} m are too small for this scan; choose larger ones")
    start = (low + high - count * size) / 2
    square = np.clip(np.floor((plane - start) / size), 0, count - 1)
    home = (square[:, 0] * count[1] + square[:, 1]).astype(np.int64)
    if group is not None:
        home = _commonest(group, home)[group]
    result = []
    for number in np.unique(home).tolist():
        corner = start + np.array(divmod(number, int(count[1]))) * size
        near = np.all((plane >= corner - overlap) & (plane <= corner + size + overlap), axis=1)
        inner = home == number
        if group is not None:
            seen = np.zeros(int(group.max()) + 1, bool)
            seen[group[near]] = True
            near = seen[group]
        result.append(Block(_indices(inner), _indices(near | inner)))
    return result


def joined(
    parts: Sequence[tuple[Int[np.ndarray, " _"], Int32[np.ndarray, " _"]]],
) -> list[Int32[np.ndarray, " _"]]:
    """The instances of blocks under common numbers: of each block as many as it gave.

    parts : of every block the vertices it sees, ascending, and its own instance of each

    Instances of two blocks are one where, among the vertices that both see and both label, they
    share more than half of the larger: by that an instance has at most one partner in another
    block, so what one block sees as one object never welds two of its neighbour's. An object that
    was cut agrees nearly everywhere there. What is one with the same third is one.
    """
    offsets = [0]
    for _, instance in parts:
        offsets.append(offsets[-1] + int(instance.max(initial=NONE)) + 1)
    parent = np.arange(offsets[-1])
    for i, (seen, instance) in enumerate(parts):
        for j in range(i):
            _, mine, theirs = np.intersect1d(
                seen, parts[j][0], assume_unique=True, return_indices=True
            )
            for a, b in _same(instance[mine], parts[j][1][theirs]):
                _unite(parent, offsets[i] + a, offsets[j] + b)
    roots = np.array([_root(parent, i) for i in range(len(parent))], np.int64)
    return [
        _global(instance, offset, roots)
        for (_, instance), offset in zip(parts, offsets, strict=False)
    ]


def gather(parts: Sequence[tuple[Block, Labels]], size: int) -> Labels:
    """Every vertex's label from the block it is inner to; the blocks number instances alike."""
    semantic = np.full(size, NONE, np.int32)
    instance = semantic.copy()
    certain = all(labels.confidence is not None for _, labels in parts)
    confidence = np.zeros(size, np.float32) if certain else None
    for block, labels in parts:
        own = labels.at(np.searchsorted(block.outer, block.inner))
        semantic[block.inner], instance[block.inner] = own.semantic, own.instance
        if confidence is not None and own.confidence is not None:
            confidence[block.inner] = own.confidence
    return Labels(semantic, instance, confidence)


def part_of(scene: Scene, vertices: Int32[np.ndarray, " o"]) -> Scene:
    """The scene of some vertices, ascending; its graph is that between the segments of these.

    Without truth and thinning: vertices are those of the part.
    """
    inside = np.zeros(len(scene.segments), bool)
    inside[vertices] = True
    place = np.cumsum(inside, dtype=np.int32) - 1
    scan = scene.scan
    faces = scan.faces[inside[scan.faces].all(axis=1)] if scan.is_mesh else scan.faces
    known = np.zeros(len(scene.segment_ids), bool)
    known[scene.segments[vertices]] = True
    number = (np.cumsum(known) - 1).astype(np.int32)
    part = replace(
        scan,
        vertices=scan.vertices[vertices],
        colors=scan.colors[vertices],
        faces=place[faces] if len(faces) else np.zeros((0, 3), np.int32),
        normals=None if scan.normals is None else scan.normals[vertices],
    )
    return Scene(
        part,
        number[scene.segments[vertices]],
        scene.segment_ids[known],
        _graph_of(scene.graph, known, number),
    )


def _graph_of(graph: Graph, known: Bool[np.ndarray, " s"], number: np.ndarray) -> Graph:
    between = known[graph.edges].all(axis=1)
    return Graph(int(known.sum()), number[graph.edges[between]], graph.boundary[between])


def _indices(inside: Bool[np.ndarray, " n"]) -> Int32[np.ndarray, " k"]:
    return np.flatnonzero(inside).astype(np.int32)


def _commonest(group: Int[np.ndarray, " n"], value: np.ndarray) -> np.ndarray:
    """The commonest value of every group 0 … g-1, the smallest of equals."""
    step = int(value.max()) + 1
    pairs, counts = np.unique(group.astype(np.int64) * step + value, return_counts=True)
    order = np.lexsort((-pairs, counts))  # the best of each group comes last
    result = np.zeros(int(group.max()) + 1, np.int64)
    result[pairs[order] // step] = pairs[order] % step
    return result


def _same(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    """The pairs of instances that are one, by what the same vertices are in two blocks."""
    both = (first != NONE) & (second != NONE)
    first, second = first[both].astype(np.int64), second[both].astype(np.int64)
    if not len(first):
        return []
    step = int(second.max()) + 1
    pairs, shared = np.unique(first * step + second, return_counts=True)
    a, b = pairs // step, pairs % step
    larger = np.maximum(np.bincount(first)[a], np.bincount(second)[b])
    return [(int(a[i]), int(b[i])) for i in np.flatnonzero(shared > SAME * larger)]


def _root(parent: np.ndarray, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return int(i)


def _unite(parent: np.ndarray, a: int, b: int) -> None:
    a, b = _root(parent, a), _root(parent, b)
    parent[max(a, b)] = min(a, b)


def _global(instance: np.ndarray, offset: int, roots: np.ndarray) -> Int32[np.ndarray, " o"]:
    known = instance != NONE
    result = np.full(len(instance), NONE, np.int32)
    result[known] = roots[instance[known] + offset]
    return result
