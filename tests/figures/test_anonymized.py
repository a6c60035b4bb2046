"""Figures of anonymized faces show both similarities of every result: compared as data, not as pixels."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex

from perface_jax import figures
from perface_jax.figures import MethodsRow, Result, ResultsRow
from perface_jax.figures.style import BLACK, BLUE, GRAY, GREEN, VERMILION
from tests.figure_checks import LONG, NAN, drawn, labeled, legend_of, picture, texts_of

pytestmark = pytest.mark.filterwarnings("error")

THRESHOLD = (0.28, 0.25, 0.31)


def _color(artist):
    return to_hex(artist.get_color()).upper()


def _apart(figure):
    """Drawn; no two texts of its panels, titles included, lie on each other."""
    texts = [text for panel in drawn(figure).axes for text in (*panel.texts, panel.title) if text.get_text()]
    for one, other in itertools.combinations(texts, 2):
        boxes = one.get_window_extent(), other.get_window_extent()
        widths, heights = np.minimum(*(box.max for box in boxes)) - np.maximum(*(box.min for box in boxes))
        assert min(widths, heights) < 0.5, (one.get_text(), other.get_text())  # less than a pixel
    return figure


def _rows_of_texts(panel):
    """Texts from left to right, line by line."""
    places = sorted(
        (round(text.get_position()[1], 3), text.get_position()[0], text.get_text())
        for text in panel.texts
        if text.get_text()
    )
    return [[text for *_, text in line] for _, line in itertools.groupby(places, lambda place: place[0])]


def test_each_recognizer_has_a_panel_with_the_results_and_the_mean_of_every_method():
    blur, swap = ([0.7, 0.9, 0.1], [0.6, 0.8, NAN]), ([0.0, 0.2], [0.1, 0.5])
    both = {"r50": {"blur": blur, "swap": swap}, "r18": {"swap": swap}}
    figure = drawn(figures.two_axes(both, thresholds={"r50": THRESHOLD}))
    first, second = figure.axes
    clouds = {to_hex(dots.get_facecolor()[0]).upper(): dots.get_offsets().data.tolist() for dots in first.collections}
    assert clouds == {BLUE: [[0.7, 0.6], [0.9, 0.8]], VERMILION: [[0.0, 0.1], [0.2, 0.5]]}  # what has no number is out
    means = {name: line.get_xydata()[0].tolist() for name, line in labeled(first).items() if name in ("blur", "swap")}
    assert means == {"blur": pytest.approx([0.8, 0.7]), "swap": pytest.approx([0.1, 0.3])}
    assert _color(labeled(second)["swap"]) == VERMILION  # the same in every panel
    assert first.get_xlabel() == second.get_xlabel() == "recognizer similarity (cos)"
    assert first.get_ylabel() == "perceived similarity (cos)"
    assert first.get_xlim() == second.get_xlim()
    assert first.get_ylim() == second.get_ylim()
    assert legend_of(figure) == ["blur", "swap", "match threshold", "its interval"]


def test_a_match_threshold_is_a_line_in_its_interval_and_both_sides_are_labeled():
    one = {"blur": ([0.1], [0.2])}
    thresholds = {"a": THRESHOLD, "b": (0.4, NAN, NAN), "c": (NAN, NAN, NAN)}
    figure = figures.two_axes(dict.fromkeys("abcd", one), thresholds=thresholds)
    panels = _apart(figure).axes
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
    figure = _apart(figures.two_axes({LONG: methods, "b": methods, "c": methods}, thresholds={LONG: THRESHOLD}))
    means = [line for name, line in labeled(figure.axes[0]).items() if name != "match threshold"]
    assert len({(_color(line), line.get_marker()) for line in means}) == 9
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
    assert len({(line.get_linestyle(), line.get_marker(), _color(line)) for line in lines.values()}) == 4
    bands = [{tuple(point) for point in band.get_paths()[0].vertices.tolist()} for band in panel.collections]
    assert bands[0] == {(0.0, 0.9), (0.5, 0.5), (0.5, 0.7), (0.0, 1.0)}
    threshold = lines["match threshold, r18"]
    assert list(threshold.get_ydata()) == [0.28, 0.28]
    assert (_color(threshold), threshold.get_marker()) == (GREEN, lines["r18"].get_marker())
    assert panel.get_ylabel() == "similarity to the original (cos)"
    assert legend_of(figure)[-1] == "match threshold, r18"


def test_the_selected_result_is_framed_and_the_others_have_their_reasons():
    given = Result(picture(1), "s1", 0.31, 0.12, True)
    refused = Result(picture(2), "s2", NAN, -0.4, False)
    rows = [
        ResultsRow("q", picture(0), "older male", [refused, given], 1),
        ResultsRow("r", picture(5), "young", [refused], -1),
        ResultsRow("s", picture(6), "young", [], -1),
        ResultsRow("t", picture(7), "young", [given], -1),
    ]
    (panel,) = _apart(figures.results(rows)).axes
    assert [image.get_array()[0, 0, 0] for image in panel.images] == [0, 2, 1, 5, 2, 6, 7, 1]
    assert _rows_of_texts(panel)[1:] == [
        ["q: older male"],
        ["perceived", "n/a", "0.310"],
        ["recognizer", "-0.400", "0.120"],
        ["from", "\u2717 s2", "s1"],
        ["r: young", "none selected: no result is admitted"],
        ["perceived", "n/a"],
        ["recognizer", "-0.400"],
        ["from", "\u2717 s2"],
        ["s: young", "none selected: the group has no candidate"],
        ["t: young", "none selected"],
        ["perceived", "0.310"],
        ["recognizer", "0.120"],
        ["from", "s1"],
    ]
    colors = {text.get_text(): _color(text) for text in panel.texts}
    assert (colors["s1"], colors["\u2717 s2"]) == (BLACK, GRAY)
    (frame,) = panel.patches
    assert frame.get_xy() == pytest.approx(panel.images[2].get_extent()[::3])


def test_a_place_that_no_result_has_is_not_chosen():
    with pytest.raises(ValueError, match="chosen for 'q' is 0, wanted a place among its 0 results, or -1"):
        figures.results([ResultsRow("q", picture(0), "young", [], 0)])


def test_methods_are_below_their_names_with_both_similarities():
    rows = [
        MethodsRow("o", picture(0), {"blur": (picture(1), 0.8, 0.7), "swap": (picture(2), 0.2, NAN)}),
        MethodsRow("p", picture(3), {"swap": (picture(4), 0.3, 0.1)}),
    ]
    (panel,) = _apart(figures.methods(rows)).axes
    assert [image.get_array()[0, 0, 0] for image in panel.images] == [0, 1, 2, 3, 4]
    lefts = [image.get_extent()[0] for image in panel.images]
    assert lefts[2] == lefts[4]
    assert _rows_of_texts(panel) == [
        ["original", "blur", "swap"],
        ["o"],
        ["perceived", "0.800", "0.200"],
        ["recognizer", "0.700", "n/a"],
        ["p"],
        ["n/a"],  # in the place of the picture that the method lacks
        ["perceived", "0.300"],
        ["recognizer", "0.100"],
    ]


@pytest.mark.parametrize(("count", "blocks"), [(8, [8]), (9, [5, 4]), (16, [8, 8]), (17, [6, 6, 5])])
def test_more_than_eight_methods_are_in_blocks_and_no_label_is_cut(count, blocks):
    names = [f"{number} farthest swap + skin + light" for number in range(count)]
    rows = [
        MethodsRow(one, picture(99), {name: (picture(i), 0.1, 0.2) for i, name in enumerate(names)}) for one in "op"
    ]
    (panel,) = _apart(figures.methods(rows)).axes  # nothing lies outside of the page
    shown = [int(image.get_array()[0, 0, 0]) for image in panel.images]
    wanted, first = [], 0
    for block in blocks:
        wanted += 2 * [99, *range(first, first + block)]
        first += block
    assert shown == wanted
    assert [text for text in texts_of(panel) if text in ("original", "o", "p")] == len(blocks) * ["original", "o", "p"]
    heads = [" ".join(text.split()) for text in texts_of(panel) if "farthest" in text]
    assert heads == names  # whole, without an ellipsis
    originals = [image.get_extent() for image in panel.images if image.get_array()[0, 0, 0] == 99]
    tops = [top for *_, top in originals]
    assert tops == sorted(tops)
    assert np.diff(tops).min() > originals[0][1] - originals[0][0]  # a picture's height


@pytest.mark.parametrize("count", [1, 8])
def test_sheets_have_room_for_long_names(count):
    result = Result(picture(1), "portraits/0012345.jpg", -0.123, -0.456, False)
    _apart(figures.results([ResultsRow(LONG, picture(0), LONG, [result] * count, -1)]))
    named = {f"{number} {LONG}": (picture(1), -0.123, -0.456) for number in range(count)}
    _apart(figures.methods([MethodsRow(LONG, picture(0), named)]))


def test_what_cannot_be_drawn_is_refused():
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
    with pytest.raises(ValueError, match="the methods of all rows is empty"):
        figures.methods([MethodsRow("o", picture(0), {})])
    with pytest.raises(TypeError, match="the picture of 'o' by 'blur' must be uint8, got float64"):
        figures.methods([MethodsRow("o", picture(0), {"blur": (np.zeros((4, 4, 3)), 0.1, 0.1)})])
