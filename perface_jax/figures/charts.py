"""Results as charts: accuracies, training curves, reliability."""

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from perface_jax.figures.arguments import some, vectors
from perface_jax.figures.style import (
    BLUE,
    COLORS,
    DASHES,
    GRAY,
    GREEN,
    MARKERS,
    TEXT,
    TITLE,
    VERMILION,
    WIDTH,
    add_legend,
    square_panels,
    tidy,
    wrapped,
    written,
)

MOST_NAMES = 10  # lines that a legend can tell apart


class Kind(enum.StrEnum):
    """What a value of `accuracy_dots` is."""

    MODEL = "model"
    BASELINE = "baseline"
    CEILING = "ceiling"


class Dot(NamedTuple):
    """One value of `accuracy_dots` with its interval; NaN where there is none."""

    setting: str
    label: str
    value: float
    low: float
    high: float
    kind: Kind | str


def accuracy_dots(rows: Sequence[Dot], *, measure: str = "triplet accuracy") -> Figure:
    """Accuracy by setting: models with intervals, pixel-free baselines as ticks, the human ceiling as a band.

    Args:
      rows: in the order to draw them; one without a value keeps its line and says n/a.
      measure: the name of the axis.

    Raises:
      ValueError: no row, an unknown kind.
    """
    some("rows", rows)
    names = dict.fromkeys(row.setting for row in rows)
    settings = {name: [row for row in rows if row.setting == name] for name in names}
    labels = [wrapped(row.label, 34) for row in rows]
    pitch = 0.12 + 0.13 * (1 + max(label.count("\n") for label in labels))
    counts = [len(group) for group in settings.values()]
    figure = Figure(figsize=(WIDTH, 0.5 + pitch * sum(counts) + 0.35 * len(counts)), layout="constrained")
    panels = figure.subplots(len(counts), 1, sharex=True, squeeze=False, height_ratios=counts)[:, 0]
    for panel, (name, group) in zip(panels, settings.items(), strict=True):
        tidy(panel)
        panel.axvline(0.5, color=GRAY, linewidth=1, linestyle=":", label="chance", zorder=0)
        for place, row in enumerate(group):
            _dot(panel, place, row)
        panel.set_yticks(range(len(group)), [wrapped(row.label, 34) for row in group])
        panel.set_ylim(len(group) - 0.5, -0.5)
        panel.set_title(wrapped(name, 60), loc="left", fontsize=TITLE, fontweight="bold")
    panels[-1].set_xlabel(measure, fontsize=TITLE)
    add_legend(figure, panels)
    return figure


def training_curves(curves: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]) -> Figure:
    """One panel a quantity, one line a replica; a legend for up to ten.

    Args:
      curves: replica -> quantity (`loss`) -> (steps, values), [S] each.

    Raises:
      ValueError: no curve, steps and values of different lengths.
    """
    quantities = list(dict.fromkeys(name for one in some("curves", curves).values() for name in one))
    figure, panels = square_panels(len(some("curves", quantities)))
    named = len(curves) <= MOST_NAMES
    for number, (replica, of_replica) in enumerate(curves.items()):
        look = {"color": COLORS[number % len(COLORS)], "linestyle": DASHES[number % len(DASHES)], "linewidth": 1}
        look |= {"label": written(replica)} if named else {"color": BLUE, "linestyle": "-", "alpha": 0.5}
        for quantity, (steps, values) in of_replica.items():
            both = vectors(f"curves[{replica!r}][{quantity!r}]", steps, values)
            both = both[:, np.isfinite(both).all(axis=0)]
            marker = "." if both.shape[1] == 1 else ""  # one point alone makes no line
            panels[quantities.index(quantity)].plot(*both, marker=marker, **look)
    for panel, quantity in zip(panels, quantities, strict=True):
        panel.set_xlabel("step", fontsize=TITLE)
        panel.set_ylabel(wrapped(quantity, 34), fontsize=TITLE)
    if named and any(curves):
        add_legend(figure, panels)
    return figure


def reliability(bins: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Figure:
    """Predicted against observed share of votes; on the diagonal a model means what it says.

    Args:
      bins: model -> (predicted, observed, votes), [B] each: the mean predicted share of a bin, the share observed, and
        the votes in it, which the area of its marker shows.

    Raises:
      ValueError: no model, arrays of different lengths.
    """
    values = {name: vectors(f"bins[{name!r}]", *three) for name, three in some("bins", bins).items()}
    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    panel = tidy(figure.add_subplot())
    panel.plot([0, 1], [0, 1], "--", color=GRAY, linewidth=1, label="predicted = observed", zorder=1)
    largest = max(1.0, *(np.max(votes, initial=0, where=np.isfinite(votes)) for _, _, votes in values.values()))
    for number, (name, three) in enumerate(values.items()):
        predicted, observed, votes = three[:, np.isfinite(three).all(axis=0)]
        look = {"color": COLORS[number % len(COLORS)]}
        marker, dashes = MARKERS[number % len(MARKERS)], DASHES[number % len(DASHES)]
        panel.scatter(predicted, observed, s=120 * votes / largest, marker=marker, alpha=0.7, linewidth=0, **look)
        panel.plot(predicted, observed, dashes, linewidth=1, **look)
        panel.plot([], [], dashes, marker=marker, linewidth=1, markersize=6, label=written(name), **look)
    panel.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    panel.set_xlabel("predicted share of votes", fontsize=TITLE)
    panel.set_ylabel("observed share of votes", fontsize=TITLE)
    add_legend(figure, [panel], title="area of a marker: votes in the bin")
    return figure


def _dot(panel, place, row):
    look = _look(row)
    if np.isnan(row.value):
        clear = {"facecolor": "white", "edgecolor": "none", "pad": 0}  # of the line of chance
        panel.text(0.01, place, "n/a", va="center", fontsize=TEXT, transform=panel.get_yaxis_transform(), bbox=clear)
        return
    interval = np.isfinite([row.low, row.high]).all()
    if interval:
        panel.hlines(place, row.low, row.high, look["color"], linewidth=1.5)
    if row.kind == Kind.CEILING:
        panel.axvline(row.value, color=GREEN, linewidth=1, linestyle="--", zorder=0)
        if interval:
            panel.axvspan(row.low, row.high, color=GREEN, alpha=0.12, linewidth=0, zorder=0)
    panel.plot(row.value, place, linestyle="none", markersize=12 if row.kind == Kind.BASELINE else 6, **look)


def _look(row):
    looks = {
        Kind.MODEL: {"label": "model", "color": BLUE, "marker": "o"},
        Kind.BASELINE: {"label": "sees no pixel", "color": VERMILION, "marker": "|", "markeredgewidth": 2.5},
        Kind.CEILING: {"label": "people", "color": GREEN, "marker": "D", "markerfacecolor": "white"},
    }
    if row.kind not in looks:
        raise ValueError(f"the kind of {row.label!r} is {row.kind!r}, wanted one of {[*map(str, Kind)]}")
    return looks[row.kind]
