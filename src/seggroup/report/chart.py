"""A small line chart as inline SVG; its colours come from the page's style."""

import math
from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT = 300, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 26, 26


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
    label = escape(f"{name} by epoch: {', '.join(f'{v:.4g}' for v in values)}", quote=True)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
        + "".join(parts)
        + "</svg>"
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
