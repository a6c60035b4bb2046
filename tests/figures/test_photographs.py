"""The contact sheet shows every photograph with its faces where they are."""

import numpy as np
import pytest

from perface_jax import figures
from perface_jax.figures import Photograph
from tests.figure_checks import drawn, picture, texts_of

pytestmark = pytest.mark.filterwarnings("error")
NONE = np.zeros((0, 4)), np.zeros((0, 5, 2))


def test_boxes_and_points_lie_on_their_pixels():
    box, points = np.array([[-0.5, -0.5, 3.5, 7.5]]), np.array([[[3.5, 3.5]] * 5])
    shown = [Photograph("one", picture(0, 8, 8), box, points), Photograph("two", picture(9, 4, 8), *NONE)]
    (panel,) = drawn(figures.photographs(shown)).axes
    (frame,) = panel.patches
    assert frame.get_bbox().bounds == pytest.approx((0, 0, 0.5, 1))  # the left half of the first picture
    (line,) = panel.lines
    np.testing.assert_allclose(line.get_xydata(), [[0.5, 0.5]] * 5)  # its center
    assert texts_of(panel) == ["one\n1 face", "two\nno face"]


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="pictures"):
        figures.photographs([])
