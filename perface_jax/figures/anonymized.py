"""Anonymized faces on two axes, perceived and matched by recognizers: as points, as curves and as sheets.

Similarities are cosines of a result and its original; a recognizer matches where its similarity exceeds its threshold.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from matplotlib.figure import Figure

from perface_jax.figures.arguments import some, vectors
from perface_jax.figures.points import MANY
from perface_jax.figures.sheets import draw_page, draw_picture
from perface_jax.figures.style import (
    BLACK,
    BLUE,
    COLORS,
    DASHES,
    GRAY,
    MARKERS,
    TEXT,
    TITLE,
    VERMILION,
    WIDTH,
    add_legend,
    label_outside,
    shortened,
    square_panels,
    three_decimals,
    tidy,
    wrapped,
    written,
)

MOST = 8  # methods side by side
LINES = 5  # of the name of a method
START, PITCH = 1.4, 1.06  # where the results of a sheet begin, and from one to the next; widths of a picture
LABELS = "perceived", "recognizer"  # of the similarities below a picture

Interval = tuple[float, float, float]  # a value, and the ends of its interval: NaN where there is none


class Result(NamedTuple):
    """A picture of `results`.

    Attributes:
      picture: uint8 [H, W, 3].
      name: of the candidate that was swapped in.
      perceived: perceived similarity to the original.
      matched: similarity to the original under the recognizer that finds the most.
      admitted: no recognizer matches it, and its perceived similarity is in the band.
    """

    picture: np.ndarray
    name: str
    perceived: float
    matched: float
    admitted: bool


class ResultsRow(NamedTuple):
    """One row of `results`.

    Attributes:
      name: of the original.
      original: uint8 [H, W, 3].
      group: the one chosen for the original.
      results: the best first.
      chosen: the place of the selected result, or -1 for none.
    """

    name: str
    original: np.ndarray
    group: str
    results: Sequence[Result]
    chosen: int


class MethodsRow(NamedTuple):
    """One row of `methods`.

    Attributes:
      name: of the original.
      original: uint8 [H, W, 3].
      results: method -> (picture uint8 [H, W, 3], perceived, matched), the similarities as in `Result`; NaN = unknown.
    """

    name: str
    original: np.ndarray
    results: Mapping[str, tuple[np.ndarray, float, float]]


def two_axes(
    similarities: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]],
    *,
    thresholds: Mapping[str, Interval] | None = None,
) -> Figure:
    """Scatter of matched (X) against perceived similarity (Y): a small point for each result, a large one for the mean.

    One panel for each recognizer, all with the same axes. Results with a NaN are left out.

    Args:
      similarities: recognizer -> method -> (matched, perceived), float [N] each; not every recognizer has all methods.
      thresholds: recognizer -> (value, low, high) of its match threshold; a recognizer may have none.

    Raises:
      ValueError: no recognizer or no method, arrays of different lengths, thresholds of unknown recognizers or not of
        three numbers.
    """
    values = {name: _finite(name, methods) for name, methods in some("similarities", similarities).items()}
    thresholds = _intervals(thresholds, values)
    names = list(dict.fromkeys(name for methods in values.values() for name in methods))
    titles = [wrapped(recognizer, 28) for recognizer in values]
    lines = 3 + max(title.count("\n") for title in titles)
    figure, panels = square_panels(len(values), lines=lines, sharex=True, sharey=True)
    for panel, title, (recognizer, methods) in zip(panels, titles, values.items(), strict=True):
        for name, both in methods.items():
            _cloud(panel, name, names.index(name), both)
        _words(panel, thresholds.get(recognizer))
        if recognizer in thresholds:
            title += f"\nmatched above {three_decimals(thresholds[recognizer][0])}"
        panel.set_title(title, fontsize=TITLE, pad=15)  # above the words
    label_outside(panels, "recognizer similarity (cos)", "perceived similarity (cos)")
    add_legend(figure, panels)
    return figure


def degrees(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]],
    *,
    thresholds: Mapping[str, Interval] | None = None,
) -> Figure:
    """Similarity to the original by the degree of anonymization: a mean with its band, perceived and by recognizer.

    Args:
      curves: name -> (degree, mean, low, high), [D] each: degrees from 0 to 1, the mean similarity at each, and the
        ends of its 95 % interval. Degrees without a mean are left out.
      thresholds: name of a curve -> (value, low, high) of its match threshold.

    Raises:
      ValueError: no curve, arrays of different lengths, thresholds of unknown curves or not of three numbers.
    """
    values = {name: vectors(f"curves[{name!r}]", *four) for name, four in some("curves", curves).items()}
    thresholds = _intervals(thresholds, values)
    figure = Figure(figsize=(5.0, 3.4), layout="constrained")
    panel = tidy(figure.add_subplot())
    for number, (name, four) in enumerate(values.items()):
        degree, mean, low, high = four[:, np.isfinite(four[:2]).all(axis=0)]
        often = max(1, len(degree) // 10)
        look: dict[str, Any] = look_of(number) | {"linestyle": DASHES[number % len(DASHES)], "markevery": often}
        panel.plot(degree, mean, linewidth=1.5, markersize=5, label=written(name), **look)
        panel.fill_between(degree, low, high, color=look["color"], alpha=0.15, linewidth=0)
    for name, (value, low, high) in thresholds.items():
        look = look_of(list(values).index(name))
        panel.axhspan(low, high, color=look["color"], alpha=0.1, linewidth=0, zorder=0)
        ends = {"markerfacecolor": "white", "markersize": 5, "clip_on": False}
        panel.axhline(value, linestyle=":", linewidth=1, label=f"match threshold, {written(name)}", **look, **ends)
    panel.set_xlim(-0.02, 1.02)
    panel.set_xlabel("degree of anonymization (0: no change, 1: full)", fontsize=TITLE)
    panel.set_ylabel("similarity to the original (cos)", fontsize=TITLE)
    add_legend(figure, [panel], title="bands: 95 % intervals")
    return figure


def results(rows: Sequence[ResultsRow]) -> Figure:
    """One row for each original: its picture and its results, with both similarities and the candidate of each.

    The selected result is framed; those that are not admitted are gray and carry a cross.

    Raises:
      ValueError: no row, pictures that are not [H, W, 3], a chosen place that no result has.
      TypeError: pictures that are not uint8.
    """
    most = max(len(row.results) for row in some("rows", rows))
    panel, line, (tops,) = _table(most, [len(rows)], lines=3, heads=[1])
    note = "results, the best first; framed: selected, \u2717: not admitted; recognizer: the highest similarity of all"
    panel.text(START, 0, note, va="top", fontsize=TEXT, color=GRAY)
    for top, row in zip(tops, rows, strict=True):
        if not -1 <= row.chosen < len(row.results):
            places = f"a place among its {len(row.results)} results, or -1 for none"
            raise ValueError(f"chosen for {row.name!r} is {row.chosen}, wanted {places}")
        right = {"ha": "right", "va": "top", "fontsize": TEXT, "color": VERMILION}
        panel.text(panel.get_xlim()[1] - 0.05, top, _why_none(row), **right)
        heading = f"{shortened(row.name, 32)}: {shortened(row.group, 24)}"
        below = _original(panel, heading, row.original, f"the original {row.name!r}", top, line)
        if len(row.results):
            _lines(panel, 0, below, line, (*LABELS, "from"), GRAY)
        for place, result in enumerate(row.results, 1):
            _result(panel, result, place, below, line, letters=_letters(most), chosen=place - 1 == row.chosen)
    return cast(Figure, panel.figure)


def methods(rows: Sequence[MethodsRow]) -> Figure:
    """One row for each original: its picture and one for each method, with both similarities; n/a where there is none.

    More than eight methods are split into blocks of equal width, one below the other, each with all originals.

    Raises:
      ValueError: no row, no method, pictures that are not [H, W, 3].
      TypeError: pictures that are not uint8.
    """
    names = list(dict.fromkeys(name for row in some("rows", rows) for name in row.results))
    most = -(-len(some("the methods of all rows", names)) // -(-len(names) // MOST))
    blocks, letters = [names[start : start + most] for start in range(0, len(names), most)], _letters(most)
    heads = {name: textwrap.fill(shortened(name, LINES * letters), letters) for name in names}
    above = [1 + max(heads[name].count("\n") for name in block) for block in blocks]
    panel, line, tops = _table(most, [len(rows)] * len(blocks), lines=2, heads=above)
    for block, starts in zip(blocks, tops, strict=True):
        for place, head in enumerate(["original", *(heads[name] for name in block)]):
            panel.text(_left(place) + 0.5, starts[0] - 0.5 * line, head, ha="center", va="bottom", fontsize=TEXT)
        for top, row in zip(starts, rows, strict=True):
            _of_methods(panel, row, block, top, line)
    return cast(Figure, panel.figure)


def _of_methods(panel, row, names, top, line):
    below = _original(panel, shortened(row.name, 60), row.original, f"the original {row.name!r}", top, line)
    _lines(panel, 0, below, line, LABELS, GRAY)
    for place, name in enumerate(names, 1):
        if name not in row.results:
            panel.text(_left(place) + 0.5, below + 0.5, "n/a", ha="center", fontsize=TEXT, color=GRAY)
            continue
        picture, perceived, matched = row.results[name]
        draw_picture(panel, picture, _left(place), below, f"the picture of {row.name!r} by {name!r}")
        _lines(panel, place, below, line, (three_decimals(perceived), three_decimals(matched)), BLACK)


def _finite(recognizer, methods):
    """method -> (matched, perceived), float64 [2, N]: those that are numbers."""
    methods = some(f"similarities[{recognizer!r}]", methods)
    both = {name: vectors(f"similarities[{recognizer!r}][{name!r}]", *pair) for name, pair in methods.items()}
    return {name: pair[:, np.isfinite(pair).all(axis=0)] for name, pair in both.items()}


def _intervals(thresholds, names):
    """The same thresholds, once they are three numbers for names that are known; none that is NaN."""
    thresholds = thresholds or {}
    if unknown := set(thresholds) - set(names):
        raise ValueError(f"thresholds has {sorted(unknown)}, which are not among {list(names)}")
    for name, threshold in thresholds.items():
        if np.shape(threshold) != (3,):
            raise ValueError(f"thresholds[{name!r}] must be (value, low, high), got {threshold!r}")
    return {name: threshold for name, threshold in thresholds.items() if np.isfinite(threshold[0])}


def look_of(number):
    """Colors come round after seven; then they have other markers."""
    turn = number // len(COLORS)
    return {"color": COLORS[number % len(COLORS)], "marker": MARKERS[(number + turn) % len(MARKERS)]}


def _cloud(panel, name, number, both):
    many, look = both.shape[1] > MANY, look_of(number)
    size, alpha = (3, 0.2) if many else (9, 0.35)
    panel.scatter(*both, s=size, alpha=alpha, linewidth=0, rasterized=many, **look)
    mean = both.mean(axis=1) if both.size else (np.nan, np.nan)
    large = {"markersize": 9, "markeredgecolor": BLACK, "markeredgewidth": 0.8, "zorder": 5}
    panel.plot(*mean, linestyle="none", label=written(name), **large, **look)


def _words(panel, threshold):
    """The match threshold of a panel as a line, and which way is which beside the panel, where no point lies."""
    beside = {"transform": panel.transAxes, "fontsize": TEXT, "color": GRAY}
    panel.text(1.02, 0, "\u2190 looks different", rotation=90, va="bottom", **beside)
    panel.text(1.02, 1, "looks alike \u2192", rotation=90, va="top", **beside)
    if threshold is not None:
        value, *ends = threshold
        panel.axvline(value, color=BLACK, linewidth=1, linestyle="--", zorder=1.5, label="match threshold")
        if np.isfinite(ends).all():
            panel.axvspan(*ends, color=GRAY, alpha=0.2, linewidth=0, zorder=0, label="its interval")
        panel.text(0, 1.01, "\u2190 not matched", va="bottom", **beside)
        panel.text(1, 1.01, "matched \u2192", ha="right", va="bottom", **beside)


def _columns(most):
    return max(WIDTH, START + PITCH * most)


def _letters(most):
    """How many letters of a name fit under a picture."""
    return int(108 / _columns(most))


def _left(place):
    """Where the picture of a place begins; the original has place 0."""
    return START + PITCH * (place - 1) if place else 0


def _table(most, counts, *, lines, heads):
    """A sheet of blocks with so many rows and lines above them: the height of a line, and where each row begins."""
    line = _columns(most) / WIDTH * 0.15  # 0.15 inches, in widths of a picture
    row, tops, end = 1 + (2.2 + lines) * line, [], 0.0
    for count, above in zip(counts, heads, strict=True):
        tops.append(end + (0.4 + above) * line + np.arange(count) * row)
        end = tops[-1][-1] + row
    return draw_page(_columns(most), end), line, tops


def _original(panel, heading, picture, what, top, line):
    """The heading and the original of a row; where its pictures begin."""
    panel.text(0, top, heading, va="top", fontsize=TITLE, fontweight="bold")
    draw_picture(panel, picture, 0, top + 1.3 * line, what)
    return top + 1.3 * line


def _lines(panel, place, below, line, texts, color):
    """Lines under the picture of a place; under the original stands, at its right, what those of the others are."""
    x, side = (_left(place) + 0.5, "center") if place else (START - 0.1, "right")
    for number, text in enumerate(texts):
        y = below + 1.03 + (0.7 + number) * line  # letters of every column stand on the same height
        panel.text(x, y, text, ha=side, va="baseline", fontsize=TEXT, color=color)


def _result(panel, result, place, below, line, *, letters, chosen):
    picture, name, perceived, matched, admitted = result
    draw_picture(panel, picture, _left(place), below, f"the result from {name!r}", frame=BLUE if chosen else None)
    name = shortened(name, letters) if admitted else f"\u2717 {shortened(name, letters - 2)}"
    texts = three_decimals(perceived), three_decimals(matched), name
    _lines(panel, place, below, line, texts, BLACK if admitted else GRAY)


def _why_none(row):
    """Why no result is selected; empty where one is."""
    if row.chosen >= 0:
        return ""
    if not len(row.results):
        return "none selected: the group has no candidate"
    return "none selected" if any(result.admitted for result in row.results) else "none selected: no result is admitted"
