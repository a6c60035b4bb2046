"""Figures show the values they were given: compared as data, not as pixels."""

import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex

from perface_jax import figures
from perface_jax.figures import BLUE, GREY, VERMILION, Candidate, Dot, Example, Kind, Strip

pytestmark = pytest.mark.filterwarnings("error")

NAN = float("nan")
LONG = "a long name of a model with $signs$, letters that no font has (\u65e5\u672c), and no end " * 2


def _saved(figure):
    """Drawn, which is when matplotlib lays it out and warns; nothing of it lies outside the page."""
    figure.savefig(io.BytesIO(), format="png")
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1) > -0.02, (drawn, width, height)
    return figure


def _texts(panel):
    return [text.get_text() for text in panel.texts]


def _points(panel):
    """Colour -> the points scattered in it, and the size of each."""
    return {to_hex(dots.get_facecolor()[0]).upper(): dots.get_offsets().data.tolist() for dots in panel.collections}


def _labelled(panel):
    return {line.get_label(): line for line in panel.lines if not line.get_label().startswith("_")}


def _legend(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def _picture(value, height=4, width=4):
    return np.full((height, width, 3), value, np.uint8)


def test_a_scatter_tells_right_from_wrong_and_ties_and_prints_the_accuracy():
    figure = figures.similar_against_dissimilar(
        {"before": ([0.1, 0.5, 0.3, 0.9], [0.4, 0.2, 0.3, NAN]), "after": ([0.0], [0.8])}
    )
    before, after = _saved(figure).axes
    # Of the three pairs without NaN one is right and one a tie.
    assert before.get_title() == "before\naccuracy 0.500, n = 3"
    assert after.get_title() == "after\naccuracy 1.000, n = 1"
    assert _points(before) == {BLUE: [[0.1, 0.4]], VERMILION: [[0.5, 0.2]], "#000000": [[0.3, 0.3]]}
    assert _legend(figure) == ["Y = X", "right", "wrong", "tie"]
    assert len({line.get_marker() for line in _labelled(before).values()}) == 4
    assert len({dots.get_paths()[0].vertices.tobytes() for dots in before.collections}) == 3


def test_all_panels_of_a_scatter_have_the_same_square_axes_with_the_line():
    figure = _saved(figures.similar_against_dissimilar({"a": ([0.0], [1.0]), "b": ([-1.0], [0.5]), "c": ([], [])}))
    for panel in figure.axes:
        assert panel.get_xlim() == panel.get_ylim() == pytest.approx((-1.08, 1.08))  # 4 % of margin
        assert panel.get_aspect() == 1
        assert panel.get_shared_x_axes().joined(panel, figure.axes[0])
        assert _labelled(panel)["Y = X"].get_xydata().tolist() == [[limit, limit] for limit in panel.get_xlim()]
    assert figure.axes[2].get_title() == "c\naccuracy n/a, n = 0"


def test_a_scatter_prints_the_accuracy_of_the_table():
    pairs = {"a": ([0.1, 0.2], [0.3, 0.4])}
    panel = figures.similar_against_dissimilar(pairs, accuracies={"a": 0.917}).axes[0]
    assert panel.get_title() == "a\naccuracy 0.917, n = 2"
    with pytest.raises(ValueError, match=r"accuracies lacks \['a'\]; it has \['A'\]"):
        figures.similar_against_dissimilar(pairs, accuracies={"A": 0.917})


def test_thousands_of_points_are_pixels_in_vector_files():
    few, many = (figures.similar_against_dissimilar({"a": 2 * [np.linspace(0, 1, n)]}).axes[0] for n in (1000, 1001))
    assert not few.collections[0].get_rasterized()
    assert many.collections[0].get_rasterized()


def test_groups_show_every_member_the_chosen_one_and_the_limits():
    values = {"young": [0.1, 0.3, 0.2], "older": [0.5, NAN, 0.7], "empty": []}
    figure = _saved(figures.group_distributions(values, "older", limits={"young": 0.25, "empty": NAN}))
    (panel,) = figure.axes
    young, older = (dots.get_offsets().data for dots in panel.collections if len(dots.get_offsets()) > 1)
    assert young[:, 1].tolist() == [0.1, 0.3, 0.2]
    assert older[:, 1].tolist() == [0.5, 0.7]
    assert np.all(np.abs(young[:, 0] - 0) < 0.4)
    assert np.all(np.abs(older[:, 0] - 1) < 0.4)
    colours = [to_hex(dots.get_facecolor()[0]).upper() for dots in panel.collections if len(dots.get_offsets()) > 1]
    assert colours == [GREY, BLUE]
    ticks = panel.get_xticklabels()
    assert [(tick.get_text(), tick.get_fontweight()) for tick in ticks] == [
        ("young", "normal"),
        ("older\n(chosen)", "bold"),
        ("empty", "normal"),
    ]
    (limit,) = (lines for lines in panel.collections if lines.get_label() == "limit that decides")
    assert limit.get_segments()[0].tolist() == [[-0.4, 0.25], [0.4, 0.25]]
    assert _texts(panel) == ["n/a"]


def test_groups_must_be_known():
    with pytest.raises(ValueError, match=r"unknown groups \['old', 'other'\]; similarities has \['young'\]"):
        figures.group_distributions({"young": [0.1]}, "old", limits={"other": 0.5})


def test_strips_show_each_query_then_the_most_then_the_least_similar():
    most = [Candidate(_picture(1), 0.9, "one"), Candidate(_picture(2), 0.8, "two")]
    least = [(_picture(3), -0.1, "three"), (_picture(4), NAN, "four")]
    queries = [Strip("q", _picture(0), "older male", most, least), Strip("r", _picture(9), "young", [], most)]
    (panel,) = _saved(figures.strips(queries)).axes
    assert [image.get_array()[0, 0, 0] for image in panel.images] == [0, 1, 2, 3, 4, 9, 1, 2]
    lefts, tops = zip(*((image.get_extent()[0], image.get_extent()[3]) for image in panel.images), strict=True)
    assert list(lefts[:5]) == sorted(lefts[:5])
    assert lefts[3:5] == lefts[6:8]  # the least similar stand below each other
    assert len(set(tops[:5])) == 1
    assert tops[5] > tops[0] + 1
    texts = _texts(panel)
    assert [text for text in texts if text in ("query", "most similar", "least similar")] == texts[:3]
    assert texts[3:8] == ["q: older male", "0.900\none", "0.800\ntwo", "-0.100\nthree", "n/a\nfour"]


def test_pictures_keep_their_shape_in_the_middle_of_their_place():
    candidates = [Candidate(_picture(0), 0.5, "square"), Candidate(_picture(0, 8, 4), 0.5, "tall")]
    (panel,) = figures.strips([Strip("q", _picture(0, 4, 8), "g", [], candidates)]).axes
    wide, square, tall = (image.get_extent() for image in panel.images)
    left, right, bottom, top = wide
    assert (right - left, bottom - top) == pytest.approx((1, 0.5))
    assert (bottom + top) / 2 == pytest.approx((square[2] + square[3]) / 2)
    assert tall[1] - tall[0] == pytest.approx(0.5)
    assert tall[0] - square[1] == pytest.approx(0.06 + 0.25)  # the gap between places, and half of what it is narrower


def test_examples_say_who_was_right_in_words():
    scores = {"right": (0.1, 0.2), "wrong": (0.3, 0.2), "tie": (0.5, 0.5), "none": (0.5, NAN)}
    triplet = Example("t0001", _picture(0), _picture(1), _picture(2), (1, 2), scores)
    (panel,) = _saved(figures.examples([triplet, triplet._replace(votes=(1, 1))])).axes
    assert [image.get_array()[0, 0, 0] for image in panel.images] == [1, 0, 2] * 2
    texts = _texts(panel)
    half = len(texts) // 2
    assert texts[:6] == ["t0001", "a: 1 of 3 votes", "reference", "b: 2 of 3 votes", "a", "b"]
    lines = [texts[6:half][start : start + 4] for start in (0, 4, 8, 12)]
    assert lines == [
        ["right", "0.100", "0.200", "\u2713 right"],
        ["wrong", "0.300", "0.200", "\u2717 wrong"],
        ["tie", "0.500", "0.500", "= tie"],
        ["none", "0.500", "n/a", ""],
    ]
    assert texts[half + 9 :: 4] == [""] * 4  # people disagree: nobody is right
    bold = [text.get_text() for text in panel.texts[:half] if text.get_fontweight() == "bold"]
    assert bold == ["t0001", "b: 2 of 3 votes", "0.200", "0.300"]
    (frame,) = panel.patches
    assert frame.get_xy() == pytest.approx(panel.images[2].get_extent()[::3])


def test_dots_show_value_and_interval_of_every_kind():
    rows = [
        Dot("[i]", "before", 0.7, 0.6, 0.75, Kind.MODEL),
        Dot("[ii]", "before", 0.8, NAN, NAN, "model"),
        Dot("[i]", "source look-up", NAN, NAN, NAN, "baseline"),
        Dot("[i]", "majority side", 0.55, NAN, NAN, "baseline"),
        Dot("[i]", "people", 0.9, 0.85, 0.95, "ceiling"),
    ]
    figure = _saved(figures.accuracy_dots(rows))
    first, second = figure.axes
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["[i]", "[ii]"]
    names = [tick.get_text() for tick in first.get_yticklabels()]
    assert names == ["before", "source look-up", "majority side", "people"]
    values = {name: (line.get_xdata()[0], line.get_ydata()[0]) for name, line in _labelled(first).items()}
    assert values == {"chance": (0.5, 0), "model": (0.7, 0), "sees no pixel": (0.55, 2), "people": (0.9, 3)}
    assert [lines.get_segments()[0].tolist() for lines in first.collections] == [
        [[0.6, 0], [0.75, 0]],
        [[0.85, 3], [0.95, 3]],
    ]
    (band,) = first.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((0.85, 0.95))
    assert [(text.get_text(), text.get_position()[1]) for text in first.texts] == [("n/a", 1)]
    assert not second.collections
    markers = {line.get_marker() for name, line in _labelled(first).items() if name != "chance"}
    assert markers == {"o", "|", "D"}


def test_dots_of_an_unknown_kind_are_refused():
    with pytest.raises(ValueError, match=r"the kind of 'x' is 'modell', wanted one of \['model', 'base"):
        figures.accuracy_dots([Dot("[i]", "x", 0.5, 0.4, 0.6, "modell")])


def test_curves_have_a_panel_a_quantity_and_a_line_a_replica():
    first = {"loss": ([1, 2, 3], [3.0, NAN, 1.0]), "accuracy": ([2], [0.5])}
    figure = _saved(figures.training_curves({"seed=0": first, "seed=1": {"loss": ([1], [2.0])}}))
    loss, accuracy = figure.axes
    assert (loss.get_xlabel(), loss.get_ylabel(), accuracy.get_ylabel()) == ("step", "loss", "accuracy")
    assert [line.get_xydata().tolist() for line in loss.lines] == [[[1, 3], [3, 1]], [[1, 2]]]
    assert [line.get_marker() for line in loss.lines] == ["", "."]  # one point makes no line
    assert accuracy.lines[0].get_xydata().tolist() == [[2, 0.5]]
    assert _legend(figure) == ["seed=0", "seed=1"]
    assert loss.lines[0].get_linestyle() != loss.lines[1].get_linestyle()
    assert loss.lines[0].get_color() == accuracy.lines[0].get_color()


@pytest.mark.parametrize(("replicas", "entries"), [(10, 10), (11, 0)])
def test_curves_are_named_up_to_ten_replicas(replicas, entries):
    curves = {f"seed={seed}": {"loss": ([0, 1], [seed, 0])} for seed in range(replicas)}
    figure = _saved(figures.training_curves(curves))
    assert len(figure.axes[0].lines) == replicas
    assert len(_legend(figure)) == entries
    assert not figures.training_curves({"": {"loss": ([0, 1], [1, 0])}}).legends  # a single run needs no name


def test_reliability_shows_every_bin_with_votes_as_area():
    bins = {"before": ([0.2, 0.5, 0.9], [0.4, NAN, 0.8], [10, 0, 40]), "after": ([0.5], [0.5], [20])}
    figure = _saved(figures.reliability(bins))
    (panel,) = figure.axes
    before, after = panel.collections
    assert before.get_offsets().data.tolist() == [[0.2, 0.4], [0.9, 0.8]]
    assert before.get_sizes().tolist() == [30, 120]
    assert after.get_sizes().tolist() == [60]
    assert _legend(figure) == ["predicted = observed", "before", "after"]
    assert _labelled(panel)["before"].get_marker() != _labelled(panel)["after"].get_marker()


@pytest.mark.parametrize(
    "figure",
    [
        lambda: figures.similar_against_dissimilar({LONG: ([0.5], [0.5]), "_nan": ([NAN], [NAN])}),
        lambda: figures.group_distributions({LONG: [0.5], "none": [], "same": [0.1, 0.1]}, LONG),
        lambda: figures.group_distributions({str(name): [0.1, name] for name in range(12)}, "3"),
        lambda: figures.strips([Strip(LONG, _picture(0, 9, 3), LONG, [], [(_picture(0), 0.5, LONG)] * 12)]),
        lambda: figures.examples([Example(LONG, *[_picture(0)] * 3, (0, 0), {LONG: (NAN, NAN)})]),
        lambda: figures.accuracy_dots([Dot(LONG, LONG, NAN, NAN, NAN, "ceiling")]),
        lambda: figures.training_curves({f"_{name}{LONG}": {LONG: ([1], [NAN])} for name in range(10)}),
        lambda: figures.reliability({f"{name}": ([], [], []) for name in range(9)}),
    ],
)
def test_awkward_data_is_drawn_without_a_warning(figure):
    _saved(figure())


def test_letters_are_large_enough_for_print_and_long_names_stay_on_the_page():
    figure = _saved(figures.training_curves({f"_{LONG}": {LONG: ([1, 2], [1, 2])}}))
    (name,) = figure.legends[0].get_texts()
    assert " _a long name of a model with \\$signs\\$,\nletters that no font has (??)," in name.get_text()
    inside = name.get_window_extent()
    assert 0 < inside.x0 < inside.x1 < figure.bbox.x1
    assert figure.get_figwidth() <= 7
    shown = [name, figure.axes[0].xaxis.label, *figure.axes[0].get_xticklabels()]
    assert min(text.get_fontsize() for text in shown) >= 8


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: figures.similar_against_dissimilar({}), "pairs is empty"),
        (lambda: figures.similar_against_dissimilar({"a": ([1, 2], [1])}), r"pairs\['a'\] .* got \(2,\), \(1,\)"),
        (lambda: figures.group_distributions({}, "a"), "similarities is empty"),
        (lambda: figures.group_distributions({"a": [[1]]}, "a"), r"similarities\['a'\] .* got \(1, 1\)"),
        (lambda: figures.strips([]), "queries is empty"),
        (lambda: figures.strips([Strip("q", np.zeros((3, 3)), "g", [], [])]), r"the query 'q' .* got \(3, 3\)"),
        (lambda: figures.examples([]), "triplets is empty"),
        (lambda: figures.accuracy_dots([]), "rows is empty"),
        (lambda: figures.training_curves({}), "curves is empty"),
        (lambda: figures.training_curves({"a": {}}), "curves is empty"),
        (lambda: figures.training_curves({"a": {"loss": (1, 2)}}), r"curves\['a'\]\['loss'\] .* got \(\), \(\)"),
        (lambda: figures.reliability({"a": ([1], [1], [1, 2])}), r"bins\['a'\] .* got \(1,\), \(1,\), \(2,\)"),
    ],
)
def test_wrong_shapes_are_refused_by_name(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_pictures_must_be_bytes():
    example = Example("t0", _picture(0), _picture(0).astype(np.float32), _picture(0), (3, 0), {})
    with pytest.raises(TypeError, match="picture a of 't0' must be uint8, got float32"):
        figures.examples([example])


def test_the_package_loads_without_matplotlib_and_figures_without_pyplot():
    code = """if True:
        import sys, perface_jax
        assert "matplotlib" not in sys.modules
        from perface_jax import figures
        figures.reliability({"a": ([0.5], [0.5], [1])}).savefig("/dev/null", format="png")
        assert "matplotlib.pyplot" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)
