"""Figures of what recognizers match: compared as data, not as pixels."""

import numpy as np
import pytest

from perface_jax import figures
from tests.figure_checks import LONG, NAN, drawn, labeled, legend_of

pytestmark = pytest.mark.filterwarnings("error")

# Of a hundred pairs of two people one lies above half of the results, ten above the second half.
FALSE, TRUE = [0.0, 0.0, 0.01, 0.01, 0.1, 0.1, 1.0], [0.0, 0.5, 0.5, 0.9, 0.9, 1.0, 1.0]


def _marks(panel):
    """Name -> the place of its marker, in the order of the legend."""
    names = [name for name in labeled(panel) if name != "chance" and not name.startswith("false accept rate")]
    dots = [line for line in panel.lines if line.get_linestyle() == "None"]
    return {name: tuple(map(float, dot.get_xydata()[0])) for name, dot in zip(names, dots, strict=True)}


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
