"""People's CSV files: a line of headings, then a line for each picture or triplet.

The file is UTF-8, with or without a byte order mark, and separated by commas. Spaces around a cell and empty lines do
not count. Headings may be upper or lower case and in any order; a column without a heading is ignored, such as the
index that pandas writes. Bytes that are not UTF-8 are kept as Python keeps those of file names (`surrogateescape`), so
names of pictures stay the same. Every fault is a ValueError with file, line and remedy.
"""

import csv
import io
import math
import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from etils import epath

from perface_jax import formatting
from perface_jax.annotations.spellings import refuse_unclear

Line = tuple[int, list[str]]  # line number from 1, cells
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}  # of other programs, not understood here


class Table(NamedTuple):
    """The line number of the headings, the headings, and the other lines, with a cell for each heading."""

    line: int
    header: list[str]
    rows: list[Line]

    def cells(self) -> list[tuple[int, dict[str, str]]]:
        """Of every row: its line number, and its cells by heading."""
        return [(line, dict(zip(self.header, row, strict=True))) for line, row in self.rows]


def read_lines(path: epath.PathLike) -> list[Line]:
    """The non-empty lines of a CSV file: number from 1, and cells without surrounding spaces.

    Raises:
      ValueError: not a CSV file, or cells that are separated by something else than commas.
    """
    data = epath.Path(path).read_bytes()
    if not _is_text(data):
        raise ValueError(f"{path}: not a text file in UTF-8; in a spreadsheet, save it as 'CSV UTF-8'")
    text = io.StringIO(data.decode("utf-8-sig", "surrogateescape"), newline="")
    reader = csv.reader(text, strict=True, skipinitialspace=True)  # a quote after a space is one, too
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: not a CSV file ({error})") from error
    lines = [(number, row) for number, row in lines if any(row)]
    if lines and len(lines[0][1]) == 1:
        _refuse_separator(path, lines[0])
    return lines


def _is_text(data: bytes) -> bool:
    try:
        data.partition(b"\n")[0].decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def _refuse_separator(path, first: Line) -> None:
    number, (cell,) = first
    if name := next((name for mark, name in SEPARATORS.items() if mark in cell), None):
        raise wrong(path, number, f"cells separated by {name}", "commas; save the file as CSV separated by commas")


def wrong(path: epath.PathLike, line: int, seen: str, wanted: str) -> ValueError:
    """What is wrong in a line of a file; long cells are shortened."""
    return ValueError(f"{path}, line {line}: saw {formatting.shown(seen, 100)}, wanted {formatting.shown(wanted, 160)}")


def real(cell: str) -> float:
    """A number in decimal digits. ValueError for all else, also for what Python alone reads, as 1_000 and nan."""
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", cell, re.ASCII | re.IGNORECASE) or math.isinf(
        float(cell)
    ):
        raise ValueError(f"'{cell}' is not a number")
    return float(cell)


def read(path: epath.PathLike, columns: Sequence[str], *, wanted: str = "") -> Table:
    """The whole file. Headings that differ from one of `columns` only by case get that spelling.

    Args:
      wanted: completes messages on the headings; default: the columns.

    Raises:
      ValueError: no headings, one of them twice, or a line with another number of cells.
    """
    wanted = wanted or ",".join(columns)
    lines = read_lines(path)
    if not lines:
        raise ValueError(f"{path}: the file is empty, wanted a header: {wanted}")
    (number, header), *body = lines
    for line, row in body:
        if len(row) != len(header):
            raise wrong(path, line, f"{len(row)} cells ({','.join(row)})", f"{len(header)}, as in {','.join(header)}")
    spelling = {name.casefold(): name for name in columns}
    named = [place for place, heading in enumerate(header) if heading]
    spelled = [spelling.get(header[place].casefold(), header[place]) for place in named]
    if twice := next((name for name in spelled if spelled.count(name) > 1), None):
        raise wrong(path, number, f"the header '{','.join(header)}'", f"{twice} in it once; {wanted}")
    return Table(number, spelled, [(line, [row[place] for place in named]) for line, row in body])


def require_rows(path: epath.PathLike, table: Table, one: str) -> None:
    """Raise a ValueError for a table without a row; `one` is what a row is about."""
    if not table.rows:
        raise wrong(path, table.line, "a header and no lines below it", f"a line for each {one}")


def read_rows(path: epath.PathLike, columns: Sequence[str], *, one: str) -> list[tuple[int, dict[str, str]]]:
    """The line and the cells of these columns of every row; other columns are ignored.

    Args:
      one: what a row is about, for messages.

    Raises:
      ValueError: as `read`; a missing column, an empty cell, or no row.
    """
    table = read(path, columns)
    if missing := [name for name in columns if name not in table.header]:
        raise wrong(
            path, table.line, f"the header '{','.join(table.header)}'", f"{', '.join(missing)} in it, once each"
        )
    require_rows(path, table, one)
    rows = [(line, {name: cells[name] for name in columns}) for line, cells in table.cells()]
    for line, cells in rows:
        if empty := [name for name in columns if not cells[name]]:
            raise wrong(path, line, f"an empty cell in column {empty[0]}", f"a value, or no line for this {one}")
    return rows


def read_table(
    path: epath.PathLike, columns: Sequence[str], *, known: Collection[str], names: Sequence[str] = ()
) -> dict[str, dict[str, str]]:
    """By triplet (the first of these columns), the cells of these columns; other columns are ignored.

    Raises:
      ValueError: as `read_rows`; a repeated triplet, or one that is not among the `known` ones; a cell in a column of
        `names` that `spellings` refuses.
    """
    rows, first_line = {}, {}
    read = read_rows(path, columns, one="triplet")
    for column in names:
        refuse_unclear(path, column, ((line, cells[column]) for line, cells in read))
    for line, cells in read:
        triplet = cells[columns[0]]
        if triplet in rows:
            raise wrong(path, line, f"{triplet}, which is also on line {first_line[triplet]}", "every triplet once")
        rows[triplet], first_line[triplet] = cells, line
    _refuse_unknown(path, first_line, known)
    return rows


def _refuse_unknown(path, first_line: dict[str, int], known: Collection[str]) -> None:
    names = set(known)
    if unknown := [triplet for triplet in first_line if triplet not in names]:
        raise ValueError(
            f"{path}, line {first_line[unknown[0]]}: {len(unknown)} of {len(first_line)} triplets are unknown: "
            f"{listed(unknown)}; wanted ids of the answers, such as {listed(known, 3)}"
        )


def listed(names: Iterable[str], most: int = 5) -> str:
    """The first of some names, for a message."""
    names = list(names)
    return ", ".join(formatting.shown(name, 40) for name in names[:most]) + (", ..." if len(names) > most else "")
