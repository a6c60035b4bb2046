"""What tests of figures share: awkward names, pictures of one gray, and what stands in a drawn figure."""

import io

import numpy as np

NAN = float("nan")
LONG = "a long name of a model with $signs$, letters that no font has (\u65e5\u672c), and no end " * 2


def drawn(figure):
    """Drawn, which is when matplotlib lays it out and warns; nothing of it lies outside the page."""
    figure.savefig(io.BytesIO(), format="png")
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1) > -0.02, (drawn, width, height)
    return figure


def texts_of(panel):
    return [text.get_text() for text in panel.texts]


def labeled(panel):
    return {line.get_label(): line for line in panel.lines if not line.get_label().startswith("_")}


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def picture(value, height=4, width=4):
    return np.full((height, width, 3), value, np.uint8)
