"""What holds for every figure: awkward data, wrong shapes, letters, imports."""

import subprocess
import sys

import numpy as np
import pytest

from perface_jax import figures
from perface_jax.figures import Dot, Example, Strip
from tests.figure_checks import LONG, NAN, drawn, picture

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize(
    "figure",
    [
        lambda: figures.similar_against_dissimilar({LONG: ([0.5], [0.5]), "_nan": ([NAN], [NAN])}),
        lambda: figures.group_distributions({LONG: [0.5], "none": [], "same": [0.1, 0.1]}, LONG),
        lambda: figures.group_distributions({str(name): [0.1, name] for name in range(12)}, "3"),
        lambda: figures.strips([Strip(LONG, picture(0, 9, 3), LONG, [], [(picture(0), 0.5, LONG)] * 12)]),
        lambda: figures.examples([Example(LONG, *[picture(0)] * 3, (0, 0), {LONG: (NAN, NAN)})]),
        lambda: figures.accuracy_dots([Dot(LONG, LONG, NAN, NAN, NAN, "human agreement")]),
        lambda: figures.training_curves({f"_{name}{LONG}": {LONG: ([1], [NAN])} for name in range(10)}),
        lambda: figures.reliability({f"{name}": ([], [], []) for name in range(9)}),
    ],
)
def test_awkward_data_is_drawn_without_a_warning(figure):
    drawn(figure())


def test_letters_are_large_enough_for_print_and_long_names_stay_on_the_page():
    figure = drawn(figures.training_curves({f"_{LONG}": {LONG: ([1, 2], [1, 2])}}))
    (name,) = figure.legends[0].get_texts()
    assert " _a long name of a model with \\$signs\\$,\nletters that no font has (??)," in name.get_text()
    inside = name.get_window_extent()
    assert 0 < inside.x0 < inside.x1 < figure.bbox.x1
    assert figure.get_figwidth() <= 7
    shown = [name, figure.axes[0].xaxis.label, *figure.axes[0].get_xticklabels()]
    assert min(text.get_fontsize() for text in shown) >= 8


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: figures.similar_against_dissimilar({}), "pairs is empty"),
        (lambda: figures.similar_against_dissimilar({"a": ([1, 2], [1])}), r"pairs\['a'\] .* got \(2,\), \(1,\)"),
        (lambda: figures.group_distributions({}, "a"), "similarities is empty"),
        (lambda: figures.group_distributions({"a": [[1]]}, "a"), r"similarities\['a'\] .* got \(1, 1\)"),
        (lambda: figures.strips([]), "queries is empty"),
        (lambda: figures.strips([Strip("q", np.zeros((3, 3)), "g", [], [])]), r"the query 'q' .* got \(3, 3\)"),
        (lambda: figures.examples([]), "triplets is empty"),
        (lambda: figures.accuracy_dots([]), "rows is empty"),
        (lambda: figures.training_curves({}), "curves is empty"),
        (lambda: figures.training_curves({"a": {}}), "curves is empty"),
        (lambda: figures.training_curves({"a": {"loss": (1, 2)}}), r"curves\['a'\]\['loss'\] .* got \(\), \(\)"),
        (lambda: figures.reliability({"a": ([1], [1], [1, 2])}), r"bins\['a'\] .* got \(1,\), \(1,\), \(2,\)"),
    ],
)
def test_wrong_shapes_are_refused_by_name(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_the_package_loads_without_matplotlib_and_figures_without_pyplot():
    code = """if True:
        import sys, perface_jax
        assert "matplotlib" not in sys.modules
        from perface_jax import figures
        figures.reliability({"a": ([0.5], [0.5], [1])}).savefig("/dev/null", format="png")
        assert "matplotlib.pyplot" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)
