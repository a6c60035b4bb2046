"""A report as a page that a real browser opens."""

import base64
import hashlib
import io
import json
import re

import numpy as np
from PIL import Image

from perface_jax import report
from perface_jax.report import Made, Picture, Report, Score, Section, Strip, Summary, Table, Tile
from tests import browser
from tests.report.test_terminal import SUMMARY
from tests.small_report import REASON, TABLE, Page, line_figure, small_report, written_page


def test_the_page_holds_every_cell_with_numbers_to_the_right_and_reasons_in_gray(tmp_path):
    page = Page(written_page(tmp_path, small_report()))
    assert _cells(page) == [*TABLE.columns, *(cell for line in TABLE.lines for cell in line)]
    kinds = [attributes.get("class", "") for tag, attributes in page.elements if tag in ("th", "td")]
    assert kinds[:4] == kinds[4:8] == ["key first", "key second last", "number", "number"]
    assert kinds[10] == "number none"
    assert page.all("p") == ["Share of the triplets."]
    assert page.all("dt") == ["file", "findings", "seeds"]
    assert page.all("dd") == ["answers.csv", "Two columns agree.", "A run of 40.", "[0, 1]"]


def _cells(page):
    return [text for tag, text in page.texts if tag in ("th", "td")]


def test_lines_without_a_value_are_one_line_that_says_why(tmp_path):
    table = Table(TABLE.columns, TABLE.lines, value="accuracy")
    page = Page(written_page(tmp_path, small_report(sections=[Section("Accuracy", "", table)])))
    assert "source look-up" not in _cells(page)
    assert page.all("p") == [f"Lines without accuracy: {REASON.removeprefix('n/a: ')} ([i] source look-up)."]


def test_a_summary_is_first_then_pictures_then_parts_that_fold(tmp_path):
    gray = np.full((9, 9, 3), 128, np.uint8)
    strips = [Strip(f"Triplet {i}", [Tile(gray, "a"), Tile(gray, "b", "3 votes", framed=True)]) for i in range(9)]
    picture = Picture("Where they agree", line_figure(), strips)
    few = Section("Accuracy", "", TABLE, figures=[picture], warnings=["Only 8 sources."], thumbnails={(0, 1): gray})
    made = Made("2026-11-30", "abc", "perface evaluate <x>")
    text = written_page(tmp_path, small_report(sections=[few], warnings=["Drawn.", "Only 8 sources."], summary=SUMMARY,
                                               made=made))  # fmt: skip
    parts = [SUMMARY.verdict, SUMMARY.run, "<small>[+0.020", "Drawn.", "abc", "perface evaluate &lt;x&gt;",
             "<nav", "Where they agree", "Triplet 8", "1 warning", "Only 8 sources.", "0.690",
             "answers.csv"]  # fmt: skip
    assert sorted(parts, key=text.index) == parts
    page = Page(text)
    images = [given for tag, given in page.elements if tag == "img"]
    assert [one["alt"] for one in images] == 9 * ["face a", "face b"] + [""]
    assert all(one["src"].startswith("data:image/webp;base64,") for one in images)
    assert page.all("summary") == ["1 more"]  # eight strips are shown
    assert "The pictures are at the top of the page." in page.all("p")


def test_the_axis_of_shares_ends_where_shares_end(tmp_path):
    scores = [Score("share", name, *values) for name, values in {"a": (0, 0, 0.6), "b": (0.98, 0.9, 1)}.items()]
    text = written_page(tmp_path, small_report(summary=Summary("", scores, "")))
    assert "<span>0.0</span><span>1.0</span>" in text
    assert 'style="left:0.0%;right:calc(100% - 60.0%)"' in text
    alone = written_page(tmp_path, small_report(summary=Summary("", [Score("share", "a", 1.0)], "")))
    assert "<span>1.0</span><span>1.1</span>" in alone


def test_warnings_stand_above_the_contents_and_every_link_has_its_place(tmp_path):
    sections = [Section("Accuracy", "", TABLE), Section("Accuracy", "", TABLE), Section("How it was made", "")]
    text = written_page(tmp_path, small_report(sections=sections))
    assert text.index("Only 8 sources.") < text.index("<nav ") < text.index("<table>")
    page = Page(text)
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert links == ["#accuracy", "#accuracy-2", "#how-it-was-made", "#how-it-was-made-2"]
    assert links == ["#" + attributes["id"] for tag, attributes in page.elements if tag == "div" and "id" in attributes]
    assert '<div class="warnings"' not in written_page(tmp_path, small_report(warnings=[]))


def test_the_page_asks_for_nothing_from_outside_and_runs_nothing(tmp_path):
    page = Page(written_page(tmp_path, small_report()))
    addresses = [value for _, given in page.elements for name, value in given.items() if name in ("src", "href")]
    assert addresses
    assert all(address.startswith(("data:image/", "#")) for address in addresses)
    assert not {"link", "iframe", "object"} & {tag for tag, _ in page.elements}
    (script,) = page.all("script")  # the policy allows this one alone
    digest = base64.b64encode(hashlib.sha256((script + "\n").encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in (tmp_path / "report.html").read_text()
    assert not re.findall(r"url\(|@import|https?://", (tmp_path / "report.html").read_text())


def test_text_is_text_on_the_page_whatever_it_holds(tmp_path, capsys):
    evil = "<script>alert('x')</script>&\"$body[red]"
    section = Section(evil, evil, Table((evil,), ((evil,),)), (), [Picture(evil, line_figure())])
    shown = Report(evil, [evil], {evil: {evil: [evil]}}, [section])
    page = Page(written_page(tmp_path, shown))
    assert [tag for tag, _ in page.elements].count("script") == 1  # ours
    for tag in ("title", "h1", "li", "a", "h2", "th", "p", "figcaption", "h3", "dt", "dd"):
        assert evil in page.all(tag), tag
    assert [attributes["alt"] for tag, attributes in page.elements if tag == "img"] == [evil]
    report.to_terminal(shown)
    assert capsys.readouterr().out.count(evil) == 9  # title, warning, heading, head, cell, help, and three in the facts
    assert json.loads(report.to_json(shown))["title"] == evil


def test_a_report_may_be_nearly_empty(tmp_path, capsys):
    sections = [Section("No table", "There was none."), Section("No lines", "", Table(("a",), ()))]
    nearly = Report("Nothing", (), {}, sections)
    report.to_terminal(nearly)
    assert "There was none." in capsys.readouterr().out
    page = Page(written_page(tmp_path, nearly))
    assert page.all("h2") == ["No table", "No lines"]
    assert json.loads(report.to_json(nearly))["sections"][0]["table"] is None
    report.to_terminal(Report("Nothing", (), {}, ()))
    assert "<nav" not in written_page(tmp_path, Report("Nothing", (), {}, ()))


def test_figures_have_their_size_on_the_page_and_pixels_are_twice_as_fine(tmp_path):
    figures = [Picture("few", line_figure()), Picture("many", line_figure(3000))]
    page = Page(written_page(tmp_path, small_report(sections=[Section("Figures", "", figures=figures)])))
    few, many = (attributes for tag, attributes in page.elements if tag == "img")
    assert (few["width"], few["height"]) == ("330", "220")
    pixels = Image.open(io.BytesIO(base64.b64decode(many["src"].removeprefix("data:image/webp;base64,"))))
    assert pixels.size == (2 * int(many["width"]), 2 * int(many["height"])) == (660, 440)


def _everything(tmp_path):
    """The page of a report that has everything a page can show."""
    gray = np.full((30, 30, 3), 128, np.uint8)
    strips = [Strip("A triplet", [Tile(gray, name, "3 of 3", framed=name == "b") for name in "arb"], "text", TABLE)]
    numbers = ("100", "0.828", "23 (-0.499)", *3 * ["0.805 [0.745, 0.860]"], "+0.107 [+0.000, +0.228]")
    lines = [("male / female", f"after training, labels: {i}", "male", *numbers[:-1], f"{i - 4}.5") for i in range(9)]
    pictures = [Picture("strips", line_figure(), strips), Picture("few", line_figure()),
                Picture("many " * 30, line_figure(3000))]  # fmt: skip
    sections = [
        Section("Accuracy", "Share.", TABLE, figures=pictures, warnings=["Few."], thumbnails={(0, 0): gray}),
        Section("Wide", "", Table(("task", "model", "group", *"abcdef", "last"), lines)),
    ]
    made = Made("2026-11-30", "abc", "perface evaluate " + "--flag=/a/long/path" * 9)
    written_page(tmp_path, small_report(sections=sections, warnings=["Drawn.", "Few."], summary=SUMMARY, made=made))
    return tmp_path / "report.html"


def test_a_report_has_no_fault_in_a_browser(tmp_path):
    assert browser.faults(_everything(tmp_path)) == []


LAST = """() => [...document.querySelectorAll("#wide tbody tr")].filter((row) => !row.hidden)
  .map((row) => row.cells[9].innerText)"""


def test_tables_sort_and_filter_parts_open_on_paper_and_all_is_there_without_the_script(tmp_path):
    file = _everything(tmp_path).as_uri()
    with browser.opened() as opened:
        page = opened.new_page(viewport={"width": 1400, "height": 900})
        page.goto(file)
        page.get_by_role("button", name="Open all parts").click()
        head = page.locator("#wide th", has_text="last").get_by_role("button")
        head.click()
        rising = [float(text) for text in page.evaluate(LAST)]
        head.click()
        falling = [float(text) for text in page.evaluate(LAST)]
        assert rising == sorted(rising)
        assert falling == rising[::-1]
        page.locator("#wide").get_by_label("Filter lines").fill("labels: 7")
        assert page.evaluate(LAST) == ["3.5"]
        paper = opened.new_page()
        paper.goto(file)
        assert not paper.locator("#wide").is_visible()
        paper.emulate_media(media="print")
        assert paper.locator("#wide").is_visible()
        plain = opened.new_context(java_script_enabled=False).new_page()
        plain.goto(file)
        plain.get_by_text("Wide", exact=True).last.click()
        assert plain.locator("#wide td").first.is_visible()
        assert plain.get_by_role("button").count() == 0
