"""A report on the screen. The only module that prints tables."""

import functools
from typing import Any

import rich.table
from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from perface_jax.report.contents import Report, columns, is_number, numeric
from perface_jax.report.plain import grouped

PROSE = 110  # columns of a line of text
LONGEST_REASON = 24  # columns; a longer reason for n/a is wrapped


def to_terminal(report: Report, *, console: Console | None = None) -> None:
    """Print a report on a console of rich; default: standard output.

    A terminal wraps between words. Elsewhere (a file, a pipe) tables have their full width, and there are no colors.
    """
    if console is None:
        console = Console()
        if not console.is_terminal:
            console.width = PROSE
    say = functools.partial(console.print, width=min(console.width, PROSE))
    say(Text(report.title, style="bold"))
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
