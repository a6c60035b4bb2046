"""Charts show the values they were given: compared as data, not as pixels."""

import numpy as np
import pytest

from perface_jax import figures
from perface_jax.figures import Dot, Kind
from tests.figure_checks import NAN, drawn, labeled, legend_of

pytestmark = pytest.mark.filterwarnings("error")


def test_dots_show_value_and_interval_of_every_kind():
    rows = [
        Dot("[i]", "before", 0.7, 0.6, 0.75, Kind.MODEL),
        Dot("[ii]", "before", 0.8, NAN, NAN, "model"),
        Dot("[i]", "source look-up", NAN, NAN, NAN, Kind.BASELINE),
        Dot("[i]", "majority side", 0.55, NAN, NAN, Kind.BASELINE),
        Dot("[i]", "people", 0.9, 0.85, 0.95, "human agreement"),
        Dot("[i]", "best", 0.95, 0.87, 0.99, "best achievable"),
    ]
    figure = drawn(figures.accuracy_dots(rows))
    first, second = figure.axes
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["[i]", "[ii]"]
    names = [tick.get_text() for tick in first.get_yticklabels()]
    assert names == ["before", "source look-up", "majority side", "people", "best"]
    values = {name: (line.get_xdata()[0], line.get_ydata()[0]) for name, line in labeled(first).items()}
    assert values == {
        "chance": (0.5, 0),
        "model": (0.7, 0),
        "image-blind baseline": (0.55, 2),
        "human agreement": (0.9, 3),
        "best achievable": (0.95, 4),
    }
    assert [lines.get_segments()[0].tolist() for lines in first.collections] == [
        [[0.6, 0], [0.75, 0]],
        [[0.85, 3], [0.95, 3]],
        [[0.87, 4], [0.99, 4]],
    ]
    (band,) = first.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((0.87, 0.99))
    assert [(text.get_text(), text.get_position()[1]) for text in first.texts] == [("n/a", 1)]
    assert not second.collections
    markers = {line.get_marker() for name, line in labeled(first).items() if name != "chance"}
    assert markers == {"o", "|", "D", "*"}


def test_dots_of_an_unknown_kind_are_refused():
    with pytest.raises(ValueError, match="'modell' is not a valid Kind"):
        figures.accuracy_dots([Dot("[i]", "x", 0.5, 0.4, 0.6, "modell")])


def test_curves_have_a_panel_a_quantity_and_a_line_a_replica():
    first = {"loss": ([1, 2, 3], [3.0, NAN, 1.0]), "accuracy": ([2], [0.5])}
    figure = drawn(figures.training_curves({"seed=0": first, "seed=1": {"loss": ([1], [2.0])}}))
    loss, accuracy = figure.axes
    assert (loss.get_xlabel(), loss.get_ylabel(), accuracy.get_ylabel()) == ("step", "loss", "accuracy")
    assert [line.get_xydata().tolist() for line in loss.lines] == [[[1, 3], [3, 1]], [[1, 2]]]
    assert [line.get_marker() for line in loss.lines] == ["", "."]  # one point makes no line
    assert accuracy.lines[0].get_xydata().tolist() == [[2, 0.5]]
    assert legend_of(figure) == ["seed=0", "seed=1"]
    assert loss.lines[0].get_linestyle() != loss.lines[1].get_linestyle()
    assert loss.lines[0].get_color() == accuracy.lines[0].get_color()


@pytest.mark.parametrize(("replicas", "entries"), [(10, 10), (11, 0)])
def test_curves_are_named_up_to_ten_replicas(replicas, entries):
    curves = {f"seed={seed}": {"loss": ([0, 1], [seed, 0])} for seed in range(replicas)}
    figure = drawn(figures.training_curves(curves))
    assert len(figure.axes[0].lines) == replicas
    assert len(legend_of(figure)) == entries
    assert not figures.training_curves({"": {"loss": ([0, 1], [1, 0])}}).legends  # a single run needs no name


def test_reliability_shows_every_bin_with_votes_as_area():
    bins = {"before": ([0.2, 0.5, 0.9], [0.4, NAN, 0.8], [10, 0, 40]), "after": ([0.5], [0.5], [20])}
    figure = drawn(figures.reliability(bins))
    (panel,) = figure.axes
    before, after = panel.collections
    assert before.get_offsets().data.tolist() == [[0.2, 0.4], [0.9, 0.8]]
    assert before.get_sizes().tolist() == [30, 120]
    assert after.get_sizes().tolist() == [60]
    assert legend_of(figure) == ["predicted = observed", "before", "after"]
    assert labeled(panel)["before"].get_marker() != labeled(panel)["after"].get_marker()


def test_reliability_draws_the_intervals_that_there_are():
    bins = {"a": ([0.2, 0.5, 0.9], [0.4, NAN, 0.8], [10, 0, 40]), "b": ([0.5], [0.5], [20])}
    (panel,) = drawn(figures.reliability(bins, intervals={"a": ([0.1, NAN, NAN], [0.7, NAN, NAN])})).axes
    lines = [one.get_segments() for one in panel.collections if hasattr(one, "get_segments")]
    np.testing.assert_allclose(lines, [[[[0.2, 0.1], [0.2, 0.7]]]])
    with pytest.raises(ValueError, match=r"intervals\['a'\]"):
        figures.reliability(bins, intervals={"a": ([0.1], [0.7])})
