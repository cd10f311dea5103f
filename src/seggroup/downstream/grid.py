"""The maps that sparse convolution reads, made once per level by sorting integer keys.

Letters: m sites, n sites of the next coarser level, p pairs of neighbours.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Int32, Int64
from torch import Tensor
from torch.nn import functional

from seggroup.downstream.voxels import BITS, keys, sites

OFFSETS = 27
CENTER = 13
BLOCK = 8192  # sites whose terms are made at a time on a CPU, so that they stay in its cache
FEWEST = 256  # sites that are not worth a block of their own


@dataclass(frozen=True)
class Pairs:
    """Neighbours by block of sites, in a block by offset, under an offset by site.

    source, target : rows of a pair's input and output
    counts         : pairs of every block and offset
    rows           : sites of a block; the last one may have fewer
    terms, first   : of site i, the positions of its pairs in its block are
                     terms[first[i] : first[i + 1]], both counted from the block's own begin
    """

    source: Int32[Tensor, " p"]
    target: Int32[Tensor, " p"]
    counts: tuple[tuple[int, ...], ...]
    rows: int
    terms: Int32[Tensor, " p"]
    first: Int32[Tensor, " m"]

    def blocks(self) -> list["Block"]:
        """The pieces that belong together."""
        sizes = [sum(counts) for counts in self.counts]
        pieces = zip(*(t.split(sizes) for t in (self.source, self.target, self.terms)), strict=True)
        ranges = [slice(i, i + self.rows) for i in range(0, len(self.first), self.rows)]
        return [
            Block(at, source.split(counts), target.split(counts), terms, self.first[at])
            for at, counts, (source, target, terms) in zip(ranges, self.counts, pieces, strict=True)
        ]


@dataclass(frozen=True)
class Block:
    """Sites `at`, and per offset the rows of its pairs."""

    at: slice
    source: tuple[Tensor, ...]
    target: tuple[Tensor, ...]
    terms: Tensor
    first: Tensor

    def gather(self, x: Tensor, rows: tuple[Tensor, ...], offset: int) -> Tensor:
        """Rows of x under an offset; at the centre they are the block itself."""
        return x[self.at] if offset == CENTER else x.index_select(0, rows[offset])

    def room(self, width: int, like: Tensor) -> tuple[Tensor, list[tuple[int, Tensor]]]:
        """Room for the block's terms, whole and per offset that has any."""
        whole = like.new_empty(len(self.terms), width)
        parts = whole.split([len(rows) for rows in self.source])
        return whole, [(k, part) for k, part in enumerate(parts) if len(part)]

    def add_up(self, terms: Tensor) -> Tensor:
        """Every site's terms, added up in the order of the offsets."""
        return functional.embedding_bag(self.terms, terms, self.first, mode="sum")


@dataclass(frozen=True)
class Level:
    """One resolution of a grid.

    coords   : (scene, x, y, z), unique, in the order of their keys
    near     : rows at the 27 offsets; m where there is no site
    pairs    : the same, as the convolution reads it
    children : rows in the next finer level of the 8 parts of every site, that level's size where
               there is none; (m, 0) at the finest level
    place    : of every site in the next coarser level: 8 parent + part; (0,) at the coarsest
    scenes   : sites of every scene, which lie one after the other
    """

    coords: Int64[Tensor, "m 4"]
    near: Int32[Tensor, "m 27"]
    pairs: Pairs
    children: Int32[Tensor, "m _"]
    place: Int32[Tensor, " _"]
    scenes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.coords)

    def to(self, device: torch.device) -> "Level":
        """The same on another device; blocks are a CPU's, another device has one."""
        near = self.near.to(device)
        same = near.device.type == self.near.device.type
        coords, children, place = (t.to(device) for t in (self.coords, self.children, self.place))
        pairs = self.pairs if same else pair_up(near)
        return Level(coords, near, pairs, children, place, self.scenes)


@dataclass(frozen=True)
class Grid:
    """The levels of a sparse grid, finest first."""

    levels: tuple[Level, ...]

    def to(self, device: torch.device) -> "Grid":
        """The same on another device."""
        if device == self.levels[0].coords.device:
            return self
        return Grid(tuple(level.to(device) for level in self.levels))


def build_grid(coords: Int64[Tensor, "m 4"], levels: int) -> Grid:
    """Sites and maps of `levels` levels, each with voxels twice as large as the one before.

    coords : at least one site, unique, x, y, z >= 0, sorted as `voxelize` gives them
    """
    made = []
    key = keys(coords)
    children = coords.new_empty(len(key), 0, dtype=torch.int32)
    for number in range(levels):
        near = neighbours(key)
        if number + 1 < levels:
            place, coarse = _parents(key)
            below = _invert(place, len(coarse))
        else:
            place, coarse, below = children.new_empty(0), key, children
        coords = sites(key)
        scenes = tuple(torch.bincount(coords[:, 0]).tolist())
        made.append(Level(coords, near, pair_up(near), children, place, scenes))
        key, children = coarse, below
    return Grid(tuple(made))


def _parents(key: Int64[Tensor, " m"]) -> tuple[Int32[Tensor, " m"], Int64[Tensor, " n"]]:
    """Of every site, 8 parent + part; and the parents' keys."""
    coords = sites(key)
    part = (coords[:, 1:] & 1) @ coords.new_tensor([4, 2, 1])
    coords[:, 1:] >>= 1
    sorted_keys, order = keys(coords).sort()
    parents, run = torch.unique_consecutive(sorted_keys, return_inverse=True)
    parent = torch.empty_like(run)
    parent[order] = run
    return (8 * parent + part).int(), parents


def _invert(place: Int32[Tensor, " m"], parents: int) -> Int32[Tensor, "n 8"]:
    """The site at every place; m where there is none."""
    children = place.new_full((8 * parents,), len(place))
    children[place.long()] = torch.arange(len(place), dtype=torch.int32, device=place.device)
    return children.view(-1, 8)


def neighbours(key: Int64[Tensor, " m"]) -> Int32[Tensor, "m 27"]:
    """Rows of the sites at the 27 offsets, m where there is none; keys unique and ascending.

    One search finds a column of three sites, since keys that differ only in z lie side by side;
    and half of the columns are enough, since the map is symmetric.
    """
    m = len(key)
    row = torch.arange(m, dtype=torch.int32, device=key.device)
    near = row.new_full((OFFSETS, m + 1), m)  # a row more, for what is not there
    near[CENTER, :m] = row
    padded = torch.cat([key, key.new_full((1,), -1)])
    for column in range(CENTER // 3, OFFSETS // 3):  # (x, y) = (0, 0), (0, 1), (1, -1), …
        x, y = column // 3 - 1, column % 3 - 1
        wanted = key + ((x << 2 * BITS) + (y << BITS) - 1)
        at = torch.searchsorted(key, wanted)
        for k in range(3 * column, 3 * column + 3):
            found = padded[at] == wanted
            if k > CENTER:
                near[k, :m] = torch.where(found, at, m)
                near[OFFSETS - 1 - k, near[k, :m].long()] = row
            at = at + found
            wanted = wanted + 1
    return near[:, :m].T.contiguous()


def pair_up(near: Int32[Tensor, "m 27"]) -> Pairs:
    """The map as pairs, in equal blocks on a CPU, in one elsewhere."""
    m = len(near)
    few = BLOCK if m > 2 * BLOCK else max(FEWEST, -(-m // 2))
    count = -(-m // few) if near.device.type == "cpu" else 1
    rows = -(-m // count)
    filled = functional.pad(near, (0, 0, 0, count * rows - m), value=m).view(count, rows, OFFSETS)
    source = filled.transpose(1, 2).contiguous()
    there = source < m
    sizes = there.sum(2)
    start = sizes.sum(1).cumsum(0) - sizes.sum(1)
    own = torch.arange(count * rows, dtype=torch.int32, device=near.device).view(count, 1, rows)
    position = there.flatten().cumsum(0, dtype=torch.int32).view(source.shape) - 1
    position = (position - start.int()[:, None, None]).transpose(1, 2).contiguous()
    degree = (filled < m).sum(2).flatten()[:m]
    first = degree.cumsum(0) - degree - start.repeat_interleave(rows)[:m]
    return Pairs(
        source.masked_select(there),
        own.expand_as(source).masked_select(there),
        tuple(map(tuple, sizes.tolist())),
        rows,
        position.masked_select(filled < m),
        first.int(),
    )
