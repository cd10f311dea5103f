"""A confusion matrix as inline SVG: rows are true classes, columns predicted ones, per cent."""

from collections.abc import Sequence
from html import escape

from seggroup.report.chart import shortened, svg

MAX_SHOWN = 60  # classes; more than that cannot be read
_CELL, _LEFT, _TOP, _RIGHT, _BOTTOM = 27, 128, 112, 56, 8
_LETTERS = 18  # of a name

STYLE = """
.matrix svg { max-width: 100%; height: auto; }
svg .panel { fill: var(--panel); stroke: var(--line); }
svg .cell { fill: var(--accent); }
svg .share { font-size: 9.5px; text-anchor: middle; fill: var(--text); pointer-events: none; }
svg .share.on { fill: var(--ground); }
svg .row { text-anchor: end; fill: var(--text); }
svg .head { fill: var(--text); }
"""


def matrix_chart(names: Sequence[str], vertices: Sequence[Sequence[int]]) -> str:
    """Shares of each true class by predicted class; classes without true vertices have no row.

    vertices : a row a true class, a column a predicted one and a last one, "other"
    """
    rows = shown(vertices)
    columns = [j for j in range(len(names)) if j in rows or any(vertices[i][j] for i in rows)]
    columns = [*columns[: MAX_SHOWN + 10], len(names)]
    if not rows:
        return ""
    heads = [*names, "other"]
    short = [escape(shortened(name, _LETTERS)) for name in heads]
    width, height = _CELL * len(columns), _CELL * len(rows)
    parts = [f'<rect class="panel" x="{_LEFT}" y="{_TOP}" width="{width}" height="{height}"/>']
    for place, j in enumerate(columns):
        x, y = _LEFT + _CELL * (place + 0.6), _TOP - 7
        turn = f'transform="rotate(-50 {x:g} {y})"'
        parts.append(f'<text class="head" x="{x:g}" y="{y}" {turn}>{short[j]}</text>')
    for place, i in enumerate(rows):
        y = _TOP + _CELL * place
        parts.append(f'<text class="row" x="{_LEFT - 7}" y="{y + 18}">{short[i]}</text>')
        total = sum(vertices[i])
        for column, j in enumerate(columns):
            what = f"{names[i]} taken for {heads[j]}: {vertices[i][j]:,} vertices"
            parts += _cell(_LEFT + _CELL * column, y, vertices[i][j] / total, what)
    right = ", ".join(f"{names[i]} {vertices[i][i] / sum(vertices[i]):.0%}" for i in rows)
    label = f"Confusion matrix; share of each true class that was found: {right}"
    size = _LEFT + width + _RIGHT, _TOP + height + _BOTTOM
    return svg(*size, label, parts).replace("<svg ", f'<svg width="{1.1 * size[0]:g}" ', 1)


def shown(vertices: Sequence[Sequence[int]]) -> list[int]:
    """The classes with true vertices; of too many those with most."""
    size = [sum(row) for row in vertices]
    largest = sorted((i for i, n in enumerate(size) if n), key=lambda i: -size[i])
    return sorted(largest[:MAX_SHOWN])


def _cell(x: int, y: int, share: float, what: str) -> list[str]:
    """A square as dark as the share, and the share in it from half a per cent."""
    if share == 0:
        return []
    parts = [
        f'<rect class="cell" x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" '
        f'fill-opacity="{0.05 + 0.95 * share:.2f}"><title>{escape(what)}</title></rect>'
    ]
    if share >= 0.005:
        style, figure = "share on" if share > 0.5 else "share", f"{100 * share:.0f}"
        parts.append(f'<text class="{style}" x="{x + _CELL / 2:g}" y="{y + 17}">{figure}</text>')
    return parts
