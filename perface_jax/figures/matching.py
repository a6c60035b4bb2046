"""How similar anonymized faces are to their originals, perceived and by recognizer, and how many are matched.

Similarities are cosines of a result and its original; a recognizer matches where its similarity exceeds its threshold,
`(value, low, high)`, NaN if undefined. Each recognizer has a panel; each method has the same color, marker and dashes
in every panel. Not every recognizer has all methods.

Raises:
  ValueError: nothing to draw, arrays of different lengths, thresholds that are not three numbers or of unknown names.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from perface_jax.figures import style
from perface_jax.figures.arguments import by_recognizer, some, vectors
from perface_jax.figures.points import MANY

Interval = tuple[float, float, float]
Vector = Float[np.ndarray, " n"]


def two_axes(
    similarities: Mapping[str, Mapping[str, tuple[Vector, Vector]]],
    *,
    thresholds: Mapping[str, Interval] | None = None,
) -> Figure:
    """Scatter of matched (X) against perceived similarity (Y): a small point for each result, a large one for the mean.

    All panels have the same axes. Results with a NaN are left out.

    Args:
      similarities: recognizer -> method -> (matched, perceived).
      thresholds: by recognizer.
    """
    values, names = by_recognizer("similarities", similarities)
    thresholds = _intervals(thresholds, values)
    titles = [style.wrapped(recognizer, 28) + _matched_above(thresholds.get(recognizer)) for recognizer in values]
    options: dict[str, Any] = {"above": 1, "pad": 15, "sharex": True, "sharey": True}  # above: for the words
    figure, panels = style.square_panels(titles, **options)
    for panel, (recognizer, methods) in zip(panels, values.items(), strict=True):
        for name, both in methods.items():
            _cloud(panel, name, names.index(name), both[:, np.isfinite(both).all(axis=0)])
        _words(panel, thresholds.get(recognizer))
    style.label_outside(panels, "recognizer similarity (cos)", "perceived similarity (cos)")
    style.add_legend(figure, panels)
    return figure


def degrees(
    curves: Mapping[str, tuple[Vector, Vector, Vector, Vector]],
    *,
    thresholds: Mapping[str, Interval] | None = None,
) -> Figure:
    """Similarity to the original by the degree of anonymization: a mean with its band, perceived and by recognizer.

    Args:
      curves: name -> (degree, mean, low, high): degrees from 0 to 1, the mean similarity at each, and the ends of its
        95 % interval. Degrees without a mean are left out.
      thresholds: by the name of a curve.
    """
    values = {name: vectors(f"curves[{name!r}]", *four) for name, four in some("curves", curves).items()}
    thresholds = _intervals(thresholds, values)
    figure, panel = style.one_panel(5.0, 3.4)
    for number, (name, four) in enumerate(values.items()):
        degree, mean, low, high = four[:, np.isfinite(four[:2]).all(axis=0)]
        _banded(panel, name, number, degree, (mean, low, high), often=max(1, len(degree) // 10), alpha=0.15)
    for name, (value, low, high) in thresholds.items():
        color, marker, _ = style.look(list(values).index(name))
        panel.axhspan(low, high, color=color, alpha=0.1, linewidth=0, zorder=0)
        ends = {"marker": marker, "markerfacecolor": "white", "markersize": 5, "clip_on": False}
        label = f"match threshold, {style.written(name)}"
        panel.axhline(value, linestyle=":", linewidth=1, color=color, label=label, **ends)
    panel.set_xlim(-0.02, 1.02)
    panel.set_xlabel("degree of anonymization (0: no change, 1: full)", fontsize=style.TITLE)
    panel.set_ylabel("similarity to the original (cos)", fontsize=style.TITLE)
    style.add_legend(figure, [panel], title="bands: 95 % intervals")
    return figure


def roc_curves(curves: Mapping[str, Mapping[str, tuple[Vector, Vector]]], *, asked: float) -> Figure:
    """True against false accept rate, the latter on a logarithmic axis.

    The marker of a method is at the requested false accept rate.

    Args:
      curves: recognizer -> method -> (false accept rate, true accept rate), ascending, such as `verification.roc`:
        points with straight lines between. A false accept rate of 0 is drawn at the left edge.
      asked: the false accept rate of the thresholds, more than 0 and less than 1.
    """
    if not 0 < asked < 1:
        raise ValueError(f"asked is {asked}, wanted a false accept rate of more than 0 and less than 1")
    values, names = by_recognizer("curves", curves)
    least = min(one[0][one[0] > 0].min(initial=asked) for methods in values.values() for one in methods.values())
    left = least / 2
    figure, panels = style.square_panels([style.wrapped(recognizer, 28) for recognizer in values], sharey=True)
    for panel, methods in zip(panels, values.values(), strict=True):
        chance = np.geomspace(left, 1, 50)
        line: dict[str, Any] = {"linewidth": 1, "zorder": 1}
        panel.plot(chance, chance, ":", color=style.GRAY, label="chance", **line)
        panel.axvline(asked, color=style.BLACK, linestyle="--", label=f"false accept rate {asked:g}", **line)
        for name, (false, true) in methods.items():
            color, marker, dashes = style.look(names.index(name))
            panel.plot(np.maximum(false, left), true, dashes, linewidth=1.5, color=color)
            spot = {"color": color, "markersize": 7, "markeredgecolor": style.BLACK, "zorder": 5, "clip_on": False}
            panel.plot(asked, true[false <= asked].max(initial=0), marker, **spot)
            look = {"color": color, "marker": marker, "markersize": 6, "label": style.written(name)}
            panel.plot([], [], dashes, linewidth=1.5, **look)
        panel.set(xscale="log", xlim=(left, 1), ylim=(-0.02, 1.02))
    style.label_outside(panels, "false accept rate (pairs of two people)", "true accept rate (results matched)")
    style.add_legend(figure, panels, title="markers: at the false accept rate that was asked for")
    return figure


def rank_curves(curves: Mapping[str, Mapping[str, tuple[Vector, Vector, Vector]]]) -> Figure:
    """Share of results whose own original is among the k most similar, with its interval.

    Args:
      curves: recognizer -> method -> (share, low, high), for k = 1, 2, ...
    """
    values, names = by_recognizer("curves", curves)
    figure, panels = style.square_panels([style.wrapped(recognizer, 28) for recognizer in values], sharey=True)
    for panel, methods in zip(panels, values.values(), strict=True):
        for name, three in methods.items():
            rank = np.arange(1, three.shape[1] + 1)
            _banded(panel, name, names.index(name), rank, three, often=max(1, len(rank) // 5), alpha=0.12)
        panel.set(ylim=(-0.02, 1.02))
        panel.xaxis.get_major_locator().set_params(integer=True)  # pyright: ignore[reportCallIssue]  # MaxNLocator
    style.label_outside(panels, "k", "own original among the k most similar (share)")
    style.add_legend(figure, panels, title="bands: 95 % intervals")
    return figure


def _intervals(thresholds, names):
    """The thresholds without NaN, after a check that each is three numbers with a known name."""
    thresholds = thresholds or {}
    if unknown := set(thresholds) - set(names):
        raise ValueError(f"thresholds has {sorted(unknown)}, which are not among {list(names)}")
    for name, threshold in thresholds.items():
        if np.shape(threshold) != (3,):
            raise ValueError(f"thresholds[{name!r}] must be (value, low, high), got {threshold!r}")
    return {name: threshold for name, threshold in thresholds.items() if np.isfinite(threshold[0])}


def _matched_above(threshold):
    return "" if threshold is None else f"\nmatched above {style.three_decimals(threshold[0])}"


def _banded(panel, name, number, x, values, *, often, alpha):
    """A curve with its band and a marker every so often."""
    (mean, low, high), (color, marker, dashes) = values, style.look(number)
    panel.fill_between(x, low, high, color=color, alpha=alpha, linewidth=0)
    marks = {"marker": marker, "markersize": 5, "markevery": often, "label": style.written(name)}
    panel.plot(x, mean, dashes, linewidth=1.5, color=color, **marks)


def _cloud(panel, name, number, both):
    many, (color, marker, _) = both.shape[1] > MANY, style.look(number)
    size, alpha = (3, 0.2) if many else (9, 0.35)
    panel.scatter(*both, s=size, alpha=alpha, linewidth=0, rasterized=many, color=color, marker=marker)
    mean = both.mean(axis=1) if both.size else (np.nan, np.nan)
    edge = {"markeredgecolor": style.BLACK, "markeredgewidth": 0.8, "zorder": 5}
    panel.plot(*mean, marker, color=color, markersize=9, label=style.written(name), **edge)


def _words(panel, threshold):
    """The match threshold of a panel as a line, and which way is which beside the panel, where no point lies."""
    beside = {"transform": panel.transAxes, "fontsize": style.TEXT, "color": style.GRAY}
    panel.text(1.02, 0, "\u2190 looks different", rotation=90, va="bottom", **beside)
    panel.text(1.02, 1, "looks alike \u2192", rotation=90, va="top", **beside)
    if threshold is not None:
        value, *ends = threshold
        panel.axvline(value, color=style.BLACK, linewidth=1, linestyle="--", zorder=1.5, label="match threshold")
        if np.isfinite(ends).all():
            panel.axvspan(*ends, color=style.GRAY, alpha=0.2, linewidth=0, zorder=0, label="its interval")
        panel.text(0, 1.01, "\u2190 not matched", va="bottom", **beside)
        panel.text(1, 1.01, "matched \u2192", ha="right", va="bottom", **beside)
