"""Power curves show the values they were given."""

import pytest

from perface_jax import figures
from tests.figure_checks import drawn, labeled, legend_of

pytestmark = pytest.mark.filterwarnings("error")


def test_power_has_a_panel_an_assumption_and_a_line_a_number_of_targets():
    panels = {
        "model sd 0.3": {"6 targets": ([80, 200], [0.4, 0.8]), "16 targets": ([80, 200], [0.5, 0.9])},
        "model sd 1": {"6 targets": ([80, 200], [0.2, 0.5])},
    }
    figure = drawn(figures.power_curves(panels, wanted=0.9))
    first, second = figure.axes
    assert [panel.get_title() for panel in figure.axes] == list(panels)
    assert labeled(first)["16 targets"].get_xydata().tolist() == [[80, 0.5], [200, 0.9]]
    assert labeled(second)["6 targets"].get_xydata().tolist() == [[80, 0.2], [200, 0.5]]
    assert list(labeled(first)["power 0.9"].get_ydata()) == [0.9, 0.9]
    assert sorted(legend_of(figure)) == ["16 targets", "6 targets", "power 0.9"]
    assert labeled(first)["6 targets"].get_linestyle() != labeled(first)["16 targets"].get_linestyle()


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="panels"):
        figures.power_curves({})
