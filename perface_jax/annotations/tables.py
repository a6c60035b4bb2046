"""CSV tables with one line per triplet: ids and splits. Every fault is a ValueError with file, line and remedy."""

import csv
import pathlib
from collections.abc import Collection, Iterable, Sequence

Line = tuple[int, list[str]]  # line number from 1, cells


def read_lines(path: pathlib.Path) -> list[Line]:
    """The non-empty lines of a CSV file: number from 1, and cells without surrounding spaces."""
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        try:
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
        except csv.Error as error:
            raise ValueError(f"{path}, line {reader.line_num}: not a CSV file ({error})") from error
    return [(number, row) for number, row in lines if any(row)]


def wrong(path: pathlib.Path, line: int, seen: str, wanted: str) -> ValueError:
    """What is wrong in a line of a file."""
    return ValueError(f"{path}, line {line}: saw {seen}, wanted {wanted}")


def read_rows(path: pathlib.Path, columns: Sequence[str], *, one: str) -> list[tuple[int, dict[str, str]]]:
    """The line and the cells of these columns of every row, without surrounding spaces; other columns are ignored.

    Args:
      one: what a row is about, for messages.

    Raises:
      ValueError: a missing or repeated column, a wrong number of cells, an empty cell, or no row.
    """
    lines = read_lines(path)
    if not lines:
        raise ValueError(f"{path}: the file is empty, wanted a header: {','.join(columns)}")
    (number, header), *body = lines
    if missing := [name for name in columns if header.count(name) != 1]:
        raise wrong(path, number, f"the header '{','.join(header)}'", f"{', '.join(missing)} in it, once each")
    if not body:
        raise wrong(path, number, "a header and no lines below it", f"a line for each {one}")
    rows = []
    for line, row in body:
        if len(row) != len(header):
            raise wrong(path, line, f"{len(row)} cells ({','.join(row)})", f"{len(header)}, as in {','.join(header)}")
        cells = {name: cell for name, cell in zip(header, row, strict=True) if name in columns}
        if empty := [name for name in columns if not cells[name]]:
            raise wrong(path, line, f"an empty cell in column {empty[0]}", f"a value, or no line for this {one}")
        rows.append((line, cells))
    return rows


def read_table(path: pathlib.Path, columns: Sequence[str], *, known: Collection[str]) -> dict[str, dict[str, str]]:
    """By triplet (the first of these columns), the cells of these columns; other columns are ignored.

    Raises:
      ValueError: as `read_rows`; a repeated triplet, or one that is not among the `known` ones.
    """
    rows, first_line = {}, {}
    for line, cells in read_rows(path, columns, one="triplet"):
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
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
