"""A contact sheet of ranked faces: every picture with its score and name, six a row."""

import numpy as np
import pytest

from perface_jax.figures import Candidate, ranked

FACE = np.full((8, 8, 3), 99, np.uint8)


def test_each_candidate_has_its_score_and_name_and_rows_have_six():
    many = [Candidate(FACE, 0.9 - place / 10, f"c{place}.jpg") for place in range(7)]
    figure = ranked("me.jpg", FACE, {"Most alike": many, "Least alike": [Candidate(FACE, float("nan"), "d.jpg")]})
    (panel,) = figure.axes
    texts = [text.get_text() for text in panel.texts]
    assert [text for text in texts if "c" in text and "\n" in text] == [
        f"{0.9 - i / 10:.3f}\nc{i}.jpg" for i in range(7)
    ]
    assert "n/a\nd.jpg" in texts
    assert "query\nme.jpg" in texts
    assert len(panel.images) == 9
    lefts = [image.get_extent()[0] for image in panel.images[1:8]]
    assert lefts[6] == lefts[0] < lefts[1] < lefts[5]


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="groups is empty"):
        ranked("me", FACE, {})
    with pytest.raises(ValueError, match="Most is empty"):
        ranked("me", FACE, {"Most": []})
    with pytest.raises(TypeError, match="the query 'me' must be uint8"):
        ranked("me", FACE / 2, {"Most": [Candidate(FACE, 0.1, "a")]})
