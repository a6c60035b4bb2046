"""Sheets show every picture and what is said of it: compared as data, not as pixels."""

import numpy as np
import pytest

from perface_jax import figures
from perface_jax.figures import Candidate, Example, Strip
from tests.figure_checks import NAN, drawn, picture, texts_of

pytestmark = pytest.mark.filterwarnings("error")


def test_strips_show_each_query_then_the_most_then_the_least_similar():
    most = [Candidate(picture(1), 0.9, "one"), Candidate(picture(2), 0.8, "two")]
    least = [(picture(3), -0.1, "three"), (picture(4), NAN, "four")]
    queries = [Strip("q", picture(0), "older male", most, least), Strip("r", picture(9), "young", [], most)]
    (panel,) = drawn(figures.strips(queries)).axes
    assert [image.get_array()[0, 0, 0] for image in panel.images] == [0, 1, 2, 3, 4, 9, 1, 2]
    lefts, tops = zip(*((image.get_extent()[0], image.get_extent()[3]) for image in panel.images), strict=True)
    assert list(lefts[:5]) == sorted(lefts[:5])
    assert lefts[3:5] == lefts[6:8]  # the least similar stand below each other
    assert len(set(tops[:5])) == 1
    assert tops[5] > tops[0] + 1
    texts = texts_of(panel)
    assert [text for text in texts if text in ("query", "most similar", "least similar")] == texts[:3]
    assert texts[3:8] == ["q: older male", "0.900\none", "0.800\ntwo", "-0.100\nthree", "n/a\nfour"]


def test_pictures_keep_their_shape_in_the_middle_of_their_place():
    candidates = [Candidate(picture(0), 0.5, "square"), Candidate(picture(0, 8, 4), 0.5, "tall")]
    (panel,) = figures.strips([Strip("q", picture(0, 4, 8), "g", [], candidates)]).axes
    wide, square, tall = (image.get_extent() for image in panel.images)
    left, right, bottom, top = wide
    assert (right - left, bottom - top) == pytest.approx((1, 0.5))
    assert (bottom + top) / 2 == pytest.approx((square[2] + square[3]) / 2)
    assert tall[1] - tall[0] == pytest.approx(0.5)
    assert tall[0] - square[1] == pytest.approx(0.06 + 0.25)  # the gap between places, and half of what it is narrower


def test_examples_say_who_was_right_in_words():
    scores = {"right": (0.1, 0.2), "wrong": (0.3, 0.2), "tie": (0.5, 0.5), "none": (0.5, NAN)}
    triplet = Example("t0001", picture(0), picture(1), picture(2), (1, 2), scores)
    (panel,) = drawn(figures.examples([triplet, triplet._replace(votes=(1, 1))])).axes
    assert [image.get_array()[0, 0, 0] for image in panel.images] == [1, 0, 2] * 2
    texts = texts_of(panel)
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


def test_pictures_must_be_bytes():
    example = Example("t0", picture(0), picture(0).astype(np.float32), picture(0), (3, 0), {})
    with pytest.raises(TypeError, match="picture a of 't0' must be uint8, got float32"):
        figures.examples([example])
