"""The remade tables as a page, Markdown and JSON, and their pictures."""

import json
import re
from html.parser import HTMLParser

import pytest
from toy_tables import FakeWork, toy_study

from seggroup.evaluate.papertables import PAPER_TABLES
from seggroup.pipeline.protocol import ROOMS
from seggroup.pipeline.tableplan import ROWS, rows_of
from seggroup.pipeline.tables import RowResult, remake
from seggroup.report.tablecharts import bar_chart, curves_chart
from seggroup.report.tablepages import tables_html, tables_markdown, write_tables
from seggroup.report.tablereport import TablesReport, findings, layout, summary, tables_json


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """All tables with two seeds of fake work; full labels only ever buy one scene."""
    folder = tmp_path_factory.mktemp("tables")
    fake = FakeWork(lambda supply, minutes: 1 if supply.form == "dense" else 3)
    studies = [toy_study(folder, fake, seed) for seed in (0, 1)]
    return TablesReport(ROOMS, studies[0].split, (0, 1), tuple(remake(ROWS, studies)))


class Balanced(HTMLParser):
    """Fails unless every element is closed where it should be."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)


def test_the_page_is_whole_and_needs_nothing_else(report):
    page = tables_html(report)
    parser = Balanced()
    parser.feed(page)
    assert not parser.open
    assert "script" not in parser.seen
    assert not re.search(r"https?://|src=|@import|url\(", page)
    assert page.count("<h2>Table ") == 6
    assert parser.seen.count("svg") == 6 + 2 * 5  # bars, and curves of all but Table 1


def test_every_figure_stands_beside_the_papers(report):
    text = tables_markdown(report)
    for table in PAPER_TABLES.values():
        assert f"## Table {table.number}. {table.title}" in text
        for paper in table.rows:
            cells = [f"{value:.1f}" for value in paper.figures.values() if value is not None]
            assert any(all(f" {c} " in line for c in cells) for line in text.splitlines())
    ours = next(line for line in text.splitlines() if line.startswith("| SegGroup (PointGroup)"))
    assert ours == (
        "| SegGroup (PointGroup) | Seg-level labels | 6 | 12 "
        "| 20.0 ± 0.0 | 40.0 ± 0.0 | 60.0 ± 0.0 | 0 | 60 | 800 |"
    )


def test_what_the_figures_come_to(report):
    found = dict(zip([2, 3, 4, 5], findings(report), strict=False))
    assert found[2] == (
        "80 %",
        "of the AP50 that PointGroup reaches with full labels of all scenes, "
        "from one click an object (paper: 70 %)",
    )
    assert found[3][1].endswith("(paper: 218 %)")
    assert len(findings(report)) == 6
    assert not findings(TablesReport(ROOMS, report.split, (0,), [RowResult(ROWS[0])]))


def test_the_protocol_and_its_departures_are_stated(report):
    lines = summary(report)
    assert "6 training scenes, 2 validation scenes, 2 seeds" in lines[0]
    assert any("test set" in line for line in lines)
    for line in lines:
        assert line in tables_markdown(report)


def test_json_has_every_seed(report):
    values = json.loads(json.dumps(tables_json(report), allow_nan=False))
    assert [table["table"] for table in values["tables"]] == [1, 2, 3, 4, 5, 6]
    share = values["tables"][2]["rows"][0]
    assert share["figures"]["ap50"] == {
        "mean": 50.0,
        "spread": 0.0,
        "values": [50.0, 50.0],
        "paper": 19.9,
    }
    assert share["paper_scenes"] == 104
    assert [run["scenes"] for run in share["runs"]] == [1, 1]
    assert len(share["runs"][0]["curve"]) == 4
    assert values["tables"][0]["rows"][0]["figures"]["sink"]["mean"] is None
    assert values["protocol"]["kpconv"]["fit"]["epochs"] == ROOMS.kpconv.fit.epochs
    assert len(values["tables"][1]["paper_only"]) == 7


def test_no_path_of_the_machine_is_in_the_files(report, tmp_path):
    write_tables(tmp_path, report)
    assert {path.name for path in tmp_path.iterdir()} == {
        "tables.md",
        "tables.html",
        "tables.json",
    }
    for path in tmp_path.iterdir():
        assert str(report.split.training[0].scan.parent) not in path.read_text()
        assert "/tmp" not in path.read_text()


def test_unfinished_tables(tmp_path):
    rows = rows_of((3,))
    study = toy_study(tmp_path, FakeWork(lambda supply, minutes: 0))
    some = [RowResult(row) for row in rows]
    some[0].runs.append(remake(rows[:1], [study])[0].runs[0])
    report = TablesReport(ROOMS, study.split, (0, 1), some)
    table = layout(report, PAPER_TABLES[3])
    assert table.rows[0][2:7] == ["0", "0", "–", "–", "–"]  # the time bought no scene
    assert table.rows[2][2:] == ["…"] * 8
    assert "does not buy a whole scene" in table.note
    assert "1 of 8 rows are finished." in summary(report)
    assert "<svg" not in tables_html(report)


def test_bars_are_as_long_as_their_figures():
    chart = bar_chart("A <b>", [("x & y", 20.0, 5.0, 40.0), ("z", None, None, 10.0)])
    widths = [float(width) for width in re.findall(r'<rect [^>]* width="([\d.]+)"', chart)]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)
    assert widths[2] == pytest.approx(widths[0] / 2, abs=0.2)
    assert chart.count("whisker") == 1
    assert "x &amp; y" in chart
    assert "A &lt;b&gt;: x &amp; y: ours 20.0, paper 40.0; z: ours unknown" in chart
    assert bar_chart("none", [("z", None, None, 10.0)]) == ""


def test_curves_pass_over_epochs_that_were_not_measured():
    curves = {"a": [1.0, None, None, 4.0], "b": [2.0, float("nan"), 2.0], "c": [None]}
    chart = curves_chart("Loss", curves)
    paths = re.findall(r'class="curve line\d" d="([^"]+)"', chart)
    assert [path.count("L") + 1 for path in paths] == [2, 2]
    assert "a: 4; b: 2; c: unknown" in chart
    assert curves_chart("Loss", {"a": [None], "b": []}) == ""
    assert 'dot" d="M46.0 204.0h0"' in curves_chart("One epoch of nothing", {"a": [0.0]})
    assert "dashed" in curves_chart("Many", {str(i): [1.0, 2.0] for i in range(9)})


def test_rows_of_one_name_are_told_apart(report):
    page = tables_html(report)
    assert "Top-1 segment, manual" in page
    assert "Top-1 segment, mechanical" in page
    assert "Top-2 segment, mechanical" not in page
