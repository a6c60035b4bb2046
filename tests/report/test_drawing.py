"""Figures for papers and for the page, each laid out once and drawn once for each of them."""

import io

import matplotlib.figure
import matplotlib.layout_engine
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from perface_jax import report
from perface_jax.report import Picture, Section, drawing
from tests.small_report import line_figure, small_report


def _scatter(points):
    figure = Figure(figsize=(3, 2))
    figure.add_subplot().scatter(*np.zeros((2, points)))
    return figure


def _photograph():
    figure = Figure(figsize=(3, 2))
    figure.add_subplot().imshow(np.zeros((4, 4, 3), np.uint8))
    return figure


@pytest.fixture
def count(monkeypatch):
    """Counts the calls of a method."""
    calls = []

    def watch(owner, name):
        method = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *given, **named: calls.append(name) or method(*given, **named))
        return calls

    return watch


def test_figures_are_saved_for_papers_under_their_captions(tmp_path):
    shown = [Picture(caption, line_figure()) for caption in ("Fig. 4: before", "Fig. 4 before", "?")]
    files = report.save_figures(tmp_path / "figures", small_report(sections=[Section("Figures", "", figures=shown)]))
    assert [file.name for file in files] == ["fig-4-before.pdf", "fig-4-before-2.pdf", "part.pdf"]
    assert sorted(files) == sorted((tmp_path / "figures").iterdir())
    assert files[0].read_bytes().startswith(b"%PDF")
    assert b"/Type3" not in files[0].read_bytes()


@pytest.mark.parametrize(
    ("figure", "kind"),
    [
        (line_figure(500), "image/svg+xml"),  # two lines
        (line_figure(501), "image/webp"),
        (_scatter(1000), "image/svg+xml"),
        (_scatter(1001), "image/webp"),
        (_photograph(), "image/webp"),
    ],
)
def test_few_lines_stay_lines_and_photographs_and_many_points_are_pixels(figure, kind):
    found, data = drawing.image(figure, dpi=100)
    assert found == kind
    if kind == "image/webp":
        assert Image.open(io.BytesIO(data)).size == (300, 200)
    else:
        assert b"<svg" in data


def test_the_page_draws_a_figure_once(tmp_path, count):
    calls = count(matplotlib.figure.Figure, "savefig")
    pictures = [Picture("few", line_figure()), Picture("many", line_figure(3000)), Picture("photograph", _photograph())]
    report.write_html(tmp_path / "page.html", small_report(sections=[Section("Figures", "", figures=pictures)]))
    assert len(calls) == 3


def test_a_figure_is_laid_out_once_for_paper_and_page(tmp_path, count):
    calls = count(matplotlib.layout_engine.ConstrainedLayoutEngine, "execute")
    figure = line_figure()
    figure.set_layout_engine("constrained")
    figure.axes[0].set_ylabel("a label that needs room")
    before = figure.axes[0].get_position().x0
    shown = small_report(sections=[Section("Figures", "", figures=[Picture("A line", figure)])])
    report.save_figures(tmp_path, shown)
    place = figure.axes[0].get_position().bounds
    report.write_html(tmp_path / "page.html", shown)
    assert len(calls) == 1
    assert place[0] != before
    assert figure.axes[0].get_position().bounds == place
