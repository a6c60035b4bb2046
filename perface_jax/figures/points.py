"""Similarities as points: similar against dissimilar pairs, and one query against groups."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from perface_jax.figures import style
from perface_jax.figures.arguments import finite, some, vectors

MANY = 1000  # points; more are drawn as pixels, in vector files too


def similar_against_dissimilar(
    pairs: Mapping[str, tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]],
    *,
    accuracies: Mapping[str, float] | None = None,
) -> Figure:
    """Scatter of the similarity of the similar pair (X) against the dissimilar pair (Y); right is below Y = X.

    One panel a model, all with the same axes. Triplets with a NaN are left out.

    Args:
      pairs: model -> (negative, positive), similarities of the dissimilar and of the similar picture to the reference.
      accuracies: model -> the accuracy to print; default: the share of positive > negative, ties one half.

    Raises:
      ValueError: no model, arrays of different lengths, a model without accuracy.

    Source: PerFace, Fig. 4 and 5.
    """
    values = {name: finite(f"pairs[{name!r}]", *both) for name, both in some("pairs", pairs).items()}
    if accuracies is None:
        accuracies = {name: _accuracy(*both) for name, both in values.items()}
    if missing := [name for name in values if name not in accuracies]:
        raise ValueError(f"accuracies lacks {missing}; it has {list(accuracies)}")
    titles = [
        f"{style.wrapped(name, 28)}\naccuracy {style.three_decimals(accuracies[name])}, n = {both.shape[1]:,}"
        for name, both in values.items()
    ]
    figure, panels = style.square_panels(titles, sharex=True, sharey=True)
    limits = _limits(np.concatenate([both.ravel() for both in values.values()]))
    for panel, both in zip(panels, values.values(), strict=True):
        panel.plot(limits, limits, "--", color=style.GRAY, linewidth=1, label="Y = X", zorder=1)
        _scatter_outcomes(panel, *both)
        panel.set(xlim=limits, ylim=limits, aspect="equal")
    style.label_outside(panels, "similarity of the similar pair", "similarity of the dissimilar pair")
    style.add_legend(figure, panels, place="outside upper center")
    return figure


def group_distributions(
    similarities: Mapping[str, Float[np.ndarray, " _"]], chosen: str, *, limits: Mapping[str, float] | None = None
) -> Figure:
    """How similar the members of each group are to one query; the chosen group is highlighted.

    Args:
      similarities: group -> similarity of each member to the query; a group without values is n/a.
      chosen: the group chosen for the query.
      limits: group -> the limit that decided, as a similarity: 1 minus the limit of the distance.

    Raises:
      ValueError: no group, arrays that are not [N], an unknown group.

    Source: PerFace, Fig. 6.
    """
    some("similarities", similarities)
    values = {name: vectors(f"similarities[{name!r}]", one)[0] for name, one in similarities.items()}
    limits = limits or {}
    if unknown := {chosen, *limits} - set(values):
        raise ValueError(f"unknown groups {sorted(unknown)}; similarities has {list(values)}")
    figure, panel = style.one_panel(min(style.WIDTH, 1.2 + 1.2 * len(values)), 3.0)
    for place, (name, one) in enumerate(values.items()):
        _violin(panel, place, one[np.isfinite(one)], style.BLUE if name == chosen else style.GRAY)
        if np.isfinite(limits.get(name, np.nan)):
            ends = place - 0.4, place + 0.4
            panel.hlines(limits[name], *ends, style.BLACK, linewidth=2, zorder=4, label="limit that decides")
    width = max(8, 84 // len(values))
    panel.set_xticks(
        range(len(values)), [style.wrapped(name, width) + "\n(chosen)" * (name == chosen) for name in values]
    )
    panel.get_xticklabels()[list(values).index(chosen)].set_fontweight("bold")
    panel.set_xlim(-0.6, len(values) - 0.4)
    panel.set_ylabel("similarity to the query", fontsize=style.TITLE)
    style.add_legend(figure, [panel])
    return figure


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    margin = 0.04 * (high - low) or 0.05
    return float(low - margin), float(high + margin)


def _accuracy(negative, positive):
    return float(np.mean((positive > negative) + 0.5 * (positive == negative))) if len(positive) else float("nan")


def _scatter_outcomes(panel, negative, positive):
    size, alpha = (5, 0.35) if len(positive) > MANY else (14, 0.7)
    outcomes = (
        ("right", positive > negative, style.BLUE, "o", 0),
        ("wrong", positive < negative, style.VERMILION, "x", 0.8),
        ("tie", positive == negative, style.BLACK, "+", 1),
    )
    for label, where, color, marker, width in outcomes:
        if where.any():
            look = {"color": color, "marker": marker}
            spots = {"s": size, "alpha": alpha, "linewidth": width, "rasterized": len(positive) > MANY}
            panel.scatter(positive[where], negative[where], **spots, **look)
            panel.plot([], [], linestyle="none", markersize=5, label=label, **look)


def _violin(panel, place, values, color):
    if not len(values):
        panel.text(place, 0.02, "n/a", ha="center", fontsize=style.TEXT, transform=panel.get_xaxis_transform())
        return
    for body in panel.violinplot([values], [place], widths=0.8, showextrema=False)["bodies"]:
        body.set(facecolor=color, alpha=0.3, edgecolor="none")
    spread = (np.arange(len(values)) * 0.618034) % 1 - 0.5  # the golden ratio keeps neighbors apart
    size, alpha = (4, 0.2) if len(values) > MANY else (7, 0.6)
    look = {"color": color, "alpha": alpha, "linewidth": 0, "rasterized": len(values) > MANY}
    panel.scatter(place + 0.4 * spread, values, s=size, **look)
