"""What was found -> screen, JSON, one HTML page. The only module that prints tables.

A `Report` is data: cells are text that the caller has worded, figures are drawn by the caller (`figures`), rows are the
numbers behind a table. Nothing here knows what they mean. A cell is shown as it is given: a number that does not exist
is worded by the caller (`n/a: 1 source`). A column whose cells are numbers, intervals or n/a is right-aligned.
"""

import base64
import collections
import dataclasses
import enum
import functools
import html
import io
import itertools
import json
import math
import os
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import rich.table
from etils import epath
from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

PROSE = 110  # columns of the screen that sentences fill
LONGEST_REASON = 24  # columns of the screen; a longer reason for n/a is folded
PIXELS_PER_INCH = 120  # of CSS; more than paper has, because one sits further away
SHARPNESS = 2  # pixels of a PNG for one of CSS
LARGEST_SVG = 200_000  # bytes; above, a picture of dots is quicker to load and to scroll

_NUMBER = re.compile(r"(?=.*\d)[\s\d.,:;%()\[\]/+\-\u2013\u2212\u00b1<>=~]+(e[+-]?\d+)?")
_NONE = re.compile(r"\s*|-+|\u2013|\u2014|n/a\b.*", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells of text.

    Attributes:
      columns: the heads.
      lines: one cell for each column.

    Raises:
      ValueError: a line of another length.
      TypeError: a cell that is not text.
    """

    columns: Sequence[str]
    lines: Sequence[Sequence[str]]

    def __post_init__(self):
        for number, line in enumerate(self.lines, 1):
            if len(line) != len(self.columns):
                raise ValueError(f"line {number} has {len(line)} cells, {line}; wanted one for each of {self.columns}")
        for cell in itertools.chain(self.columns, *self.lines):
            if not isinstance(cell, str):
                raise TypeError(f"a table shows text as it is, got the cell {cell!r} of type {type(cell).__name__}")


class Picture(NamedTuple):
    """A figure and what it shows.

    Attributes:
      caption: also what a reader who cannot see it is told.
      figure: of matplotlib; anything with its `savefig` and `get_size_inches`.
    """

    caption: str
    figure: Any


class Section(NamedTuple):
    """One part of a report.

    Attributes:
      title: a few words.
      help: a sentence or two on how to read what stands above it.
      table: for people.
      rows: the NamedTuples behind the table, for programs.
      figures: on the page only.
    """

    title: str
    help: str
    table: Table | None = None
    rows: Sequence[Any] = ()
    figures: Sequence[Picture] = ()


class Report(NamedTuple):
    """All that is said.

    Attributes:
      title: a few words.
      warnings: plain sentences, shown first.
      facts: what was run, on what, with what: values by name, or by group and name.
      sections: in the order to read them.
    """

    title: str
    warnings: Sequence[str]
    facts: Mapping[str, Any]
    sections: Sequence[Section]


def to_terminal(report: Report, *, console: Console | None = None) -> None:
    """Print a report.

    A terminal folds what is too wide for it between words. Anywhere else (a file, a pipe) tables have their full width
    and there are no colours.

    Args:
      report: what to print.
      console: of rich; default: standard output.
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
    for group, facts in _grouped(report.facts).items():
        say("", Rule(Text(group, style="bold"), align="left"))
        say(_grid((name, "\n".join(values)) for name, values in facts))


def to_json(report: Report) -> str:
    """A report as strict JSON.

    Named tuples and dataclasses are objects, arrays are lists, an enum is its value, a path its text; what is no finite
    number is null. Of a figure there is the caption: its data are the rows.

    Raises:
      TypeError: a value that JSON has no form for.
    """
    sections = [
        section._asdict() | {"figures": [picture.caption for picture in section.figures]} for section in report.sections
    ]
    plain = _plain(report._asdict() | {"sections": sections})
    return json.dumps(plain, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(file: epath.PathLike, report: Report) -> None:
    """Write `to_json` to a file; it is whole or not there."""
    _write(file, to_json(report))


def write_html(file: epath.PathLike, report: Report) -> None:
    """Write a report as one page that needs no other file, no network and no script; it is whole or not there."""
    chapters = [(section.title, _html_section(section)) for section in report.sections]
    if report.facts:
        chapters.append(("How it was made", _html_facts(report.facts)))
    links, sections = [], []
    for (title, content), name in zip(chapters, _slugs(title for title, _ in chapters), strict=True):
        links.append(f'<li><a href="#{name}">{html.escape(title)}</a></li>')
        sections.append(f'<section id="{name}">\n{_html("h2", title)}\n{content}\n</section>')
    contents = f"<nav><ol>{''.join(links)}</ol></nav>" if links else ""
    body = "\n".join([_html("h1", report.title), _html_warnings(report.warnings), contents, *sections])
    _write(file, _PAGE.substitute(title=html.escape(report.title), body=body))


def save_figures(folder: epath.PathLike, report: Report) -> list[epath.Path]:
    """Write every figure as .pdf and .png, named after its caption; returns the files."""
    import matplotlib  # takes a second, and most reports need no files

    folder = epath.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [picture for section in report.sections for picture in section.figures]
    files = []
    for picture, name in zip(pictures, _slugs(picture.caption for picture in pictures), strict=True):
        for form in ("pdf", "png"):
            with matplotlib.rc_context({"pdf.fonttype": 42}):  # publishers refuse the default, Type 3
                files.append(folder / f"{name}.{form}")
                files[-1].write_bytes(_drawn(picture.figure, form, dpi=300))
    return files


def _print_table(console, table):
    drawn = rich.table.Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for cells, right in zip(_columns(table), _numeric(table), strict=True):
        whole = [word for cell in cells for word in ([cell] if _NUMBER.fullmatch(cell) else cell.split())]
        longest = max([LONGEST_REASON if right else 1, *(len(cell) for cell in cells if not cell.startswith("n/a"))])
        limits = {"min_width": max(map(len, whole), default=0), "max_width": longest}
        drawn.add_column(Text(cells[0]), justify="right" if right else "left", **limits)
    for line in table.lines:
        drawn.add_row(*map(Text, line))  # as text: in strings rich takes [i] for italics
    if not console.is_terminal:
        drawn.width = console.measure(drawn, options=console.options.update(width=100_000)).maximum
    console.print(drawn, crop=False)


def _grid(pairs):
    """Two columns, the second one folded between words."""
    grid = rich.table.Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in pairs:
        grid.add_row(Text(name), Text(text))
    return grid


def _columns(table: Table) -> list[tuple[str, ...]]:
    """The head and the cells of each column."""
    return list(zip(table.columns, *table.lines, strict=True))


def _numeric(table: Table) -> list[bool]:
    """Whether a column holds numbers: some, and nothing else but what stands for a number that does not exist."""
    given = [[cell for cell in cells if not _NONE.fullmatch(cell)] for _, *cells in _columns(table)]
    return [bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells) for cells in given]


def _grouped(facts: Mapping[str, Any]) -> dict[str, list[tuple[str, list[str]]]]:
    """Group -> (name, lines of text); facts without a group say what was run."""
    groups = collections.defaultdict(list)
    for name, value in _plain(facts).items():
        group, values = (name, value) if isinstance(value, dict) else ("What was run", {name: value})
        groups[group] += _flat(values)
    return dict(groups)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            sentences = isinstance(value, list) and all(isinstance(one, str) for one in value)
            yield prefix + name, [*map(_words, value if sentences else [value])] or ["none"]


def _words(value: Any) -> str:
    if value is None:
        return "n/a"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """The value in the types that JSON has."""
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {_key(name): _plain(one) for name, one in value.items()}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "__array__"):
        value = np.asarray(value).tolist()
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    raise TypeError(f"a report cannot hold {value!r} of type {type(value).__name__}: make it numbers, text or tuples")


def _key(name: Any) -> str:
    return ", ".join(map(_key, name)) if isinstance(name, tuple) else str(_plain(name))


def _write(file, text):
    file = epath.Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.parent / f".{file.name}"  # renamed when whole, so that no crash leaves half a file
    unfinished.write_bytes(text.encode(errors="backslashreplace"))  # names of files need not be UTF-8
    unfinished.replace(file)


def _slugs(names):
    """Names for files and addresses, each one once: `Fig. 4: before` -> `fig-4-before`."""
    slugs = []
    for name in names:
        slug = re.sub(r"\W+", "-", name.lower()).strip("-") or "part"
        if len(slug) > 60:
            slug = slug[:60].rpartition("-")[0] or slug[:60]
        same = itertools.chain([slug], (f"{slug}-{number}" for number in itertools.count(2)))
        slugs.append(next(one for one in same if one not in slugs))
    return slugs


def _drawn(figure, form, *, dpi):
    data = io.BytesIO()
    figure.savefig(data, format=form, dpi=dpi)
    return data.getvalue()


def _html(tag: str, text: str, *kinds: str) -> str:
    """One element of text."""
    attribute = ' class="' + " ".join(kinds) + '"' if kinds else ""
    return f"<{tag}{attribute}>{html.escape(text)}</{tag}>"


def _html_warnings(warnings):
    items = "".join(_html("li", text) for text in warnings)
    return f'<aside class="warnings" role="note"><h2>Warnings</h2><ul>{items}</ul></aside>' if items else ""


def _html_section(section):
    parts = [_html_table(section.table)] if section.table else []
    parts += [_html("p", section.help, "help")] if section.help else []
    return "\n".join([*parts, *map(_html_figure, section.figures)])


def _html_table(table):
    right = _numeric(table)
    head, *lines = (
        "".join(_html_cell(tag, *pair) for pair in zip(line, right, strict=True))
        for tag, line in [("th", table.columns), *(("td", line) for line in table.lines)]
    )
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    # Reached by keyboard, because it may have to be scrolled.
    return f"""<div class="table" tabindex="0"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>"""


def _html_cell(tag, text, right):
    return _html(tag, text, *["number"] * right, *["none"] * text.startswith("n/a"))


def _html_figure(picture):
    width, height = (round(inches * PIXELS_PER_INCH) for inches in picture.figure.get_size_inches())
    dpi = SHARPNESS * PIXELS_PER_INCH
    data, kind = _drawn(picture.figure, "svg", dpi=dpi), "svg+xml"
    if len(data) > LARGEST_SVG:
        data, kind = _drawn(picture.figure, "png", dpi=dpi), "png"
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    image = f'<img src="{source}" alt="{html.escape(picture.caption)}" width="{width}" height="{height}">'
    return f"<figure>{image}{_html('figcaption', picture.caption)}</figure>"


def _html_facts(facts):
    parts = []
    for group, pairs in _grouped(facts).items():
        parts.append(_html("h3", group) + "<dl>")
        parts += [_html("dt", name) + "".join(_html("dd", value) for value in values) for name, values in pairs]
        parts.append("</dl>")
    return "\n".join(parts)


# The policy forbids scripts and the network, whatever stands on the page.
_PAGE = string.Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light; --line: #dcdfe4; --soft: #5b6470; --link: #005a8f; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1b1f24; font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 3rem 2rem 5rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1.5rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 0 0 1rem; }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
section { margin-top: 3rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
a { color: var(--link); text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
.warnings { border: 1px solid #e5b48f; border-left: 5px solid #d55e00; border-radius: 4px; background: #fff7f0;
  padding: 1rem 1.5rem; margin: 0 0 2rem; }
.warnings h2 { font-size: 1rem; margin: 0 0 .4rem; }
.warnings ul, nav ol { margin: 0; padding-left: 1.3rem; }
nav ol { columns: 2 20rem; column-gap: 3rem; }
/* A shadow at the side on which the table goes on. */
.table { overflow-x: auto; background: linear-gradient(90deg, #fff 50%, #fff0) left / 5rem 100% local no-repeat,
  linear-gradient(270deg, #fff 50%, #fff0) right / 5rem 100% local no-repeat,
  linear-gradient(90deg, #0002, #0000) left / .8rem 100% scroll no-repeat,
  linear-gradient(270deg, #0002, #0000) right / .8rem 100% scroll no-repeat; }
table { border-collapse: collapse; width: max-content; font-size: .875rem; line-height: 1.4; }
th, td { padding: .4rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { border-bottom: 2px solid #1b1f24; vertical-align: bottom; font-weight: 600; }
th:first-child, td:first-child { padding-left: 0; }
td { max-width: 24rem; overflow-wrap: break-word; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.none { color: var(--soft); max-width: 12rem; white-space: normal; }
.help { color: var(--soft); max-width: 46rem; margin: .9rem 0 0; }
figure { margin: 2rem 0 0; }
img { display: block; max-width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .9rem; max-width: 46rem; margin-top: .5rem; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1.5rem; margin: 0;
  font-size: .9rem; }
dt { color: var(--soft); grid-column: 1; }
dd { margin: 0; grid-column: 2; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
@media (max-width: 600px) {
  main { padding: 1.5rem 1rem; }
  dl { display: block; }
  dd { margin: 0 0 .5rem; }
}
@media print {
  @page { margin: 18mm; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  .table { overflow: visible; background: none; }
  table { width: auto; font-size: 8pt; }
  section { margin-top: 1.5rem; }
  h2, h3, thead, .help { break-after: avoid; }
  tr, .table, figure, .warnings { break-inside: avoid; }
}
</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")
