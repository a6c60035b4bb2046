"""Anonymized faces that recognizers match: at every threshold (ROC), and among the k most similar (rank curves)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from perface_jax.figures.anonymized import look_of
from perface_jax.figures.arguments import some, vectors
from perface_jax.figures.style import (
    BLACK,
    DASHES,
    GRAY,
    TITLE,
    add_legend,
    label_outside,
    square_panels,
    wrapped,
    written,
)


def roc_curves(curves: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]], *, asked: float) -> Figure:
    """True against false accept rate, the latter on a logarithmic axis: a panel for each recognizer, a line a method.

    The marker of a method is at the false accept rate that was asked for.

    Args:
      curves: recognizer -> method -> (false accept rate, true accept rate), float [T] each, ascending, such as
        `verification.roc`: points with straight lines between. A false accept rate of 0 is drawn at the left edge.
      asked: the false accept rate of the thresholds, more than 0 and less than 1.

    Raises:
      ValueError: no recognizer or no method, arrays of different lengths, a rate out of range.
    """
    if not 0 < asked < 1:
        raise ValueError(f"asked is {asked}, wanted a false accept rate of more than 0 and less than 1")
    values, names = _of_methods(curves)
    least = min(one[0][one[0] > 0].min(initial=asked) for methods in values.values() for one in methods.values())
    left = least / 2
    figure, panels = _panels(values)
    for panel, methods in zip(panels, values.values(), strict=True):
        chance = np.geomspace(left, 1, 50)
        panel.plot(chance, chance, color=GRAY, linewidth=1, linestyle=":", label="chance", zorder=1)
        panel.axvline(asked, color=BLACK, linewidth=1, linestyle="--", label=f"false accept rate {asked:g}", zorder=1)
        for name, (false, true) in methods.items():
            look, dashes = _looks(names.index(name))
            at = true[false <= asked].max(initial=0)
            panel.plot(np.maximum(false, left), true, dashes, linewidth=1.5, color=look["color"])
            panel.plot(
                asked, at, linestyle="none", markersize=7, markeredgecolor=BLACK, zorder=5, clip_on=False, **look
            )
            panel.plot([], [], dashes, linewidth=1.5, markersize=6, label=written(name), **look)
        panel.set(xscale="log", xlim=(left, 1), ylim=(-0.02, 1.02))
    label_outside(panels, "false accept rate (pairs of two people)", "true accept rate (results matched)")
    add_legend(figure, panels, title="markers: at the false accept rate that was asked for")
    return figure


def rank_curves(curves: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]]) -> Figure:
    """Share of results whose own original is among the k most similar, with its interval: a panel for each recognizer.

    Args:
      curves: recognizer -> method -> (share, low, high), float [K] each, for k = 1 to K.

    Raises:
      ValueError: no recognizer or no method, arrays of different lengths.
    """
    values, names = _of_methods(curves)
    figure, panels = _panels(values)
    for panel, methods in zip(panels, values.values(), strict=True):
        for name, (share, low, high) in methods.items():
            look, dashes = _looks(names.index(name))
            rank = np.arange(1, len(share) + 1)
            panel.fill_between(rank, low, high, color=look["color"], alpha=0.12, linewidth=0)
            often = max(1, len(rank) // 5)
            panel.plot(rank, share, dashes, linewidth=1.5, markersize=5, markevery=often, label=written(name), **look)
        panel.set(ylim=(-0.02, 1.02))
        panel.xaxis.get_major_locator().set_params(integer=True)  # pyright: ignore[reportCallIssue]  # MaxNLocator
    label_outside(panels, "k", "own original among the k most similar (share)")
    add_legend(figure, panels, title="bands: 95 % intervals")
    return figure


def _of_methods(curves):
    """recognizer -> method -> float64 [K, N], and the names of all methods."""
    values = {
        recognizer: {
            name: vectors(f"curves[{recognizer!r}][{name!r}]", *arrays)
            for name, arrays in some(f"curves[{recognizer!r}]", methods).items()
        }
        for recognizer, methods in some("curves", curves).items()
    }
    return values, list(dict.fromkeys(name for methods in values.values() for name in methods))


def _panels(values):
    titles = [wrapped(recognizer, 28) for recognizer in values]
    figure, panels = square_panels(len(values), lines=1 + max(title.count("\n") for title in titles), sharey=True)
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(title, fontsize=TITLE)
    return figure, panels


def _looks(number):
    return look_of(number), DASHES[number % len(DASHES)]
