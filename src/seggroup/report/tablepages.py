"""The remade tables as files: a page that needs nothing else, Markdown and JSON."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from seggroup.evaluate.papertables import PaperTable
from seggroup.io.files import write_json, write_text
from seggroup.pipeline.tables import RowResult
from seggroup.pipeline.tablesteps import Result
from seggroup.report.markdown import markdown_table
from seggroup.report.page import page_html, table_html, tiles_html
from seggroup.report.tablecharts import COLORS, bar_chart, curves_chart, line_class
from seggroup.report.tablereport import (
    TablesReport,
    findings,
    headline,
    layout,
    summary,
    tables_json,
)

TITLE = "The paper's tables, remade"
_HUES = (212, 28, 150, 340, 265, 48, 185)  # of the curves' lines
_LIGHT, _DARK = "62% 44%", "65% 66%"  # saturation and lightness, on either ground


def _colors(tone: str) -> str:
    return " ".join(f"--line{i}: hsl({hue} {tone});" for i, hue in enumerate(_HUES[:COLORS]))


_STYLE = (
    f":root {{ {_colors(_LIGHT)} }}\n"
    f"@media (prefers-color-scheme: dark) {{ :root {{ {_colors(_DARK)} }} }}\n"
    + "\n".join(
        f"svg .line{i} {{ stroke: var(--line{i}); }}\n.line{i} i {{ background: var(--line{i}); }}"
        for i in range(COLORS)
    )
    + """
.pictures { display: flex; flex-wrap: wrap; gap: 20px 40px; margin-top: 16px; }
.pictures > * { flex: 0 1 440px; min-width: 0; }
.bars { max-width: 640px; margin-top: 16px; }
.bars svg, .pictures svg { width: 100%; height: auto; display: block; }
svg .ours { fill: var(--accent); }
svg .theirs { fill: var(--soft); opacity: 0.45; }
svg .value { text-anchor: start; }
svg .whisker { stroke: var(--text); stroke-width: 1.5; }
svg .curve { stroke-width: 2; fill: none; }
svg .dot { stroke-width: 7; stroke-linecap: round; }
svg .dashed { stroke-dasharray: 4 3; }
.keys { display: flex; flex-wrap: wrap; gap: 2px 16px; list-style: none; padding: 0; margin: 6px 0;
  font-size: 13px; color: var(--soft); }
.keys i { display: inline-block; width: 14px; height: 3px; margin: 0 6px 3px 0; }
.key.ours i { background: var(--accent); height: 9px; margin-bottom: 0; }
.key.theirs i { background: var(--soft); opacity: 0.45; height: 9px; margin-bottom: 0; }
th:nth-child(2), td:nth-child(2) { text-align: left; }
"""
)


def write_tables(out: Path, report: TablesReport) -> None:
    """Write `tables.md`, `tables.html` and `tables.json` into the folder, each whole or not."""
    write_text(out / "tables.md", tables_markdown(report))
    write_text(out / "tables.html", tables_html(report))
    write_json(out / "tables.json", tables_json(report))


def tables_markdown(report: TablesReport) -> str:
    """The tables as Markdown, without pictures."""
    parts = [f"# {TITLE}", "\n".join(f"- {line}" for line in summary(report))]
    parts += ["\n".join(f"- **{figure}** {text}" for figure, text in findings(report))]
    for table in report.tables:
        text = layout(report, table)
        parts += [f"## {text.title}", markdown_table(text), text.note]
    return "\n\n".join(part for part in parts if part) + "\n"


def tables_html(report: TablesReport) -> str:
    """The page: what the figures come to, then every table with its pictures."""
    body = [f"<p>{escape(line)}</p>" for line in summary(report)]
    body.append(tiles_html(findings(report)))
    for table in report.tables:
        body.append(table_html(layout(report, table)))
        body.append(_pictures(report.rows(table.number), table))
    return page_html(TITLE, body, _STYLE)


def _pictures(rows: list[RowResult], table: PaperTable) -> str:
    """Bars of the main metric, and the curves of the first seed."""
    metric = headline(table)
    head = {"ap50": "AP50", "miou": "mIoU"}[metric]
    names = [_name(result, rows) for result in rows]
    bars = bar_chart(
        f"{head}, %",
        [
            (name, result.mean(metric), result.spread(metric), _paper(result, metric))
            for name, result in zip(names, rows, strict=True)
        ],
    )
    keys = _keys([("ours", "ours"), ("theirs", "the paper's, on ScanNet")])
    shown = f'<div class="bars">{bars}{keys}</div>' if bars else ""
    curves = {
        name: result.runs[0].curve
        for name, result in zip(names, rows, strict=True)
        if result.runs and result.runs[0].curve
    }
    charts = _curves("Training loss", "loss", curves) + _curves(
        f"Validation {head}", metric, curves
    )
    return shown + (f'<div class="pictures">{charts}</div>' if charts else "")


def _paper(result: RowResult, metric: str) -> float | None:
    return result.row.paper.figures.get(metric) if result.row.paper else None


def _curves(title: str, key: str, curves: Mapping[str, Sequence[Result]]) -> str:
    """What is called `key` in the epochs of every curve; shares of 1 in per cent."""
    scale = 1 if key == "loss" else 100
    values = {
        name: [None if epoch.get(key) is None else scale * epoch[key] for epoch in curve]
        for name, curve in curves.items()
    }
    chart = curves_chart(f"{title}, by epoch", values)
    keys = _keys([(line_class(i), name) for i, name in enumerate(curves)])
    return f"<div>{chart}{keys}</div>" if chart else ""


def _name(result: RowResult, rows: list[RowResult]) -> str:
    """A row's name, with its labels where another row has the same."""
    row = result.row
    twice = sum(other.row.name == row.name for other in rows) > 1
    return f"{row.name}, {row.group.split()[0].lower()}" if twice else row.name


def _keys(keys: list[tuple[str, str]]) -> str:
    items = "".join(f'<li class="key {kind}"><i></i>{escape(name)}</li>' for kind, name in keys)
    return f'<ul class="keys">{items}</ul>'
