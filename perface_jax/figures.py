"""Arrays -> matplotlib figures: the figures of the paper, and those it lacks.

Every function takes NumPy arrays and names and returns a `matplotlib.figure.Figure` that belongs to no window and no
global state; save it with its `savefig`. It computes no result but the accuracy of a scatter, draws each value as it
was given, and leaves out what is NaN. Figures are as wide as a page (7 inches), letters have 8 points or more, colours
are those of Okabe and Ito, and whatever a colour tells, a marker, a line style or a word tells too.
"""

import enum
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patches import Rectangle

WIDTH = 7.0  # inches
TEXT, TITLE = 8, 9  # points
MANY = 1000  # points; more are drawn as pixels, in vector files too
MOST_NAMES = 10  # lines that a legend can tell apart

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
BLACK, GREY, PALE = "#000000", "#767676", "#B8B8B8"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":")


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


class Candidate(NamedTuple):
    """A picture of `strips`, uint8 [H, W, 3], with its similarity to the query."""

    picture: np.ndarray
    score: float
    name: str


class Strip(NamedTuple):
    """One row of `strips`.

    Attributes:
      name: of the query.
      query: uint8 [H, W, 3].
      group: the one chosen for the query.
      most: the most similar candidates, the most similar first.
      least: the least similar ones, the least similar first.
    """

    name: str
    query: np.ndarray
    group: str
    most: Sequence[Candidate]
    least: Sequence[Candidate]


class Example(NamedTuple):
    """One triplet of `examples`.

    Attributes:
      name: of the triplet.
      reference, a, b: uint8 [H, W, 3].
      votes: how many people said that a, and how many that b, is closer to the reference.
      scores: model -> similarity of a and of b to the reference.
    """

    name: str
    reference: np.ndarray
    a: np.ndarray
    b: np.ndarray
    votes: tuple[int, int]
    scores: Mapping[str, tuple[float, float]]


def similar_against_dissimilar(
    pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], *, accuracies: Mapping[str, float] | None = None
) -> Figure:
    """Scatter of the similarity of the similar pair against that of the dissimilar pair; right is above Y = X.

    One panel a model, all with the same axes. Triplets with a NaN are left out.

    Args:
      pairs: model -> (negative, positive), the similarity of the dissimilar and of the similar picture to the
        reference, float [T] each.
      accuracies: model -> the accuracy to print; default: the share of positive > negative, ties one half.

    Raises:
      ValueError: no model, arrays of different lengths, a model without accuracy.

    Source: PerFace, Fig. 4 and 5, which have the similar pair on the X axis, so that right is below the line.
    """
    values = {name: _vectors(f"pairs[{name!r}]", *both) for name, both in _some("pairs", pairs).items()}
    values = {name: both[:, np.isfinite(both).all(axis=0)] for name, both in values.items()}
    if accuracies is None:
        accuracies = {name: _accuracy(*both) for name, both in values.items()}
    if missing := [name for name in values if name not in accuracies]:
        raise ValueError(f"accuracies lacks {missing}; it has {list(accuracies)}")
    results = (f"accuracy {_number(accuracies[name])}, n = {both.shape[1]:,}" for name, both in values.items())
    titles = [f"{_wrapped(name, 28)}\n{result}" for name, result in zip(values, results, strict=True)]
    lines = 1 + max(title.count("\n") for title in titles)
    figure, panels = _panels(len(values), lines=lines, sharex=True, sharey=True)
    limits = _limits(np.concatenate([both.ravel() for both in values.values()]))
    for panel, title, both in zip(panels, titles, values.values(), strict=True):
        panel.plot(limits, limits, "--", color=GREY, linewidth=1, label="Y = X", zorder=1)
        _scatter_outcomes(panel, *both)
        panel.set(xlim=limits, ylim=limits, aspect="equal")
        panel.set_title(title, fontsize=TITLE)
    _label_outside(panels, "similarity of the dissimilar pair", "similarity of the similar pair")
    _legend(figure, panels, place="outside upper center")
    return figure


def group_distributions(
    similarities: Mapping[str, np.ndarray], chosen: str, *, limits: Mapping[str, float] | None = None
) -> Figure:
    """How similar the members of each group are to one query; the chosen group stands out.

    Args:
      similarities: group -> similarity of each member to the query, float [N]; a group without values is n/a.
      chosen: the group chosen for the query.
      limits: group -> the limit that decided, as a similarity: 1 minus the limit of the distance.

    Raises:
      ValueError: no group, arrays that are not [N], an unknown group.

    Source: PerFace, Fig. 6.
    """
    _some("similarities", similarities)
    values = {name: _vectors(f"similarities[{name!r}]", one)[0] for name, one in similarities.items()}
    limits = limits or {}
    if unknown := {chosen, *limits} - set(values):
        raise ValueError(f"unknown groups {sorted(unknown)}; similarities has {list(values)}")
    figure = Figure(figsize=(min(WIDTH, 1.2 + 1.2 * len(values)), 3.0), layout="constrained")
    panel = _tidy(figure.add_subplot())
    for place, (name, one) in enumerate(values.items()):
        _violin(panel, place, one[np.isfinite(one)], BLUE if name == chosen else GREY)
        if np.isfinite(limits.get(name, np.nan)):
            ends = place - 0.4, place + 0.4
            panel.hlines(limits[name], *ends, BLACK, linewidth=2, zorder=4, label="limit that decides")
    width = max(8, 84 // len(values))
    panel.set_xticks(range(len(values)), [_wrapped(name, width) + "\n(chosen)" * (name == chosen) for name in values])
    panel.get_xticklabels()[list(values).index(chosen)].set_fontweight("bold")
    panel.set_xlim(-0.6, len(values) - 0.4)
    panel.set_ylabel("similarity to the query", fontsize=TITLE)
    _legend(figure, [panel])
    return figure


def strips(queries: Sequence[Strip]) -> Figure:
    """One row a query: its picture, the most similar and the least similar candidates, with scores.

    Raises:
      ValueError: no query, pictures that are not [H, W, 3].
      TypeError: pictures that are not uint8.

    Source: PerFace, Fig. 7.
    """
    _some("queries", queries)
    gap, pitch = 0.3, 1.06
    most = max(len(query.most) for query in queries)
    starts = (0.0, pitch + gap, 2 * gap + pitch * (1 + most))
    columns = max(WIDTH, starts[2] + pitch * max(len(query.least) for query in queries))
    line = columns / WIDTH * 0.15  # 0.15 inches, the height of a line of text, in widths of a picture
    row = 1 + 4.2 * line
    panel = _sheet(columns, len(queries) * row + line)
    for start, heading in zip(starts, ("query", "most similar" * (most > 0), "least similar"), strict=True):
        panel.text(start, 0, heading, va="top", fontsize=TEXT, color=GREY)
    for top, query in zip(np.arange(len(queries)) * row + 1.4 * line, queries, strict=True):
        heading = f"{_short(query.name, 40)}: {_short(query.group, 30)}"
        panel.text(0, top, heading, va="top", fontsize=TITLE, fontweight="bold")
        below = top + 1.3 * line
        _picture(panel, query.query, 0, below, f"the query {query.name!r}")
        for start, candidates in zip(starts[1:], (query.most, query.least), strict=True):
            for place, candidate in enumerate(candidates):
                _candidate(panel, candidate, start + place * pitch, below, length=int(108 / columns))
    return panel.figure


def examples(triplets: Sequence[Example]) -> Figure:
    """One row a triplet: its three pictures, the votes of people, and the scores of several models.

    The picture that more people chose is framed; a model is right where its larger score is that picture's.

    Raises:
      ValueError: no triplet, pictures that are not [H, W, 3].
      TypeError: pictures that are not uint8.

    Source: PerFace, Table 2.
    """
    _some("triplets", triplets)
    columns, pitch = 7.4, 1.06  # widths of a picture
    line = columns / WIDTH * 0.17
    heights = [1.3 * line + max(1 + line, (1 + len(one.scores)) * line) + line for one in triplets]
    panel = _sheet(columns, sum(heights))
    for top, one in zip(np.cumsum([0, *heights]), triplets, strict=False):
        panel.text(0, top, _short(one.name, 60), va="top", fontsize=TITLE, fontweight="bold")
        _triplet(panel, one, top + 1.3 * line, pitch)
        _scores(panel, one, 3 * pitch + 0.2, top + 1.3 * line, line)
    return panel.figure


def accuracy_dots(rows: Sequence[Dot]) -> Figure:
    """Accuracy by setting: models with intervals, pixel-free baselines as ticks, the human ceiling as a band.

    Args:
      rows: in the order to draw them; one without a value keeps its line and says n/a.

    Raises:
      ValueError: no row, an unknown kind.
    """
    _some("rows", rows)
    names = dict.fromkeys(row.setting for row in rows)
    settings = {name: [row for row in rows if row.setting == name] for name in names}
    labels = [_wrapped(row.label, 34) for row in rows]
    pitch = 0.12 + 0.13 * (1 + max(label.count("\n") for label in labels))
    counts = [len(group) for group in settings.values()]
    figure = Figure(figsize=(WIDTH, 0.5 + pitch * sum(counts) + 0.35 * len(counts)), layout="constrained")
    panels = figure.subplots(len(counts), 1, sharex=True, squeeze=False, height_ratios=counts)[:, 0]
    for panel, (name, group) in zip(panels, settings.items(), strict=True):
        _tidy(panel)
        panel.axvline(0.5, color=GREY, linewidth=1, linestyle=":", label="chance", zorder=0)
        for place, row in enumerate(group):
            _dot(panel, place, row)
        panel.set_yticks(range(len(group)), [_wrapped(row.label, 34) for row in group])
        panel.set_ylim(len(group) - 0.5, -0.5)
        panel.set_title(_wrapped(name, 60), loc="left", fontsize=TITLE, fontweight="bold")
    panels[-1].set_xlabel("triplet accuracy", fontsize=TITLE)
    _legend(figure, panels)
    return figure


def training_curves(curves: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]) -> Figure:
    """One panel a quantity, one line a replica; a legend for up to ten.

    Args:
      curves: replica -> quantity (`loss`) -> (steps, values), [S] each.

    Raises:
      ValueError: no curve, steps and values of different lengths.
    """
    quantities = list(dict.fromkeys(name for one in _some("curves", curves).values() for name in one))
    figure, panels = _panels(len(_some("curves", quantities)))
    named = len(curves) <= MOST_NAMES
    for number, (replica, of_replica) in enumerate(curves.items()):
        look = {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)], "linewidth": 1}
        look |= {"label": _written(replica)} if named else {"color": BLUE, "linestyle": "-", "alpha": 0.5}
        for quantity, (steps, values) in of_replica.items():
            both = _vectors(f"curves[{replica!r}][{quantity!r}]", steps, values)
            both = both[:, np.isfinite(both).all(axis=0)]
            marker = "." if both.shape[1] == 1 else ""  # one point alone makes no line
            panels[quantities.index(quantity)].plot(*both, marker=marker, **look)
    for panel, quantity in zip(panels, quantities, strict=True):
        panel.set_xlabel("step", fontsize=TITLE)
        panel.set_ylabel(_wrapped(quantity, 34), fontsize=TITLE)
    if named and any(curves):
        _legend(figure, panels)
    return figure


def reliability(bins: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Figure:
    """Predicted against observed share of votes; on the diagonal a model means what it says.

    Args:
      bins: model -> (predicted, observed, votes), [B] each: the mean predicted share of a bin, the share observed, and
        the votes in it, which the area of its marker shows.

    Raises:
      ValueError: no model, arrays of different lengths.
    """
    values = {name: _vectors(f"bins[{name!r}]", *three) for name, three in _some("bins", bins).items()}
    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    panel = _tidy(figure.add_subplot())
    panel.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="predicted = observed", zorder=1)
    largest = max(1.0, *(np.max(votes, initial=0, where=np.isfinite(votes)) for _, _, votes in values.values()))
    for number, (name, three) in enumerate(values.items()):
        predicted, observed, votes = three[:, np.isfinite(three).all(axis=0)]
        look = {"color": COLOURS[number % len(COLOURS)]}
        marker, dashes = MARKERS[number % len(MARKERS)], DASHES[number % len(DASHES)]
        panel.scatter(predicted, observed, s=120 * votes / largest, marker=marker, alpha=0.7, linewidth=0, **look)
        panel.plot(predicted, observed, dashes, linewidth=1, **look)
        panel.plot([], [], dashes, marker=marker, linewidth=1, markersize=6, label=_written(name), **look)
    panel.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    panel.set_xlabel("predicted share of votes", fontsize=TITLE)
    panel.set_ylabel("observed share of votes", fontsize=TITLE)
    _legend(figure, [panel], title="area of a marker: votes in the bin")
    return figure


def _some(what: str, given: Any) -> Any:
    if not len(given):
        raise ValueError(f"{what} is empty: there is nothing to draw")
    return given


def _vectors(what: str, *arrays: np.ndarray) -> np.ndarray:
    """Arrays [N] of one length -> float64 [K, N]."""
    arrays = [np.asarray(array) for array in arrays]
    if any(array.ndim != 1 or len(array) != len(arrays[0]) for array in arrays):
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"{what} must be of shape [N], all with the same N, got {shapes}")
    return np.stack([array.astype(np.float64) for array in arrays])


def _written(name: str) -> str:
    """A name as it can be drawn: no formula between dollars, no letter that the font lacks, no _ that hides it."""
    letters = get_font(findfont(None)).get_charmap()
    drawn = "".join(letter if ord(letter) in letters else "?" for letter in name).replace("$", r"\$")
    return f" {drawn}" if drawn.startswith("_") else drawn


def _number(value: float) -> str:
    return "n/a" if np.isnan(value) else f"{value:.3f}"


def _wrapped(name: str, width: int) -> str:
    return textwrap.fill(_written(name), width)


def _short(name: str, length: int) -> str:
    """A name without its middle where it is too long: the ends tell files apart."""
    half = (length - 1) // 2
    return _written(name if len(name) <= length else f"{name[:half]}\u2026{name[-half:]}")


def _tidy(panel: Axes) -> Axes:
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=TEXT)
    return panel


def _panels(count: int, *, lines: int = 0, **options) -> tuple[Figure, list[Axes]]:
    """So many square panels, in rows of up to three, with room for so many lines of a title."""
    columns = 2 if count in (1, 2, 4) else 3
    columns, rows = min(columns, count), -(-count // columns)
    side = WIDTH / max(2, columns)
    figure = Figure(figsize=(side * columns, (side + 0.2 * lines) * rows + 0.2), layout="compressed")
    panels = list(figure.subplots(rows, columns, squeeze=False, **options).flat)
    for panel in panels[count:]:
        panel.remove()
    return figure, [_tidy(panel) for panel in panels[:count]]


def _label_outside(panels, x, y):
    """Label the lowest panel of each column and the first one of each row."""
    columns = panels[0].get_gridspec().ncols
    for panel in panels[-columns:]:
        panel.set_xlabel(x, fontsize=TEXT)
        panel.tick_params(labelbottom=True)
    for panel in panels[::columns]:
        panel.set_ylabel(y, fontsize=TEXT)


def _legend(figure: Figure, panels: Iterable[Axes], *, title: str = "", place: str = "outside lower center") -> None:
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
    look = {"fontsize": TEXT, "title_fontsize": TEXT, "frameon": False}
    figure.legend(handles.values(), labels, loc=place, ncols=columns, title=title, **look)


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    margin = 0.04 * (high - low) or 0.05
    return float(low - margin), float(high + margin)


def _accuracy(negative, positive):
    return float(np.mean((positive > negative) + 0.5 * (positive == negative))) if len(positive) else float("nan")


def _scatter_outcomes(panel, negative, positive):
    size, alpha = (5, 0.35) if len(positive) > MANY else (14, 0.7)
    outcomes = (
        ("right", positive > negative, BLUE, "o", 0),
        ("wrong", positive < negative, VERMILION, "x", 0.8),
        ("tie", positive == negative, BLACK, "+", 1),
    )
    for label, where, colour, marker, width in outcomes:
        if where.any():
            look = {"color": colour, "marker": marker}
            spots = {"s": size, "alpha": alpha, "linewidth": width, "rasterized": len(positive) > MANY}
            panel.scatter(negative[where], positive[where], **spots, **look)
            panel.plot([], [], linestyle="none", markersize=5, label=label, **look)


def _violin(panel, place, values, colour):
    if not len(values):
        panel.text(place, 0.02, "n/a", ha="center", fontsize=TEXT, transform=panel.get_xaxis_transform())
        return
    for body in panel.violinplot([values], [place], widths=0.8, showextrema=False)["bodies"]:
        body.set(facecolor=colour, alpha=0.3, edgecolor="none")
    spread = (np.arange(len(values)) * 0.618034) % 1 - 0.5  # the golden ratio keeps neighbours apart, always alike
    size, alpha = (4, 0.2) if len(values) > MANY else (7, 0.6)
    look = {"color": colour, "alpha": alpha, "linewidth": 0, "rasterized": len(values) > MANY}
    panel.scatter(place + 0.4 * spread, values, s=size, **look)


def _sheet(columns: float, rows: float) -> Axes:
    """A page of pictures: one unit is a picture's width, y runs downwards."""
    figure = Figure(figsize=(WIDTH, WIDTH * rows / columns))
    panel = figure.add_axes((0, 0, 1, 1))
    panel.set(xlim=(-0.02, columns), ylim=(rows, -0.05))
    panel.set_axis_off()
    return panel


def _picture(panel, picture, left, top, what, *, frame=None):
    """Draw a picture into the unit square at (left, top)."""
    picture = np.asarray(picture)
    if picture.ndim != 3 or picture.shape[-1] != 3:
        raise ValueError(f"{what} must be RGB of shape [H, W, 3], got {picture.shape}")
    if picture.dtype != np.uint8:
        raise TypeError(f"{what} must be uint8, got {picture.dtype}")
    height, width = np.divide(picture.shape[:2], max(picture.shape[:2]))
    left, top = left + (1 - width) / 2, top + (1 - height) / 2
    limits = panel.get_xlim(), panel.get_ylim()
    panel.imshow(picture, extent=(left, left + width, top + height, top), aspect="auto", interpolation="lanczos")
    panel.set(xlim=limits[0], ylim=limits[1])
    if frame:
        panel.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=frame, linewidth=2.5))


def _candidate(panel, candidate, left, top, *, length):
    picture, score, name = candidate
    _picture(panel, picture, left, top, f"the candidate {name!r}")
    text = f"{_number(score)}\n{_short(name, length)}"
    panel.text(left + 0.5, top + 1.03, text, ha="center", va="top", fontsize=TEXT, linespacing=1.15)


def _triplet(panel, one, top, pitch):
    a, b = one.votes
    sides = (("a", one.a, a, a > b), ("reference", one.reference, None, False), ("b", one.b, b, b > a))
    for place, (role, picture, votes, more) in enumerate(sides):
        _picture(panel, picture, place * pitch, top, f"picture {role} of {one.name!r}", frame=BLUE if more else None)
        text = role if votes is None else f"{role}: {votes} of {a + b} votes"
        style = {"fontsize": TEXT, "fontweight": "bold" if more else "normal"}
        panel.text(place * pitch + 0.5, top + 1.04, text, ha="center", va="top", **style)


def _scores(panel, one, left, top, line):
    places = left + np.array([2.5, 3.15])
    for place, role in zip(places, "ab", strict=True):
        panel.text(place, top, role, ha="right", va="top", fontsize=TEXT, color=GREY)
    for number, (model, scores) in enumerate(one.scores.items(), 1):
        y = top + number * line
        panel.text(left, y, _short(model, 30), va="top", fontsize=TEXT)
        for place, score in zip(places, scores, strict=True):
            weight = "bold" if score == max(scores) > min(scores) else "normal"
            panel.text(place, y, _number(score), ha="right", va="top", fontsize=TEXT, fontweight=weight)
        word, colour = _verdict(np.subtract(*scores), np.subtract(*one.votes))
        panel.text(places[1] + 0.15, y, word, va="top", fontsize=TEXT, color=colour)


def _verdict(model, people):
    """Differences a - b of the scores and of the votes -> word and colour."""
    if people == 0 or np.isnan(model):
        return "", BLACK
    if model == 0:
        return "= tie", BLACK
    return ("\u2713 right", BLUE) if (model > 0) == (people > 0) else ("\u2717 wrong", VERMILION)


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
