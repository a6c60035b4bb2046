"""A small report, and a page of it taken apart."""

import html.parser
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from perface_jax import report
from perface_jax.report import Picture, Report, Section, Table

REASON = "n/a: no source of this setting was seen in training"
TABLE = Table(
    ("setting", "model", "accuracy", "95% interval"),
    (
        ("[i]", "before", "0.690", "[0.641, 0.735]"),
        ("[i]", "source look-up", REASON, "n/a"),
        ("[ii]", "after", "0.9", "n/a: 1 source"),
    ),
)


class Interval(NamedTuple):
    low: float
    high: float


class Row(NamedTuple):
    model: str
    interval: Interval
    ties: np.ndarray


ROWS = (
    Row("before", Interval(np.float32(0.5), float("nan")), np.arange(2)),
    Row("after", Interval(-np.inf, 1), jnp.ones(())),
)


def line_figure(points=2):
    figure = Figure(figsize=(3, 2))
    figure.add_subplot().plot(np.random.default_rng(0).random((points, 2)), marker="o")
    return figure


def small_report(**changed):
    section = Section("Accuracy", "Share of the triplets.", TABLE, ROWS, [Picture("A line", line_figure())])
    facts = {"Data": {"file": "answers.csv", "findings": ["Two columns agree.", "A run of 40."]}, "seeds": [0, 1]}
    return Report("An evaluation", ["Only 8 sources."], facts, [section])._replace(**changed)


class Page(html.parser.HTMLParser):
    """The elements of a page with their attributes, and the text of each cell and heading."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.feed(text.replace("<wbr>", ""))

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open.pop() != tag:
            pass

    def handle_data(self, text):
        if text.strip():
            self.texts.append((self._open[-1], text.strip()))

    def all(self, tag):
        return [text for name, text in self.texts if name == tag]


def written_page(tmp_path, shown):
    report.write_html(tmp_path / "report.html", shown)
    return (tmp_path / "report.html").read_text()
