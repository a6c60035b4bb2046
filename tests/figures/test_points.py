"""Scatters and distributions show the values they were given: compared as data, not as pixels."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from perface_jax import figures
from perface_jax.figures.style import BLUE, GRAY, VERMILION
from tests.figure_checks import NAN, drawn, labeled, legend_of, texts_of

pytestmark = pytest.mark.filterwarnings("error")


def _points(panel):
    """Color -> the points scattered in it, and the size of each."""
    return {to_hex(dots.get_facecolor()[0]).upper(): dots.get_offsets().data.tolist() for dots in panel.collections}


def test_a_scatter_tells_right_from_wrong_and_ties_and_prints_the_accuracy():
    figure = figures.similar_against_dissimilar(
        {"before": ([0.1, 0.5, 0.3, 0.9], [0.4, 0.2, 0.3, NAN]), "after": ([0.0], [0.8])}
    )
    before, after = drawn(figure).axes
    # As (dissimilar, similar): (.1, .4) is right, (.5, .2) wrong, (.3, .3) a tie, and the last one has no number.
    assert before.get_title() == "before\naccuracy 0.500, n = 3"
    assert after.get_title() == "after\naccuracy 1.000, n = 1"
    assert _points(before) == {BLUE: [[0.4, 0.1]], VERMILION: [[0.2, 0.5]], "#000000": [[0.3, 0.3]]}
    assert before.get_xlabel() == "similarity of the similar pair"  # as in Fig. 4: right is below the line
    assert before.get_ylabel() == "similarity of the dissimilar pair"
    assert legend_of(figure) == ["Y = X", "right", "wrong", "tie"]
    assert len({line.get_marker() for line in labeled(before).values()}) == 4
    assert len({dots.get_paths()[0].vertices.tobytes() for dots in before.collections}) == 3


def test_all_panels_of_a_scatter_have_the_same_square_axes_with_the_line():
    figure = drawn(figures.similar_against_dissimilar({"a": ([0.0], [1.0]), "b": ([-1.0], [0.5]), "c": ([], [])}))
    for panel in figure.axes:
        assert panel.get_xlim() == panel.get_ylim() == pytest.approx((-1.08, 1.08))  # 4 % of margin
        assert panel.get_aspect() == 1
        assert panel.get_shared_x_axes().joined(panel, figure.axes[0])
        assert labeled(panel)["Y = X"].get_xydata().tolist() == [[limit, limit] for limit in panel.get_xlim()]
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
    figure = drawn(figures.group_distributions(values, "older", limits={"young": 0.25, "empty": NAN}))
    (panel,) = figure.axes
    young, older = (dots.get_offsets().data for dots in panel.collections if len(dots.get_offsets()) > 1)
    assert young[:, 1].tolist() == [0.1, 0.3, 0.2]
    assert older[:, 1].tolist() == [0.5, 0.7]
    assert np.all(np.abs(young[:, 0] - 0) < 0.4)
    assert np.all(np.abs(older[:, 0] - 1) < 0.4)
    colors = [to_hex(dots.get_facecolor()[0]).upper() for dots in panel.collections if len(dots.get_offsets()) > 1]
    assert colors == [GRAY, BLUE]
    ticks = panel.get_xticklabels()
    assert [(tick.get_text(), tick.get_fontweight()) for tick in ticks] == [
        ("young", "normal"),
        ("older\n(chosen)", "bold"),
        ("empty", "normal"),
    ]
    (limit,) = (lines for lines in panel.collections if lines.get_label() == "limit that decides")
    assert limit.get_segments()[0].tolist() == [[-0.4, 0.25], [0.4, 0.25]]
    assert texts_of(panel) == ["n/a"]


def test_groups_must_be_known():
    with pytest.raises(ValueError, match=r"unknown groups \['old', 'other'\]; similarities has \['young'\]"):
        figures.group_distributions({"young": [0.1]}, "old", limits={"other": 0.5})
