"""How surfaces look: procedural solid textures, evaluated at any number of points at once."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Float32, Int

FEATURE = 8  # lattice steps of the noise volume per texture cell
SIDE = 64  # lattice steps of the periodic noise volume along each axis


class Pattern(IntEnum):
    """How a material mixes its two colours."""

    NOISE = 0  # blotches of the cell's size
    STRIPES = 1  # along the cell's x
    TILES = 2  # thin joints around every cell
    CHECKS = 3  # a chessboard of cells
    MOTLEY = 4  # every channel its own blotches (pictures, carpets, posters)


@dataclass(frozen=True)
class Material:
    """A surface's look and what a depth camera makes of it.

    color, other : the two colours that the pattern mixes, sRGB in [0, 1]
    cell         : texture cell in metres along the object's own x, y, z
    contrast     : 0 plain ... 1 soft noise ... 8 hard edges
    dropout      : probability that the depth camera gets no return (glass, black, shiny)
    """

    color: tuple[float, float, float]
    other: tuple[float, float, float]
    pattern: Pattern = Pattern.NOISE
    cell: tuple[float, float, float] = (0.02, 0.02, 0.02)
    contrast: float = 1.0
    dropout: float = 0.0


@dataclass(frozen=True)
class Palette:
    """Many materials as arrays, one row each (see `Material`)."""

    color: Float32[np.ndarray, "m 3"]
    other: Float32[np.ndarray, "m 3"]
    pattern: Int[np.ndarray, " m"]
    cell: Float32[np.ndarray, "m 3"]
    contrast: Float32[np.ndarray, " m"]
    dropout: Float32[np.ndarray, " m"]


def palette(materials: list[Material]) -> Palette:
    """The materials as arrays, for `colors_at`."""
    return Palette(
        np.array([m.color for m in materials], np.float32),
        np.array([m.other for m in materials], np.float32),
        np.array([m.pattern for m in materials], np.int64),
        np.array([m.cell for m in materials], np.float32),
        np.array([m.contrast for m in materials], np.float32),
        np.array([m.dropout for m in materials], np.float32),
    )


def noise_volume(rng: np.random.Generator) -> Float32[np.ndarray, "n 3"]:
    """Periodic smooth noise of three channels in [0, 1], SIDE^3 lattice points flattened."""
    coarse = SIDE // FEATURE
    spectrum = np.fft.rfftn(rng.normal(size=(SIDE, SIDE, SIDE, 3)), axes=(0, 1, 2))
    f = np.fft.fftfreq(SIDE) * SIDE
    g = np.fft.rfftfreq(SIDE) * SIDE
    radius2 = f[:, None, None] ** 2 + f[None, :, None] ** 2 + g[None, None, :] ** 2
    smooth = np.exp(-radius2 / (2 * (coarse / 2) ** 2))
    noise = np.fft.irfftn(spectrum * smooth[..., None], s=(SIDE,) * 3, axes=(0, 1, 2))
    noise /= noise.std()
    return np.clip(0.5 + noise / 5, 0, 1).reshape(-1, 3).astype(np.float32)


def colors_at(
    materials: Palette,
    noise: Float32[np.ndarray, "n 3"],
    index: Int[np.ndarray, " p"],
    where: Float[np.ndarray, "p 3"],
) -> Float32[np.ndarray, "p 3"]:
    """sRGB in [0, 1] of points with material `index` at object coordinates `where` (metres)."""
    q = where.astype(np.float32) / materials.cell[index]
    lattice = np.floor(q * FEATURE).astype(np.int64) & (SIDE - 1)
    texture = noise[(lattice[:, 0] * SIDE + lattice[:, 1]) * SIDE + lattice[:, 2]]
    pattern, contrast = materials.pattern[index], materials.contrast[index]
    t = texture[:, 0] - 0.5
    striped = pattern == Pattern.STRIPES
    t[striped] = 0.5 * np.sin(2 * np.pi * q[striped, 0] + 6 * t[striped])
    tiled = pattern == Pattern.TILES
    joint = (np.abs(q[tiled] - np.floor(q[tiled]) - 0.5) > 0.47).any(1)
    t[tiled] = 0.3 * t[tiled] + joint - 0.5
    checked = pattern == Pattern.CHECKS
    t[checked] = (np.floor(q[checked] + 1e-3).astype(np.int64).sum(1) & 1) - 0.5
    mix = np.clip(0.5 + contrast * t, 0, 1)[:, None]
    color = materials.color[index] * (1 - mix) + materials.other[index] * mix
    motley = pattern == Pattern.MOTLEY
    color[motley] += contrast[motley, None] * (texture[motley] - 0.5)
    return np.clip(color, 0, 1)


def _shift(color: tuple, rng: np.random.Generator, spread: float) -> tuple[float, float, float]:
    """A colour near `color`: brightness and each channel jittered."""
    c = np.array(color) * rng.uniform(1 - spread, 1 + spread) + rng.normal(0, spread / 7, 3)
    return tuple(float(v) for v in np.clip(c, 0.02, 0.98))  # type: ignore[return-value]


WOODS = ((0.45, 0.30, 0.18), (0.62, 0.46, 0.30), (0.30, 0.19, 0.12), (0.75, 0.62, 0.45))
PAINTS = ((0.85, 0.83, 0.78), (0.78, 0.74, 0.66), (0.70, 0.72, 0.74), (0.83, 0.78, 0.66))
WHITES = ((0.86, 0.85, 0.83), (0.80, 0.80, 0.78))
GREYS = ((0.55, 0.56, 0.57), (0.35, 0.36, 0.38), (0.18, 0.18, 0.19), (0.70, 0.69, 0.67))
FABRICS = (
    (0.25, 0.27, 0.35), (0.45, 0.36, 0.28), (0.55, 0.50, 0.42), (0.50, 0.18, 0.16),
    (0.20, 0.30, 0.25), (0.33, 0.33, 0.34), (0.16, 0.16, 0.18), (0.62, 0.58, 0.50),
    (0.22, 0.33, 0.50), (0.60, 0.42, 0.22),
)  # fmt: skip
BRIGHTS = (
    (0.75, 0.15, 0.12), (0.12, 0.35, 0.60), (0.15, 0.50, 0.28), (0.85, 0.65, 0.15),
    (0.80, 0.78, 0.74), (0.12, 0.12, 0.14), (0.55, 0.25, 0.50), (0.85, 0.45, 0.15),
)  # fmt: skip


def _pick(rng: np.random.Generator, colors: tuple, spread: float = 0.15) -> tuple:
    return _shift(colors[rng.integers(len(colors))], rng, spread)


def wood(rng: np.random.Generator) -> Material:
    """Grain along one axis of the object."""
    base = _pick(rng, WOODS)
    cell = np.array([0.03, 0.03, 0.03])
    cell[rng.integers(3)] = 0.5
    return Material(base, _shift(base, rng, 0.35), cell=tuple(cell), contrast=rng.uniform(0.8, 2.5))


def paint(rng: np.random.Generator, colors: tuple = PAINTS) -> Material:
    """An almost plain coat."""
    base = _pick(rng, colors)
    return Material(base, _shift(base, rng, 0.1), cell=(0.3, 0.3, 0.3), contrast=0.8)


def fabric(rng: np.random.Generator, colors: tuple = FABRICS) -> Material:
    """Weave, stripes, checks or blotches."""
    base = _pick(rng, colors, 0.25)
    kind = rng.random()
    fine = (0.02,) * 3
    if kind < 0.6:
        return Material(base, _shift(base, rng, 0.3), cell=fine, contrast=1.0)
    other = _pick(rng, colors, 0.3)
    cell = (float(rng.uniform(0.05, 0.15)),) * 3
    if kind < 0.75:
        return Material(base, other, Pattern.STRIPES, cell, 3.0)
    if kind < 0.85:
        return Material(base, other, Pattern.CHECKS, cell, 0.7)
    return Material(base, other, Pattern.NOISE, cell, 6.0)


def plastic(rng: np.random.Generator, colors: tuple = GREYS) -> Material:
    """Plain."""
    base = _pick(rng, colors)
    return Material(base, _shift(base, rng, 0.1), cell=(0.1,) * 3, contrast=0.5)


def metal(rng: np.random.Generator) -> Material:
    """Shiny: the depth camera loses some of it."""
    base = _pick(rng, GREYS)
    return Material(base, _shift(base, rng, 0.3), cell=(0.1,) * 3, contrast=1.0, dropout=0.15)


def glass(rng: np.random.Generator) -> Material:
    """A pane: bright or dark, and mostly without depth."""
    base = _pick(rng, ((0.85, 0.88, 0.92), (0.35, 0.40, 0.45), (0.95, 0.95, 0.93)))
    cell = (0.5,) * 3
    return Material(base, _shift(base, rng, 0.5), cell=cell, contrast=1.5, dropout=0.8)


def screen(rng: np.random.Generator) -> Material:
    """Black and shiny, or lit."""
    base = _pick(rng, ((0.05, 0.05, 0.06), (0.10, 0.10, 0.12), (0.25, 0.35, 0.5)))
    return Material(base, _shift(base, rng, 0.3), cell=(0.3,) * 3, contrast=1.0, dropout=0.5)


def porcelain(rng: np.random.Generator) -> Material:
    """White glaze."""
    base = _pick(rng, WHITES, 0.08)
    return Material(base, _shift(base, rng, 0.1), cell=(0.2,) * 3, contrast=0.6, dropout=0.1)


def tiles(rng: np.random.Generator, colors: tuple = PAINTS + GREYS) -> Material:
    """Square tiles with joints."""
    base = _pick(rng, colors)
    side = float(rng.choice([0.15, 0.2, 0.3, 0.45]))
    return Material(base, _shift(base, rng, 0.4), Pattern.TILES, (side,) * 3, 0.9)


def print_(rng: np.random.Generator) -> Material:
    """A picture, a poster or a magazine's cover."""
    base = _pick(rng, FABRICS + PAINTS + BRIGHTS)
    cell = (float(rng.uniform(0.08, 0.3)),) * 3
    return Material(base, base, Pattern.MOTLEY, cell, float(rng.uniform(0.6, 2.5)))


def carpet(rng: np.random.Generator) -> Material:
    """Pile: fine noise, or a coarse pattern."""
    base = _pick(rng, FABRICS + PAINTS + GREYS, 0.2)
    cell = (float(rng.choice([0.02, 0.03, 0.15])),) * 3
    return Material(base, _shift(base, rng, 0.35), cell=cell, contrast=float(rng.uniform(1, 3)))


def floorboards(rng: np.random.Generator) -> Material:
    """Parquet, carpet, tiles or lino."""
    kind = rng.random()
    if kind < 0.35:
        base = _pick(rng, WOODS)
        return Material(base, _shift(base, rng, 0.3), cell=(0.9, 0.1, 0.1), contrast=2.5)
    if kind < 0.65:
        return carpet(rng)
    return tiles(rng) if kind < 0.85 else paint(rng, PAINTS + WOODS + GREYS)
