"""A report on the screen: nothing is lost, numbers stay whole."""

import io
import re

from rich.console import Console

from perface_jax import report
from perface_jax.report import Picture, Score, Section, Summary, Table
from tests.small_report import REASON, TABLE, Page, line_figure, small_report, written_page


def test_the_screen_shows_warnings_first_then_every_table_with_its_help(capsys):
    report.to_terminal(small_report())
    out = capsys.readouterr().out
    parts = ["An evaluation", "Only 8 sources.", "Accuracy", "[i]      before", "Share of the triplets.", "answers.csv"]
    assert sorted(parts, key=out.index) == parts
    assert "\x1b" not in out


def test_off_a_terminal_numbers_are_right_aligned_and_stay_whole_however_wide_the_table(capsys):
    line = ("so long a name that a terminal would fold it", *(f"{i}.{i:03}" for i in range(30)))
    wide = Table(("name", *(f"column {i}" for i in range(30))), (line,))
    report.to_terminal(small_report(sections=[Section("a", "", TABLE), Section("b", "", wide)]))
    lines = capsys.readouterr().out.splitlines()
    head, first, last = (next(line for line in lines if word in line) for word in ("setting", "before", "[ii]"))
    assert first.index("0.690") + len("0.690") == head.index("accuracy") + len("accuracy") == last.index("0.9") + 3
    assert re.split(r" {2,}", first.strip()) == ["[i]", "before", "0.690", "[0.641, 0.735]"]
    row = next(line for line in lines if "so long a name" in line)
    assert re.split(r" {2,}", row) == [*line]


def test_a_narrow_terminal_folds_between_words_and_never_inside_a_number():
    console = Console(file=io.StringIO(), force_terminal=True, width=40, color_system=None)
    report.to_terminal(small_report(), console=console)
    out = console.file.getvalue()
    assert "[0.641, 0.735]" in out
    assert "n/a: 1" in out
    for word in (*REASON.split(), "look-up", "accuracy"):
        assert re.search(rf"(?<!\S){re.escape(word)}(?!\S)", out)


def test_a_reason_is_folded_so_that_the_table_stays_narrow(capsys):
    report.to_terminal(small_report())
    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if "n/a: no source" in line)
    assert "n/a: no source of this " in lines[start]
    assert "setting was seen in " in lines[start + 1]


def test_sections_of_figures_alone_are_for_the_page(capsys, tmp_path):
    shown = small_report(
        sections=[Section("Scatter", "Dots above the line.", figures=[Picture("Dots", line_figure())])]
    )
    report.to_terminal(shown)
    assert "Scatter" not in capsys.readouterr().out
    assert "Scatter" in Page(written_page(tmp_path, shown)).all("h2")


SUMMARY = Summary(
    verdict="Training raised the accuracy: gain +0.100 [+0.020, +0.180].",
    scores=[
        Score("gain", "after training", 0.1, 0.02, 0.18, signed=True),
        Score("accuracy", "after training", 0.7, 0.6, 0.8),
        Score("accuracy", "best achievable", 0.9, 0.85, 0.95, own=False),
        Score("soft score", "after training", 0.65),
    ],
    run="Tested on 51 triplets.",
)


def test_a_summary_is_printed_in_ten_lines_of_80_columns_and_tables_where_asked_for(capsys):
    report.to_terminal(small_report(summary=SUMMARY))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 80
    assert [line.split() for line in lines if "training  " in line] == [
        ["after", "training", "0.700", "[0.600,", "0.800]", "0.650"]
    ]
    assert SUMMARY.verdict in lines
    assert "1 warning: Only 8 sources." in " ".join(lines)
    report.to_terminal(small_report(summary=SUMMARY), tables=True)
    out = capsys.readouterr().out
    assert SUMMARY.verdict in out
    assert "[0.641, 0.735]" in out
