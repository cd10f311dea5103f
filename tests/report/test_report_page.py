"""The report: one page that stands alone, Markdown and JSON with the same numbers."""

import json
import math
import re
from dataclasses import asdict
from html.parser import HTMLParser

import numpy as np
import pytest

from seggroup.config import TrainConfig
from seggroup.evaluate.pseudo import evaluate_pseudo
from seggroup.report.chart import line_chart, nice_ticks
from seggroup.report.markdown import report_markdown
from seggroup.report.page import report_html, write_report
from seggroup.report.render import png
from seggroup.report.report import Report, SceneReport, Stage, report_json, settings
from seggroup.report.tables import headline, share, tables
from seggroup.types import Labels


@pytest.fixture(scope="module")
def report():
    truth = Labels(np.array([1, 5, 5, 7], np.int32), np.array([0, 1, 1, 2], np.int32))
    guess = Labels(np.array([1, 5, 7, 7], np.int32), np.array([0, 1, 2, 2], np.int32))
    figures = evaluate_pseudo([(truth, guess, np.array([0, 1, 1, 2], np.int32))])
    picture = png(np.zeros((3, 4, 3), np.uint8))
    clicks = {"clicks": 3, "instances": 3, "share_clicked": 0.75, "minutes": 1.2}
    scenes = [SceneReport("<room> & 1", figures, clicks, [("Scan", picture), ("Truth", picture)])]
    return Report(
        title="Pseudo <labels>",
        summary="One scene.",
        levels={"1": figures, "final": figures},
        baselines={"Training-free walk": figures},
        scenes=scenes,
        curve={"Loss": [2.0, 1.5, float("nan"), 1.0]},
        stages=[Stage("train", 12.5, 300.0), Stage("segment", 0.25)],
        configuration=asdict(TrainConfig()),
        versions={"numpy": "2"},
        notes=["Mind | this."],
    )


class Page(HTMLParser):
    """Tags, addresses and text of a page; fails on a tag that closes another."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.tags, self.addresses, self.texts = [], [], [], []
        self.feed(text)
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "action", "data", "srcset")]
        if tag not in ("meta", "img"):
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_stands_alone(report):
    text = report_html(report)
    page = Page(text)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert len(page.addresses) == 2
    assert all(a.startswith("data:image/png;base64,") for a in page.addresses)
    assert not re.search(r"https?:|url\(|@import", text)


def test_everything_is_escaped(report):
    text = report_html(report)
    assert "<room>" not in text
    assert "<labels>" not in text
    page = Page(text)
    assert "<room> & 1" in page.texts
    assert "Pseudo <labels>" in page.texts


def test_the_page_shows_the_figures(report):
    texts = Page(report_html(report)).texts
    for expected in ("Level 1, ours", "Final, paper", "Training-free walk", "61.4", "train"):
        assert expected in texts
    assert "66.7 %" in texts  # semantic mIoU: (1 + 1/2 + 1/2) / 3
    assert not any("nan" in text.lower() for text in texts)


def test_the_same_bytes_every_time(report, tmp_path):
    write_report(tmp_path / "a" / "report.html", report)
    first = (tmp_path / "a" / "report.html").read_bytes()
    write_report(tmp_path / "a" / "report.html", report)
    assert first == (tmp_path / "a" / "report.html").read_bytes() == report_html(report).encode()


def test_an_empty_report_is_a_page():
    empty = Report("Nothing")
    assert Page(report_html(empty)).texts.count("Nothing") == 2
    assert tables(empty) == headline(empty) == []
    assert report_markdown(empty) == "# Nothing\n"


def test_markdown_tables_are_rectangular(report):
    text = report_markdown(report)
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1
    assert "- **66.7 %** semantic mIoU" in text
    assert "- Loss: 2, 1.5, nan, 1" in text
    assert "- `network.thresholds`: (6.0, 2.0, 2.0)" in text


def test_json_has_the_same_numbers(report):
    value = json.loads(json.dumps(report_json(report), allow_nan=False))
    assert value["levels"]["final"]["semantic_miou"] == report.final["semantic_miou"]
    assert value["levels"]["final"]["semantic_iou"]["bed"] is None
    assert value["curve"]["Loss"] == [2.0, 1.5, None, 1.0]
    assert value["scenes"]["<room> & 1"]["clicks"]["clicks"] == 3
    assert value["stages"][1] == {"name": "segment", "seconds": 0.25, "memory": None}


def test_figures_read_back_from_json_make_the_same_page(report):
    value = report_json(report)
    again = Report(report.title, levels=value["levels"], baselines=value["baselines"])
    assert [t.rows for t in tables(again)] == [t.rows for t in tables(report)[:3]]


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_missing_share_is_a_dash(value):
    assert share({"a": value}, "a") == share({}, "a") == "–"
    assert share({"a": 0.5}, "a") == "50.0"


def test_settings_have_dotted_names():
    assert settings({"a": 1, "b": {"c": (2, 3), "d": {}}}) == [("a", "1"), ("b.c", "(2, 3)")]


def test_line_chart():
    chart = line_chart("Loss & more", [2.0, 1.0, math.nan, 0.5])
    Page(chart)
    assert chart.count("<circle") == 3
    assert "Loss &amp; more" in chart
    assert line_chart("nothing", [math.nan]) == ""
    Page(line_chart("constant", [0.0, 0.0]))
    Page(line_chart("one", [3]))


@pytest.mark.parametrize(
    ("low", "high"), [(0.5, 3.2), (0, 1), (-2, 5), (1e-6, 3e-6), (90, 1e5), (7, 7), (0, 0)]
)
def test_ticks_enclose_the_values(low, high):
    ticks = nice_ticks(low, high)
    assert 3 <= len(ticks) <= 7
    assert ticks[0] <= low + 1e-12
    assert ticks[-1] >= high - 1e-12
    assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])
