"""A contact sheet of faces in the order of their similarity to one.

Raises:
  ValueError: nothing to draw, pictures that are not [H, W, 3].
  TypeError: pictures that are not uint8.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from perface_jax.figures import style
from perface_jax.figures.arguments import some
from perface_jax.figures.sheets import Candidate, draw_page, draw_picture

COLUMNS, PITCH, ROW, HEADING = 6, 1.06, 1.34, 0.26  # the last three in widths of a picture


def ranked(name: str, query: UInt8[np.ndarray, "h w 3"], groups: Mapping[str, Sequence[Candidate]]) -> Figure:
    """The query, then for each group its heading and its candidates, six a row, with scores and names."""
    some("groups", groups)
    rows = {heading: -(-len(some(heading, group)) // COLUMNS) for heading, group in groups.items()}
    panel = draw_page(COLUMNS * PITCH, ROW + sum(HEADING + ROW * count for count in rows.values()))
    draw_picture(panel, query, 0, 0, f"the query {name!r}")
    panel.text(1.1, 0.5, f"query\n{style.shortened(name, 60)}", va="center", fontsize=style.TITLE)
    top = ROW - 0.2
    for heading, group in groups.items():
        panel.text(0, top, style.written(heading), va="top", fontsize=style.TITLE, fontweight="bold")
        for place, (picture, score, who) in enumerate(group):
            left, above = place % COLUMNS * PITCH, top + HEADING + place // COLUMNS * ROW
            draw_picture(panel, picture, left, above, f"the candidate {who!r}")
            text = f"{style.three_decimals(score)}\n{style.shortened(who, 18)}"
            panel.text(left + 0.5, above + 1.02, text, ha="center", va="top", fontsize=style.TEXT)
        top += HEADING + ROW * rows[heading]
    return cast(Figure, panel.figure)
