"""How every figure looks: its page, colors, panels and legend, and names as they can be drawn.

No meaning rests on color alone: a marker, a line style or a word repeats it.
"""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from perface_jax.formatting import number

WIDTH = 7.0  # inches
TEXT, TITLE = 8, 9  # points

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
BLACK, GRAY = "#000000", "#767676"
COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":")


def written(name: str) -> str:
    """A name safe to draw: no formula between dollars, no letter that the font lacks, no leading _ (which hides it)."""
    letters = get_font(findfont(FontProperties())).get_charmap()
    drawn = "".join(letter if ord(letter) in letters else "?" for letter in name).replace("$", r"\$")
    return f" {drawn}" if drawn.startswith("_") else drawn


def three_decimals(value: float) -> str:
    """A score as text; n/a for NaN."""
    return number(value, missing="n/a")


def wrapped(name: str, width: int) -> str:
    """A name in lines of at most `width` letters."""
    return textwrap.fill(written(name), width)


def shortened(name: str, length: int) -> str:
    """A name without its middle if it is too long, because files differ at the ends of their names."""
    half = (length - 1) // 2
    return written(name if len(name) <= length else f"{name[:half]}\u2026{name[-half:]}")


def tidy(panel: Axes) -> Axes:
    """The same panel with two sides only, and small numbers."""
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=TEXT)
    return panel


def look(number: int) -> tuple[str, str, str]:
    """Color, marker and dashes of the line with this number; when colors repeat, markers differ."""
    marker = MARKERS[(number + number // len(COLORS)) % len(MARKERS)]
    return COLORS[number % len(COLORS)], marker, DASHES[number % len(DASHES)]


def one_panel(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of one panel, in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, tidy(figure.add_subplot())


def square_panels(
    titles: Sequence[str], *, above: int = 0, pad: float | None = None, **options
) -> tuple[Figure, list[Axes]]:
    """Square panels in rows of up to three, with their titles, and `above` more lines between them; `pad` in points."""
    count = len(titles)
    columns = min(2 if count in (1, 2, 4) else 3, count)
    rows, side = -(-count // columns), WIDTH / max(2, columns)
    lines = above + max(len(title.splitlines()) for title in titles)
    figure = Figure(figsize=(side * columns, (side + 0.2 * lines) * rows + 0.2), layout="compressed")
    panels = list(figure.subplots(rows, columns, squeeze=False, **options).flat)
    for panel in panels[count:]:
        panel.remove()
    for panel, title in zip(panels, titles, strict=False):
        tidy(panel).set_title(title, fontsize=TITLE, pad=pad)
    return figure, panels[:count]


def label_outside(panels: Sequence[Axes], x: str, y: str) -> None:
    """Label the lowest panel of each column and the first one of each row."""
    columns = panels[0].get_gridspec().ncols  # pyright: ignore[reportOptionalMemberAccess]
    for panel in panels[-columns:]:
        panel.set_xlabel(x, fontsize=TEXT)
        panel.tick_params(labelbottom=True)
    for panel in panels[::columns]:
        panel.set_ylabel(y, fontsize=TEXT)


def add_legend(figure: Figure, panels: Iterable[Axes], *, title: str = "", place: str = "outside lower center") -> None:
    """One entry for each label of any panel, in as many columns as fit; the figure grows by its height."""
    pairs = (pair for panel in panels for pair in zip(*panel.get_legend_handles_labels(), strict=True))
    handles = {label: handle for handle, label in pairs}
    if not handles:
        return
    letters, sample = int(14 * figure.get_figwidth()), 9  # letters on a line; as many as a sample of the line takes
    labels = [textwrap.fill(label, letters - sample) for label in handles]
    columns = letters // (sample + max(len(line) for label in labels for line in label.splitlines()))
    columns = min(max(1, columns), len(labels))
    lines = sum(1 + label.count("\n") for label in labels) / columns + bool(title)
    figure.set_figheight(figure.get_figheight() + 0.2 + 0.16 * lines)
    look: dict[str, Any] = {"loc": place, "fontsize": TEXT, "title_fontsize": TEXT, "frameon": False}
    figure.legend(handles.values(), labels, ncols=columns, title=title, **look)
