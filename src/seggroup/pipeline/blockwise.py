"""Spreading the clicks of a building-size scan block by block (docs/large.md).

A block sees the segments within its overlap whole, with the clicks on them, and answers for those
that mostly lie in its square. Only segments wider than a block are cut at its sides; a click on one
counts wherever the segment is seen. Instances are numbered by the clicks, so that they are joined
by their numbers. An instance that reaches into a block but is clicked outside has a stand-in there:
a vertex that a neighbour gives to it surely.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int32

from seggroup.config import BlockConfig
from seggroup.geometry.blocks import Block, blocks, gather, part_of
from seggroup.types import NONE, Clicks, Labels, Scene


@dataclass(frozen=True)
class Spread:
    """Labels as they spread, of the parts of a partition of the vertices. q parts.

    part     : of every vertex: its segment, or finer
    levels   : labels of the parts by level; the last is "final"
    doubtful : clicks that are probably wrong: vertex, instance, chance and reason of each
    notes    : what else is to be said of it
    """

    part: Int32[np.ndarray, " v"]
    levels: dict[str, Labels]
    doubtful: tuple[dict, ...] = ()
    notes: tuple[str, ...] = ()


SpreadPart = Callable[[Scene, Clicks], Spread]  # the clicks of a part of the scan over that part


def scene_blocks(scene: Scene, size: float, config: BlockConfig | None = None) -> list[Block]:
    """The blocks of `size` metres of a scene: whole segments, but those wider than a block."""
    overlap = min((config or BlockConfig()).overlap, size)
    plane, count = scene.scan.vertices[:, :2], len(scene.segment_ids)
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, scene.segments, plane)
    np.maximum.at(high, scene.segments, plane)
    wide = ((high - low).max(axis=1) > size)[scene.segments]
    group = np.where(wide, count + np.arange(len(wide)), scene.segments)
    group = np.unique(group, return_inverse=True)[1].ravel()
    return blocks(scene.scan.vertices, size, overlap, group)


def width(scene: Scene) -> float:
    """The longer horizontal side of a scan, metres."""
    return float(np.ptp(scene.scan.vertices[:, :2], axis=0).max())


def in_blocks(
    scene: Scene,
    clicks: Clicks,
    parts: list[Block],
    spread: SpreadPart,
    config: BlockConfig | None = None,
) -> Spread:
    """The clicks spread over each block by itself, and again with its neighbours' stand-ins.

    Where a block has neither clicks nor stand-ins its vertices have no label, and a note says so.
    """
    config = config or BlockConfig()
    found: list[Spread | None] = [None] * len(parts)
    standing = [_none(clicks)] * len(parts)
    for turn in range(1 + config.rounds):
        before = standing
        if turn:
            labels = _final(scene, parts, found)
            standing = [_stand_ins(scene, block, clicks, labels, config.sure) for block in parts]
        changed = [b for b in range(len(parts)) if not turn or not _equal(before[b], standing[b])]
        for b in changed:
            found[b] = _spread_block(scene, parts[b], clicks, standing[b], spread)
        if not changed:
            break
    return _together(scene, parts, found)


def _spread_block(
    scene: Scene, block: Block, clicks: Clicks, standing: Clicks, spread: SpreadPart
) -> Spread | None:
    """A block's labels, its doubtful clicks by the vertices of the scene; None without a click."""
    mine = _in_block(scene, block, clicks)
    vertex = np.concatenate([mine.vertex, standing.vertex])
    if not len(vertex):
        return None
    local = Clicks(
        np.searchsorted(block.outer, vertex).astype(np.int32),
        np.concatenate([mine.instance, standing.instance]),
        np.concatenate([mine.semantic, standing.semantic]),
    )
    result = spread(part_of(scene, block.outer), local)
    rows = [row | {"vertex": int(block.outer[row["vertex"]])} for row in result.doubtful]
    own = [row for row in rows if row["vertex"] in clicks.vertex and _holds(block, row["vertex"])]
    return replace(result, doubtful=tuple(own))


def _in_block(scene: Scene, block: Block, clicks: Clicks) -> Clicks:
    """The clicks that a block sees, and for a segment that it sees cut off from its clicks the one
    nearest to it, on its vertex that is nearest to that."""
    inside = np.isin(clicks.vertex, block.outer)
    vertex, taken = list(clicks.vertex[inside]), list(np.flatnonzero(inside))
    seen = scene.segments[block.outer]
    clicked = scene.segments[clicks.vertex]
    place = scene.scan.vertices.astype(np.float64)
    for segment in np.setdiff1d(clicked[~inside], clicked[inside]).tolist():
        members = block.outer[seen == segment]
        if len(members):
            candidates = np.flatnonzero(clicked == segment)
            away = [np.square(place[members] - place[v]).sum(1) for v in clicks.vertex[candidates]]
            best = int(np.argmin([distance.min() for distance in away]))
            vertex.append(members[int(np.argmin(away[best]))])
            taken.append(candidates[best])
    order = np.array(taken, np.int64)
    return Clicks(np.array(vertex, np.int32), clicks.instance[order], clicks.semantic[order])


def _holds(block: Block, vertex: int) -> bool:
    place = int(np.searchsorted(block.inner, vertex))
    return place < len(block.inner) and int(block.inner[place]) == vertex


def _final(scene: Scene, parts: list[Block], found: list[Spread | None]) -> Labels:
    return gather(
        [
            (block, result.levels["final"].at(result.part))
            for block, result in zip(parts, found, strict=True)
            if result is not None
        ],
        len(scene.segments),
    )


def _stand_ins(scene: Scene, block: Block, clicks: Clicks, labels: Labels, sure: float) -> Clicks:
    """A click for each instance that the block sees in its neighbours and that is not clicked in
    it: on the surest vertex of the segment that has most of it."""
    if labels.confidence is None:
        return _none(clicks)
    beyond = np.setdiff1d(block.outer, block.inner, assume_unique=True)
    known = np.unique(_in_block(scene, block, clicks).instance)
    certain = (labels.instance[beyond] != NONE) & (labels.confidence[beyond] >= sure)
    beyond = beyond[certain & ~np.isin(labels.instance[beyond], known)]
    if not len(beyond):
        return _none(clicks)
    instance, segment = labels.instance[beyond].astype(np.int64), scene.segments[beyond]
    pair = instance * len(scene.segment_ids) + segment
    _, place, counts = np.unique(pair, return_inverse=True, return_counts=True)
    order = np.lexsort((beyond, -labels.confidence[beyond], pair, -counts[place], instance))
    first = np.append(True, np.diff(instance[order]) != 0)
    chosen = beyond[order[first]]
    return Clicks(chosen, labels.instance[chosen], labels.semantic[chosen])


def _together(scene: Scene, parts: list[Block], found: list[Spread | None]) -> Spread:
    """The blocks' labels as one: the parts of each where it is at home."""
    results = [result for result in found if result is not None]
    names = list(results[0].levels)
    part = np.zeros(len(scene.segments), np.int64)  # 0: no label
    levels = {name: [Labels(*(np.full(1, NONE, np.int32) for _ in range(2)))] for name in names}
    size, empty = 1, 0
    for block, result in zip(parts, found, strict=True):
        if result is None:
            empty += len(block.inner)
            continue
        part[block.inner] = size + result.part[np.searchsorted(block.outer, block.inner)]
        size += len(result.levels["final"])
        for name in names:
            levels[name].append(result.levels[name])
    used, dense = np.unique(part, return_inverse=True)
    notes = list(dict.fromkeys(note for result in results for note in result.notes))
    notes.append(f"labelled in {len(parts)} blocks that overlap")
    if empty:
        notes.append(f"{empty} vertices lie in blocks without a click and have no label")
    doubtful = [row for result in results for row in result.doubtful]
    return Spread(
        dense.ravel().astype(np.int32),
        {name: _stacked(levels[name]).at(used) for name in names},
        tuple(sorted(doubtful, key=lambda row: -row["chance"])),
        tuple(notes),
    )


def _stacked(rows: list[Labels]) -> Labels:
    """Labels one after the other; how sure the first, which is none, is: not at all."""
    confidence = None
    if all(labels.confidence is not None for labels in rows[1:]):
        sure = [labels.confidence for labels in rows[1:] if labels.confidence is not None]
        confidence = np.concatenate([np.zeros(1, np.float32), *sure])
    return Labels(
        np.concatenate([labels.semantic for labels in rows]),
        np.concatenate([labels.instance for labels in rows]),
        confidence,
    )


def _none(clicks: Clicks) -> Clicks:
    return Clicks(clicks.vertex[:0], clicks.instance[:0], clicks.semantic[:0])


def _equal(first: Clicks, second: Clicks) -> bool:
    return np.array_equal(first.vertex, second.vertex) and np.array_equal(
        first.instance, second.instance
    )
