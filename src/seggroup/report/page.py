"""The report as one HTML page that needs nothing else: no script, no request, inline pictures."""

import base64
from collections.abc import Iterable
from html import escape
from pathlib import Path

from seggroup.io.files import write_text
from seggroup.report.chart import line_chart
from seggroup.report.report import Report, SceneReport, settings
from seggroup.report.tables import Table, headline, share, tables

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --text: #1d2329; --soft: #5d6875;
  --line: #dfe3e8; --panel: #f5f7f9; --accent: #0b6bcb; }
@media (prefers-color-scheme: dark) { :root { --ground: #14181d; --text: #e4e8ec;
  --soft: #98a3af; --line: #2c343d; --panel: #1b2027; --accent: #6db3ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 8px; }
h2 { font-size: 19px; margin: 40px 0 10px; }
h3 { font-size: 16px; margin: 24px 0 2px; }
p { margin: 6px 0; max-width: 80ch; }
.soft, .note, figcaption { color: var(--soft); font-size: 13px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0 0; padding: 0;
  list-style: none; }
.tiles li { background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: 12px 18px; flex: 1 1 150px; color: var(--soft); font-size: 13px; }
.tiles b { display: block; color: var(--text); font-size: 26px; font-weight: 600;
  line-height: 1.3; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; width: fit-content; max-width: 100%; border: 1px solid var(--line);
  border-radius: 8px; }
table { border-collapse: collapse; font-size: 13px;
  font-variant-numeric: tabular-nums; }
th, td { padding: 5px 9px; text-align: right; white-space: nowrap;
  border-top: 1px solid var(--line); }
thead th { border-top: 0; background: var(--panel); font-weight: 600; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--panel);
  font-weight: 600; padding-left: 12px; }
td:last-child, th:last-child { padding-right: 12px; }
tr.quiet td, tr.quiet th { color: var(--soft); font-weight: 400; }
.strip { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 10px;
  margin-top: 8px; }
figure { margin: 0; }
figure img { width: 100%; height: auto; display: block; background: #fff; border-radius: 8px;
  border: 1px solid var(--line); }
figcaption { padding: 3px 2px; }
.charts { display: flex; flex-wrap: wrap; gap: 20px; }
.charts svg { width: 340px; max-width: 100%; }
svg text { fill: var(--soft); font-size: 11px; }
svg .name { fill: var(--text); font-size: 13px; font-weight: 600; }
svg .y { text-anchor: end; }
svg .x { text-anchor: middle; }
svg .grid { stroke: var(--line); fill: none; }
svg .line { stroke: var(--accent); stroke-width: 2; fill: none; }
svg circle { fill: var(--accent); }
.settings { columns: 3 280px; font: 13px/1.6 ui-monospace, monospace; margin: 0; padding: 0;
  list-style: none; overflow-wrap: anywhere; }
.settings li { break-inside: avoid; }
.settings span { color: var(--soft); }
summary { cursor: pointer; font-size: 15px; font-weight: 600; margin: 12px 0 8px; }
"""


def write_report(path: Path, report: Report) -> None:
    """Write the page, whole or not at all; the same bytes for the same report."""
    write_text(path, report_html(report))


def report_html(report: Report) -> str:
    """The page."""
    body = [f"<p>{escape(text)}</p>" for text in (report.summary, *report.notes) if text]
    body.append(tiles_html(headline(report)))
    first, *others = [table_html(table) for table in tables(report)] or [""]
    body += [first, _scenes(report.scenes), *others, _curve(report)]
    body.append(_settings("Configuration", settings(report.configuration)))
    body.append(_settings("Versions", settings(report.versions)))
    return page_html(report.title, body)


def page_html(title: str, body: Iterable[str], style: str = "") -> str:
    """A page of parts that are HTML already, under its title; `style` adds to that of all pages."""
    heading = escape(title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in (f"<h1>{heading}</h1>", *body) if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def tiles_html(figures: Iterable[tuple[str, str]]) -> str:
    """(figure, what it is) each, side by side."""
    tiles = "".join(f"<li><b>{escape(figure)}</b>{escape(name)}</li>" for figure, name in figures)
    return f'<ul class="tiles">{tiles}</ul>' if tiles else ""


def table_html(table: Table) -> str:
    """The table under its title, its note below."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = []
    for i, (name, *cells) in enumerate(table.rows):
        quiet = ' class="quiet"' if i in table.quiet else ""
        data = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        rows.append(f'<tr{quiet}><th scope="row">{escape(name)}</th>{data}</tr>')
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<h2>{escape(table.title)}</h2>\n<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{note}"
    )


def _scenes(scenes: Iterable[SceneReport]) -> str:
    rows = "".join(_scene(scene) for scene in scenes if scene.pictures)
    return f"<h2>Scenes</h2>{rows}" if rows else ""


def _scene(scene: SceneReport) -> str:
    facts = [f"{scene.clicks['clicks']} clicks"] if "clicks" in scene.clicks else []
    facts += [
        f"{name} {share(scene.figures, key)} %"
        for key, name in (("semantic_miou", "semantic mIoU"), ("instance_iou_all", "instance IoU"))
        if share(scene.figures, key) != "–"
    ]
    figures = "".join(
        f'<figure><img alt="{escape(f"{scene.name}: {caption}", quote=True)}" '
        f'src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, picture in scene.pictures
    )
    return (
        f'<h3>{escape(scene.name)}</h3><p class="soft">{escape(" · ".join(facts))}</p>'
        f'<div class="strip">{figures}</div>\n'
    )


def _curve(report: Report) -> str:
    charts = "".join(line_chart(name, values) for name, values in report.curve.items())
    return f'<h2>Learning curve, by epoch</h2><div class="charts">{charts}</div>' if charts else ""


def _settings(title: str, values: list[tuple[str, str]]) -> str:
    items = "".join(
        f"<li><span>{escape(name)}</span> {escape(value)}</li>" for name, value in values
    )
    return (
        f'<details open><summary>{title}</summary><ul class="settings">{items}</ul></details>'
        if items
        else ""
    )
