"""The benchmarks' pages: their figures, well formed pictures, nothing from outside."""

import json
import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from seggroup.errors import InputError
from seggroup.evaluate.instance import Prediction, evaluate_instance
from seggroup.evaluate.semantic import evaluate_semantic
from seggroup.report.benchmark import (
    benchmark_html,
    benchmark_markdown,
    instance_page,
    semantic_page,
    write_benchmark,
)
from seggroup.report.chart import recall_chart
from seggroup.report.matrix import MAX_SHOWN, matrix_chart, shown


def semantic(classes=(1, 5, 7), names="class <{}>".format):
    truth = np.array([1] * 6 + [5] * 4 + [0] * 5)
    guess = np.array([1] * 3 + [5] * 2 + [40] + [5] * 4 + [1] * 5)
    return evaluate_semantic([(truth, guess)], classes, names, details=True)


def instance():
    truth = np.repeat([5001, 5002, 7001], [200, 300, 250])
    place = np.arange(750)
    predictions = [
        Prediction(5, 0.9, place < 200),
        Prediction(5, 0.5, (place >= 200) & (place < 300)),
        Prediction(7, 0.7, place < 150),
    ]
    return evaluate_instance([(truth, predictions)], details=True)


class Links(HTMLParser):
    """Collects tags, and addresses that a browser would ask for."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [v for k, v in attrs if k in {"src", "href", "xlink:href", "data"}]


def svgs(text):
    return [ElementTree.fromstring(part) for part in re.findall(r"<svg.*?</svg>", text, re.S)]


@pytest.mark.parametrize(
    ("make", "result"), [(semantic_page, semantic()), (instance_page, instance())]
)
def test_pages_stand_alone(make, result):
    page = Links(benchmark_html(make(result)))
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert page.addresses == []
    assert len(svgs(benchmark_html(make(result)))) >= 1
    assert "nan" not in benchmark_html(make(result))
    assert benchmark_html(make(result)) == benchmark_html(make(result))


def test_semantic_figures():
    text = benchmark_markdown(semantic_page(semantic()))
    assert "| class <1> | 50.0 | 100.0 | 50.0 | 6 | 3 |" in text
    assert "| class <5> | 66.7 | 66.7 | 100.0 | 4 | 6 |" in text
    assert "| class <7> | – | – | – | 0 | 0 |" in text
    assert "| Mean | 58.3 | – | 75.0 | – | – |" in text
    assert "- **70.0 %** of the vertices are right" in text
    assert "| class <1> | class <5> | 2 | 33.3 |" in text
    assert "| class <1> | other | 1 | 16.7 |" in text
    assert "class &lt;1&gt;" in benchmark_html(semantic_page(semantic()))


def test_instance_figures():
    page = instance_page(instance())
    text = benchmark_markdown(page)
    assert "| chair | 50.0 | 50.0 | 100.0 | 2 | 1 | 1 |" in text
    rows = {row[0]: row[1:] for row in page.tables[0].rows}
    assert rows["chair"][3:] == ["2", "1", "1"]
    assert rows["table"] == ["0.0", "0.0", "0.0", "1", "0", "1"]
    assert rows["bed"] == ["–"] * 6
    assert rows["Mean, or sum"][3:] == ["3", "1", "2"]
    assert len(svgs(page.pictures[0][2])) == 2  # of the classes that occur


def test_the_matrix_shows_every_share():
    chart = svgs(matrix_chart(["wall", "chair", "bed"], [[3, 1, 0, 0], [0, 2, 0, 2], [0] * 4]))[0]
    texts = [node.text for node in chart.iter() if node.tag.endswith("text")]
    assert texts == ["wall", "chair", "other", "wall", "75", "25", "chair", "50", "50"]
    titles = [node.text for node in chart.iter() if node.tag.endswith("title")]
    assert "chair taken for other: 2 vertices" in titles
    cells = [node for node in chart.iter() if node.get("class") == "cell"]
    assert len(cells) == 4
    assert "wall 75%, chair 50%" in chart.get("aria-label")


def test_the_matrix_of_many_classes_shows_the_largest():
    vertices = np.eye(200, 201, dtype=np.int64) * np.arange(200)[:, None]
    assert shown(vertices.tolist()) == list(range(200 - MAX_SHOWN, 200))
    assert len(matrix_chart([f"class {i}" for i in range(200)], vertices.tolist())) < 100_000
    assert matrix_chart(["a"], [[0, 0]]) == ""


def test_curves_are_thinned_but_keep_their_ends():
    recall = np.linspace(1, 0, 5000).tolist()
    chart = svgs(recall_chart("a & b", {"strict": (recall, recall)}))[0]
    path = next(n.get("d") for n in chart.iter() if n.get("class") == "line strict")
    points = [tuple(map(float, p.split())) for p in path[1:].split("L")]
    assert len(points) == 200
    assert points[0] == (174, 24)
    assert points[-1] == (34, 164)
    short = svgs(recall_chart("one", {"strict": ([0.0], [1.0])}))[0]
    assert [n.get("d") for n in short.iter() if n.get("class") == "line strict"] == ["M34.0 24.0"]


def test_empty_results_are_pages():
    nothing = evaluate_semantic([], details=True)
    assert "<svg" not in benchmark_html(semantic_page(nothing))
    assert "<svg" not in benchmark_html(instance_page(evaluate_instance([], details=True)))
    assert math.isnan(nothing["miou"])


def test_by_the_ending(tmp_path):
    result = instance()
    page = instance_page(result)
    for ending, start in ((".html", "<!DOCTYPE"), (".md", "# Instance"), (".JSON", "{")):
        write_benchmark(tmp_path / f"a{ending}", page, result)
        assert (tmp_path / f"a{ending}").read_text().startswith(start)
    value = json.loads((tmp_path / "a.JSON").read_text())
    assert value["classes"]["bed"]["ap"] is None
    assert value["curves"]["chair"]["0.5"]["hits"] == 1
    with pytest.raises(InputError, match=r"ends in \.html"):
        write_benchmark(tmp_path / "a.pdf", page, result)
