"""Sheets of anonymized faces: the results for an original, and the pictures that several methods make of it.

Similarities are those of a result and its original, NaN where unknown.

Raises:
  ValueError: no row, no method, pictures that are not [H, W, 3].
  TypeError: pictures that are not uint8.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from perface_jax.figures import style
from perface_jax.figures.arguments import some
from perface_jax.figures.sheets import draw_page, draw_picture

MOST = 8  # methods side by side
LINES = 5  # of the name of a method
START, PITCH = 1.4, 1.06  # where the results of a sheet begin, and from one to the next; widths of a picture
LABELS = "perceived", "recognizer"  # of the similarities below a picture


class Result(NamedTuple):
    """A picture of `results`.

    Attributes:
      name: of the candidate that was swapped in.
      perceived: perceived similarity to the original.
      matched: similarity to the original under the recognizer that matches most.
      admitted: no recognizer matches it, and its perceived similarity is in the band.
    """

    picture: UInt8[np.ndarray, "h w 3"]
    name: str
    perceived: float
    matched: float
    admitted: bool


class ResultsRow(NamedTuple):
    """One original in `results`, the group chosen for it, and its results, the best first.

    `chosen` is the place of the selected result, or -1 for none.
    """

    name: str
    original: UInt8[np.ndarray, "h w 3"]
    group: str
    results: Sequence[Result]
    chosen: int


class MethodsRow(NamedTuple):
    """One original in `methods`; `results` are by method (picture, perceived, matched), as in `Result`."""

    name: str
    original: UInt8[np.ndarray, "h w 3"]
    results: Mapping[str, tuple[UInt8[np.ndarray, "_ _ 3"], float, float]]


def results(rows: Sequence[ResultsRow]) -> Figure:
    """One row for each original: its picture and its results, with both similarities and the candidate of each.

    The selected result is framed; results that are not admitted are gray with a cross.

    Raises:
      ValueError: a chosen place that no result has.
    """
    most = max(len(row.results) for row in some("rows", rows))
    panel, line, (tops,) = _table(most, [len(rows)], lines=3, heads=[1])
    note = "results, the best first; framed: selected, \u2717: not admitted; recognizer: the highest similarity of all"
    panel.text(START, 0, note, va="top", fontsize=style.TEXT, color=style.GRAY)
    for top, row in zip(tops, rows, strict=True):
        if not -1 <= row.chosen < len(row.results):
            places = f"a place among its {len(row.results)} results, or -1 for none"
            raise ValueError(f"chosen for {row.name!r} is {row.chosen}, wanted {places}")
        right = {"ha": "right", "va": "top", "fontsize": style.TEXT, "color": style.VERMILION}
        panel.text(panel.get_xlim()[1] - 0.05, top, _why_none(row), **right)
        heading = f"{style.shortened(row.name, 32)}: {style.shortened(row.group, 24)}"
        below = _original(panel, heading, row.original, f"the original {row.name!r}", top, line)
        if len(row.results):
            _lines(panel, 0, below, line, (*LABELS, "from"), style.GRAY)
        for place, result in enumerate(row.results, 1):
            _result(panel, result, place, below, line, letters=_letters(most), chosen=place - 1 == row.chosen)
    return cast(Figure, panel.figure)


def methods(rows: Sequence[MethodsRow]) -> Figure:
    """One row for each original: its picture and one for each method, with both similarities; n/a where there is none.

    More than eight methods are divided into blocks of equal width, one below another, each with all originals.
    """
    names = list(dict.fromkeys(name for row in some("rows", rows) for name in row.results))
    most = -(-len(some("the methods of all rows", names)) // -(-len(names) // MOST))
    blocks, letters = [names[start : start + most] for start in range(0, len(names), most)], _letters(most)
    heads = {name: textwrap.fill(style.shortened(name, LINES * letters), letters) for name in names}
    above = [1 + max(heads[name].count("\n") for name in block) for block in blocks]
    panel, line, tops = _table(most, [len(rows)] * len(blocks), lines=2, heads=above)
    for block, starts in zip(blocks, tops, strict=True):
        for place, head in enumerate(["original", *(heads[name] for name in block)]):
            panel.text(_left(place) + 0.5, starts[0] - 0.5 * line, head, ha="center", va="bottom", fontsize=style.TEXT)
        for top, row in zip(starts, rows, strict=True):
            _of_methods(panel, row, block, top, line)
    return cast(Figure, panel.figure)


def _of_methods(panel, row, names, top, line):
    below = _original(panel, style.shortened(row.name, 60), row.original, f"the original {row.name!r}", top, line)
    _lines(panel, 0, below, line, LABELS, style.GRAY)
    for place, name in enumerate(names, 1):
        if name not in row.results:
            panel.text(_left(place) + 0.5, below + 0.5, "n/a", ha="center", fontsize=style.TEXT, color=style.GRAY)
            continue
        picture, *similarities = row.results[name]
        draw_picture(panel, picture, _left(place), below, f"the picture of {row.name!r} by {name!r}")
        _lines(panel, place, below, line, map(style.three_decimals, similarities), style.BLACK)


def _columns(most):
    return max(style.WIDTH, START + PITCH * most)


def _letters(most):
    """How many letters of a name fit under a picture."""
    return int(108 / _columns(most))


def _left(place):
    """Where the picture of a place begins; the original has place 0."""
    return START + PITCH * (place - 1) if place else 0


def _table(most, counts, *, lines, heads):
    """A sheet of blocks with so many rows and lines above them: the height of a line, and where each row begins."""
    line = _columns(most) / style.WIDTH * 0.15  # 0.15 inches, in widths of a picture
    row, tops, end = 1 + (2.2 + lines) * line, [], 0.0
    for count, above in zip(counts, heads, strict=True):
        tops.append(end + (0.4 + above) * line + np.arange(count) * row)
        end = tops[-1][-1] + row
    return draw_page(_columns(most), end), line, tops


def _original(panel, heading, picture, what, top, line):
    """The heading and the original of a row; where its pictures begin."""
    panel.text(0, top, heading, va="top", fontsize=style.TITLE, fontweight="bold")
    draw_picture(panel, picture, 0, top + 1.3 * line, what)
    return top + 1.3 * line


def _lines(panel, place, below, line, texts, color):
    """Lines under the picture of a place; those of the original are at its right and say what the others mean."""
    x, side = (_left(place) + 0.5, "center") if place else (START - 0.1, "right")
    for number, text in enumerate(texts):
        y = below + 1.03 + (0.7 + number) * line  # letters of every column stand on the same height
        panel.text(x, y, text, ha=side, va="baseline", fontsize=style.TEXT, color=color)


def _result(panel, result, place, below, line, *, letters, chosen):
    picture, name, *similarities, admitted = result
    draw_picture(panel, picture, _left(place), below, f"the result from {name!r}", frame=style.BLUE if chosen else None)
    name = style.shortened(name, letters) if admitted else f"\u2717 {style.shortened(name, letters - 2)}"
    texts = (*map(style.three_decimals, similarities), name)
    _lines(panel, place, below, line, texts, style.BLACK if admitted else style.GRAY)


def _why_none(row):
    """Why no result is selected; empty where one is."""
    if row.chosen >= 0:
        return ""
    if not len(row.results):
        return "none selected: the group has no candidate"
    return "none selected" if any(result.admitted for result in row.results) else "none selected: no result is admitted"
