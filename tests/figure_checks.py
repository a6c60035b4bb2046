"""What tests of figures share: awkward names, pictures of one gray, and the text in a drawn figure."""

import io
import itertools

import numpy as np
from matplotlib.colors import to_hex

NAN = float("nan")
LONG = "a long name of a model with $signs$, letters that no font has (\u65e5\u672c), and no end " * 2


def drawn(figure):
    """Drawn, which is when matplotlib lays it out and warns; nothing of it lies outside the page."""
    figure.savefig(io.BytesIO(), format="png")
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1) > -0.02, (drawn, width, height)
    return figure


def apart(figure):
    """Drawn; no two texts of its panels, titles included, lie on each other."""
    texts = [text for panel in drawn(figure).axes for text in (*panel.texts, panel.title) if text.get_text()]
    for one, other in itertools.combinations(texts, 2):
        boxes = one.get_window_extent(), other.get_window_extent()
        widths, heights = np.minimum(*(box.max for box in boxes)) - np.maximum(*(box.min for box in boxes))
        assert min(widths, heights) < 0.5, (one.get_text(), other.get_text())  # less than a pixel
    return figure


def color_of(artist):
    return to_hex(artist.get_color()).upper()


def texts_of(panel):
    return [text.get_text() for text in panel.texts]


def labeled(panel):
    return {line.get_label(): line for line in panel.lines if not line.get_label().startswith("_")}


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def picture(value, height=4, width=4):
    return np.full((height, width, 3), value, np.uint8)
