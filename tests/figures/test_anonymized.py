"""Sheets of anonymized faces show both similarities of every result: compared as data, not as pixels."""

import itertools

import numpy as np
import pytest

from perface_jax import figures
from perface_jax.figures import MethodsRow, Result, ResultsRow
from perface_jax.figures.style import BLACK, GRAY
from tests.figure_checks import LONG, NAN, apart, color_of, picture, texts_of

pytestmark = pytest.mark.filterwarnings("error")


def _rows_of_texts(panel):
    """Texts from left to right, line by line."""
    places = sorted(
        (round(text.get_position()[1], 3), text.get_position()[0], text.get_text())
        for text in panel.texts
        if text.get_text()
    )
    return [[text for *_, text in line] for _, line in itertools.groupby(places, lambda place: place[0])]


def test_the_selected_result_is_framed_and_the_others_have_their_reasons():
    given = Result(picture(1), "s1", 0.31, 0.12, True)
    refused = Result(picture(2), "s2", NAN, -0.4, False)
    rows = [
        ResultsRow("q", picture(0), "older male", [refused, given], 1),
        ResultsRow("r", picture(5), "young", [refused], -1),
        ResultsRow("s", picture(6), "young", [], -1),
        ResultsRow("t", picture(7), "young", [given], -1),
    ]
    (panel,) = apart(figures.results(rows)).axes
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
    colors = {text.get_text(): color_of(text) for text in panel.texts}
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
    (panel,) = apart(figures.methods(rows)).axes
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
    (panel,) = apart(figures.methods(rows)).axes  # nothing lies outside of the page
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
    apart(figures.results([ResultsRow(LONG, picture(0), LONG, [result] * count, -1)]))
    named = {f"{number} {LONG}": (picture(1), -0.123, -0.456) for number in range(count)}
    apart(figures.methods([MethodsRow(LONG, picture(0), named)]))


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="the methods of all rows is empty"):
        figures.methods([MethodsRow("o", picture(0), {})])
    with pytest.raises(TypeError, match="the picture of 'o' by 'blur' must be uint8, got float64"):
        figures.methods([MethodsRow("o", picture(0), {"blur": (np.zeros((4, 4, 3)), 0.1, 0.1)})])
