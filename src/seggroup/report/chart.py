"""Small line charts as inline SVG; their colours come from the page's style."""

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 300, 170
_POINTS = 200  # of a curve that are drawn
_LETTERS = 24  # of a name over a small chart
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 26, 26

Curve = tuple[Sequence[float | int], Sequence[float | int]]


def line_chart(name: str, values: Sequence[float | int]) -> str:
    """`values` over epochs 1, 2, …; gaps where a value is not finite."""
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return ""
    ticks = nice_ticks(min(finite), max(finite))
    low, high = ticks[0], ticks[-1]
    across = (_WIDTH - _LEFT - _RIGHT) / max(len(values) - 1, 1)
    down = (_HEIGHT - _TOP - _BOTTOM) / (high - low)

    def x(epoch: int) -> float:
        return _LEFT + across * (epoch - 1)

    def y(value: float | int) -> float:
        return _HEIGHT - _BOTTOM - down * (value - low)

    parts = [f'<text class="name" x="0" y="14">{escape(name)}</text>']
    for tick in ticks:
        parts.append(f'<path class="grid" d="M{_LEFT} {y(tick):.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="y" x="{_LEFT - 6}" y="{y(tick) + 4:.1f}">{tick:g}</text>')
    for epoch in sorted({1, (len(values) + 1) // 2, len(values)}):
        parts.append(f'<text class="x" x="{x(epoch):.1f}" y="{_HEIGHT - 8}">{epoch}</text>')
    points = [(x(e), y(v)) for e, v in enumerate(values, start=1) if math.isfinite(v)]
    path = "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
    parts.append(f'<path class="line" d="M{path}"/>')
    parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5"/>' for a, b in points]
    label = f"{name} by epoch: {', '.join(f'{v:.4g}' for v in values)}"
    return svg(_WIDTH, _HEIGHT, label, parts)


def recall_chart(name: str, curves: Mapping[str, Curve]) -> str:
    """Precision over recall, both from 0 to 1; the curves' names are their classes of style.

    A curve is its recalls and its precisions.
    """
    side, left, top = 140, 34, 24
    parts = [f'<text class="name" x="0" y="13">{escape(shortened(name, _LETTERS))}</text>']
    for share in (0, 0.5, 1):
        x, y = left + side * share, top + side * (1 - share)
        parts.append(
            f'<path class="grid" d="M{left} {y:g}H{left + side}M{x:g} {top}V{top + side}"/>'
        )
        parts.append(f'<text class="y" x="{left - 5}" y="{y + 4:g}">{share:g}</text>')
        parts.append(f'<text class="x" x="{x:g}" y="{top + side + 15}">{share:g}</text>')
    for style, (recall, precision) in curves.items():
        kept = _thinned(len(recall))
        points = [(left + side * recall[i], top + side * (1 - precision[i])) for i in kept]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path class="line {style}" d="M{path}"/>')
    label = f"{name}: precision over recall, up to recall " + ", ".join(
        f"{max(recall):.2f} ({style})" for style, (recall, _) in curves.items()
    )
    return svg(left + side + 12, top + side + 20, label, parts)


def _thinned(count: int) -> list[int]:
    """Places of at most `_POINTS` of so many points, the first and the last among them."""
    step = max(1, (count - 1) / (_POINTS - 1))
    places = [round(i * step) for i in range(min(count, _POINTS))]
    return [*places[:-1], count - 1]


def shortened(name: str, letters: int) -> str:
    """The name, cut to so many letters."""
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def svg(width: float | int, height: float | int, label: str, parts: Sequence[str]) -> str:
    """A picture of its parts; the label says in words what it shows."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(label, quote=True)}">' + "".join(parts) + "</svg>"
    )


def nice_ticks(low: float | int, high: float | int) -> list[float]:
    """Three to six round numbers from just below `low` to just above `high`."""
    if high - low < 1e-9 * max(abs(high), 1e-9):
        low, high = low - max(abs(low), 1) / 10, high + max(abs(high), 1) / 10
    rough = (high - low) / 4
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(float(i * step), 12) for i in range(first, last + 1)]
