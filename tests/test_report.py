"""One report on the screen, as JSON, and as a page that a real browser opens."""

import base64
import dataclasses
import enum
import html.parser
import io
import json
import pathlib
import re
import shutil
import subprocess
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from rich.console import Console

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


def _line_figure(points=2):
    figure = Figure(figsize=(3, 2))
    figure.add_subplot().plot(np.random.default_rng(0).random((points, 2)), marker="o")
    return figure


def _report(**changed):
    section = Section("Accuracy", "Share of the triplets.", TABLE, ROWS, [Picture("A line", _line_figure())])
    facts = {"Data": {"file": "answers.csv", "findings": ["Two columns agree.", "A run of 40."]}, "seeds": [0, 1]}
    return Report("An evaluation", ["Only 8 sources."], facts, [section])._replace(**changed)


class _Page(html.parser.HTMLParser):
    """The elements of a page with their attributes, and the text of each cell and heading."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.feed(text)

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


def _page(tmp_path, shown):
    report.write_html(tmp_path / "report.html", shown)
    return (tmp_path / "report.html").read_text()


def test_the_screen_shows_warnings_first_then_every_table_with_its_help(capsys):
    report.to_terminal(_report())
    out = capsys.readouterr().out
    parts = ["An evaluation", "Only 8 sources.", "Accuracy", "[i]      before", "Share of the triplets.", "answers.csv"]
    assert sorted(parts, key=out.index) == parts
    assert "\x1b" not in out


def test_off_a_terminal_numbers_are_right_aligned_and_stay_whole_however_wide_the_table(capsys):
    line = ("so long a name that a terminal would fold it", *(f"{i}.{i:03}" for i in range(30)))
    wide = Table(("name", *(f"column {i}" for i in range(30))), (line,))
    report.to_terminal(_report(sections=[Section("a", "", TABLE), Section("b", "", wide)]))
    lines = capsys.readouterr().out.splitlines()
    head, first, last = (next(line for line in lines if word in line) for word in ("setting", "before", "[ii]"))
    assert first.index("0.690") + len("0.690") == head.index("accuracy") + len("accuracy") == last.index("0.9") + 3
    assert re.split(r" {2,}", first.strip()) == ["[i]", "before", "0.690", "[0.641, 0.735]"]
    row = next(line for line in lines if "so long a name" in line)
    assert re.split(r" {2,}", row) == [*line]


def test_a_narrow_terminal_folds_between_words_and_never_inside_a_number():
    console = Console(file=io.StringIO(), force_terminal=True, width=40, color_system=None)
    report.to_terminal(_report(), console=console)
    out = console.file.getvalue()
    assert "[0.641, 0.735]" in out
    assert "n/a: 1" in out
    for word in (*REASON.split(), "look-up", "accuracy"):
        assert re.search(rf"(?<!\S){re.escape(word)}(?!\S)", out)


def test_a_reason_is_folded_so_that_the_table_stays_narrow(capsys):
    report.to_terminal(_report())
    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if "n/a: no source" in line)
    assert "n/a: no source of this " in lines[start]
    assert "setting was seen in " in lines[start + 1]


def test_sections_of_figures_alone_are_for_the_page(capsys, tmp_path):
    shown = _report(sections=[Section("Scatter", "Dots above the line.", figures=[Picture("Dots", _line_figure())])])
    report.to_terminal(shown)
    assert "Scatter" not in capsys.readouterr().out
    assert "Scatter" in _Page(_page(tmp_path, shown)).all("h2")


def test_json_is_strict_and_holds_rows_tables_facts_and_captions(tmp_path):
    report.write_json(tmp_path / "folder" / "report.json", _report())
    text = (tmp_path / "folder" / "report.json").read_text()

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    found = json.loads(text, parse_constant=refuse)
    assert list(found) == ["title", "warnings", "facts", "sections"]
    (section,) = found["sections"]
    assert section["rows"] == [
        {"model": "before", "interval": {"low": 0.5, "high": None}, "ties": [0, 1]},
        {"model": "after", "interval": {"low": None, "high": 1}, "ties": 1.0},
    ]
    assert section["table"] == {"columns": list(TABLE.columns), "lines": [list(line) for line in TABLE.lines]}
    assert section["figures"] == ["A line"]
    assert found["facts"]["Data"]["findings"] == ["Two columns agree.", "A run of 40."]


def test_json_takes_what_results_are_made_of():
    class Rule(enum.Enum):
        MEAN = "mean"

    @dataclasses.dataclass
    class Point:
        x: float

    facts = {
        "rule": Rule.MEAN,
        "path": pathlib.Path("a/b"),
        "point": Point(float("nan")),
        Rule.MEAN: np.bool_(True),
        ("majority", "source"): (np.int64(3), np.array([[1.5, np.nan]]), "text"),
    }
    assert json.loads(report.to_json(_report(facts=facts)))["facts"] == {
        "rule": "mean",
        "path": "a/b",
        "point": {"x": None},
        "mean": True,
        "majority, source": [3, [[1.5, None]], "text"],
    }


def test_json_refuses_what_it_has_no_form_for():
    with pytest.raises(TypeError, match="cannot hold .* of type set"):
        report.to_json(_report(facts={"names": {"a"}}))


def test_a_file_is_whole_or_not_there(tmp_path):
    report.write_json(tmp_path / "report.json", _report())
    before = (tmp_path / "report.json").read_text()
    with pytest.raises(TypeError):
        report.write_json(tmp_path / "report.json", _report(facts={"bad": object()}))
    assert (tmp_path / "report.json").read_text() == before
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_the_page_holds_every_cell_with_numbers_to_the_right_and_reasons_in_grey(tmp_path):
    page = _Page(_page(tmp_path, _report()))
    assert page.all("th") == list(TABLE.columns)
    assert page.all("td") == [cell for line in TABLE.lines for cell in line]
    kinds = [attributes.get("class", "") for tag, attributes in page.elements if tag in ("th", "td")]
    assert kinds[:8] == ["", "", "number", "number", "", "", "number", "number"]
    assert kinds[10] == "number none"
    assert page.all("p") == ["Share of the triplets."]
    assert page.all("dt") == ["file", "findings", "seeds"]
    assert page.all("dd") == ["answers.csv", "Two columns agree.", "A run of 40.", "[0, 1]"]


def test_warnings_stand_above_the_contents_and_every_link_has_its_place(tmp_path):
    sections = [Section("Accuracy", "", TABLE), Section("Accuracy", "", TABLE), Section("How it was made", "")]
    text = _page(tmp_path, _report(sections=sections))
    assert text.index("Only 8 sources.") < text.index("<nav>") < text.index("<table>")
    page = _Page(text)
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert links == ["#accuracy", "#accuracy-2", "#how-it-was-made", "#how-it-was-made-2"]
    assert links == ["#" + attributes["id"] for tag, attributes in page.elements if tag == "section"]
    assert '<aside class="warnings"' not in _page(tmp_path, _report(warnings=[]))


def test_the_page_asks_for_nothing_from_outside_and_runs_nothing(tmp_path):
    page = _Page(_page(tmp_path, _report()))
    addresses = [value for _, given in page.elements for name, value in given.items() if name in ("src", "href")]
    assert addresses
    assert all(address.startswith(("data:image/", "#")) for address in addresses)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.elements}
    assert not re.findall(r"url\(|@import|https?://", (tmp_path / "report.html").read_text())


def test_text_is_text_on_the_page_whatever_it_holds(tmp_path, capsys):
    evil = "<script>alert('x')</script>&\"$body[red]"
    section = Section(evil, evil, Table((evil,), ((evil,),)), (), [Picture(evil, _line_figure())])
    shown = Report(evil, [evil], {evil: {evil: [evil]}}, [section])
    page = _Page(_page(tmp_path, shown))
    assert "script" not in {tag for tag, _ in page.elements}
    for tag in ("title", "h1", "li", "a", "h2", "th", "td", "p", "figcaption", "h3", "dt", "dd"):
        assert evil in page.all(tag), tag
    assert [attributes["alt"] for tag, attributes in page.elements if tag == "img"] == [evil]
    report.to_terminal(shown)
    assert capsys.readouterr().out.count(evil) == 9  # title, warning, heading, head, cell, help, and three in the facts
    assert json.loads(report.to_json(shown))["title"] == evil


def test_small_figures_are_drawn_as_lines_and_large_ones_as_sharp_pixels(tmp_path):
    figures = [Picture("few", _line_figure()), Picture("many", _line_figure(3000))]
    page = _Page(_page(tmp_path, _report(sections=[Section("Figures", "", figures=figures)])))
    few, many = (attributes for tag, attributes in page.elements if tag == "img")
    assert few["src"].startswith("data:image/svg+xml;base64,")
    pixels = Image.open(io.BytesIO(base64.b64decode(many["src"].removeprefix("data:image/png;base64,"))))
    assert pixels.size == (2 * int(many["width"]), 2 * int(many["height"])) == (720, 480)


def test_figures_are_saved_for_papers_under_their_captions(tmp_path):
    shown = [Picture(caption, _line_figure()) for caption in ("Fig. 4: before", "Fig. 4 before", "?")]
    files = report.save_figures(tmp_path / "figures", _report(sections=[Section("Figures", "", figures=shown)]))
    names = ["fig-4-before", "fig-4-before-2", "part"]
    assert [file.name for file in files] == [f"{name}.{form}" for name in names for form in ("pdf", "png")]
    assert b"/Type3" not in files[0].read_bytes()
    assert Image.open(files[1]).size == (900, 600)


def test_a_report_may_be_nearly_empty(tmp_path, capsys):
    sections = [Section("No table", "There was none."), Section("No lines", "", Table(("a",), ()))]
    nearly = Report("Nothing", (), {}, sections)
    report.to_terminal(nearly)
    assert "There was none." in capsys.readouterr().out
    page = _Page(_page(tmp_path, nearly))
    assert page.all("h2") == ["No table", "No lines"]
    assert json.loads(report.to_json(nearly))["sections"][0]["table"] is None
    report.to_terminal(Report("Nothing", (), {}, ()))
    assert "<nav>" not in _page(tmp_path, Report("Nothing", (), {}, ()))


def test_a_column_of_reasons_alone_is_text(tmp_path):
    reasons = Table(("model", "accuracy"), (("a", "n/a: no label"), ("b", "n/a: 1 source")))
    page = _Page(_page(tmp_path, _report(sections=[Section("Reasons", "", reasons)])))
    assert [attributes.get("class") for tag, attributes in page.elements if tag == "td"] == [None, "none"] * 2


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("0.862 \u00b1 0.031", True),
        ("+0.172 [+0.120, +0.220]", True),
        ("1,024", True),
        ("12.5%", True),
        ("< 1e-6", True),
        ("3:0", True),
        ("t0007", False),
        ("0007_a.jpg", False),
        ("[i]", False),
        ("3 of 120", False),
    ],
)
def test_columns_of_numbers_are_told_by_their_cells(tmp_path, cell, number):
    page = _Page(_page(tmp_path, _report(sections=[Section("One", "", Table(("head",), ((cell,), ("",))))])))
    kind = next(attributes.get("class", "") for tag, attributes in page.elements if tag == "td")
    assert kind == ("number" if number else "")


def test_tables_of_other_than_text_are_refused_where_they_are_made():
    with pytest.raises(ValueError, match=r"line 2 has 1 cells, \('b',\); wanted one for each of \('x', 'y'\)"):
        Table(("x", "y"), (("a", "1"), ("b",)))
    with pytest.raises(TypeError, match="got the cell nan of type float"):
        Table(("x",), ((float("nan"),),))


def test_a_real_browser_shows_the_page(tmp_path):
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip(f"none of {', '.join(names)} is installed")
    figures = [Picture("few", _line_figure()), Picture("many", _line_figure(3000))]
    sections = [Section("Accuracy", "Share.", TABLE, figures=figures), Section("Again", "Share.", TABLE)]
    _page(tmp_path, _report(sections=sections))

    def ask(*flags):
        alone = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={tmp_path}/user")
        command = [browser, *alone, *flags, f"file://{tmp_path}/report.html"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    seen = _Page(ask("--dump-dom").stdout)
    assert [tag for tag, _ in seen.elements].count("table") == 2
    assert seen.all("td") == 2 * [cell for line in TABLE.lines for cell in line]
    ask(f"--screenshot={tmp_path}/page.png", "--window-size=1200,2000")
    picture = np.asarray(Image.open(tmp_path / "page.png").convert("RGB"), int)
    assert picture.shape == (2000, 1200, 3)
    coloured = np.ptp(picture, axis=-1) > 100  # blue lines and dots: figures that did not load have none
    rows = np.flatnonzero(coloured[:, 80:400].sum(axis=1) > 5)
    assert np.ptp(rows) > 500
    assert np.all(picture[:, :20] == 255)
