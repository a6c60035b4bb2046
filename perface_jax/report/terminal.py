"""A report on the screen. The only module that prints tables."""

import functools
from typing import Any

import rich.table
from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from perface_jax.formatting import estimate
from perface_jax.report.contents import Report, columns, is_number, numeric
from perface_jax.report.plain import grouped

PROSE = 80  # columns of a line of text
MEASURES = 2  # of a summary, beside each other
LONGEST_REASON = 24  # columns; a longer reason for n/a is wrapped


def to_terminal(report: Report, tables: bool = False, *, console: Console | None = None) -> None:
    """Print a report on a console of rich; default: standard output.

    The tables and facts of a report that has a summary are printed only with `tables`. A terminal wraps between words.
    Elsewhere (a file, a pipe) tables have their full width, and there are no colors.
    """
    if console is None:
        console = Console()
        if not console.is_terminal:
            console.width = PROSE
    say = functools.partial(console.print, width=min(console.width, PROSE))
    say(Text(report.title, style="bold"))
    if report.summary:
        _print_summary(say, report.summary)
        if not tables:
            return _count_warnings(say, report.warnings)
    if report.warnings:
        say(Panel(_grid(("-", text) for text in report.warnings), title="Warnings", border_style="yellow"))
    for section in report.sections:
        if section.figures and not section.table:
            continue
        say("", Rule(Text(section.title, style="bold"), align="left"))
        if section.table:
            _print_table(console, section.table)
        say(Text(section.help))
    for group, facts in grouped(report.facts).items():
        say("", Rule(Text(group, style="bold"), align="left"))
        say(_grid((name, "\n".join(values)) for name, values in facts))


def _print_summary(say, summary):
    """Names as rows, measures as columns; a difference is in the verdict."""
    for text in filter(None, (summary.verdict, summary.details, summary.run)):
        say(Text(text))
    scores = [score for score in summary.scores if not score.signed]
    measures = list(dict.fromkeys(score.measure for score in scores))[:MEASURES]
    grid = rich.table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", *measures):
        grid.add_column(Text(heading), no_wrap=True, overflow="ellipsis")
    cells = {(score.name, score.measure): estimate(score[2:5], missing="n/a") for score in scores}
    for name in dict.fromkeys(score.name for score in scores if score.measure in measures):
        grid.add_row(Text(name), *(Text(cells.get((name, measure), "")) for measure in measures))
    if measures:
        say(grid)


def _count_warnings(say, warnings):
    if warnings:
        first = Text(warnings[0], overflow="ellipsis", no_wrap=True)
        say(Text(f"{len(warnings)} warnings, the first:" if len(warnings) > 1 else "1 warning:", style="yellow"), first)


def _print_table(console, table):
    drawn = rich.table.Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for cells, right in zip(columns(table), numeric(table), strict=True):
        whole = [word for cell in cells for word in ([cell] if is_number(cell) else cell.split())]
        longest = max([LONGEST_REASON if right else 1, *(len(cell) for cell in cells if not cell.startswith("n/a"))])
        limits: dict[str, Any] = {"min_width": max(map(len, whole), default=0), "max_width": longest}
        drawn.add_column(Text(cells[0]), justify="right" if right else "left", **limits)
    for line in table.lines:
        drawn.add_row(*map(Text, line))  # as Text: in strings rich reads [i] as italics
    if not console.is_terminal:
        drawn.width = console.measure(drawn, options=console.options.update(width=100_000)).maximum
    console.print(drawn, crop=False)


def _grid(pairs):
    """Two columns, the second one wrapped between words."""
    grid = rich.table.Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in pairs:
        grid.add_row(Text(name), Text(text))
    return grid
