"""Results as charts: accuracies, training curves, reliability."""

import enum
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure

from perface_jax.figures import style
from perface_jax.figures.arguments import finite, some

MOST_NAMES = 10  # lines that a legend can distinguish


class Kind(enum.StrEnum):
    """What a value of `accuracy_dots` belongs to."""

    MODEL = "model"
    BASELINE = "image-blind baseline"
    AGREEMENT = "human agreement"
    ACHIEVABLE = "best achievable"


LOOKS = {
    Kind.MODEL: {"color": style.BLUE, "marker": "o", "markersize": 6},
    Kind.BASELINE: {"color": style.VERMILION, "marker": "|", "markersize": 12, "markeredgewidth": 2.5},
    Kind.AGREEMENT: {"color": style.GREEN, "marker": "D", "markersize": 6, "markerfacecolor": "white"},
    Kind.ACHIEVABLE: {"color": style.PURPLE, "marker": "*", "markersize": 8, "markerfacecolor": "white"},
}


class Dot(NamedTuple):
    """One value of `accuracy_dots` with its interval; NaN where there is none."""

    setting: str
    label: str
    value: float
    low: float
    high: float
    kind: Kind | str


def accuracy_dots(rows: Sequence[Dot], *, measure: str = "triplet accuracy") -> Figure:
    """Accuracy by setting: models with intervals, baselines as ticks, human agreement as lines, the best as a band.

    Args:
      rows: in the order to draw them; one without a value keeps its line and says n/a.
      measure: the name of the axis.

    Raises:
      ValueError: no row, an unknown kind.
    """
    some("rows", rows)
    names = dict.fromkeys(row.setting for row in rows)
    settings = {name: [row for row in rows if row.setting == name] for name in names}
    labels = [style.wrapped(row.label, 34) for row in rows]
    pitch = 0.12 + 0.13 * (1 + max(label.count("\n") for label in labels))
    counts = [len(group) for group in settings.values()]
    figure = Figure(figsize=(style.WIDTH, 0.5 + pitch * sum(counts) + 0.35 * len(counts)), layout="constrained")
    panels = figure.subplots(len(counts), 1, sharex=True, squeeze=False, height_ratios=counts)[:, 0]
    for panel, (name, group) in zip(panels, settings.items(), strict=True):
        style.tidy(panel)
        panel.axvline(0.5, color=style.GRAY, linewidth=1, linestyle=":", label="chance", zorder=0)
        for place, row in enumerate(group):
            _dot(panel, place, row)
        panel.set_yticks(range(len(group)), [style.wrapped(row.label, 34) for row in group])
        panel.set_ylim(len(group) - 0.5, -0.5)
        panel.set_title(style.wrapped(name, 60), loc="left", fontsize=style.TITLE, fontweight="bold")
    panels[-1].set_xlabel(measure, fontsize=style.TITLE)
    style.add_legend(figure, panels)
    return figure


def training_curves(curves: Mapping[str, Mapping[str, Sequence[Real[np.ndarray, " s"]]]]) -> Figure:
    """One panel for each quantity, one line for each replica; a legend for up to ten.

    Args:
      curves: replica -> quantity (`loss`) -> (steps, values).

    Raises:
      ValueError: no curve, steps and values of different lengths.
    """
    quantities = list(dict.fromkeys(name for one in some("curves", curves).values() for name in one))
    figure, panels = style.square_panels([""] * len(some("curves", quantities)))
    named = len(curves) <= MOST_NAMES
    for number, (replica, of_replica) in enumerate(curves.items()):
        color, _, dashes = style.look(number)
        look: dict[str, Any] = {"color": color, "linestyle": dashes, "label": style.written(replica)}
        look = look if named else {"color": style.BLUE, "alpha": 0.5}
        for quantity, pair in of_replica.items():
            both = finite(f"curves[{replica!r}][{quantity!r}]", *pair)
            marker = "." if both.shape[1] == 1 else ""  # one point alone makes no line
            panels[quantities.index(quantity)].plot(*both, marker=marker, linewidth=1, **look)
    for panel, quantity in zip(panels, quantities, strict=True):
        panel.set_xlabel("step", fontsize=style.TITLE)
        panel.set_ylabel(style.wrapped(quantity, 34), fontsize=style.TITLE)
    if named and any(curves):
        style.add_legend(figure, panels)
    return figure


def reliability(
    bins: Mapping[str, Sequence[Real[np.ndarray, " b"]]],
    *,
    intervals: Mapping[str, Sequence[Real[np.ndarray, " b"]]] | None = None,
) -> Figure:
    """Predicted against observed share of votes; a calibrated model is on the diagonal.

    Args:
      bins: model -> (predicted, observed, votes): the mean predicted share of each bin, the share observed, and the
        votes in it, which the area of its marker shows.
      intervals: model -> (low, high) of the observed share of each bin; NaN where there is none.

    Raises:
      ValueError: no model, arrays of different lengths.
    """
    values = {name: finite(f"bins[{name!r}]", *three) for name, three in some("bins", bins).items()}
    figure, panel = style.one_panel(4.4, 4.2)
    panel.plot([0, 1], [0, 1], "--", color=style.GRAY, linewidth=1, label="predicted = observed", zorder=1)
    largest = max(1.0, *(votes.max(initial=0) for _, _, votes in values.values()))
    for number, (name, (predicted, observed, votes)) in enumerate(values.items()):
        color, marker, dashes = style.look(number)
        size = 120 * votes / largest
        panel.scatter(predicted, observed, s=size, marker=marker, alpha=0.7, linewidth=0, color=color)
        panel.plot(predicted, observed, dashes, linewidth=1, color=color)
        if intervals and name in intervals:
            place, low, high = finite(f"intervals[{name!r}]", bins[name][0], *intervals[name])
            panel.vlines(place, low, high, color=color, linewidth=1, alpha=0.7)
        both = {"marker": marker, "markersize": 6, "label": style.written(name)}  # as the legend shows them
        panel.plot([], [], dashes, linewidth=1, color=color, **both)
    panel.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    panel.set_xlabel("predicted share of votes", fontsize=style.TITLE)
    panel.set_ylabel("observed share of votes", fontsize=style.TITLE)
    style.add_legend(figure, [panel], title="area of a marker: votes in the bin")
    return figure


def _dot(panel, place, row):
    if np.isnan(row.value):
        clear = {"facecolor": "white", "edgecolor": "none", "pad": 0}  # of the line of chance
        panel.text(
            0.01, place, "n/a", va="center", fontsize=style.TEXT, transform=panel.get_yaxis_transform(), bbox=clear
        )
        return
    kind, interval = Kind(row.kind), np.isfinite([row.low, row.high]).all()
    look = {"label": kind.value, **LOOKS[kind]}
    if interval:
        panel.hlines(place, row.low, row.high, look["color"], linewidth=1.5)
    if kind in (Kind.AGREEMENT, Kind.ACHIEVABLE):
        panel.axvline(row.value, color=look["color"], linewidth=1, linestyle="--", zorder=0)
    if interval and kind is Kind.ACHIEVABLE:
        panel.axvspan(row.low, row.high, color=look["color"], alpha=0.12, linewidth=0, zorder=0)
    panel.plot(row.value, place, linestyle="none", **look)
