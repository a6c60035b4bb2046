"""The power of a planned study against its size."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure

from perface_jax.figures import style
from perface_jax.figures.arguments import finite, some


def power_curves(
    panels: Mapping[str, Mapping[str, Sequence[Real[np.ndarray, " s"]]]], *, wanted: float = 0.8
) -> Figure:
    """Power against the number of sources: a panel for each assumption, a line for each number of targets.

    Args:
      panels: title -> line (`16 targets`) -> (numbers of sources, powers).
      wanted: power that is marked.

    Raises:
      ValueError: no panel, arrays of different lengths.
    """
    figure, axes = style.square_panels([style.wrapped(name, 40) for name in some("panels", panels)], sharey=True)
    for panel, lines in zip(axes, panels.values(), strict=True):
        panel.axhline(wanted, color=style.GRAY, linewidth=1, linestyle=":", label=f"power {wanted:g}", zorder=0)
        for number, (name, pair) in enumerate(some("lines", lines).items()):
            sources, powers = finite(f"panels[{name!r}]", *pair)
            color, marker, dashes = style.look(number)
            look = {"marker": marker, "markersize": 5, "linewidth": 1.5, "label": style.written(name)}
            panel.plot(sources, powers, dashes, color=color, **look)
        panel.set_ylim(0, 1.03)
        panel.set_xlim(left=0)
    style.label_outside(axes, "sources", "power")
    style.add_legend(figure, axes)
    return figure
