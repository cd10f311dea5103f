"""The tables as pictures, inline SVG: bars of ours beside the paper's, and learning curves."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from seggroup.report.chart import nice_ticks, svg

COLORS = 7  # of lines, `--line0` … in the page's style; further lines are dashed

_LABEL, _BARS, _VALUE = 230, 330, 60  # widths, of a bar chart's names, bars and figures
_BAR, _GAP = 11, 12  # height of a bar, and between two rows

# A row of a bar chart: its name, ours, the spread of ours, and the paper's.
BarRow = tuple[str, float | int | None, float | int | None, float | int | None]


def bar_chart(name: str, rows: Sequence[BarRow]) -> str:
    """Two bars a row, ours with its spread and the paper's; "" where ours is nowhere known."""
    if not any(ours is not None for _, ours, _, _ in rows):
        return ""
    known = [value for row in rows for value in (row[1], row[3]) if value is not None]
    ticks = nice_ticks(0, max(*known, 1))
    scale = _BARS / ticks[-1]
    height = 28 + len(rows) * (2 * _BAR + _GAP) + 18
    parts = [f'<text class="name" x="0" y="14">{escape(name)}</text>']
    for tick in ticks:
        x = _LABEL + scale * tick
        parts.append(f'<path class="grid" d="M{x:.1f} 24V{height - 20}"/>')
        parts.append(f'<text class="x" x="{x:.1f}" y="{height - 6}">{tick:g}</text>')
    for i, (label, ours, spread, paper) in enumerate(rows):
        top = 30 + i * (2 * _BAR + _GAP)
        parts.append(
            f'<text class="y" x="{_LABEL - 8}" y="{top + _BAR + 4}">{escape(label)}</text>'
        )
        parts += _bar("ours", ours, spread, top, scale)
        parts += _bar("theirs", paper, None, top + _BAR, scale)
    words = "; ".join(f"{r[0]}: ours {_text(r[1])}, paper {_text(r[3])}" for r in rows)
    return svg(_LABEL + _BARS + _VALUE, height, f"{name}: {words}", parts)


def _bar(
    kind: str, value: float | int | None, spread: float | int | None, top: int, scale: float
) -> list[str]:
    """A bar with its figure behind it, and a whisker of the spread on both sides."""
    if value is None:
        return [f'<text class="value" x="{_LABEL + 6}" y="{top + _BAR - 2}">–</text>']
    end = _LABEL + scale * value
    reach = scale * (spread or 0.0)
    middle = top + _BAR / 2
    return [
        f'<rect class="{kind}" x="{_LABEL}" y="{top}" width="{scale * value:.1f}" '
        f'height="{_BAR - 1}"/>',
        f'<path class="whisker" d="M{end - reach:.1f} {middle}H{end + reach:.1f}"/>'
        if reach
        else "",
        f'<text class="value" x="{end + reach + 6:.1f}" y="{top + _BAR - 2}">{value:.1f}</text>',
    ]


def _text(value: float | int | None) -> str:
    return "unknown" if value is None else f"{value:.1f}"


def curves_chart(name: str, curves: Mapping[str, Sequence[float | int | None]]) -> str:
    """A line for each curve, a value an epoch (None: not measured); "" without any value."""
    known = [v for c in curves.values() for v in c if v is not None and math.isfinite(v)]
    if not known:
        return ""
    width, height, left, top, bottom = 420, 230, 46, 26, 26
    low, high = min(known), max(known)
    ticks = nice_ticks(low, high) if high > low else nice_ticks(0, max(high, 1))
    longest = max(map(len, curves.values()))
    across = (width - left - 10) / max(longest - 1, 1)
    down = (height - top - bottom) / (ticks[-1] - ticks[0])
    parts = [f'<text class="name" x="0" y="14">{escape(name)}</text>']
    for tick in ticks:
        y = height - bottom - down * (tick - ticks[0])
        parts.append(f'<path class="grid" d="M{left} {y:.1f}H{width - 10}"/>')
        parts.append(f'<text class="y" x="{left - 6}" y="{y + 4:.1f}">{tick:g}</text>')
    for epoch in sorted({1, (longest + 1) // 2, longest}):
        x = left + across * (epoch - 1)
        parts.append(f'<text class="x" x="{x:.1f}" y="{height - 8}">{epoch}</text>')
    for i, curve in enumerate(curves.values()):
        points = [
            f"{left + across * e:.1f} {height - bottom - down * (v - ticks[0]):.1f}"
            for e, v in enumerate(curve)
            if v is not None and math.isfinite(v)
        ]
        if points:
            path, dot = ("L".join(points), "") if len(points) > 1 else (f"{points[0]}h0", " dot")
            parts.append(f'<path class="{line_class(i)}{dot}" d="M{path}"/>')
    last = "; ".join(f"{label}: {_last(curve)}" for label, curve in curves.items())
    return svg(width, height, f"{name}; at the end {last}", parts)


def line_class(i: int) -> str:
    """The style of line `i`, for the chart and its legend."""
    return f"curve line{i % COLORS}" + (" dashed" if i >= COLORS else "")


def _last(curve: Sequence[float | int | None]) -> str:
    return next((f"{v:.3g}" for v in reversed(curve) if v is not None), "unknown")
