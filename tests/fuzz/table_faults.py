"""What becomes of a CSV in spreadsheets, editors and scripts."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Rows = list[list[str]]
ODD = (
    "a b c",
    *"nan NaN inf -inf 1e999 None #N/A #REF! ? - TRUE 1;2 0x10 1_000 ٣ １ 1,5 ½ \u200b".split(),
)


class Table(NamedTuple):
    """A valid table: its header and rows, and which columns must be there, filled, and different in every row."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    wanted: Sequence[str]  # columns without which the file is refused
    filled: Sequence[str]  # columns in which an empty cell is refused
    unique: Sequence[str] = ()  # columns that together may not be repeated
    strict: Sequence[str] = ()  # columns in which none of ODD can stand

    def text(self) -> str:
        """The file."""
        return written([list(self.header), *map(list, self.rows)])


def written(rows: Rows, comma: str = ",", end: str = "\n") -> str:
    """Rows as text."""
    return "".join(comma.join(row) + end for row in rows)


def _pick(random, names):
    return names[random.integers(len(names))]


def _no_header(random, table, rows):
    return written(rows[1:])


def _column_gone(random, table, rows):
    at = list(table.header).index(_pick(random, table.wanted))
    return written([[cell for place, cell in enumerate(row) if place != at] for row in rows])


def _column_renamed(random, table, rows):
    at = list(table.header).index(_pick(random, table.wanted))
    rows[0][at] = _pick(random, (f"{rows[0][at]}_x", f"my {rows[0][at]}", "x", ""))
    return written(rows)


def _column_twice(random, table, rows):
    at = list(table.header).index(_pick(random, table.wanted))
    return written([[*row, row[at]] for row in rows])


def _more_cells(random, table, rows):
    rows[random.integers(1, len(rows))].append(_pick(random, ("x", "1", "a")))
    return written(rows)


def _fewer_cells(random, table, rows):
    row = rows[random.integers(1, len(rows))]
    row[:] = row[: random.integers(1, len(row))] if len(row) > 1 else ["a", "b"]
    return written(rows)


def _header_alone(random, table, rows):
    return written(rows[:1])


def _empty_cell(random, table, rows):
    at = list(table.header).index(_pick(random, table.filled))
    rows[random.integers(1, len(rows))][at] = _pick(random, ("", " ", "  "))
    return written(rows)


def _odd_cell(random, table, rows):
    at = list(table.header).index(_pick(random, table.strict))
    rows[random.integers(1, len(rows))][at] = _pick(random, [cell for cell in ODD if "," not in cell])
    return written(rows)


def _long_cell(random, table, rows):
    at = list(table.header).index(_pick(random, table.strict))
    rows[random.integers(1, len(rows))][at] = _pick(random, ("x", "9", "é")) * int(
        _pick(random, (1000, 10**5, 2 * 10**5))
    )
    return written(rows)


def _row_twice(random, table, rows):
    rows.append(list(rows[random.integers(1, len(rows))]))
    return written(rows)


def _delimiter(random, table, rows):
    return written(rows, _pick(random, (";", "\t", "|", "  ", ";;")))


def _mixed(random, table, rows):
    at = random.integers(1, len(rows))
    return written(rows[:at]) + written(rows[at : at + 1], _pick(random, (";", "\t"))) + written(rows[at + 1 :])


def _quote(random, table, rows):
    row = rows[random.integers(1, len(rows) - 1)]
    row[0] = f'"{row[0]}'
    return written(rows)


def _spreadsheet(random, table, rows):
    return "sep=,\n" + written(rows)


def _comment(random, table, rows):
    return "# made by a script\n" + written(rows)


def _markdown(random, table, rows):
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


SURE: dict[str, Callable[[np.random.Generator, Table, Rows], str]] = {
    "no header": _no_header,
    "a column is gone": _column_gone,
    "a column has another name": _column_renamed,
    "a column twice": _column_twice,
    "a cell too many": _more_cells,
    "cells missing": _fewer_cells,
    "the header alone": _header_alone,
    "an empty cell": _empty_cell,
    "an odd cell": _odd_cell,
    "a very long cell": _long_cell,
    "a row twice": _row_twice,
    "another delimiter": _delimiter,
    "another delimiter in one row": _mixed,
    "a quote that does not end": _quote,
    "a line of a spreadsheet on top": _spreadsheet,
    "a comment on top": _comment,
    "a table in Markdown": _markdown,
}
ENCODINGS: dict[str, Callable[[str], bytes]] = {  # of the text
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "EBCDIC": lambda text: text.encode("cp500", "replace"),
    "a NUL in the header": lambda text: text.replace(",", "\0,", 1).encode(),
}
HARMLESS: dict[str, Callable[[str], bytes]] = {
    "a BOM": lambda text: text.encode("utf-8-sig"),
    "line ends of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "no line end at the end": lambda text: text.rstrip("\n").encode(),
    "empty lines at the end": lambda text: f"{text}\n\n".encode(),
    "quotes around all cells": lambda text: _quoted(text).encode(),
    "a BOM and line ends of Windows": lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
}


def _quoted(text):
    return "".join(",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in text.splitlines())


def damage(random: np.random.Generator, table: Table) -> tuple[str, bytes]:
    """A fault that makes the table unusable, and the bytes of the file."""
    if random.random() < 0.15:
        fault = _pick(random, [*ENCODINGS])
        return fault, ENCODINGS[fault](table.text())
    possible = [fault for fault in SURE if _applies(table, fault)]
    fault = _pick(random, possible)
    rows = [list(table.header), *map(list, table.rows)]
    text = SURE[fault](random, table, rows)
    if random.random() < 0.3:  # what is no fault does not hide one
        return fault, HARMLESS[_pick(random, ("a BOM", "line ends of Windows"))](text)
    return fault, text.encode("utf-8", "surrogatepass")


def _applies(table, fault):
    needs = {
        "an odd cell": table.strict,
        "a very long cell": table.strict,
        "an empty cell": table.filled,
        "a row twice": table.unique,
    }
    return bool(needs.get(fault, True))
