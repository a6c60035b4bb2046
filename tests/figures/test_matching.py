"""Figures of similarities to the original and of what recognizers match: compared as data, not as pixels."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from perface_jax import figures
from perface_jax.figures.style import BLUE, GREEN, VERMILION
from tests.figure_checks import LONG, NAN, apart, color_of, drawn, labeled, legend_of, texts_of

pytestmark = pytest.mark.filterwarnings("error")

THRESHOLD = (0.28, 0.25, 0.31)
# Of a hundred pairs of two people one lies above half of the results, ten above the second half.
FALSE, TRUE = [0.0, 0.0, 0.01, 0.01, 0.1, 0.1, 1.0], [0.0, 0.5, 0.5, 0.9, 0.9, 1.0, 1.0]


def _marks(panel):
    """Name -> the place of its marker, in the order of the legend."""
    names = [name for name in labeled(panel) if name != "chance" and not name.startswith("false accept rate")]
    dots = [line for line in panel.lines if line.get_linestyle() == "None"]
    return {name: tuple(map(float, dot.get_xydata()[0])) for name, dot in zip(names, dots, strict=True)}


def test_each_recognizer_has_a_panel_with_the_results_and_the_mean_of_every_method():
    blur, swap = ([0.7, 0.9, 0.1], [0.6, 0.8, NAN]), ([0.0, 0.2], [0.1, 0.5])
    both = {"r50": {"blur": blur, "swap": swap}, "r18": {"swap": swap}}
    figure = drawn(figures.two_axes(both, thresholds={"r50": THRESHOLD}))
    first, second = figure.axes
    clouds = {to_hex(dots.get_facecolor()[0]).upper(): dots.get_offsets().data.tolist() for dots in first.collections}
    assert clouds == {BLUE: [[0.7, 0.6], [0.9, 0.8]], VERMILION: [[0.0, 0.1], [0.2, 0.5]]}  # what has no number is out
    means = {name: line.get_xydata()[0].tolist() for name, line in labeled(first).items() if name in ("blur", "swap")}
    assert means == {"blur": pytest.approx([0.8, 0.7]), "swap": pytest.approx([0.1, 0.3])}
    assert color_of(labeled(second)["swap"]) == VERMILION  # the same in every panel
    assert first.get_xlabel() == second.get_xlabel() == "recognizer similarity (cos)"
    assert first.get_ylabel() == "perceived similarity (cos)"
    assert first.get_xlim() == second.get_xlim()
    assert first.get_ylim() == second.get_ylim()
    assert legend_of(figure) == ["blur", "swap", "match threshold", "its interval"]


def test_a_match_threshold_is_a_line_in_its_interval_and_both_sides_are_labeled():
    one = {"blur": ([0.1], [0.2])}
    thresholds = {"a": THRESHOLD, "b": (0.4, NAN, NAN), "c": (NAN, NAN, NAN)}
    figure = figures.two_axes(dict.fromkeys("abcd", one), thresholds=thresholds)
    panels = apart(figure).axes
    lines = [labeled(panel).get("match threshold") for panel in panels]
    assert [line and line.get_xdata() for line in lines] == [[0.28, 0.28], [0.4, 0.4], None, None]
    assert [len(panel.patches) for panel in panels] == [1, 0, 0, 0]
    (band,) = panels[0].patches
    assert band.get_window_extent().width == pytest.approx(
        np.diff(panels[0].transData.transform([(0.25, 0), (0.31, 0)])[:, 0])[0]
    )
    assert [panel.get_title() for panel in panels] == ["a\nmatched above 0.280", "b\nmatched above 0.400", "c", "d"]
    words = {text.get_text(): text.get_position() for text in panels[0].texts}
    assert words["\u2190 not matched"][0] == 0
    assert words["matched \u2192"][0] == 1
    assert words["\u2190 looks different"][1] == 0
    assert words["looks alike \u2192"][1] == 1
    assert texts_of(panels[3]) == ["\u2190 looks different", "looks alike \u2192"]


def test_eight_methods_differ_in_marker_or_color_and_nothing_lies_on_anything_else():
    methods = {f"{number} {LONG}": ([0.1 * number], [0.2]) for number in range(8)} | {"empty": ([], [])}
    figure = apart(figures.two_axes({LONG: methods, "b": methods, "c": methods}, thresholds={LONG: THRESHOLD}))
    means = [line for name, line in labeled(figure.axes[0]).items() if name != "match threshold"]
    assert len({(color_of(line), line.get_marker()) for line in means}) == 9
    assert len({line.get_marker() for line in means[:7]}) == 7
    assert len(legend_of(figure)) == 9 + 2  # a method without any result has its place in the legend


def test_thousands_of_results_are_rasterized_in_vector_files():
    figure = figures.two_axes({"a": {"few": np.zeros((2, 1000)), "many": np.zeros((2, 1001))}})
    assert [bool(dots.get_rasterized()) for dots in figure.axes[0].collections] == [False, True]


def test_curves_of_the_degree_have_their_bands_and_thresholds_their_marker():
    degree = [0.0, 0.5, 1.0]
    perceived = (degree, [1.0, 0.6, NAN], [0.9, 0.5, NAN], [1.0, 0.7, NAN])
    curves = {"perceived": perceived, LONG: (degree, [1.0, 0.5, 0.1], [1.0, 0.4, 0.0], [1.0, 0.6, 0.2])}
    curves["r18"] = curves[LONG]
    figure = drawn(figures.degrees(curves, thresholds={"r18": THRESHOLD}))
    (panel,) = figure.axes
    lines = labeled(panel)
    assert lines["perceived"].get_xydata().tolist() == [[0.0, 1.0], [0.5, 0.6]]
    assert len({(line.get_linestyle(), line.get_marker(), color_of(line)) for line in lines.values()}) == 4
    bands = [{tuple(point) for point in band.get_paths()[0].vertices.tolist()} for band in panel.collections]
    assert bands[0] == {(0.0, 0.9), (0.5, 0.5), (0.5, 0.7), (0.0, 1.0)}
    threshold = lines["match threshold, r18"]
    assert list(threshold.get_ydata()) == [0.28, 0.28]
    assert (color_of(threshold), threshold.get_marker()) == (GREEN, lines["r18"].get_marker())
    assert panel.get_ylabel() == "similarity to the original (cos)"
    assert legend_of(figure)[-1] == "match threshold, r18"


def test_a_curve_is_marked_where_the_false_accept_rate_is_the_one_asked_for():
    flat = ([0.0, 1.0], [0.0, 1.0])
    figure = drawn(figures.roc_curves({"r50": {"blur": (FALSE, TRUE), "box": flat}, "r18": {"box": flat}}, asked=0.05))
    first, second = figure.axes
    assert _marks(first) == {"blur": (0.05, 0.9), "box": (0.05, 0.0)}
    assert _marks(second) == {"box": (0.05, 0.0)}
    assert labeled(first)["false accept rate 0.05"].get_xdata() == [0.05, 0.05]
    (curve,) = (line for line in first.lines if len(line.get_xdata()) == len(FALSE))
    np.testing.assert_array_equal(curve.get_xdata(), [0.005, 0.005, *FALSE[2:]])  # 0 has no place on this axis
    np.testing.assert_array_equal(curve.get_ydata(), TRUE)
    assert (first.get_xscale(), first.get_xlim()) == ("log", (0.005, 1.0))
    np.testing.assert_allclose(*labeled(first)["chance"].get_xydata().T)
    assert first.get_xlabel() == "false accept rate (pairs of two people)"
    assert [panel.get_title() for panel in figure.axes] == ["r50", "r18"]
    assert legend_of(figure) == ["chance", "false accept rate 0.05", "blur", "box"]
    color = {panel: labeled(panel)["box"].get_color() for panel in figure.axes}
    assert color[first] == color[second]


def test_a_curve_without_any_impostor_still_has_an_axis():
    (panel,) = drawn(figures.roc_curves({"r50": {"same": ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])}}, asked=1e-3)).axes
    assert _marks(panel) == {"same": (1e-3, 1.0)}
    assert panel.get_xlim()[0] == 5e-4


def test_ranks_have_their_bands():
    share = ([0.2, 0.5, 0.6], [0.1, 0.4, 0.5], [0.3, 0.6, 0.7])
    (panel,) = drawn(figures.rank_curves({"r50": {"swap": share}})).axes
    assert labeled(panel)["swap"].get_xydata().tolist() == [[1, 0.2], [2, 0.5], [3, 0.6]]
    (band,) = panel.collections
    wanted = {(1, 0.1), (2, 0.4), (3, 0.5), (1, 0.3), (2, 0.6), (3, 0.7)}
    assert {tuple(point) for point in band.get_paths()[0].vertices.tolist()} == wanted
    assert panel.get_xlabel() == "k"


def test_sixteen_methods_with_long_names_stay_on_the_page_and_differ():
    names = [f"{number} {LONG}" for number in range(16)]
    for figure in (
        figures.roc_curves({LONG: {name: (FALSE, TRUE) for name in names}}, asked=0.01),
        figures.rank_curves({LONG: {name: ([0.1], [NAN], [NAN]) for name in names}}),
    ):
        (panel,) = drawn(figure).axes
        lines = [line for name, line in labeled(panel).items() if name[0].isdigit()]
        assert len({(line.get_color(), line.get_marker(), line.get_linestyle()) for line in lines}) == 16


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="curves is empty"):
        figures.rank_curves({})
    with pytest.raises(ValueError, match=r"curves\['r50'\] is empty"):
        figures.roc_curves({"r50": {}}, asked=0.1)
    with pytest.raises(ValueError, match=r"curves\['r50'\]\['blur'\] must be of shape \[N\].* got \(1,\), \(2,\)"):
        figures.roc_curves({"r50": {"blur": ([0.1], [0.1, 0.2])}}, asked=0.1)
    with pytest.raises(ValueError, match="asked is 0, wanted a false accept rate of more than 0 and less than 1"):
        figures.roc_curves({"r50": {"blur": (FALSE, TRUE)}}, asked=0)
    pair = ([0.1], [0.2])
    with pytest.raises(ValueError, match="similarities is empty"):
        figures.two_axes({})
    with pytest.raises(ValueError, match=r"similarities\['r50'\] is empty"):
        figures.two_axes({"r50": {}})
    with pytest.raises(
        ValueError, match=r"similarities\['r50'\]\['blur'\] must be of shape \[N\].* got \(1,\), \(2,\)"
    ):
        figures.two_axes({"r50": {"blur": ([0.1], [0.2, 0.3])}})
    with pytest.raises(ValueError, match=r"thresholds has \['r18'\], which are not among \['r50'\]"):
        figures.two_axes({"r50": {"blur": pair}}, thresholds={"r18": THRESHOLD})
    with pytest.raises(ValueError, match=r"thresholds\['r50'\] must be \(value, low, high\), got 0.3"):
        figures.degrees({"r50": 4 * [[0.1]]}, thresholds={"r50": 0.3})
