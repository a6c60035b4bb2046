"""A report as a page that a real browser opens."""

import base64
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from perface_jax import report
from perface_jax.report import Picture, Report, Section, Table
from tests.small_report import TABLE, Page, line_figure, small_report, written_page

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def test_the_page_holds_every_cell_with_numbers_to_the_right_and_reasons_in_gray(tmp_path):
    page = Page(written_page(tmp_path, small_report()))
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
    text = written_page(tmp_path, small_report(sections=sections))
    assert text.index("Only 8 sources.") < text.index("<nav>") < text.index("<table>")
    page = Page(text)
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert links == ["#accuracy", "#accuracy-2", "#how-it-was-made", "#how-it-was-made-2"]
    assert links == ["#" + attributes["id"] for tag, attributes in page.elements if tag == "section"]
    assert '<aside class="warnings"' not in written_page(tmp_path, small_report(warnings=[]))


def test_the_page_asks_for_nothing_from_outside_and_runs_nothing(tmp_path):
    page = Page(written_page(tmp_path, small_report()))
    addresses = [value for _, given in page.elements for name, value in given.items() if name in ("src", "href")]
    assert addresses
    assert all(address.startswith(("data:image/", "#")) for address in addresses)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.elements}
    assert not re.findall(r"url\(|@import|https?://", (tmp_path / "report.html").read_text())


def test_text_is_text_on_the_page_whatever_it_holds(tmp_path, capsys):
    evil = "<script>alert('x')</script>&\"$body[red]"
    section = Section(evil, evil, Table((evil,), ((evil,),)), (), [Picture(evil, line_figure())])
    shown = Report(evil, [evil], {evil: {evil: [evil]}}, [section])
    page = Page(written_page(tmp_path, shown))
    assert "script" not in {tag for tag, _ in page.elements}
    for tag in ("title", "h1", "li", "a", "h2", "th", "td", "p", "figcaption", "h3", "dt", "dd"):
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
    assert "<nav>" not in written_page(tmp_path, Report("Nothing", (), {}, ()))


def test_figures_have_their_size_on_the_page_and_pixels_are_twice_as_fine(tmp_path):
    figures = [Picture("few", line_figure()), Picture("many", line_figure(3000))]
    page = Page(written_page(tmp_path, small_report(sections=[Section("Figures", "", figures=figures)])))
    few, many = (attributes for tag, attributes in page.elements if tag == "img")
    assert (few["width"], few["height"]) == ("360", "240")
    pixels = Image.open(io.BytesIO(base64.b64decode(many["src"].removeprefix("data:image/png;base64,"))))
    assert pixels.size == (2 * int(many["width"]), 2 * int(many["height"])) == (720, 480)


def _ask_browser(folder, *flags):
    alone = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/user")
    command = [BROWSER, *alone, *flags, f"file://{folder}/report.html"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.skipif(BROWSER is None, reason="neither chromium nor google-chrome is installed")
def test_a_real_browser_shows_the_page(tmp_path):
    pair = [Picture("a caption that is wider than its figure " * 5, line_figure()), Picture("many", line_figure(3000))]
    sections = [Section("Accuracy", "Share.", TABLE, figures=pair), Section("Again", "Share.", TABLE)]
    written_page(tmp_path, small_report(sections=sections))
    seen = Page(_ask_browser(tmp_path, "--dump-dom"))
    assert [tag for tag, _ in seen.elements].count("table") == 2
    assert seen.all("td") == 2 * [cell for line in TABLE.lines for cell in line]
    _ask_browser(tmp_path, f"--screenshot={tmp_path}/page.png", "--window-size=1200,2000")
    picture = np.asarray(Image.open(tmp_path / "page.png").convert("RGB"), int)
    assert picture.shape == (2000, 1200, 3)
    assert np.all(picture[:, :20] == 255)
    colored = np.ptp(picture, axis=-1) > 100  # blue lines and dots: figures that did not load have none
    columns = colored[250:].sum(axis=0) > 5  # below the warnings
    assert columns[82:442].any()
    assert columns[490:850].any()  # small figures stand side by side


@pytest.mark.skipif(BROWSER is None, reason="neither chromium nor google-chrome is installed")
def test_ten_columns_fit_the_page_though_numbers_stay_whole(tmp_path):
    numbers = ("100", "0.828", "23 (-0.499)", *3 * ["0.805 [0.745, 0.860]"], "+0.107 [+0.000, +0.228]")
    wide = Table(
        ("task", "model", "group", *"abcdefg"), [("male / female", "after labels=unanimous", "male", *numbers)]
    )
    text = written_page(tmp_path, small_report(sections=[Section("Ten", "", wide)]))
    count = "[...document.querySelectorAll('.table, td')].filter(box => box.scrollWidth > box.clientWidth).length"
    script = f"<script>document.title = {count} + ' boxes are too narrow'</script>"
    text = re.sub(r"<meta http-equiv.*?>", "", text).replace("</body>", f"{script}</body>")  # the page forbids scripts
    (tmp_path / "report.html").write_text(text)
    assert "<title>0 boxes are too narrow</title>" in _ask_browser(tmp_path, "--dump-dom", "--window-size=1100,1000")
