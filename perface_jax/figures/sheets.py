"""Sheets of pictures: what was chosen for a query, and triplets with the scores of models.

Raises:
  ValueError: nothing to draw, pictures that are not [H, W, 3].
  TypeError: pictures that are not uint8.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from perface_jax.figures import style
from perface_jax.figures.arguments import some


class Candidate(NamedTuple):
    """A picture of `strips` with its similarity to the query."""

    picture: UInt8[np.ndarray, "h w 3"]
    score: float
    name: str


class Strip(NamedTuple):
    """One query of `strips`, the group chosen for it, and its candidates: the most and the least similar ones first."""

    name: str
    query: UInt8[np.ndarray, "h w 3"]
    group: str
    most: Sequence[Candidate]
    least: Sequence[Candidate]


class Example(NamedTuple):
    """One triplet of `examples`: its pictures, the votes for a and for b, and by model the similarities to a and b."""

    name: str
    reference: UInt8[np.ndarray, "_ _ 3"]
    a: UInt8[np.ndarray, "_ _ 3"]
    b: UInt8[np.ndarray, "_ _ 3"]
    votes: tuple[int, int]
    scores: Mapping[str, tuple[float, float]]


def strips(queries: Sequence[Strip]) -> Figure:
    """One row a query: its picture, the most similar and the least similar candidates, with scores.

    Source: PerFace, Fig. 7.
    """
    some("queries", queries)
    gap, pitch = 0.3, 1.06
    most = max(len(query.most) for query in queries)
    starts = (0.0, pitch + gap, 2 * gap + pitch * (1 + most))
    columns = max(style.WIDTH, starts[2] + pitch * max(len(query.least) for query in queries))
    line = columns / style.WIDTH * 0.15  # 0.15 inches, the height of a line of text, in widths of a picture
    row = 1 + 4.2 * line
    panel = draw_page(columns, len(queries) * row + line)
    for start, heading in zip(starts, ("query", "most similar" * (most > 0), "least similar"), strict=True):
        panel.text(start, 0, heading, va="top", fontsize=style.TEXT, color=style.GRAY)
    for top, query in zip(np.arange(len(queries)) * row + 1.4 * line, queries, strict=True):
        heading = f"{style.shortened(query.name, 40)}: {style.shortened(query.group, 30)}"
        panel.text(0, top, heading, va="top", fontsize=style.TITLE, fontweight="bold")
        below = top + 1.3 * line
        draw_picture(panel, query.query, 0, below, f"the query {query.name!r}")
        for start, candidates in zip(starts[1:], (query.most, query.least), strict=True):
            for place, candidate in enumerate(candidates):
                _candidate(panel, candidate, start + place * pitch, below, length=int(108 / columns))
    return cast(Figure, panel.figure)


def examples(triplets: Sequence[Example]) -> Figure:
    """One row a triplet: its three pictures, the votes of people, and the scores of several models.

    The picture that more people chose is framed; a model is right where its larger score is that picture's.

    Source: PerFace, Table 2.
    """
    some("triplets", triplets)
    columns, pitch = 7.4, 1.06  # widths of a picture
    line = columns / style.WIDTH * 0.17
    heights = [1.3 * line + max(1 + line, (1 + len(one.scores)) * line) + line for one in triplets]
    panel = draw_page(columns, sum(heights))
    for top, one in zip(np.cumsum([0, *heights]), triplets, strict=False):
        panel.text(0, top, style.shortened(one.name, 60), va="top", fontsize=style.TITLE, fontweight="bold")
        _triplet(panel, one, top + 1.3 * line, pitch)
        _scores(panel, one, 3 * pitch + 0.2, top + 1.3 * line, line)
    return cast(Figure, panel.figure)


def draw_page(columns: float, rows: float) -> Axes:
    """A page of pictures: one unit is a picture's width, y points down."""
    figure = Figure(figsize=(style.WIDTH, style.WIDTH * rows / columns))
    panel = figure.add_axes((0, 0, 1, 1))
    panel.set(xlim=(-0.02, columns), ylim=(rows, -0.05))
    panel.set_axis_off()
    return panel


def draw_picture(
    panel: Axes, picture: UInt8[np.ndarray, "h w 3"], left: float, top: float, what: str, *, frame: str | None = None
) -> None:
    """Draw a picture into the unit square at (left, top)."""
    picture = np.asarray(picture)
    if picture.ndim != 3 or picture.shape[-1] != 3:
        raise ValueError(f"{what} must be RGB of shape [H, W, 3], got {picture.shape}")
    if picture.dtype != np.uint8:
        raise TypeError(f"{what} must be uint8, got {picture.dtype}")
    height, width = np.divide(picture.shape[:2], max(picture.shape[:2]))
    left, top = left + (1 - width) / 2, top + (1 - height) / 2
    limits = panel.get_xlim(), panel.get_ylim()
    panel.imshow(picture, extent=(left, left + width, top + height, top), aspect="auto", interpolation="lanczos")
    panel.set(xlim=limits[0], ylim=limits[1])
    if frame:
        panel.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=frame, linewidth=2.5))


def _candidate(panel, candidate, left, top, *, length):
    picture, score, name = candidate
    draw_picture(panel, picture, left, top, f"the candidate {name!r}")
    text = f"{style.three_decimals(score)}\n{style.shortened(name, length)}"
    panel.text(left + 0.5, top + 1.03, text, ha="center", va="top", fontsize=style.TEXT, linespacing=1.15)


def _triplet(panel, one, top, pitch):
    a, b = one.votes
    sides = (("a", one.a, a, a > b), ("reference", one.reference, None, False), ("b", one.b, b, b > a))
    for place, (role, picture, votes, more) in enumerate(sides):
        frame, weight = (style.BLUE, "bold") if more else (None, "normal")
        draw_picture(panel, picture, place * pitch, top, f"picture {role} of {one.name!r}", frame=frame)
        text = role if votes is None else f"{role}: {votes} of {a + b} votes"
        below = {"ha": "center", "va": "top", "fontsize": style.TEXT, "fontweight": weight}
        panel.text(place * pitch + 0.5, top + 1.04, text, **below)


def _scores(panel, one, left, top, line):
    places, right = left + np.array([2.5, 3.15]), {"ha": "right", "va": "top", "fontsize": style.TEXT}
    for place, role in zip(places, "ab", strict=True):
        panel.text(place, top, role, color=style.GRAY, **right)
    for number, (model, scores) in enumerate(one.scores.items(), 1):
        y = top + number * line
        panel.text(left, y, style.shortened(model, 30), va="top", fontsize=style.TEXT)
        for place, score in zip(places, scores, strict=True):
            weight = "bold" if score == max(scores) > min(scores) else "normal"
            panel.text(place, y, style.three_decimals(score), fontweight=weight, **right)
        word, color = _verdict(np.subtract(*scores), np.subtract(*one.votes))
        panel.text(places[1] + 0.15, y, word, va="top", fontsize=style.TEXT, color=color)


def _verdict(model, people):
    """Differences a - b of the scores and of the votes -> word and color."""
    if people == 0 or np.isnan(model):
        return "", style.BLACK
    if model == 0:
        return "= tie", style.BLACK
    return ("\u2713 right", style.BLUE) if (model > 0) == (people > 0) else ("\u2717 wrong", style.VERMILION)
