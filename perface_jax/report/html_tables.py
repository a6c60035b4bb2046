"""A table on a page: the columns that name a line stay in place, and lines without a value are one that says why."""

import collections
from collections.abc import Mapping
from typing import Any

from perface_jax.report.contents import Table, numeric
from perface_jax.report.shell import element, picture

KEYS = 2  # columns that name a line
NAMED = 4  # lines that the one for lines without a value names
THUMBNAIL = 40  # pixels of the page


def html_table(table: Table, thumbnails: Mapping[tuple[int, int], Any] | None = None) -> str:
    """The table, with pictures beside its cells by line and column."""
    right, keys = numeric(table), _keys(table)
    kinds = [_kinds(column, is_number, keys) for column, is_number in enumerate(right)]
    heads = (head.replace("-", "\N{NON-BREAKING HYPHEN}") for head in table.columns)  # of Re-ID
    head = "".join(element("th", text, *of) for text, of in zip(heads, kinds, strict=True))
    missing = _missing(table)
    lines = []
    for number, line in enumerate(table.lines):
        if number not in missing:
            shown = {column: one for (of, column), one in (thumbnails or {}).items() if of == number}
            cells = enumerate(zip(line, kinds, strict=True))
            lines.append("".join(_cell(text, of, column < keys, shown.get(column)) for column, (text, of) in cells))
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    drawn = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    return f'<div class="table" tabindex="0">{drawn}</div>{_why(table, missing)}'  # in the tab order: it may scroll


def _keys(table):
    """How many columns name a line: the leading ones of text, and at least one."""
    right = numeric(table)
    return min(KEYS, max(1, right.index(True) if True in right else 1))


def _kinds(column, is_number, keys):
    named = ["first", "second"][column : column + 1] if keys == KEYS else []
    return ["number"] * is_number + (["key", *named] + ["last"] * (column == keys - 1) if column < keys else [])


def _cell(text, kinds, is_key, pixels):
    cell = element("th" if is_key else "td", text, *kinds, *["none"] * text.startswith("n/a"))
    if is_key:
        cell = cell.replace("<th", '<th scope="row"', 1)
    if "number" in kinds:
        cell = cell.replace(" [", " <wbr>[")  # a line may break here only
    return cell if pixels is None else cell.replace(">", f">{picture(pixels, '', side=THUMBNAIL)}", 1)


def _missing(table):
    """The numbers of the lines without a value -> why."""
    if not table.value:
        return {}
    column = list(table.columns).index(table.value)
    cells = ((number, line[column]) for number, line in enumerate(table.lines))
    return {number: cell.removeprefix("n/a").strip(": ") for number, cell in cells if cell.startswith("n/a")}


def _why(table, missing):
    reasons = collections.defaultdict(list)
    for number, reason in missing.items():
        reasons[reason].append(" ".join(filter(None, table.lines[number][: _keys(table)])))
    said = []
    for reason, names in reasons.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        said.append(f"{reason or 'not known'} ({'; '.join(names[:NAMED])}{more})")
    return element("p", f"Lines without {table.value}: {'. '.join(said)}.", "help") if said else ""
