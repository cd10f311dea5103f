"""Rooms to learn from: a synthetic scan, changed at random, cut into pieces with known owners.

The changes close the gap to real scans on purpose: other densities, clouds without faces, noise,
holes, other light, missing colours.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int32

from seggroup.assign.features import Surroundings, surroundings
from seggroup.assign.pieces import Pieces, make_pieces
from seggroup.geometry.prepare import prepare
from seggroup.types import NONE, Labels, Scan, Scene

Rng = np.random.Generator
# Wall, floor, door, window, picture, blinds, curtain, mirror, ceiling, whiteboard: they stay put.
FIXED = (1, 2, 8, 9, 11, 13, 16, 19, 22, 30)


@dataclass(frozen=True)
class Example:
    """A scan with the truth of its pieces. p pieces, n instances, numbered from 0.

    owner   : the instance that most of a piece's vertices have; `NONE` where none is annotated
    purity  : the share of its annotated vertices that have it
    classes : of the instances
    """

    around: Surroundings
    owner: Int32[np.ndarray, " p"]
    purity: Float32[np.ndarray, " p"]
    classes: Int32[np.ndarray, " n"]


def make_example(scene: Scene, pieces: Pieces | None = None) -> Example:
    """The pieces of a scene with truth, and whose they are."""
    assert scene.truth is not None
    pieces = pieces or make_pieces(scene)
    known = scene.truth.instance != NONE
    numbers, instance = np.unique(scene.truth.instance[known], return_inverse=True)
    p, n = len(pieces), len(numbers)
    counts = np.bincount(pieces.piece[known].astype(np.int64) * n + instance, minlength=p * n)
    counts = counts.reshape(p, n)
    total = counts.sum(axis=1)
    owner = np.where(total > 0, counts.argmax(axis=1), NONE)
    purity = counts.max(axis=1, initial=0) / np.maximum(total, 1)
    semantic = scene.truth.semantic[known]
    classed = semantic != NONE
    width = int(semantic.max(initial=0)) + 1
    votes = np.bincount(instance[classed].astype(np.int64) * width + semantic[classed],
                        minlength=n * width).reshape(n, width)  # fmt: skip
    classes = np.where(votes.any(axis=1), votes.argmax(axis=1), NONE)
    return Example(
        surroundings(scene, pieces),
        owner.astype(np.int32),
        purity.astype(np.float32),
        classes.astype(np.int32),
    )


def disturbed(scan: Scan, truth: Labels, rng: Rng) -> Scene:
    """The scan as another scanner would have given it on another day, ready for clicks."""
    if len(scan.vertices) < 60_000 and rng.random() < 0.15:
        scan, truth = _subdivided(scan, truth)
    kept = ~(_holes(scan.vertices, rng) | _outside(scan.vertices, rng))
    if cloud := bool(rng.random() < 0.5):
        kept &= rng.random(len(kept)) < np.exp(rng.uniform(np.log(0.25), 0))
    index = np.flatnonzero(kept)
    if cloud:
        index = rng.permutation(index)
        faces = np.zeros((0, 3), np.int32)
    else:
        number = np.cumsum(kept) - 1
        faces = number[scan.faces[kept[scan.faces].all(axis=1)]].astype(np.int32)
    vertices = scan.vertices[index].astype(np.float64)
    if rng.random() < 0.6:
        vertices = _reshaped(vertices, truth.at(index), rng)
    colors = _colors(scan.colors[index], vertices, truth.instance[index], rng)
    vertices = vertices + _bumps(vertices, rng)
    vertices = np.exp(rng.uniform(-0.12, 0.12)) * _tilted(vertices, rng)
    return prepare(
        replace(scan, vertices=vertices.astype(np.float32), colors=colors, faces=faces),
        None,
        truth.at(index),
    )


def _subdivided(scan: Scan, truth: Labels) -> tuple[Scan, Labels]:
    """Every face cut into four: a scan of twice the resolution."""
    faces = scan.faces.astype(np.int64)
    n = len(scan.vertices)
    sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    keys, place = np.unique(sides[:, 0] * n + sides[:, 1], return_inverse=True)
    a, b = np.divmod(keys, n)
    ab, bc, ca = (n + place).reshape(3, -1)
    one, two, three = faces.T
    quarters = [(one, ab, ca), (ab, two, bc), (ca, bc, three), (ab, bc, ca)]
    colors = (scan.colors[a].astype(np.uint16) + scan.colors[b] + 1) // 2
    finer = replace(
        scan,
        vertices=np.concatenate([scan.vertices, (scan.vertices[a] + scan.vertices[b]) / 2]),
        colors=np.concatenate([scan.colors, colors.astype(np.uint8)]),
        faces=np.concatenate([np.stack(q, axis=1) for q in quarters]).astype(np.int32),
    )
    return finer, truth.at(np.concatenate([np.arange(n), a]))


def _holes(vertices: np.ndarray, rng: Rng) -> np.ndarray:
    """Vertices that a few balls take away."""
    gone = np.zeros(len(vertices), bool)
    for _ in range(rng.integers(0, 4)):
        middle = vertices[rng.integers(len(gone))]
        gone |= np.linalg.norm(vertices - middle, axis=1) < rng.uniform(0.1, 0.5)
    return gone


def _outside(vertices: np.ndarray, rng: Rng) -> np.ndarray:
    """Vertices that a shorter scan does not reach: high ones, or those behind an upright plane."""
    gone = np.zeros(len(vertices), bool)
    if rng.random() < 0.35:
        gone |= vertices[:, 2] > rng.uniform(1.5, 2.6)
    if rng.random() < 0.4:
        angle = rng.uniform(0, 2 * np.pi)
        along = vertices[:, 0] * np.cos(angle) + vertices[:, 1] * np.sin(angle)
        gone |= along > np.quantile(along, rng.uniform(0.45, 0.95))
    return gone


def _reshaped(vertices: np.ndarray, truth: Labels, rng: Rng) -> np.ndarray:
    """Things of other sizes, each stretched about its foot, in a room a little out of shape."""
    known = (truth.instance != NONE) & ~np.isin(truth.semantic, FIXED)
    numbers, thing = np.unique(truth.instance[known], return_inverse=True)
    own = vertices[known]
    foot = np.stack([np.bincount(thing, c) for c in own.T], 1) / np.bincount(thing)[:, None]
    foot[:, 2] = np.inf
    np.minimum.at(foot[:, 2], thing, own[:, 2])
    sides, whole = rng.normal(0, 0.18, (len(numbers), 3)), rng.normal(0, 0.12, (len(numbers), 1))
    stretch = np.exp(sides + whole)
    moved = vertices.copy()
    moved[known] = foot[thing] + (own - foot[thing]) * stretch[thing]
    bend = rng.uniform(0, 0.04) * np.stack([_waves(moved, 1.0, 5.0, rng) for _ in range(3)], axis=1)
    return moved + bend


def _waves(vertices: np.ndarray, shortest: float, longest: float, rng: Rng) -> np.ndarray:
    """A smooth random field over the vertices, about -1 … 1: a few plane waves, lengths in m."""
    total = np.zeros(len(vertices))
    for _ in range(6):
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        length = np.exp(rng.uniform(np.log(shortest), np.log(longest)))
        total += np.cos(2 * np.pi / length * (vertices @ direction) + rng.uniform(0, 2 * np.pi))
    return total / np.sqrt(6)


def _bumps(vertices: np.ndarray, rng: Rng) -> np.ndarray:
    """Noise of the depth: by itself for every vertex, and in bumps of 5 to 40 cm, metres."""
    noise = rng.normal(0, rng.uniform(0, 0.004), vertices.shape)
    height = rng.uniform(0, 0.006)
    return noise + height * np.stack([_waves(vertices, 0.05, 0.4, rng) for _ in range(3)], axis=1)


def _tilted(vertices: np.ndarray, rng: Rng) -> np.ndarray:
    """A scan whose upright is not quite upright: by a degree, seldom by more."""
    x, y = rng.normal(0, np.radians(3.0 if rng.random() < 0.15 else 0.7), 2)
    turn_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    turn_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    return vertices @ (turn_x @ turn_y).T


def _colors(colors: np.ndarray, vertices: np.ndarray, instance: np.ndarray, rng: Rng) -> np.ndarray:
    """Other light, shadows, patterns on things, another camera; seldom no colours at all."""
    if rng.random() < 0.08:
        return np.full_like(colors, 128)
    value = (colors / 255.0) ** np.exp(rng.uniform(-0.6, 0.5))
    grey = value.mean(axis=1, keepdims=True)
    value = grey + (value - grey) * rng.uniform(0.2, 1.8)
    value = 0.5 + (value - 0.5) * rng.uniform(0.7, 1.7)
    shade = rng.uniform(0, 0.35) * _waves(vertices, 0.5, 4.0, rng)
    shade += rng.uniform(0, 0.25) * _waves(vertices, 0.1, 0.8, rng)
    value = value * np.exp(shade - 0.05)[:, None]
    numbers, thing = np.unique(instance, return_inverse=True)
    strength = rng.exponential(0.05, len(numbers)) * (rng.random(len(numbers)) < 0.5)
    hue = rng.uniform(-1, 1, (len(numbers), 3)) + rng.uniform(-1, 1, (len(numbers), 1))
    pattern = np.clip(2 * _waves(vertices, 0.06, 0.6, rng), -1, 1)
    value += (strength[thing] * pattern)[:, None] * hue[thing]
    value = value * rng.uniform(0.8, 1.2, 3) + rng.uniform(-0.12, 0.12) + rng.normal(0, 0.03, 3)
    value += rng.normal(0, rng.uniform(0, 0.06), (len(value), 1))
    value += rng.normal(0, rng.uniform(0, 0.015), value.shape)
    return np.clip(np.rint(255 * value), 0, 255).astype(np.uint8)
